// Imported by JupyterLite's config-utils.js, so that every page of a site runs this first.
//
// The kernel's page and its worker talk through `coincident` 1.x: each posts a message with a shared
// array, then waits until the other has written its response there. It takes a response that was
// written before it waits for the whole one, although it can be half written. On busy machines the
// cell then never ends (jupyterlite/cockle#91), or the kernel dies of invalid JSON.
import './preload-kernel.js';

const CHANNEL = '64e10b34-2bf7-4616-9668-f99de5aa046e'; // coincident/channel.js

// The page's messages are posted once the page waits.
const { addEventListener, postMessage } = Worker.prototype;
Worker.prototype.postMessage = function (message, ...rest) {
  if (message?.[CHANNEL]) {
    queueMicrotask(() => postMessage.call(this, message, ...rest));
  } else {
    postMessage.call(this, message, ...rest);
  }
};

// The page writes its responses to a copy of the worker's array. When it notifies the worker, the
// response is copied to the shared array, with the word that the worker waits for last.
const sharedArrays = new WeakMap();
function replaceSharedArray({ data }) {
  const call = data?.[CHANNEL];
  if (call?.[1] instanceof Int32Array) {
    const copy = new Int32Array(call[1].length);
    sharedArrays.set(copy, call[1]);
    call[1] = copy;
  }
}

Worker.prototype.addEventListener = function (type, ...rest) {
  if (type === 'message') {
    addEventListener.call(this, type, replaceSharedArray);
  }
  addEventListener.call(this, type, ...rest);
};

const { notify } = Atomics;
Atomics.notify = (array, ...rest) => {
  const shared = sharedArrays.get(array) ?? array;
  if (shared !== array) {
    shared.set(array.subarray(1), 1);
    Atomics.store(shared, 0, array[0]);
  }
  return notify(shared, ...rest);
};
