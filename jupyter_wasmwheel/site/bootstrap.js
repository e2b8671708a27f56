// Imported by JupyterLite's config-utils.js, so that every page of a site runs this first.
//
// The kernel's page and its worker talk through `coincident` 1.x: the page posts a message and then
// waits, by Atomics.waitAsync, for the worker's response. If the worker is faster, the page finds
// the response, or half of it, instead of a promise, and the cell never ends, as happens on busy
// machines (jupyterlite/cockle#91). So messages are posted once the page waits.
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
