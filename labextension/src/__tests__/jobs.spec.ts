import type * as api from '../api';
import { BuildModel } from '../model/build';
import type { RunEvent, StreamEvent } from '../model/job';
import { JobsModel } from '../model/jobs';
import type { Server } from '../server';

/** An event without the fields that the stream adds. */
type Sent = StreamEvent extends infer E
  ? E extends StreamEvent
    ? Omit<E, 'seq' | 'time'>
    : never
  : never;

const JOB: api.Job = {
  id: 'a',
  kind: 'build',
  state: 'running',
  request: { kind: 'build', source: 'hello' },
  name: 'hello',
  version: null,
  created: 100,
  started: 100,
  ended: null,
  phase: null,
  done: null,
  total: null,
  label: null,
  report: null,
  error: null,
  seq: 1
};

/** Let everything that was sent arrive. */
function arrive(): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, 20));
}

/** A server with one job and one stream of events. */
class FakeServer {
  jobs: api.Job[] = [{ ...JOB }];
  past = '';

  get(): Promise<unknown> {
    return Promise.resolve({ jobs: this.jobs, seq: 1 });
  }

  open(parts: string[]): Promise<Response> {
    if (parts.length > 1) {
      const bytes = new TextEncoder().encode(this.past);
      const body = new ReadableStream({
        start: controller => {
          controller.enqueue(bytes);
          controller.close();
        }
      });
      return Promise.resolve({ body } as Response);
    }
    const body = new ReadableStream<Uint8Array>({
      start: controller => void (this._controller = controller)
    });
    return Promise.resolve({ body } as Response);
  }

  /** Send an event; its time is its number. */
  async send(seq: number, sent: Sent): Promise<void> {
    const text = `data: ${JSON.stringify({ seq, time: seq, ...sent })}\n\n`;
    this._controller!.enqueue(new TextEncoder().encode(text));
    await arrive();
  }

  private _controller: ReadableStreamDefaultController<Uint8Array> | undefined;
}

let server: FakeServer;
let jobs: JobsModel;

beforeEach(async () => {
  server = new FakeServer();
  jobs = new JobsModel(server as unknown as Server);
  await jobs.start();
  await arrive();
});

afterEach(() => jobs.dispose());

describe('the list of jobs', () => {
  test('a new phase resets the progress', async () => {
    await server.send(2, { kind: 'phase', job: 'a', name: 'compile', state: 'started' });
    await server.send(3, {
      kind: 'progress',
      job: 'a',
      done: 3,
      total: 9,
      unit: 'units',
      label: 'pyo3'
    });
    expect(jobs.get('a')).toMatchObject({ phase: 'compile', done: 3, total: 9, label: 'pyo3' });
    await server.send(4, { kind: 'phase', job: 'a', name: 'compile', state: 'done' });
    expect(jobs.get('a')).toMatchObject({ phase: 'compile', done: 3 });
    await server.send(5, { kind: 'phase', job: 'a', name: 'package', state: 'started' });
    expect(jobs.get('a')).toMatchObject({ phase: 'package', done: null, total: null, label: null });
  });

  test('each state is signaled once, and the end of a job resolves', async () => {
    const states: string[] = [];
    jobs.stateChanged.connect((_, job) => states.push(job.state));
    const end = jobs.whenEnded('a');
    await server.send(2, { kind: 'job', job: { ...JOB, seq: 2, name: 'renamed' } });
    await server.send(3, { kind: 'job', job: { ...JOB, seq: 3, state: 'done' } });
    expect(states).toEqual(['done']);
    expect((await end).state).toBe('done');
  });

  test('an older version of a job is ignored', async () => {
    await server.send(5, { kind: 'job', job: { ...JOB, seq: 5, state: 'done' } });
    await server.send(6, { kind: 'job', job: { ...JOB, seq: 4, state: 'running' } });
    expect(jobs.get('a')?.state).toBe('done');
  });

  test('an error that an earlier version stored is completed', async () => {
    const error = { what: 'It failed.', why: 'Old.', fix: 'Again.', status: 5 };
    const job = { ...JOB, seq: 2, state: 'failed', error } as unknown as api.Job;
    await server.send(2, { kind: 'job', job });
    expect(jobs.get('a')?.error).toEqual({ ...error, code: '', counts: {}, remedies: [] });
  });

  test('a removed job is not listed, and the newest is first', async () => {
    await server.send(2, { kind: 'job', job: { ...JOB, id: 'b', created: 200, seq: 2 } });
    expect(jobs.jobs.map(job => job.id)).toEqual(['b', 'a']);
    await server.send(3, { kind: 'removed', job: 'a' });
    expect(jobs.jobs.map(job => job.id)).toEqual(['b']);
  });

  test('many changes make few signals', async () => {
    await new Promise(resolve => setTimeout(resolve, 100));
    let count = 0;
    jobs.changed.connect(() => (count += 1));
    const revision = jobs.revision;
    for (let seq = 2; seq < 52; seq += 1) {
      void server.send(seq, {
        kind: 'progress',
        job: 'a',
        done: seq,
        total: 99,
        unit: 'units',
        label: ''
      });
    }
    await new Promise(resolve => setTimeout(resolve, 200));
    expect(count).toBeGreaterThan(0);
    expect(count).toBeLessThan(5);
    expect(jobs.revision).toBe(revision + count);
    expect(jobs.get('a')?.done).toBe(51);
  });
});

