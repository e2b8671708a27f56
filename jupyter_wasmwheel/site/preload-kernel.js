// Imported by bootstrap.js: where a notebook is opened, its kernel's worker starts at once, beside
// the page, and is handed to the kernel when that asks for one. It would ask once the page is there.
//
// The worker is the kernel's own, with what kernel-start.mjs does begun before (preload-worker.js);
// it runs nothing of the notebook's. A restarted kernel gets a worker in the usual way.
const KINDS = /\/(coincident|comlink)\.worker\.[^/]*\.js$/;
const kind = crossOriginIsolated ? 'coincident' : 'comlink';
const site = new URL('.', import.meta.url).href;

if (location.href.startsWith(`${site}notebooks/`) && new URLSearchParams(location.search).has('path')) {
  let early = new Worker(`${site}static/pyodide/preload-${kind}.js`, { type: 'module' });
  early.onerror = () => {
    early = null;
  };
  globalThis.Worker = class extends Worker {
    constructor(url, options) {
      const taken = early;
      if (taken && KINDS.exec(url)?.[1] === kind) {
        early = taken.onerror = null;
        return Object.setPrototypeOf(taken, new.target.prototype);
      }
      super(url, options);
    }
  };
}
