// Put before JupyterLite's config-utils.js, which every page of a site runs first.
//
// The kernel's page and its worker talk through `coincident` 1.x, which takes it for granted that
// Atomics.waitAsync gives a promise. Where the worker has answered before the page gets to wait,
// it gives a plain string; `.then` is then no function, and the cell runs for ever. That happens
// on busy machines. So: always a promise. (jupyterlite/cockle#91 met the same.)
if (Atomics.waitAsync) {
  const waitAsync = Atomics.waitAsync.bind(Atomics);
  Atomics.waitAsync = (...given) => ({
    async: true,
    value: Promise.resolve(waitAsync(...given).value)
  });
}

