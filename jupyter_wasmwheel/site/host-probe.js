// A worker that checks whether a host answers at all, which a browser does not report for responses
// without CORS headers. The kernel waits for it, and cannot fetch meanwhile.

const TIMEOUT_S = 8;

self.onmessage = async ({ data: { url, cell } }) => {
  let answers = 2;
  try {
    await fetch(url, {
      method: "HEAD",
      mode: "no-cors",
      credentials: "omit",
      cache: "no-store",
      referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(1000 * TIMEOUT_S)
    });
    answers = 1;
  } catch {
    // No answer, or the page is not allowed to ask.
  }
  Atomics.store(cell, 0, answers);
  Atomics.notify(cell, 0);
};
