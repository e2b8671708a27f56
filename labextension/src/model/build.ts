import type { Event, ICrate, IDiagnostic, IError, IJob } from '../contract';
import { asError, type Server } from '../server';
import { readLines } from './lines';
import { LogLines } from './log';
import { ObservableModel } from './observable';

/** What a build's document reads of the list of jobs. */
export interface IJobSource {
  readonly server: Pick<Server, 'open'>;
  /** Resolved once the stream of events is followed. */
  readonly ready: Promise<void>;
  get(id: string): IJob | undefined;
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

/** What cargo says when it begins a crate. */
const COMPILING = /^\s+Compiling (\S+) v(\S+)/;

/** What rustc says at the end, which is no problem by itself. */
const SUMMARY = /^(aborting due to|could not compile|\d+ warnings? emitted|For more information)/;

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
  readonly diagnostics: IDiagnostic[] = [];

  /** The job, or undefined where there is none of that id, or none yet. */
  get job(): IJob | undefined {
    return this._jobs.get(this.id);
  }

  /** Why its events cannot be shown, or null. */
  get error(): IError | null {
    return this._error;
  }

  /** Whether what happened before now has been read. */
  get isLoaded(): boolean {
    return this._waiting === null;
  }

  /** How many errors the compiler found. */
  get problems(): number {
    return this.diagnostics.filter(each => each.level.startsWith('error')).length;
  }

  /** The crates in the order in which they were begun, as the report has them or as seen so far. */
  get spans(): ISpan[] {
    const took = new Map((this.job?.report?.crates ?? []).map(crate => [label(crate), crate]));
    const seen = [...this._spans.values()];
    const first = seen[0]?.began ?? 0;
    return seen.map(span => {
      const seconds = took.get(label(span))?.seconds;
      const ended = seconds === undefined ? span.ended : span.began + seconds;
      return { ...span, began: span.began - first, ended: ended === null ? null : ended - first };
    });
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
      await readLines(response.body!, line => line && this._apply(JSON.parse(line) as Event));
    } catch (error) {
      this._error = asError(error);
    }
    const waiting = this._waiting ?? [];
    this._waiting = null;
    waiting.forEach(event => this._apply(event));
    this.touch();
  }

  /** Take an event of this job from the stream. */
  take(event: Event): void {
    if (this._waiting) {
      this._waiting.push(event);
    } else {
      this._apply(event);
    }
  }

  private _apply(event: Event): void {
    // The answer and the stream overlap; each event counts once.
    if (event.seq <= this._seq || this.isDisposed) {
      return;
    }
    this._seq = event.seq;
    switch (event.kind) {
      case 'log':
        this._logged(event.text, event.time);
        this.log.append(event.stream, event.text);
        break;
      case 'phase':
        this._phase(event.name, event.state, event.time);
        break;
      case 'progress':
        this._endSpans(event.label, event.time);
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
      this._endSpans('', time);
    }
  }

  private _logged(text: string, time: number): void {
    const [, name, version] = COMPILING.exec(text) ?? [];
    if (name && version && !this._spans.has(`${name} ${version}`)) {
      this._spans.set(`${name} ${version}`, { name, version, began: time, ended: null });
    }
  }

  /**
   * cargo names what it is at. A crate that was begun and is not named is over, until it is named
   * again: build scripts and libraries are compiled at different times.
   */
  private _endSpans(running: string, time: number): void {
    const named = new Set(running.split(', ').map(unit => unit.replace(/\(.*/, '')));
    const isWhole = !running.endsWith('...');
    for (const span of this._spans.values()) {
      if (named.has(span.name)) {
        span.ended = null;
      } else if (span.ended === null && isWhole) {
        span.ended = time;
      }
    }
  }

  private _diagnosed(found: IDiagnostic): void {
    const same = (each: IDiagnostic) => each.rendered === found.rendered;
    if (!SUMMARY.test(found.message) && !this.diagnostics.some(same)) {
      this.diagnostics.push(found);
    }
  }

  private readonly _jobs: IJobSource;
  private readonly _spans = new Map<string, ISpan>();
  private _waiting: Event[] | null = [];
  private _error: IError | null = null;
  private _seq = 0;
}

function label(crate: Pick<ICrate, 'name' | 'version'>): string {
  return `${crate.name} ${crate.version}`;
}
