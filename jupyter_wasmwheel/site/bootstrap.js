// Imported by JupyterLite's config-utils.js: every page of a site runs it first.
//
// The kernel's page and its worker talk through `coincident` 1.x: the page posts a message and then
// waits, by Atomics.waitAsync, for the worker to write its answer. Where the worker is faster, the
// page finds the answer there, or half of it, instead of a promise, and the cell runs for ever.
// That happens on busy machines (jupyterlite/cockle#91 met the same). So: its messages leave once
// the page waits.
import './preload-kernel.js';

const CHANNEL = '64e10b34-2bf7-4616-9668-f99de5aa046e'; // coincident/channel.js
const { postMessage } = Worker.prototype;
Worker.prototype.postMessage = function (message, ...rest) {
  if (message?.[CHANNEL]) {
    queueMicrotask(() => postMessage.call(this, message, ...rest));
  } else {
    postMessage.call(this, message, ...rest);
  }
};
