/**
 * A long answer read line by line, without holding up the page.
 */

/** How many milliseconds of work there may be before the page has its turn. */
const TURN = 10;

/** Let the page draw and answer before going on. */
export function turn(): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, 0));
}

/**
 * Call back for each line of a stream, and leave the page its turns.
 *
 * Reading waits for the work: a sender that is too fast is slowed down, not piled up here.
 */
export async function readLines(
  body: ReadableStream<Uint8Array>,
  onLine: (line: string) => void,
  onPause: () => void = () => undefined
): Promise<void> {
  const reader = body
    .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
    .getReader();
  let rest = '';
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) {
        break;
      }
      const lines = (rest + value).split('\n');
      rest = lines.pop()!;
      let begin = performance.now();
      for (const line of lines) {
        onLine(line.endsWith('\r') ? line.slice(0, -1) : line);
        if (performance.now() - begin > TURN) {
          onPause();
          await turn();
          begin = performance.now();
        }
      }
      onPause();
    }
    if (rest) {
      onLine(rest);
      onPause();
    }
  } finally {
    // Hang up also where a callback threw; the reader's own failure was told already.
    await reader.cancel().catch(() => undefined);
  }
}
