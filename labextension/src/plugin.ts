/**
 * The plugin of JupyterLab: the panel, the documents of builds, and the entries of menus.
 */

import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, WidgetTracker } from '@jupyterlab/apputils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import type { FileEditor } from '@jupyterlab/fileeditor';
import { FileDialog, IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { ILauncher } from '@jupyterlab/launcher';
import type { IDocumentWidget } from '@jupyterlab/docregistry';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { addCommands } from './commands';
import type * as api from './api';
import { hasEnded } from './model/job';
import { FileBrowserFolders } from './fileBrowser';
import { EditsModel } from './model/edits';
import { JobsModel } from './model/jobs';
import { ProjectsModel } from './model/projects';
import { RequestModel } from './model/request';
import { SitesModel } from './model/sites';
import { ToolchainModel } from './model/toolchain';
import { showNotifications } from './notifications';
import type { IConsent } from './submitJob';
import { Server } from './server';
import { CommandIDs, DOMAIN, IWasmwheel, PLUGIN } from './tokens';
import { BuildWidget } from './widgets/document';
import { PanelWidget } from './widgets/panel';

export const plugin: JupyterFrontEndPlugin<IWasmwheel> = {
  id: PLUGIN,
  description: 'Builds Rust-based Python packages for Pyodide.',
  autoStart: true,
  provides: IWasmwheel,
  requires: [IDocumentManager],
  optional: [
    ICommandPalette,
    IDefaultFileBrowser,
    ILauncher,
    ILayoutRestorer,
    ISettingRegistry,
    ITranslator
  ],
  activate: (app, documents, palette, browser, launcher, restorer, registry, translator) => {
    const session = createSession(app, translator ?? nullTranslator);
    const consent = loadSettings(session, registry);
    const folders = new FileBrowserFolders(session, browser, app.serviceManager.contents);
    const tracker = new WidgetTracker<BuildWidget>({ namespace: 'wasmwheel-builds' });
    const panel = new PanelWidget(session, async current => {
      const chosen = await FileDialog.getExistingDirectory({
        manager: documents,
        defaultPath: `/${current}`,
        title: session.trans.__('Choose the folder of a package')
      });
      const path = chosen.value?.[0]?.path;
      return chosen.button.accept && path !== undefined
        ? app.serviceManager.contents.localPath(path)
        : null;
    });
    app.shell.add(panel, 'left', { rank: 350, type: 'Pyodide Wheels' });
    restorer?.add(panel, panel.id);

    const openBuild = (id: string) => {
      const open = tracker.find(widget => widget.job === id);
      const widget = open ?? new BuildWidget(id, session);
      if (!open) {
        app.shell.add(widget, 'main');
        void tracker.add(widget);
      }
      app.shell.activateById(widget.id);
    };
    addCommands({
      app,
      session,
      consent,
      folders,
      showPanel: () => app.shell.activateById(panel.id),
      openBuild,
      openFile: async (path, line, column) => {
        const widget = documents.openOrReveal(path, 'Editor') as
          IDocumentWidget<FileEditor> | undefined;
        if (widget) {
          await widget.revealed;
          await widget.context.ready;
          const { editor } = widget.content;
          const place = { line: line - 1, column: column - 1 };
          editor.setCursorPosition(place);
          editor.revealPosition(place);
          editor.focus();
        }
      }
    });
    if (restorer) {
      void restorer.restore(tracker, {
        command: CommandIDs.openBuild,
        args: (widget: BuildWidget) => ({ id: widget.job }),
        name: (widget: BuildWidget) => widget.job
      });
    }
    addEntries(session, palette, launcher);
    void app.restored.then(() => loadModels(session, folders));
    return session;
  }
};

/** Create the models. */
function createSession(app: JupyterFrontEnd, translator: ITranslator): IWasmwheel {
  const trans = translator.load(DOMAIN);
  const server = new Server(app.serviceManager.serverSettings, trans);
  return {
    jobs: new JobsModel(server),
    sites: new SitesModel(server),
    toolchain: new ToolchainModel(server),
    projects: new ProjectsModel(server, app.serviceManager.contents, trans),
    edits: new EditsModel(server),
    request: new RequestModel(),
    commands: app.commands,
    trans
  };
}

/** Apply the settings, and return the consent that is stored in them. */
function loadSettings(session: IWasmwheel, registry: ISettingRegistry | null): IConsent {
  let granted = false;
  let settings: ISettingRegistry.ISettings | undefined;
  const loaded = registry?.load(PLUGIN).then(found => {
    settings = found;
    const read = () => {
      granted = found.get('foreignCode').composite === 'allow';
      session.request.set({ profile: found.get('profile').composite as api.Profile });
    };
    found.changed.connect(read);
    read();
    return found.get('notifications').composite === true;
  });
  void (loaded ?? Promise.resolve(true)).then(isOn => isOn && showNotifications(session));
  return {
    get granted() {
      return granted;
    },
    grant: async () => {
      granted = true;
      await settings?.set('foreignCode', 'allow');
    }
  };
}

/** Add the commands to the palette and the launcher; the settings schema has the menus. */
function addEntries(
  session: IWasmwheel,
  palette: ICommandPalette | null,
  launcher: ILauncher | null
): void {
  const category = session.trans.__('Pyodide Wheels');
  for (const command of [
    CommandIDs.showPanel,
    CommandIDs.build,
    CommandIDs.test,
    CommandIDs.buildExample,
    CommandIDs.newExtension,
    CommandIDs.openSite,
    CommandIDs.bundleSite,
    CommandIDs.newSite,
    CommandIDs.setUp,
    CommandIDs.refresh
  ]) {
    palette?.addItem({ command, category });
  }
  launcher?.add({
    command: CommandIDs.newExtension,
    category: session.trans.__('Other'),
    rank: 10
  });
}

/** Load all models, and refresh those that a job changes when it ends. */
async function loadModels(session: IWasmwheel, folders: FileBrowserFolders): Promise<void> {
  const { jobs, sites, toolchain } = session;
  jobs.stateChanged.connect((_, job) => {
    if (hasEnded(job) && jobs.isReady) {
      void sites.refresh();
      if (job.kind === 'install') {
        void toolchain.refresh();
      }
    }
  });
  await jobs.start();
  await Promise.all([sites.refresh(), toolchain.refresh(), folders.updateForm()]);
}
