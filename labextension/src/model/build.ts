import type * as api from '../api';
import { asError, type Server } from '../server';
import type { RunEvent } from './job';
import { readLines } from './lines';
import { LogLines } from './log';
import { ObservableModel } from './observable';

/** What a build's document reads of the list of jobs. */
export interface IJobSource {
  readonly server: Pick<Server, 'open'>;
  /** Resolved once the stream of events is followed. */
  readonly ready: Promise<void>;
  get(id: string): api.Job | undefined;
}

/** A phase that has begun: times are the server's, in seconds since 1970. */
export interface IPhase {
  name: string;
  state: 'started' | 'done' | 'failed';
  began: number;
  ended: number | null;
}

/** A crate on the time axis: seconds after the first one began; null is not over yet. */
export interface ISpan {
  name: string;
  version: string;
  began: number;
  ended: number | null;
}

/** Everything about one job that only its own document shows. */
export class BuildModel extends ObservableModel {
  constructor(id: string, jobs: IJobSource) {
    super();
    this.id = id;
    this._jobs = jobs;
  }

  readonly id: string;
  readonly log = new LogLines();
  readonly phases: IPhase[] = [];
  readonly diagnostics: api.Diagnostic[] = [];

  /** The job, or undefined where there is none of that id, or none yet. */
  get job(): api.Job | undefined {
    return this._jobs.get(this.id);
  }

  /** Why its events cannot be shown, or null. */
  get error(): api.ErrorInfo | null {
    return this._error;
  }

  /** Whether what happened before now has been read. */
  get isLoaded(): boolean {
    return this._waiting === null;
  }

  /** How many errors the compiler found. */
  get problems(): number {
    return this.diagnostics.filter(each => each.level === 'error').length;
  }

  /** The crates in the order in which they were begun. */
  get spans(): ISpan[] {
    const first = this.spansBegan ?? 0;
    return [...this._spans.values()].map(span => ({
      ...span,
      began: span.began - first,
      ended: span.ended === null ? null : span.ended - first
    }));
  }

  /** The server's time at which the first crate was begun, or null. */
  get spansBegan(): number | null {
    return this._spans.values().next().value?.began ?? null;
  }

  /** Read what happened so far; what happens meanwhile comes behind it. */
  async load(): Promise<void> {
    // The stream must be on its way first, so that nothing falls between it and this answer.
    await this._jobs.ready;
    try {
      const response = await this._jobs.server.open(['jobs', this.id, 'events']);
      await readLines(response.body!, line => line && this._apply(JSON.parse(line) as RunEvent));
    } catch (error) {
      this._error = asError(error);
    }
    const waiting = this._waiting ?? [];
    this._waiting = null;
    waiting.forEach(event => this._apply(event));
    this.touch();
  }

  /** Take an event of this job from the stream. */
  take(event: RunEvent): void {
    if (this._waiting) {
      this._waiting.push(event);
    } else {
      this._apply(event);
    }
  }

  private _apply(event: RunEvent): void {
    // The answer and the stream overlap; each event counts once.
    if (event.seq <= this._seq || this.isDisposed) {
      return;
    }
    this._seq = event.seq;
    switch (event.kind) {
      case 'log':
        this.log.append(event.stream, event.text);
        break;
      case 'phase':
        this._phase(event.name, event.state, event.time);
        break;
      case 'crate_started':
        this._crateStarted(event, event.time);
        break;
      case 'crate_finished':
        this._crateFinished(event);
        break;
      case 'diagnostic':
        this._diagnosed(event);
        break;
    }
    this.touch();
  }

  private _phase(name: string, state: IPhase['state'], time: number): void {
    const known = this.phases.find(phase => phase.name === name);
    if (!known) {
      this.phases.push({ name, state, began: time, ended: state === 'started' ? null : time });
    } else if (state !== 'started') {
      Object.assign(known, { state, ended: time });
    }
    if (name === 'compile' && state !== 'started') {
      this._endSpans(time);
    }
  }

  private _crateStarted({ name, version }: api.CrateStarted, time: number): void {
    const key = `${name} ${version}`;
    if (!this._spans.has(key)) {
      this._spans.set(key, { name, version, began: time, ended: null });
    }
  }

  /** A crate of several units ends with each of them; the last one counts. */
  private _crateFinished({ name, version, seconds }: api.CrateFinished): void {
    const span = this._spans.get(`${name} ${version}`);
    if (span) {
      span.ended = span.began + seconds;
    }
  }

  /** End the crates that were not finished, as where cargo stopped at an error. */
  private _endSpans(time: number): void {
    for (const span of this._spans.values()) {
      span.ended ??= time;
    }
  }

  private _diagnosed(found: api.Diagnostic): void {
    const same = (each: api.Diagnostic) => each.rendered === found.rendered;
    if (!this.diagnostics.some(same)) {
      this.diagnostics.push(found);
    }
  }

  private readonly _jobs: IJobSource;
  private readonly _spans = new Map<string, ISpan>();
  private _waiting: RunEvent[] | null = [];
  private _error: api.ErrorInfo | null = null;
  private _seq = 0;
}
