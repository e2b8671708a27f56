import { readLines } from '../model/lines';

/** A stream of bytes in the given pieces. */
function bytes(...pieces: (string | Uint8Array)[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      pieces.forEach(piece =>
        controller.enqueue(typeof piece === 'string' ? new TextEncoder().encode(piece) : piece)
      );
      controller.close();
    }
  });
}

async function read(...pieces: (string | Uint8Array)[]): Promise<string[]> {
  const lines: string[] = [];
  await readLines(bytes(...pieces), line => lines.push(line));
  return lines;
}

test('joins lines that arrive in pieces', async () => {
  expect(await read('on', 'e\ntw', 'o\n', '\nlast')).toEqual(['one', 'two', '', 'last']);
});

test('ends a line at CR LF, also where it is split', async () => {
  expect(await read('one\r\ntwo\r', '\nthree\n')).toEqual(['one', 'two', 'three']);
});

test('decodes a character that is split between pieces', async () => {
  const [first, ...rest] = new TextEncoder().encode('€\n');
  expect(await read(new Uint8Array([first!]), new Uint8Array(rest))).toEqual(['€']);
});

test('cancels the stream if a callback throws', async () => {
  const cancel = jest.fn();
  const body = new ReadableStream<Uint8Array>({
    start: controller => controller.enqueue(new TextEncoder().encode('line\n')),
    cancel
  });
  const failing = () => {
    throw new Error('refused');
  };
  await expect(readLines(body, failing)).rejects.toThrow('refused');
  expect(cancel).toHaveBeenCalledTimes(1);
});

test('lets other work run while many lines are read', async () => {
  let turns = 0;
  const timer = setInterval(() => (turns += 1), 0);
  const slow = () => {
    const begin = performance.now();
    while (performance.now() - begin < 2);
  };
  await readLines(bytes('line\n'.repeat(40)), slow);
  clearInterval(timer);
  expect(turns).toBeGreaterThan(2);
});
