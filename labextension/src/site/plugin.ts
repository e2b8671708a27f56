/**
 * The plugin of a JupyterLite site: what is published, and news of it while a tab is open.
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
import { ArrivalNotice } from './notice';
import { PublishedWidget } from './panel';

/** Where a site keeps its lock. */
const LOCK = 'static/pyodide/pyodide-lock.json';

/** The commands of the plugin. */
const SHOW = 'wasmwheel-site:show';
const RESTART = 'wasmwheel-site:restart';

export const site: JupyterFrontEndPlugin<void> = {
  id: 'jupyter-wasmwheel:site',
  description: 'Lists what is published in a JupyterLite site, and tells of what is new.',
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
    const model = new PublishedModel(URLExt.join(PageConfig.getBaseUrl(), LOCK));
    await model.start();
    if (!model.isSite) {
      // JupyterLite copies every extension into what it builds; this is none of our sites.
      return;
    }
    const panel = new PublishedWidget(model, trans, published => {
      if (notebooks.currentWidget) {
        insertImport(notebooks.currentWidget, published);
      }
    });
    app.shell.add(panel, 'left', { rank: 350 });
    app.commands.addCommand(SHOW, {
      label: trans.__('Packages of This Site'),
      caption: trans.__('List what is published in this site'),
      icon: wheelIcon,
      execute: () => app.shell.activateById(panel.id)
    });
    app.commands.addCommand(RESTART, {
      label: trans.__('Restart Kernel and Use What Is Published'),
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
    tell(model, notebooks, new ArrivalNotice(trans, () => app.commands.execute(RESTART)));
    const addButton = (notebook: NotebookPanel) => {
      const button = new ToolbarButton({
        icon: wheelIcon,
        tooltip: trans.__('Packages of this site'),
        onClick: () => void app.commands.execute(SHOW)
      });
      notebook.toolbar.insertBefore('spacer', 'wasmwheel-packages', button);
    };
    notebooks.forEach(addButton);
    notebooks.widgetAdded.connect((_, notebook) => addButton(notebook));
  }
};

/** Say that something arrived, until a kernel is restarted and has it. */
function tell(model: PublishedModel, notebooks: INotebookTracker, notice: ArrivalNotice): void {
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

/** Put a cell with an import below the active one. */
function insertImport({ content }: NotebookPanel, published: IPublished): void {
  NotebookActions.insertBelow(content);
  content.activeCell?.model.sharedModel.setSource(`import ${published.module}`);
  content.mode = 'edit';
}

/** Restart a notebook's kernel, then run again the cells that had been run. */
async function restart({ content, sessionContext }: NotebookPanel): Promise<void> {
  const ran = content.widgets.filter(
    cell =>
      cell.model.type === 'code' &&
      (cell.model.sharedModel as { execution_count?: number | null }).execution_count
  );
  await sessionContext.restartKernel();
  await NotebookActions.runCells(content, ran, sessionContext);
}
