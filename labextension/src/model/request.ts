import { type ISignal, Signal } from '@lumino/signaling';

import type { IBuildRequest, IEditsRequest, ITestRequest, Profile } from '../contract';

/** Where the code comes from. */
export type From = 'folder' | 'pypi' | 'git';

/** What somebody asks to be built, and how, as he is writing it. */
export interface IFields {
  from: From;
  folder: string;
  pypi: string;
  git: string;
  /** A site's name; null for a wheel only, undefined where nobody chose. */
  site: string | null | undefined;
  /** The ABI of a wheel that goes into no site; null is the default. */
  target: string | null;
  profile: Profile;
  features: string;
  defaultFeatures: boolean;
  linker: string;
  cargoArgs: string;
  ignoreLock: boolean;
  withDependencies: boolean;
  makeOptional: string;
  /** `auto`, `none`, or the path of a recipe's file. */
  recipe: string;
  offline: boolean;
}

const START: IFields = {
  from: 'folder',
  folder: '',
  pypi: '',
  git: '',
  site: undefined,
  target: null,
  profile: 'draft',
  features: '',
  defaultFeatures: true,
  linker: 'auto',
  cargoArgs: '',
  ignoreLock: false,
  withDependencies: false,
  makeOptional: '',
  recipe: 'auto',
  offline: false
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

  /** The request, for a site or for none; only what differs from the default is in it. */
  build(source: string, site: string | null): IBuildRequest {
    const { target, profile, defaultFeatures, linker, ignoreLock, offline } = this._fields;
    const { withDependencies } = this._fields;
    const features = words(this._fields.features.replaceAll(',', ' '));
    const cargoArgs = words(this._fields.cargoArgs);
    return {
      kind: 'build',
      source,
      profile,
      ...(site ? { site } : target ? { target } : {}),
      ...(features.length ? { features } : {}),
      ...(defaultFeatures ? {} : { no_default_features: true }),
      ...(linker === 'auto' ? {} : { linker }),
      ...(cargoArgs.length ? { cargo_args: cargoArgs } : {}),
      ...(ignoreLock ? { ignore_lock: true } : {}),
      ...(withDependencies ? { with_dependencies: true } : {}),
      ...this._edits(),
      ...(offline ? { offline: true } : {})
    };
  }

  /** What a build changes of a source, in the words of the request for it. */
  edits(source: string): IEditsRequest {
    return { source, ...this._edits() };
  }

  private _edits(): Omit<IEditsRequest, 'source'> {
    const names = words(this._fields.makeOptional.replaceAll(',', ' '));
    const recipe = this._fields.recipe.trim();
    return {
      ...(names.length ? { make_optional: names } : {}),
      ...(recipe && recipe !== 'auto' ? { recipe } : {})
    };
  }

  private _fields = START;
  private _revision = 0;
  private readonly _changed = new Signal<this, void>(this);
}

function words(text: string): string[] {
  return text.split(/\s+/).filter(word => word);
}

/** The tests of what a build builds, for the target of its site if it has one. */
export function testsOf(build: IBuildRequest, target: string | null | undefined): ITestRequest {
  const { site, ...same } = build;
  delete same.no_smoke;
  return { ...same, kind: 'test', ...(site && target ? { target } : {}) };
}

/** Whether a source is one of the user's own folders, which needs no question before its code runs. */
export function isOwn(source: string): boolean {
  return !/^(pypi:|git\+)/.test(source);
}
