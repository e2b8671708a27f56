import { type ISignal, Signal } from '@lumino/signaling';

import type * as api from '../api';
import { type Field, FIELDS } from '../api';

/** The kind of place that the code comes from. */
export type SourceKind = 'folder' | 'pypi' | 'git';

/** The options of a build that the form shows, with their names in a request. */
export const OPTIONS: readonly (readonly [string, Field])[] = Object.entries<Field>(
  FIELDS.BuildRequest
).filter(([, field]) => field.title);

/** The form's values of the options; a list is one text. */
export type OptionValues = Readonly<Record<string, string | boolean>>;

/** The fields of the form. */
export interface IFormFields {
  from: SourceKind;
  folder: string;
  pypi: string;
  git: string;
  /** A site's name, null for only a wheel, or undefined if not chosen. */
  site: string | null | undefined;
  /** The ABI for only a wheel, or `all`; null is the default. */
  target: string | null;
  profile: api.Profile;
  options: OptionValues;
}

const INITIAL_FIELDS: IFormFields = {
  from: 'folder',
  folder: '',
  pypi: '',
  git: '',
  site: undefined,
  target: null,
  profile: 'draft',
  options: Object.fromEntries(OPTIONS.map(([name, field]) => [name, initial(field)]))
};

/** The state of the form. */
export class RequestModel {
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get revision(): number {
    return this._revision;
  }

  get fields(): Readonly<IFormFields> {
    return this._fields;
  }

  /** The source as the command line takes it, or null if the field is empty. */
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

  set(fields: Partial<IFormFields>): void {
    this._fields = { ...this._fields, ...fields };
    this._revision += 1;
    this._changed.emit();
  }

  /** Set one of the options. */
  setOption(name: string, value: string | boolean): void {
    this.set({ options: { ...this._fields.options, [name]: value } });
  }

  /** Return the request for a build, without the options that have their defaults. */
  toBuildRequest(source: string, site: string | null): api.BuildRequest {
    const { target, profile } = this._fields;
    const destination = site ? { site } : target ? { target } : {};
    return { kind: 'build', source, profile, ...destination, ...this._changedOptions() };
  }

  /** Return the request for a preview of the edits. */
  toEditsRequest(source: string): api.EditsRequest {
    const chosen = Object.entries(this._changedOptions());
    return {
      source,
      ...Object.fromEntries(chosen.filter(([name]) => name in FIELDS.EditsRequest))
    };
  }

  /** Return the options that differ from their defaults, as in a request. */
  private _changedOptions(): Partial<api.BuildRequest> {
    const { options } = this._fields;
    const chosen = OPTIONS.filter(([name, field]) => options[name] !== initial(field))
      .map(([name, field]) => [name, posted(name, field, options[name]!)] as const)
      .filter(([, value]) => value !== '' && (value as { length?: number }).length !== 0);
    return Object.fromEntries(chosen);
  }

  private _fields = INITIAL_FIELDS;
  private _revision = 0;
  private readonly _changed = new Signal<this, void>(this);
}

/** Return an option's default as the form's value. */
function initial(field: Field): string | boolean {
  return field.type === 'boolean' ? Boolean(field.default) : (field.default ?? '').toString();
}

/** Return an option's value as in a request; spaces or commas separate the entries of a list. */
function posted(name: string, field: Field, value: string | boolean): unknown {
  if (typeof value === 'boolean') {
    return value;
  }
  if (field.type !== 'array') {
    return value.trim();
  }
  // An argument can contain a comma, a name cannot.
  return value.split(name === 'cargo_args' ? /\s+/ : /[\s,]+/).filter(entry => entry);
}

/** Return a request with the changes of a retry: append lists, replace other values. */
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

/** The name of all targets together in a build's request. */
export const ALL_TARGETS = 'all';

/** Return the request for the tests of a build, for the target of its site or its only one. */
export function toTestRequest(
  build: api.BuildRequest,
  target: string | null | undefined
): api.TestRequest {
  const { site, target: own, ...same } = build;
  delete same.no_smoke;
  const isOne = own && own !== ALL_TARGETS && !own.includes(',');
  const chosen = site ? target : isOne ? own : null;
  return { ...same, kind: 'test', ...(chosen ? { target: chosen } : {}) };
}

/** Check whether a source is a folder, whose code runs without a confirmation. */
export function isLocalSource(source: string): boolean {
  return !/^(pypi:|git\+)/.test(source);
}
