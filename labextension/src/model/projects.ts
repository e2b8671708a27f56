import type { Contents } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import { type ISignal, Signal } from '@lumino/signaling';

import type * as api from '../api';
import { asError, ResponseError, type Server } from '../server';

/** What is known of a folder is asked for again after this many milliseconds. */
const FRESH = 15_000;

/** What makes a folder one of a package: one of these files. */
const PROJECT_FILES = new Set(['pyproject.toml', 'setup.py', 'Cargo.toml']);

/** What a folder holds: a project that can be built, or the reason why there is none. */
export type Found = { project: api.Project; error: null } | { project: null; error: api.ErrorInfo };

/** Which folders can be built: the file browser's menu must know before it opens. */
export class ProjectsModel {
  constructor(server: Server, contents: Contents.IManager, trans: TranslationBundle) {
    this._server = server;
    this._contents = contents;
    this._trans = trans;
  }

  /** Emitted with a folder's path when it is known what the folder holds. */
  get looked(): ISignal<this, string> {
    return this._looked;
  }

  /** What is known of a folder by now; undefined where nobody has looked yet. */
  known(path: string): Found | undefined {
    return this._found.get(path);
  }

  /** Whether a folder is known to hold a package with Rust in it. */
  hasRust(path: string): boolean {
    const backend = this.known(path)?.project?.backend;
    return backend === 'maturin' || backend === 'setuptools-rust';
  }

  /** Look into a folder, unless that was done just now. */
  async look(path: string): Promise<Found> {
    const known = this._found.get(path);
    if (known && Date.now() - this._when.get(path)! < FRESH) {
      return known;
    }
    let asked = this._asked.get(path);
    if (!asked) {
      asked = this._ask(path).finally(() => this._asked.delete(path));
      this._asked.set(path, asked);
    }
    return await asked;
  }

  /** Forget what was found: files may have changed. */
  clear(): void {
    this._when.forEach((_, path) => this._when.set(path, 0));
  }

  private async _ask(path: string): Promise<Found> {
    let found: Found;
    try {
      await this._require(path);
      const query = { source: path || '.' };
      const project = await this._server.get<api.Project>(['project'], query);
      found = { project, error: null };
    } catch (error) {
      found = { project: null, error: asError(error) };
      if (!(error instanceof ResponseError && error.http === 400)) {
        return found;
      }
    }
    this._found.set(path, found);
    this._when.set(path, Date.now());
    this._looked.emit(path);
    return found;
  }

  /** Most folders are no projects, and the listing says so without an error of the server's. */
  private async _require(path: string): Promise<void> {
    const folder = await this._contents.get(path, { content: true, type: 'directory' });
    const files = (folder.content ?? []) as Contents.IModel[];
    if (!files.some(file => PROJECT_FILES.has(file.name))) {
      const trans = this._trans;
      throw new ResponseError(400, {
        what: trans.__('There is nothing to build in %1.', path || '/'),
        why: trans.__('A Python package has a pyproject.toml in its folder.'),
        fix: trans.__('Choose the folder of a package.')
      });
    }
  }

  private readonly _server: Server;
  private readonly _contents: Contents.IManager;
  private readonly _trans: TranslationBundle;
  private readonly _found = new Map<string, Found>();
  private readonly _when = new Map<string, number>();
  private readonly _asked = new Map<string, Promise<Found>>();
  private readonly _looked = new Signal<this, string>(this);
}
