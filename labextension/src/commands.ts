import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Dialog, InputDialog, showDialog } from '@jupyterlab/apputils';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import type * as api from './api';
import type { FileBrowserFolders } from './fileBrowser';
import { wheelIcon } from './icons';
import { openSite } from './openSite';
import { requestOf } from './model/job';
import { applyChanges } from './model/request';
import { ResponseError, showError } from './server';
import { createSite, type IConsent, submitBuild, submitJob, submitTests } from './submitJob';
import { CommandIDs, type IWasmwheel } from './tokens';
import { Snippets } from './widgets/snippets';
import { TemplateChoice } from './widgets/templateChoice';

/** What the commands need besides the models. */
export interface ICommandContext {
  app: JupyterFrontEnd;
  session: IWasmwheel;
  consent: IConsent;
  folders: FileBrowserFolders;
  showPanel: () => void;
  openBuild: (id: string) => void;
  openFile: (path: string, line: number, column: number) => Promise<void>;
}

/** Add all commands. */
export function addCommands(context: ICommandContext): void {
  addBuildCommands(context);
  addStarterCommands(context);
  addJobCommands(context);
  addSiteCommands(context);
}

/** Return a string argument of a command, or undefined. */
function text(args: ReadonlyPartialJSONObject, name: string): string | undefined {
  const value = args[name];
  return typeof value === 'string' ? value : undefined;
}

function addBuildCommands(context: ICommandContext): void {
  const { session, consent, folders } = context;
  const { commands, trans, request, sites, toolchain, jobs, projects } = session;
  /** Set the form to the folder of a command, and return it. */
  const chooseFolder = (args: ReadonlyPartialJSONObject): string | undefined => {
    const folder = text(args, 'path') ?? folders.resolve(args['toolbar'] === true);
    if (folder !== undefined) {
      request.set({ from: 'folder', folder });
    }
    return folder;
  };

  commands.addCommand(CommandIDs.showPanel, {
    label: trans.__('Pyodide Wheels'),
    caption: trans.__('Show the panel that builds wheels for Pyodide'),
    icon: args => (args['isMenu'] ? undefined : wheelIcon),
    execute: context.showPanel
  });

  commands.addCommand(CommandIDs.build, {
    label: trans.__('Build for Pyodide'),
    caption: trans.__('Build the package that is selected in the panel'),
    icon: wheelIcon,
    isEnabled: () => request.source !== null,
    execute: async () => (await submitBuild(session, consent))?.id ?? null
  });

  commands.addCommand(CommandIDs.buildFolder, {
    label: trans.__('Build for Pyodide'),
    caption: trans.__('Build the Rust-based Python package in this folder'),
    icon: wheelIcon,
    isVisible: args => folders.isBuildable(args['toolbar'] === true, text(args, 'path')),
    execute: async args => {
      const folder = chooseFolder(args);
      return folder === undefined
        ? null
        : ((await submitBuild(session, consent, folder || '.'))?.id ?? null);
    }
  });

  commands.addCommand(CommandIDs.test, {
    label: trans.__('Run Tests in Pyodide'),
    caption: trans.__("Build the package, and run the project's own tests with it"),
    isEnabled: () => request.source !== null,
    execute: async args => {
      const job = jobs.get(text(args, 'id') ?? '');
      const before = job && requestOf(job);
      const build = before?.kind === 'build' ? before : undefined;
      const tests = await submitTests(session, consent, build?.source ?? request.source, build);
      if (tests) {
        context.openBuild(tests.id);
      }
      return tests?.id ?? null;
    }
  });

  commands.addCommand(CommandIDs.testFolder, {
    label: trans.__('Run Tests in Pyodide'),
    caption: trans.__('Build the package in this folder, and run its tests'),
    icon: wheelIcon,
    isVisible: args => folders.isBuildable(false, text(args, 'path')),
    execute: async args => {
      const folder = chooseFolder(args);
      return folder === undefined
        ? null
        : ((await submitTests(session, consent, folder || '.'))?.id ?? null);
    }
  });

  commands.addCommand(CommandIDs.setUp, {
    label: trans.__('Set Up Toolchain for Pyodide'),
    caption: trans.__('Install what is missing, without changing existing installations'),
    execute: async args => {
      const extras = (args['extras'] ?? []) as api.Extra[];
      const target = text(args, 'target');
      await submitJob(session, { kind: 'install', extras, target }, consent);
    }
  });

  commands.addCommand(CommandIDs.refresh, {
    label: trans.__('Refresh Pyodide Wheels'),
    execute: async () => {
      projects.clear();
      jobs.retry();
      await Promise.all([toolchain.refresh(), sites.refresh(), folders.updateForm()]);
    }
  });
}

