import { PromiseDelegate } from '@lumino/coreutils';
import { Poll } from '@lumino/polling';
import { type ISignal, Signal } from '@lumino/signaling';

import type * as api from '../api';
import { asError, type Server } from '../server';
import { apply } from './apply';
import { BuildModel } from './build';
import { completeError, hasEnded, type StreamEvent } from './job';
import { ObservableModel } from './observable';
import { type Connection, EventStream } from './stream';

/** How long to wait before asking a server again that did not respond. */
const RETRY_INTERVAL_MS = 5_000;

/** The jobs on the server, kept up to date by its events. */
export class JobsModel extends ObservableModel {
  constructor(server: Server) {
    super();
    this.server = server;
    this._stream = new EventStream(server);
    this._stream.received.connect((_, event) => this._receive(event));
    this._stream.connectionChanged.connect(() => this.notify());
    this._poll = new Poll({
      auto: false,
      factory: () => this._load(),
      frequency: { interval: RETRY_INTERVAL_MS, backoff: false },
      standby: 'never'
    });
  }

  readonly server: Server;

  /** Emitted when a job is new or changes its state. */
  get stateChanged(): ISignal<this, api.Job> {
    return this._stateChanged;
  }

  /** The jobs, newest first. */
  get jobs(): api.Job[] {
    return [...this._jobs.values()].sort((one, other) => other.created - one.created);
  }

  /** Why the jobs could not be loaded, or null. */
  get error(): api.ErrorInfo | null {
    return this._error;
  }

  /** Resolves when the jobs are loaded. */
  get ready(): Promise<void> {
    return this._loaded.promise;
  }

  get isReady(): boolean {
    return this._poll.isDisposed;
  }

  get connection(): Connection {
    return this._stream.connection;
  }

  get(id: string): api.Job | undefined {
    return this._jobs.get(id);
  }

  /** Load the jobs, retrying until the server responds, then follow their events. */
  async start(): Promise<void> {
    await this._poll.start();
    await this.ready;
  }

  /** Retry to load the jobs now. */
  retry(): void {
    void this._poll.refresh();
  }

  /** Post a request, and return its job. */
  async submit(request: api.PostedRequest): Promise<api.Job> {
    const job = await this.server.post<api.Job>(['jobs'], request);
    this._submitted.add(job.id);
    this._put(job);
    return job;
  }

  /** Check whether a job was submitted from this page. */
  isSubmitted(id: string): boolean {
    return this._submitted.has(id);
  }

  /** Request that a job ends; its state tells when it has ended. */
  async cancel(id: string): Promise<void> {
    this._put(await this.server.post<api.Job>(['jobs', id, 'cancel']));
  }

  /** Delete a job that has ended. */
  async remove(id: string): Promise<void> {
    await this.server.remove(['jobs', id]);
    this._forget(id);
  }

  /** Wait until a job has ended, and return it. */
  async whenEnded(id: string): Promise<api.Job> {
    const job = this._jobs.get(id);
    if (job && hasEnded(job)) {
      return job;
    }
    return await new Promise(resolve => {
      const slot = (_: this, changed: api.Job) => {
        if (changed.id === id && hasEnded(changed)) {
          this._stateChanged.disconnect(slot);
          resolve(changed);
        }
      };
      this._stateChanged.connect(slot);
    });
  }

  /** Return the details of a job, which are kept until they are released. */
  build(id: string): BuildModel {
    let model = this._builds.get(id);
    if (!model) {
      model = new BuildModel(id, this);
      this._builds.set(id, model);
      void model.load();
    }
    return model;
  }

  /** Dispose of the details of a job that is no longer shown. */
  release(id: string): void {
    this._builds.get(id)?.dispose();
    this._builds.delete(id);
  }

  override dispose(): void {
    this._poll.dispose();
    this._stream.dispose();
    this._builds.forEach(model => model.dispose());
    super.dispose();
  }

  private async _load(): Promise<void> {
    try {
      const { jobs, seq } = await this.server.get<{ jobs: api.Job[]; seq: number }>(['jobs']);
      this._error = null;
      jobs.forEach(job => this._jobs.set(job.id, completeJob(job)));
      this._poll.dispose();
      this._loaded.resolve();
      void this._stream.follow(seq);
    } catch (error) {
      this._error = asError(error);
    }
    this.notify();
  }

  private _receive(event: StreamEvent): void {
    if (event.kind === 'job') {
      this._put(event.job);
      return;
    }
    if (event.kind === 'removed') {
      this._forget(event.job);
      return;
    }
    this._builds.get(event.job)?.receive(event);
    const before = this._jobs.get(event.job);
    if (before) {
      const job = apply(before, event);
      this._jobs.set(job.id, job);
      if (job.phase !== before.phase || job.done !== before.done || job.label !== before.label) {
        this.notify();
      }
    }
  }

  private _put(job: api.Job): void {
    const before = this._jobs.get(job.id);
    if (before && before.seq > job.seq) {
      return;
    }
    this._jobs.set(job.id, completeJob(job));
    this.notify();
    this._builds.get(job.id)?.notify();
    if (before?.state !== job.state) {
      this._stateChanged.emit(job);
    }
  }

  private _forget(id: string): void {
    this._jobs.delete(id);
    this._builds.get(id)?.notify();
    this.notify();
  }

  private readonly _poll: Poll;
  private readonly _stream: EventStream;
  private readonly _loaded = new PromiseDelegate<void>();
  private readonly _jobs = new Map<string, api.Job>();
  private readonly _builds = new Map<string, BuildModel>();
  private readonly _submitted = new Set<string>();
  private readonly _stateChanged = new Signal<this, api.Job>(this);
  private _error: api.ErrorInfo | null = null;
}

/** Return a job whose error has all fields. */
function completeJob(job: api.Job): api.Job {
  return job.error ? { ...job, error: completeError(job.error) } : job;
}
