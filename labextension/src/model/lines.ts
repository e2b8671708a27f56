/**
 * Reads long responses without blocking the page.
 */

/** How long to work before other tasks of the page can run. */
const SLICE_MS = 10;

/** Decode a stream of UTF-8. */
export function decode(body: ReadableStream<Uint8Array>): ReadableStream<string> {
  return body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>);
}

/**
 * Call back for each item in the chunks of a stream, and let other tasks of the page run in between.
 *
 * Reading waits for the callbacks, so that a sender that is too fast is slowed down.
 */
export async function readItems<Chunk, Item>(
  stream: ReadableStream<Chunk>,
  itemsOf: (chunk: Chunk) => Item[],
  onItem: (item: Item) => void
): Promise<void> {
  const reader = stream.getReader();
  let start = performance.now();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) {
        break;
      }
      for (const item of itemsOf(value)) {
        onItem(item);
        if (performance.now() - start > SLICE_MS) {
          await new Promise(resolve => setTimeout(resolve, 0));
          start = performance.now();
        }
      }
    }
  } finally {
    // A callback may have thrown; an error of the reader itself is already being thrown.
    await reader.cancel().catch(() => undefined);
  }
}

/** Call back for each line of a body. */
export async function readLines(
  body: ReadableStream<Uint8Array>,
  onLine: (line: string) => void
): Promise<void> {
  let rest = '';
  const split = (chunk: string): string[] => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop()!;
    return lines.map(line => (line.endsWith('\r') ? line.slice(0, -1) : line));
  };
  await readItems(decode(body), split, onLine);
  if (rest) {
    onLine(rest);
  }
}