function addStarterCommands(context: ICommandContext): void {
  const { session, consent, folders } = context;
  const { commands, trans, jobs, request } = session;

  commands.addCommand(CommandIDs.newExtension, {
    label: trans.__('New Rust Extension'),
    caption: trans.__('Create a small Rust-based Python package'),
    icon: wheelIcon,
    execute: async args => {
      try {
        const starter = await askForStarter(session);
        if (!starter) {
          return null;
        }
        const folder = text(args, 'cwd') ?? folders.current;
        const { path } = await jobs.server.post<api.Starter>(['new'], { ...starter, folder });
        await folders.open(path);
        request.set({ from: 'folder', folder: path });
        await session.projects.inspect(path);
        await context.openFile(`${path}/src/lib.rs`, 1, 1);
        context.showPanel();
        return path;
      } catch (error) {
        await showError(error, trans);
        return null;
      }
    }
  });

  commands.addCommand(CommandIDs.buildExample, {
    label: trans.__('Build Example for Pyodide'),
    caption: trans.__('Create a small Rust-based package, build it, and publish it to a site'),
    icon: wheelIcon,
    execute: async () => {
      try {
        const folder = await createExample(context);
        request.set({ from: 'folder', folder });
        void session.projects.inspect(folder);
        context.showPanel();
        return (await submitBuild(session, consent, folder))?.id ?? null;
      } catch (error) {
        await showError(error, trans);
        return null;
      }
    }
  });
}

/** Create the example unless it exists, and return its folder. */
async function createExample({ session, folders }: ICommandContext): Promise<string> {
  const name = 'hello';
  const folder = folders.current;
  try {
    const starter = await session.jobs.server.post<api.Starter>(['new'], { name, folder });
    await folders.refresh();
    return starter.path;
  } catch (error) {
    if (error instanceof ResponseError && error.info.code === 'starter.exists') {
      return folder ? `${folder}/${name}` : name;
    }
    throw error;
  }
}

async function askForStarter({
  trans,
  jobs
}: IWasmwheel): Promise<{ name: string; template: string } | null> {
  const choices = await jobs.server.get<api.Templates>(['templates']);
  const name = await InputDialog.getText({
    title: trans.__('New Rust Extension'),
    label: trans.__('Package name'),
    text: 'hello',
    okLabel: trans.__('Next'),
    pattern: '[A-Za-z0-9]([A-Za-z0-9_\\-]*[A-Za-z0-9])?',
    required: true
  });
  if (!name.button.accept || !name.value) {
    return null;
  }
  const template = await showDialog({
    title: trans.__('New Rust Extension'),
    body: new TemplateChoice(trans.__('Template'), choices.templates, choices.default),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.okButton({ label: trans.__('Create') })
    ]
  });
  return template.button.accept && template.value
    ? { name: name.value, template: template.value }
    : null;
}

