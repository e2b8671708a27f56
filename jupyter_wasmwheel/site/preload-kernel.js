// Imported by bootstrap.js: when a notebook is opened, start its kernel's worker while the page
// loads, and hand it over when the page creates its first kernel.
//
// The worker is the kernel's own, after kernel-start.mjs has been started in it (preload-*.js); it
// runs nothing of the notebook. A restarted kernel gets a new worker.
const KINDS = /\/(coincident|comlink)\.worker\.[^/]*\.js$/;
const kind = crossOriginIsolated ? 'coincident' : 'comlink';
const site = new URL('.', import.meta.url).href;

if (location.href.startsWith(`${site}notebooks/`) && new URLSearchParams(location.search).has('path')) {
  let preloaded = new Worker(`${site}static/pyodide/preload-${kind}.js`, { type: 'module' });
  preloaded.onerror = () => {
    preloaded = null;
  };
  globalThis.Worker = class extends Worker {
    constructor(url, options) {
      const worker = preloaded;
      if (worker && KINDS.exec(url)?.[1] === kind) {
        preloaded = worker.onerror = null;
        return Object.setPrototypeOf(worker, new.target.prototype);
      }
      super(url, options);
    }
  };
}