describe('the document of a build', () => {
  let build: BuildModel;

  /** Apply events, numbered and timed from 1. */
  function take(...events: Sent[]): void {
    events.forEach((event, index) =>
      build.receive({ seq: index + 1, time: index + 1, ...event } as RunEvent)
    );
  }

  beforeEach(async () => {
    build = new BuildModel('a', jobs);
    await build.load();
  });

  test('an event in both the response and the stream counts once', async () => {
    const event = (seq: number, text: string) =>
      ({ seq, time: seq, kind: 'log', job: 'a', stream: 'note', text }) as RunEvent;
    server.past = [1, 2].map(seq => JSON.stringify(event(seq, `${seq}`)) + '\n').join('');
    const late = new BuildModel('a', jobs);
    const loading = late.load();
    late.receive(event(2, '2'));
    late.receive(event(3, '3'));
    await loading;
    expect(late.isLoaded).toBe(true);
    expect(late.log.text()).toBe('1\n2\n3');
  });

  test('each phase has its start and its end', () => {
    take(
      { kind: 'phase', job: 'a', name: 'source', state: 'started' },
      { kind: 'phase', job: 'a', name: 'source', state: 'done' },
      { kind: 'phase', job: 'a', name: 'compile', state: 'started' },
      { kind: 'phase', job: 'a', name: 'compile', state: 'failed' }
    );
    expect(build.phases).toEqual([
      { name: 'source', state: 'done', started: 1, ended: 2 },
      { name: 'compile', state: 'failed', started: 3, ended: 4 }
    ]);
  });

  test('crates are timed from the first one to the end of their last unit', () => {
    const crate = { job: 'a', name: 'pyo3', version: '0.26.0' };
    take(
      { kind: 'crate_started', job: 'a', name: 'libc', version: '0.2.1' },
      { kind: 'crate_started', ...crate },
      { kind: 'crate_finished', ...crate, seconds: 0.5 },
      { kind: 'crate_finished', ...crate, seconds: 2.5 }
    );
    expect(build.spans).toEqual([
      { name: 'libc', version: '0.2.1', started: 0, ended: null },
      { name: 'pyo3', version: '0.26.0', started: 1, ended: 3.5 }
    ]);
    expect(build.spansStarted).toBe(1);
    build.receive({ seq: 9, time: 9, kind: 'phase', job: 'a', name: 'compile', state: 'failed' });
    expect(build.spans[0]?.ended).toBe(8);
  });

  test('the log does not start crates', () => {
    take({ kind: 'log', job: 'a', stream: 'stderr', text: '   Compiling libc v0.2.1' });
    expect(build.spans).toEqual([]);
  });

  test('a repeated diagnostic is kept once, and errors are counted', () => {
    const found = (message: string, level: api.Diagnostic['level'] = 'error'): Sent => ({
      kind: 'diagnostic',
      job: 'a',
      source: 'compiler',
      level,
      code: null,
      message,
      rendered: message,
      file: null,
      line: null,
      column: null,
      path: null
    });
    take(found('mismatched types'), found('mismatched types'), found('unused', 'warning'));
    expect(build.diagnostics.map(each => each.message)).toEqual(['mismatched types', 'unused']);
    expect(build.problems).toBe(1);
  });
});
