/**
 * The plugin of a JupyterLite site: its packages, and a notification when one is published.
 */

import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, ToolbarButton } from '@jupyterlab/apputils';
import { PageConfig, URLExt } from '@jupyterlab/coreutils';
import { INotebookTracker, NotebookActions, type NotebookPanel } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { wheelIcon } from '../icons';
import { DOMAIN } from '../tokens';
import type { IPublished } from './lock';
import { PublishedModel } from './model';
import { ArrivalNotice } from './arrivalNotice';
import { PublishedWidget } from './panel';

/** The path of the lock in a site. */
const LOCK_PATH = 'static/pyodide/pyodide-lock.json';

/** The commands of the plugin. */
const SHOW = 'wasmwheel-site:show';
const RESTART = 'wasmwheel-site:restart';

export const site: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-wasmwheel:site',
  description: 'Lists the packages in a JupyterLite site, and announces new ones.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ICommandPalette, ITranslator],
  activate: async (
    app,
    notebooks: INotebookTracker,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const model = new PublishedModel(URLExt.join(PageConfig.getBaseUrl(), LOCK_PATH));
    await model.start();
    if (!model.isSite) {
      // JupyterLite copies each installed extension into the sites that it builds.
      return;
    }
    const panel = new PublishedWidget(model, trans, published => {
      if (notebooks.currentWidget) {
        insertImport(notebooks.currentWidget, published);
      }
    });
    app.shell.add(panel, 'left', { rank: 350 });
    app.commands.addCommand(SHOW, {
      label: trans.__('Packages in This Site'),
      caption: trans.__('List the packages that are published in this site'),
      icon: wheelIcon,
      execute: () => app.shell.activateById(panel.id)
    });
    app.commands.addCommand(RESTART, {
      label: trans.__('Restart Kernel and Use Published Packages'),
      isEnabled: () => notebooks.currentWidget !== null,
      execute: async () => {
        if (notebooks.currentWidget) {
          await restart(notebooks.currentWidget);
        }
      }
    });
    for (const command of [SHOW, RESTART]) {
      palette?.addItem({ command, category: trans.__('Pyodide Wheels') });
    }
    notifyArrivals(model, notebooks, new ArrivalNotice(trans, () => app.commands.execute(RESTART)));
    const addButton = (notebook: NotebookPanel) => {
      const button = new ToolbarButton({
        icon: wheelIcon,
        tooltip: trans.__('Packages in This Site'),
        onClick: () => void app.commands.execute(SHOW)
      });
      notebook.toolbar.insertBefore('spacer', 'wasmwheel-packages', button);
    };
    notebooks.forEach(addButton);
    notebooks.widgetAdded.connect((_, notebook) => addButton(notebook));
  }
};

/** Announce packages that are published, until a kernel restarts and can import them. */
function notifyArrivals(
  model: PublishedModel,
  notebooks: INotebookTracker,
  notice: ArrivalNotice
): void {
  const known = new Set(model.packages.map(each => each.name));
  model.arrived.connect((_, arrived) => {
    notice.show(
      arrived,
      arrived.every(each => known.has(each.name))
    );
    arrived.forEach(each => known.add(each.name));
  });
  const watch = (notebook: NotebookPanel) =>
    notebook.sessionContext.statusChanged.connect((_, status) => {
      if (status === 'restarting') {
        notice.close();
      }
    });
  notebooks.forEach(watch);
  notebooks.widgetAdded.connect((_, notebook) => watch(notebook));
}

/** Insert a cell with an import below the active one. */
function insertImport({ content }: NotebookPanel, published: IPublished): void {
  NotebookActions.insertBelow(content);
  content.activeCell?.model.sharedModel.setSource(`import ${published.module}`);
  content.mode = 'edit';
}

/** Restart a notebook's kernel, and rerun the cells that were run. */
async function restart({ content, sessionContext }: NotebookPanel): Promise<void> {
  const ran = content.widgets.filter(
    cell =>
      cell.model.type === 'code' &&
      (cell.model.sharedModel as { execution_count?: number | null }).execution_count
  );
  await sessionContext.restartKernel();
  await NotebookActions.runCells(content, ran, sessionContext);
}
