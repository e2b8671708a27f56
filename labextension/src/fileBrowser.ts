import type { FileBrowser } from '@jupyterlab/filebrowser';
import type { Contents } from '@jupyterlab/services';

import { CommandIDs, type IWasmwheel } from './tokens';

/**
 * The folders in the file browser: which one is meant, and which of them can be built.
 *
 * A context menu cannot wait for the server. So a folder is looked into when the pointer is over
 * it or when it is selected, which is before anybody opens its menu.
 */
export class FileBrowserFolders {
  constructor(session: IWasmwheel, browser: FileBrowser | null, contents: Contents.IManager) {
    this._session = session;
    this._browser = browser;
    this._contents = contents;
    if (!browser) {
      return;
    }
    browser.node.addEventListener('pointerover', event => this._over(event));
    browser.selectionChanged?.connect(() => void this.follow());
    browser.model.pathChanged.connect(() => void this.follow());
    session.projects.looked.connect(() => {
      this._notify();
      session.request.set({});
    });
  }

  /** The path of the folder that the file browser shows. */
  get current(): string {
    return this._browser ? this._contents.localPath(this._browser.model.path) : '';
  }

  /** The folder that is meant: the selected one, or, from the toolbar, the project that is shown. */
  chosen(fromToolbar: boolean): string | undefined {
    return fromToolbar ? this._around() : this._selected();
  }

  /** Whether to offer to build the folder that is meant. */
  offers(fromToolbar: boolean, path = this.chosen(fromToolbar)): boolean {
    const { projects } = this._session;
    if (path === undefined) {
      return false;
    }
    // A menu that opens before the server answered offers it; the toolbar waits.
    return fromToolbar || projects.known(path) ? projects.hasRust(path) : true;
  }

  /** Let the form name the folder that is looked at, or the project around it. */
  async follow(): Promise<void> {
    const { projects, request } = this._session;
    const started = ++this._follows;
    this._notify();
    const first = this._selected() ?? this.current;
    let found = first;
    void Promise.all([...upwards(this.current)].map(path => projects.look(path)));
    for (const path of upwards(first)) {
      const { project } = await projects.look(path);
      if (project) {
        found = path;
        break;
      }
    }
    // Somebody may have clicked on another one meanwhile.
    if (started === this._follows) {
      request.set({ folder: found });
    }
  }

  /** Show a folder in the file browser. */
  async go(path: string): Promise<void> {
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

  /** The project around the folder that the file browser shows. */
  private _around(): string | undefined {
    return [...upwards(this.current)].find(path => this._session.projects.hasRust(path));
  }

  private _selected(): string | undefined {
    const selected = [...(this._browser?.selectedItems() ?? [])];
    const [item] = selected;
    return selected.length === 1 && item!.type === 'directory'
      ? this._contents.localPath(item!.path)
      : undefined;
  }

  private _over(event: MouseEvent): void {
    const item = this._browser!.modelForClick(event);
    if (item?.type === 'directory') {
      void this._session.projects.look(this._contents.localPath(item.path));
    }
  }

  private readonly _session: IWasmwheel;
  private readonly _browser: FileBrowser | null;
  private readonly _contents: Contents.IManager;
  private _follows = 0;
}

/** A folder and those around it, up to the root. */
function* upwards(path: string): Generator<string> {
  for (let rest = path; rest; rest = rest.slice(0, Math.max(0, rest.lastIndexOf('/')))) {
    yield rest;
  }
  yield '';
}
