import type * as api from '../api';
import { asError, type Server } from '../server';
import type { RunEvent } from './job';
import { readLines } from './lines';
import { LogLines } from './log';
import { ObservableModel } from './observable';

/** What the details of a build need of the list of jobs. */
export interface IJobSource {
  readonly server: Pick<Server, 'open'>;
  /** Resolves when the stream of events is followed. */
  readonly ready: Promise<void>;
  get(id: string): api.Job | undefined;
}

/** A phase that has started, with the server's times in seconds since 1970. */
export interface IPhase {
  name: string;
  state: 'started' | 'done' | 'failed';
  started: number;
  ended: number | null;
}

/** A crate on the time axis, in seconds after the first one started; null while it compiles. */
export interface ICrateSpan {
  name: string;
  version: string;
  started: number;
  ended: number | null;
}

/** The details of a job: its phases, crates, problems and log. */
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

  /** The job, or undefined if it was deleted or is not loaded. */
  get job(): api.Job | undefined {
    return this._jobs.get(this.id);
  }

  /** Why the events could not be loaded, or null. */
  get error(): api.ErrorInfo | null {
    return this._error;
  }

  /** Whether the past events are loaded. */
  get isLoaded(): boolean {
    return this._waiting === null;
  }

  /** The number of errors that the compiler found. */
  get problems(): number {
    return this.diagnostics.filter(each => each.level === 'error').length;
  }

  /** The crates in the order in which they started. */
  get spans(): ICrateSpan[] {
    const first = this.spansStarted ?? 0;
    return [...this._spans.values()].map(span => ({
      ...span,
      started: span.started - first,
      ended: span.ended === null ? null : span.ended - first
    }));
  }

  /** The server's time when the first crate started, or null. */
  get spansStarted(): number | null {
    return this._spans.values().next().value?.started ?? null;
  }

  /** Load the past events; those that arrive meanwhile follow them. */
  async load(): Promise<void> {
    // The stream must be followed first, so that no event is missed between it and this response.
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
    this.notify();
  }

  /** Receive an event of this job from the stream. */
  receive(event: RunEvent): void {
    if (this._waiting) {
      this._waiting.push(event);
    } else {
      this._apply(event);
    }
  }

  private _apply(event: RunEvent): void {
    // The response and the stream overlap; each event counts once.
    if (event.seq <= this._seq || this.isDisposed) {
      return;
    }
    this._seq = event.seq;
    switch (event.kind) {
      case 'log':
        this.log.append(event.stream, event.text);
        break;
      case 'phase':
        this._setPhase(event.name, event.state, event.time);
        break;
      case 'crate_started':
        this._startSpan(event, event.time);
        break;
      case 'crate_finished':
        this._endSpan(event);
        break;
      case 'diagnostic':
        this._addDiagnostic(event);
        break;
    }
    this.notify();
  }

  private _setPhase(name: string, state: IPhase['state'], time: number): void {
    const known = this.phases.find(phase => phase.name === name);
    if (!known) {
      this.phases.push({ name, state, started: time, ended: state === 'started' ? null : time });
    } else if (state !== 'started') {
      Object.assign(known, { state, ended: time });
    } else if (known.ended !== null) {
      // For another target: its time is added.
      Object.assign(known, { state, started: time - (known.ended - known.started), ended: null });
    }
    if (name === 'compile' && state !== 'started') {
      this._endSpans(time);
    }
  }

  private _startSpan({ name, version }: api.CrateStarted, time: number): void {
    const key = `${name} ${version}`;
    if (!this._spans.has(key)) {
      this._spans.set(key, { name, version, started: time, ended: null });
    }
  }

  /** Set the end of a crate, which each of its units reports; the last one counts. */
  private _endSpan({ name, version, seconds }: api.CrateFinished): void {
    const span = this._spans.get(`${name} ${version}`);
    if (span) {
      span.ended = span.started + seconds;
    }
  }

  /** End the crates that did not finish, for example because cargo stopped at an error. */
  private _endSpans(time: number): void {
    for (const span of this._spans.values()) {
      span.ended ??= time;
    }
  }

  private _addDiagnostic(found: api.Diagnostic): void {
    const same = (each: api.Diagnostic) => each.rendered === found.rendered;
    if (!this.diagnostics.some(same)) {
      this.diagnostics.push(found);
    }
  }

  private readonly _jobs: IJobSource;
  private readonly _spans = new Map<string, ICrateSpan>();
  private _waiting: RunEvent[] | null = [];
  private _error: api.ErrorInfo | null = null;
  private _seq = 0;
}
