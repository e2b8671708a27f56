import { type ISignal, Signal } from '@lumino/signaling';

import type * as api from '../api';
import { type Field, FIELDS } from '../api';

/** Where the code comes from. */
export type From = 'folder' | 'pypi' | 'git';

/** The options of a build that the form shows, by the names of the request's fields. */
export const OPTIONS: readonly (readonly [string, Field])[] = Object.entries<Field>(
  FIELDS.BuildRequest
).filter(([, field]) => field.title);

/** What the form has for each of the options: a list is one text. */
export type OptionValues = Readonly<Record<string, string | boolean>>;

/** What the user asks to be built, and how. */
export interface IFields {
  from: From;
  folder: string;
  pypi: string;
  git: string;
  /** A site's name; null for a wheel only, undefined where nobody chose. */
  site: string | null | undefined;
  /** The ABI of a wheel that goes into no site; null is the default. */
  target: string | null;
  profile: api.Profile;
  options: OptionValues;
}

const START: IFields = {
  from: 'folder',
  folder: '',
  pypi: '',
  git: '',
  site: undefined,
  target: null,
  profile: 'draft',
  options: Object.fromEntries(OPTIONS.map(([name, field]) => [name, initial(field)]))
};

/** The form's state. */
export class RequestModel {
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get revision(): number {
    return this._revision;
  }

  get fields(): Readonly<IFields> {
    return this._fields;
  }

  /** The source in the words of the command line, or null where none is named yet. */
  get source(): string | null {
    const { from, folder, pypi, git } = this._fields;
    if (from === 'folder') {
      return folder || '.';
    }
    const written = (from === 'pypi' ? pypi : git).trim();
    if (!written) {
      return null;
    }
    const prefix = from === 'pypi' ? 'pypi:' : 'git+';
    return written.startsWith(prefix) ? written : prefix + written;
  }

  set(fields: Partial<IFields>): void {
    this._fields = { ...this._fields, ...fields };
    this._revision += 1;
    this._changed.emit();
  }

  /** Set one of the options. */
  setOption(name: string, value: string | boolean): void {
    this.set({ options: { ...this._fields.options, [name]: value } });
  }

  /** The request, for a site or for none; only what differs from the default is in it. */
  build(source: string, site: string | null): api.BuildRequest {
    const { target, profile } = this._fields;
    const destination = site ? { site } : target ? { target } : {};
    return { kind: 'build', source, profile, ...destination, ...this._chosen() };
  }

  /** The request for what a build changes in a source. */
  edits(source: string): api.EditsRequest {
    const chosen = Object.entries(this._chosen());
    return {
      source,
      ...Object.fromEntries(chosen.filter(([name]) => name in FIELDS.EditsRequest))
    };
  }

  /** The options that differ from their defaults, as a request has them. */
  private _chosen(): Partial<api.BuildRequest> {
    const { options } = this._fields;
    const chosen = OPTIONS.filter(([name, field]) => options[name] !== initial(field))
      .map(([name, field]) => [name, posted(name, field, options[name]!)] as const)
      .filter(([, value]) => value !== '' && (value as { length?: number }).length !== 0);
    return Object.fromEntries(chosen);
  }

  private _fields = START;
  private _revision = 0;
  private readonly _changed = new Signal<this, void>(this);
}

/** Return the default of an option as the form has it. */
function initial(field: Field): string | boolean {
  return field.type === 'boolean' ? Boolean(field.default) : (field.default ?? '').toString();
}

/** Return an option as a request has it: a list's entries are between spaces or commas. */
function posted(name: string, field: Field, value: string | boolean): unknown {
  if (typeof value === 'boolean') {
    return value;
  }
  if (field.type !== 'array') {
    return value.trim();
  }
  // A comma is part of an argument, but never of a name.
  return value.split(name === 'cargo_args' ? /\s+/ : /[\s,]+/).filter(entry => entry);
}

/** Return a request with the changes of a retry: lists are appended, all others replaced. */
export function applyChanges(
  request: api.PostedRequest,
  changes: api.Retry['changes']
): api.PostedRequest {
  const before = request as unknown as Record<string, unknown>;
  const after = Object.entries(changes).map(([name, value]) => [
    name,
    Array.isArray(value) ? [...((before[name] as string[] | undefined) ?? []), ...value] : value
  ]);
  return { ...request, ...Object.fromEntries(after) } as api.PostedRequest;
}

/** The tests of what a build builds, for the target of its site if it has one. */
export function testsOf(
  build: api.BuildRequest,
  target: string | null | undefined
): api.TestRequest {
  const { site, ...same } = build;
  delete same.no_smoke;
  return { ...same, kind: 'test', ...(site && target ? { target } : {}) };
}

/** Whether a source is one of the user's own folders, which needs no question before its code runs. */
export function isOwn(source: string): boolean {
  return !/^(pypi:|git\+)/.test(source);
}
