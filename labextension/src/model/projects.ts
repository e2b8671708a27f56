import type { Contents } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import { type ISignal, Signal } from '@lumino/signaling';

import type * as api from '../api';
import { asError, ResponseError, type Server } from '../server';

/** How long the result for a folder is reused. */
const CACHE_LIFETIME_MS = 15_000;

/** A folder with none of these files is not a project. */
const PROJECT_FILES = new Set(['pyproject.toml', 'setup.py', 'Cargo.toml']);

/** The project in a folder, or why the folder is not one. */
export type FolderResult =
  { project: api.Project; error: null } | { project: null; error: api.ErrorInfo };

/** The folders that can be built, which the file browser's menu must know before it opens. */
export class ProjectsModel {
  constructor(server: Server, contents: Contents.IManager, trans: TranslationBundle) {
    this._server = server;
    this._contents = contents;
    this._trans = trans;
  }

  /** Emitted with the path of a folder that was inspected. */
  get inspected(): ISignal<this, string> {
    return this._inspected;
  }

  /** Return the last result for a folder, or undefined if it was not inspected. */
  get(path: string): FolderResult | undefined {
    return this._results.get(path);
  }

  /** Check whether a folder is known to hold a package with Rust code. */
  hasRust(path: string): boolean {
    const backend = this.get(path)?.project?.backend;
    return backend === 'maturin' || backend === 'setuptools-rust';
  }

  /** Return what a folder holds. */
  async inspect(path: string): Promise<FolderResult> {
    const result = this._results.get(path);
    if (result && Date.now() - this._times.get(path)! < CACHE_LIFETIME_MS) {
      return result;
    }
    let pending = this._pending.get(path);
    if (!pending) {
      pending = this._inspect(path).finally(() => this._pending.delete(path));
      this._pending.set(path, pending);
    }
    return await pending;
  }

  /** Let the next inspections ask the server again. */
  clear(): void {
    this._times.forEach((_, path) => this._times.set(path, 0));
  }

  private async _inspect(path: string): Promise<FolderResult> {
    let result: FolderResult;
    try {
      await this._requireProjectFile(path);
      const query = { source: path || '.' };
      const project = await this._server.get<api.Project>(['project'], query);
      result = { project, error: null };
    } catch (error) {
      result = { project: null, error: asError(error) };
      if (!(error instanceof ResponseError && error.http === 400)) {
        return result;
      }
    }
    this._results.set(path, result);
    this._times.set(path, Date.now());
    this._inspected.emit(path);
    return result;
  }

  /** Throw if no file makes a folder a project, so that the server need not log an error. */
  private async _requireProjectFile(path: string): Promise<void> {
    const folder = await this._contents.get(path, { content: true, type: 'directory' });
    const files = (folder.content ?? []) as Contents.IModel[];
    if (!files.some(file => PROJECT_FILES.has(file.name))) {
      const trans = this._trans;
      throw new ResponseError(400, {
        what: trans.__('No Python package found in %1.', path || '/'),
        why: trans.__('The folder of a package contains a pyproject.toml.'),
        fix: trans.__('Choose the folder of a package.')
      });
    }
  }

  private readonly _server: Server;
  private readonly _contents: Contents.IManager;
  private readonly _trans: TranslationBundle;
  private readonly _results = new Map<string, FolderResult>();
  private readonly _times = new Map<string, number>();
  private readonly _pending = new Map<string, Promise<FolderResult>>();
  private readonly _inspected = new Signal<this, string>(this);
}
