// A worker of a kernel's that finds out whether a host answers at all, which is all that a browser
// tells of an answer without CORS headers. The kernel waits meanwhile, and cannot ask by itself.

const SECONDS = 8;

self.onmessage = async ({ data: { url, cell } }) => {
  let answers = 2;
  try {
    await fetch(url, {
      method: "HEAD",
      mode: "no-cors",
      credentials: "omit",
      cache: "no-store",
      referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(1000 * SECONDS)
    });
    answers = 1;
  } catch {
    // It does not, or this page may not even ask.
  }
  Atomics.store(cell, 0, answers);
  Atomics.notify(cell, 0);
};
