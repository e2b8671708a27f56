import type { StreamEvent } from '../model/job';
import { EventStream } from '../model/stream';
import type { Server } from '../server';

/** A server whose answer is written by the test. */
class FakeServer {
  readonly asked: string[] = [];
  readonly signals: AbortSignal[] = [];
  private _controllers: ReadableStreamDefaultController<Uint8Array>[] = [];

  open(_: string[], query: Record<string, string>, signal: AbortSignal): Promise<Response> {
    this.asked.push(query['after']!);
    this.signals.push(signal);
    const body = new ReadableStream<Uint8Array>({
      start: controller => void this._controllers.push(controller)
    });
    return Promise.resolve({ body } as Response);
  }

  send(text: string): void {
    this._controllers.at(-1)!.enqueue(new TextEncoder().encode(text));
  }

  end(): void {
    this._controllers.at(-1)!.close();
  }
}

function message(seq: number): string {
  return `id: ${seq}\ndata: ${JSON.stringify({ seq, time: 0, kind: 'removed', job: 'a' })}\n\n`;
}

/** Let everything that was sent arrive. */
function arrive(): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, 20));
}

let server: FakeServer;
let stream: EventStream;
let received: number[];

beforeEach(() => {
  server = new FakeServer();
  stream = new EventStream(server as unknown as Server);
  received = [];
  stream.received.connect((_, event: StreamEvent) => received.push(event.seq));
});

afterEach(() => stream.dispose());

test('emits each event once, in order, and ignores comments and other fields', async () => {
  void stream.follow(2);
  await arrive();
  server.send(`: alive\n\nretry: 100\n\n${message(2)}${message(3)}event: x\n${message(4)}`);
  await arrive();
  expect(received).toEqual([3, 4]);
  expect(stream.connection).toBe('open');
});

test('joins an event that arrives in pieces', async () => {
  void stream.follow(0);
  await arrive();
  const text = message(1);
  for (const piece of [text.slice(0, 9), text.slice(9, 30), text.slice(30)]) {
    server.send(piece);
    await arrive();
  }
  expect(received).toEqual([1]);
});

test('joins the data lines of an event, whatever ends a line', async () => {
  void stream.follow(0);
  await arrive();
  server.send('data: {"seq": 1,\r\ndata: "time": 0, "kind": "removed", "job": "a"}\r\n\r\n');
  server.send('data:{"seq":2,"time":0,"kind":"removed","job":"a"}\r\r');
  server.send(': end\n\n');
  await arrive();
  expect(received).toEqual([1, 2]);
});

test('asks again after the last event when the connection is lost', async () => {
  void stream.follow(0);
  await arrive();
  server.send(message(7));
  await arrive();
  server.end();
  await arrive();
  expect(stream.connection).toBe('lost');
  window.dispatchEvent(new Event('online'));
  await arrive();
  expect(server.asked).toEqual(['0', '7']);
  expect(stream.connection).toBe('open');
});

test('stops reading when it is disposed', async () => {
  void stream.follow(0);
  await arrive();
  stream.dispose();
  await arrive();
  expect(server.signals[0]!.aborted).toBe(true);
  expect(server.asked).toEqual(['0']);
});