function addJobCommands(context: ICommandContext): void {
  const { session, consent } = context;
  const { commands, trans, jobs } = session;
  const withJob =
    (act: (id: string) => Promise<unknown>) => async (args: ReadonlyPartialJSONObject) => {
      const id = text(args, 'id');
      if (id !== undefined) {
        await act(id).catch(error => showError(error, trans));
      }
    };

  commands.addCommand(CommandIDs.openBuild, {
    label: trans.__('Show Build'),
    execute: args => {
      const id = text(args, 'id');
      if (id !== undefined) {
        context.openBuild(id);
      }
    }
  });
  commands.addCommand(CommandIDs.cancel, {
    label: trans.__('Cancel Build'),
    execute: withJob(id => jobs.cancel(id))
  });
  commands.addCommand(CommandIDs.remove, {
    label: trans.__('Delete Build'),
    execute: withJob(id => jobs.remove(id))
  });
  commands.addCommand(CommandIDs.again, {
    label: trans.__('Build Again'),
    execute: async args => {
      const before = jobs.get(text(args, 'id') ?? '');
      const request = before && requestOf(before);
      if (request) {
        const changes = (args['with'] ?? {}) as api.Retry['changes'];
        const job = await submitJob(session, applyChanges(request, changes), consent);
        if (job) {
          context.openBuild(job.id);
        }
      }
    }
  });
  commands.addCommand(CommandIDs.downloadWheel, {
    label: trans.__('Download Wheel'),
    execute: args => {
      const url = jobs.server.url('jobs', text(args, 'id') ?? '', 'wheel');
      window.open(url, '_blank', 'noopener');
    }
  });
  commands.addCommand(CommandIDs.openSource, {
    label: trans.__('Open Source File'),
    execute: async args => {
      const path = text(args, 'path');
      if (path !== undefined) {
        await context.openFile(path, Number(args['line'] ?? 1), Number(args['column'] ?? 1));
      }
    }
  });
}

function addSiteCommands(context: ICommandContext): void {
  const { session, consent } = context;
  const { commands, trans, sites, request } = session;

  commands.addCommand(CommandIDs.tryIt, {
    label: trans.__('Try It'),
    caption: trans.__("Open the package's notebook in a new tab"),
    execute: args => openSite(sites, trans, text(args, 'site') ?? '', text(args, 'name'))
  });
  commands.addCommand(CommandIDs.openSite, {
    label: trans.__('Open Site'),
    isEnabled: () => sites.usable.length > 0,
    execute: args => openSite(sites, trans, text(args, 'site') ?? sites.current?.name ?? '')
  });
  commands.addCommand(CommandIDs.useElsewhere, {
    label: trans.__('Use It Elsewhere…'),
    caption: trans.__('Show what to paste into other front ends to use the package'),
    execute: async args => {
      const [site, name] = [text(args, 'site') ?? '', text(args, 'name') ?? ''];
      try {
        const load = (url: string) => sites.snippets(site, name, url);
        const body = new Snippets(load, await load(''), trans);
        await showDialog({
          title: trans.__('Use %1 elsewhere', name),
          body,
          focusNodeSelector: 'select',
          buttons: [Dialog.cancelButton({ label: trans.__('Close') })]
        });
      } catch (error) {
        await showError(error, trans);
      }
    }
  });
  commands.addCommand(CommandIDs.removePackage, {
    label: trans.__('Remove from Site…'),
    execute: async args => {
      const [site, name] = [text(args, 'site') ?? '', text(args, 'name') ?? ''];
      const answer = await showDialog({
        title: trans.__('Remove %1 from the site %2?', name, site),
        body: trans.__(
          'Notebooks in the site can then no longer import it. You can build it again at any time.'
        ),
        buttons: [
          Dialog.cancelButton({ label: trans.__('Cancel') }),
          Dialog.warnButton({ label: trans.__('Remove') })
        ]
      });
      if (answer.button.accept) {
        await sites.removePackage(site, name).catch(error => showError(error, trans));
      }
    }
  });
  commands.addCommand(CommandIDs.bundleSite, {
    label: trans.__('Save Site as Zip'),
    caption: trans.__('Pack the site for a static host, or for use without network access'),
    isEnabled: () => sites.usable.length > 0,
    execute: async args => {
      const site = text(args, 'site') ?? sites.current?.name;
      if (site !== undefined) {
        await submitJob(session, { kind: 'bundle', site }, consent);
      }
    }
  });
  commands.addCommand(CommandIDs.newSite, {
    label: trans.__('New JupyterLite Site'),
    execute: async () => {
      const answer = await InputDialog.getText({
        title: trans.__('New JupyterLite Site'),
        label: trans.__('Site name'),
        pattern: '[A-Za-z0-9][A-Za-z0-9_.\\-]*',
        required: true,
        okLabel: trans.__('Create')
      });
      if (answer.button.accept && answer.value) {
        const site = await createSite(session, answer.value, consent);
        if (site !== undefined) {
          request.set({ site });
        }
      }
    }
  });
}
