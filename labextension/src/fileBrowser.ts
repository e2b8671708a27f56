import type { FileBrowser } from '@jupyterlab/filebrowser';
import type { Contents } from '@jupyterlab/services';

import { CommandIDs, type IWasmwheel } from './tokens';

/**
 * The folders in the file browser: the selected one, and which of them can be built.
 *
 * A context menu cannot wait for the server, so a folder is inspected as soon as it is selected or
 * the pointer is over it.
 */
export class FileBrowserFolders {
  constructor(session: IWasmwheel, browser: FileBrowser | null, contents: Contents.IManager) {
    this._session = session;
    this._browser = browser;
    this._contents = contents;
    if (!browser) {
      return;
    }
    browser.node.addEventListener('pointerover', event => this._inspect(event));
    browser.selectionChanged?.connect(() => void this.updateForm());
    browser.model.pathChanged.connect(() => void this.updateForm());
    session.projects.inspected.connect(() => {
      this._notify();
      session.request.set({});
    });
  }

  /** The path of the folder that the file browser shows. */
  get current(): string {
    return this._browser ? this._contents.localPath(this._browser.model.path) : '';
  }

  /** Return the selected folder or, for the toolbar, the project around the current one. */
  resolve(fromToolbar: boolean): string | undefined {
    return fromToolbar ? this._currentProject() : this._selected();
  }

  /** Check whether a folder can be built. */
  isBuildable(fromToolbar: boolean, path = this.resolve(fromToolbar)): boolean {
    const { projects } = this._session;
    if (path === undefined) {
      return false;
    }
    // A menu that opens before the server responds offers the build; the toolbar waits.
    return fromToolbar || projects.get(path) ? projects.hasRust(path) : true;
  }

  /** Set the form's folder to the selected one, or to the project around it. */
  async updateForm(): Promise<void> {
    const { projects, request } = this._session;
    const started = ++this._updates;
    this._notify();
    const first = this._selected() ?? this.current;
    let found = first;
    void Promise.all([...upwards(this.current)].map(path => projects.inspect(path)));
    for (const path of upwards(first)) {
      const { project } = await projects.inspect(path);
      if (project) {
        found = path;
        break;
      }
    }
    // The user may have selected another one meanwhile.
    if (started === this._updates) {
      request.set({ folder: found });
    }
  }

  /** Show a folder in the file browser. */
  async open(path: string): Promise<void> {
    await this._browser?.model.cd(`/${path}`);
  }

  async refresh(): Promise<void> {
    await this._browser?.model.refresh();
  }

  private _notify(): void {
    for (const command of [CommandIDs.buildFolder, CommandIDs.testFolder]) {
      this._session.commands.notifyCommandChanged(command);
    }
  }

  /** Return the project that the file browser shows, or is inside of. */
  private _currentProject(): string | undefined {
    return [...upwards(this.current)].find(path => this._session.projects.hasRust(path));
  }

  private _selected(): string | undefined {
    const selected = [...(this._browser?.selectedItems() ?? [])];
    const [item] = selected;
    return selected.length === 1 && item!.type === 'directory'
      ? this._contents.localPath(item!.path)
      : undefined;
  }

  private _inspect(event: MouseEvent): void {
    const item = this._browser!.modelForClick(event);
    if (item?.type === 'directory') {
      void this._session.projects.inspect(this._contents.localPath(item.path));
    }
  }

  private readonly _session: IWasmwheel;
  private readonly _browser: FileBrowser | null;
  private readonly _contents: Contents.IManager;
  private _updates = 0;
}

/** Yield a folder and its parents, up to the root. */
function* upwards(path: string): Generator<string> {
  for (let rest = path; rest; rest = rest.slice(0, Math.max(0, rest.lastIndexOf('/')))) {
    yield rest;
  }
  yield '';
}
