import { PromiseDelegate } from '@lumino/coreutils';
import { type ISignal, Signal } from '@lumino/signaling';

import type * as api from '../api';
import { asError, type Server } from '../server';
import { apply } from './apply';
import { BuildModel } from './build';
import { completeError, isOver, type StreamEvent } from './job';
import { ObservableModel } from './observable';
import { type Connection, EventStream } from './stream';

/** How long to wait before asking a server that did not answer, in milliseconds. */
const RETRY = 5_000;

/** The jobs of the server: what it said when asked, and what its events said since. */
export class JobsModel extends ObservableModel {
  constructor(server: Server) {
    super();
    this.server = server;
    this._stream = new EventStream(server);
    this._stream.received.connect((_, event) => this._take(event));
    this._stream.connectionChanged.connect(() => this.touch());
  }

  readonly server: Server;

  /** Emitted at once when a job begins, changes its state, or is met for the first time. */
  get stateChanged(): ISignal<this, api.Job> {
    return this._stateChanged;
  }

  /** Emitted with what is known of a running job when it has come further. */
  get progressed(): ISignal<this, api.Job> {
    return this._progressed;
  }

  /** The jobs, newest first. */
  get jobs(): api.Job[] {
    return [...this._jobs.values()].sort((one, other) => other.created - one.created);
  }

  /** Why the jobs are not known, or null. */
  get error(): api.ErrorInfo | null {
    return this._error;
  }

  /** Resolved once the server has answered. */
  get ready(): Promise<void> {
    return this._answered.promise;
  }

  /** Whether the server was asked and has answered. */
  get isReady(): boolean {
    return this._ready;
  }

  get connection(): Connection {
    return this._stream.connection;
  }

  get(id: string): api.Job | undefined {
    return this._jobs.get(id);
  }

  /** Ask for all jobs until the server answers, then follow their events. */
  async start(): Promise<void> {
    while (!this.isDisposed) {
      try {
        const answer = await this.server.get<{ jobs: api.Job[]; seq: number }>(['jobs']);
        this._error = null;
        answer.jobs.forEach(job => this._jobs.set(job.id, complete(job)));
        this._ready = true;
        this._answered.resolve();
        this.touch();
        void this._stream.follow(answer.seq);
        return;
      } catch (error) {
        this._error = asError(error);
        this.touch();
        await this._pause();
      }
    }
  }

  /** Ask again now, where the server did not answer. */
  retry(): void {
    this._wake?.();
  }

  /** Begin a job. */
  async submit(request: api.PostedRequest): Promise<api.Job> {
    const job = await this.server.post<api.Job>(['jobs'], request);
    this._put(job);
    return job;
  }

  /** Ask for a job's end; it is over when its state says so. */
  async cancel(id: string): Promise<void> {
    this._put(await this.server.post<api.Job>(['jobs', id, 'cancel']));
  }

  /** Forget a job that is over. */
  async remove(id: string): Promise<void> {
    await this.server.remove(['jobs', id]);
    this._forget(id);
  }

  /** A job's end, as a promise. */
  async end(id: string): Promise<api.Job> {
    const now = this._jobs.get(id);
    if (now && isOver(now)) {
      return now;
    }
    return await new Promise(resolve => {
      const slot = (_: this, job: api.Job) => {
        if (job.id === id && isOver(job)) {
          this._stateChanged.disconnect(slot);
          resolve(job);
        }
      };
      this._stateChanged.connect(slot);
    });
  }

  /** All that is known of one job: its phases, its log, its problems. Kept until released. */
  build(id: string): BuildModel {
    let model = this._builds.get(id);
    if (!model) {
      model = new BuildModel(id, this);
      this._builds.set(id, model);
      void model.load();
    }
    return model;
  }

  /** Dispose of what is known of a job that is no longer shown. */
  release(id: string): void {
    this._builds.get(id)?.dispose();
    this._builds.delete(id);
  }

  override dispose(): void {
    this._stream.dispose();
    this._builds.forEach(model => model.dispose());
    super.dispose();
    this.retry();
  }

  private _take(event: StreamEvent): void {
    if (event.kind === 'job') {
      this._put(event.job);
      return;
    }
    if (event.kind === 'removed') {
      this._forget(event.job);
      return;
    }
    this._builds.get(event.job)?.take(event);
    const job = this._jobs.get(event.job);
    if (!job) {
      return;
    }
    const after = apply(job, event);
    this._jobs.set(job.id, after);
    if (after.phase !== job.phase || after.done !== job.done || after.label !== job.label) {
      this._progressed.emit(after);
      this.touch();
    }
  }

  private _put(job: api.Job): void {
    const before = this._jobs.get(job.id);
    if (before && before.seq > job.seq) {
      return;
    }
    this._jobs.set(job.id, complete(job));
    this.touch();
    this._builds.get(job.id)?.touch();
    if (before?.state !== job.state) {
      this._stateChanged.emit(job);
    }
  }

  private _forget(id: string): void {
    this._jobs.delete(id);
    this._builds.get(id)?.touch();
    this.touch();
  }

  private _pause(): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, RETRY);
      this._wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private readonly _jobs = new Map<string, api.Job>();
  private readonly _builds = new Map<string, BuildModel>();
  private readonly _stream: EventStream;
  private readonly _stateChanged = new Signal<this, api.Job>(this);
  private readonly _progressed = new Signal<this, api.Job>(this);
  private _error: api.ErrorInfo | null = null;
  private readonly _answered = new PromiseDelegate<void>();
  private _ready = false;
  private _wake: (() => void) | undefined;
}

/** Return a job whose error is whole. */
function complete(job: api.Job): api.Job {
  return job.error ? { ...job, error: completeError(job.error) } : job;
}
