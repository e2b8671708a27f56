import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Dialog, InputDialog, showDialog } from '@jupyterlab/apputils';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import type * as api from './api';
import type { FileBrowserFolders } from './fileBrowser';
import { wheelIcon } from './icons';
import { openSite } from './openSite';
import { requestOf } from './model/job';
import { applyChanges } from './model/request';
import { ResponseError } from './server';
import {
  createSite,
  type IConsent,
  showError,
  submitBuild,
  submitJob,
  submitTests
} from './submitJob';
import { CommandIDs, type IWasmwheel } from './tokens';
import { Choice } from './widgets/choice';

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
  addBuilding(context);
  addStarting(context);
  addJobs(context);
  addSites(context);
}

/** A string out of a command's arguments. */
function text(args: ReadonlyPartialJSONObject, name: string): string | undefined {
  const value = args[name];
  return typeof value === 'string' ? value : undefined;
}

function addBuilding(context: ICommandContext): void {
  const { session, consent, folders } = context;
  const { commands, trans, request, sites, toolchain, jobs, projects } = session;

  commands.addCommand(CommandIDs.showPanel, {
    label: trans.__('Pyodide Wheels'),
    caption: trans.__('Show the panel that builds wheels for Pyodide'),
    icon: args => (args['isMenu'] ? undefined : wheelIcon),
    execute: context.showPanel
  });

  commands.addCommand(CommandIDs.build, {
    label: trans.__('Build for Pyodide'),
    caption: trans.__('Build what the panel names'),
    icon: wheelIcon,
    isEnabled: () => request.source !== null,
    execute: async () => (await submitBuild(session, consent))?.id ?? null
  });

  commands.addCommand(CommandIDs.buildFolder, {
    label: trans.__('Build for Pyodide'),
    caption: trans.__('Build the package with Rust in this folder'),
    icon: wheelIcon,
    isVisible: args => folders.offers(args['toolbar'] === true, text(args, 'path')),
    execute: async args => {
      const folder = text(args, 'path') ?? folders.chosen(args['toolbar'] === true);
      if (folder === undefined) {
        return null;
      }
      request.set({ from: 'folder', folder });
      return (await submitBuild(session, consent, folder || '.'))?.id ?? null;
    }
  });

  commands.addCommand(CommandIDs.test, {
    label: trans.__('Run Its Tests in Pyodide'),
    caption: trans.__("Build what the panel names, and run the project's own tests with it"),
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
    label: trans.__('Run Its Tests in Pyodide'),
    caption: trans.__('Build the package in this folder, and run its own tests with it'),
    icon: wheelIcon,
    isVisible: args => folders.offers(false, text(args, 'path')),
    execute: async args => {
      const folder = text(args, 'path') ?? folders.chosen(false);
      if (folder === undefined) {
        return null;
      }
      request.set({ from: 'folder', folder });
      return (await submitTests(session, consent, folder || '.'))?.id ?? null;
    }
  });

  commands.addCommand(CommandIDs.setUp, {
    label: trans.__('Set Up the Toolchain for Pyodide Wheels'),
    caption: trans.__('Install what is missing; nothing of yours is changed'),
    execute: async args => {
      const extras = (args['extras'] ?? []) as api.Extra[];
      const target = text(args, 'target');
      const job = await submitJob(session, { kind: 'install', extras, target }, consent);
      if (job) {
        void jobs.end(job.id).then(() => toolchain.refresh());
      }
    }
  });

  commands.addCommand(CommandIDs.refresh, {
    label: trans.__('Look Again for Toolchain, Sites and Packages'),
    execute: async () => {
      projects.clear();
      jobs.retry();
      await Promise.all([toolchain.refresh(), sites.refresh(), folders.follow()]);
    }
  });
}

function addStarting(context: ICommandContext): void {
  const { session, consent, folders } = context;
  const { commands, trans, jobs, request } = session;

  commands.addCommand(CommandIDs.newExtension, {
    label: trans.__('New Rust Extension'),
    caption: trans.__('Make a small Python package with Rust in it'),
    icon: wheelIcon,
    execute: async args => {
      const asked = await askForStarter(context);
      if (!asked) {
        return null;
      }
      const folder = text(args, 'cwd') ?? folders.current;
      try {
        const made = await jobs.server.post<api.Starter>(['new'], { ...asked, folder });
        await folders.go(made.path);
        request.set({ from: 'folder', folder: made.path });
        await session.projects.look(made.path);
        await context.openFile(`${made.path}/src/lib.rs`, 1, 1);
        context.showPanel();
        return made.path;
      } catch (error) {
        await showError(error, session);
        return null;
      }
    }
  });

  commands.addCommand(CommandIDs.buildExample, {
    label: trans.__('Build an Example for Pyodide'),
    caption: trans.__('Make a small package with Rust in it, build it, and put it into a site'),
    icon: wheelIcon,
    execute: async () => {
      try {
        const folder = await example(context);
        request.set({ from: 'folder', folder });
        void session.projects.look(folder);
        context.showPanel();
        return (await submitBuild(session, consent, folder))?.id ?? null;
      } catch (error) {
        await showError(error, session);
        return null;
      }
    }
  });
}

/** The folder of the example, made now unless it is there already. */
async function example({ session, folders }: ICommandContext): Promise<string> {
  const name = 'hello';
  const folder = folders.current;
  try {
    const made = await session.jobs.server.post<api.Starter>(['new'], { name, folder });
    await folders.refresh();
    return made.path;
  } catch (error) {
    if (error instanceof ResponseError && error.info.code === 'starter.exists') {
      return folder ? `${folder}/${name}` : name;
    }
    throw error;
  }
}

async function askForStarter({
  session
}: ICommandContext): Promise<{ name: string; template: string } | null> {
  const { trans, jobs } = session;
  const { templates, ...answer } = await jobs.server.get<api.Templates>(['templates']);
  const name = await InputDialog.getText({
    title: trans.__('New Rust extension'),
    label: trans.__('Name of the package'),
    text: 'hello',
    okLabel: trans.__('Next'),
    pattern: '[A-Za-z0-9]([A-Za-z0-9_\\-]*[A-Za-z0-9])?',
    required: true
  });
  if (!name.button.accept || !name.value) {
    return null;
  }
  const template = await showDialog({
    title: trans.__('New Rust extension'),
    body: new Choice(trans.__('What it starts from'), templates, answer.default),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.okButton({ label: trans.__('Make it') })
    ]
  });
  return template.button.accept && template.value
    ? { name: name.value, template: template.value }
    : null;
}

function addJobs(context: ICommandContext): void {
  const { session, consent } = context;
  const { commands, trans, jobs } = session;
  const withJob =
    (act: (id: string) => Promise<unknown>) => async (args: ReadonlyPartialJSONObject) => {
      const id = text(args, 'id');
      if (id !== undefined) {
        await act(id).catch(error => showError(error, session));
      }
    };

  commands.addCommand(CommandIDs.openBuild, {
    label: trans.__('Show the Build'),
    execute: args => {
      const id = text(args, 'id');
      if (id !== undefined) {
        context.openBuild(id);
      }
    }
  });
  commands.addCommand(CommandIDs.cancel, {
    label: trans.__('Cancel the Build'),
    execute: withJob(id => jobs.cancel(id))
  });
  commands.addCommand(CommandIDs.remove, {
    label: trans.__('Delete the Build from the List'),
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
    label: trans.__('Download the Wheel'),
    execute: args => {
      const address = jobs.server.address('jobs', text(args, 'id') ?? '', 'wheel');
      window.open(address, '_blank', 'noopener');
    }
  });
  commands.addCommand(CommandIDs.openSource, {
    label: trans.__('Open the File of a Problem'),
    execute: async args => {
      const path = text(args, 'path');
      if (path !== undefined) {
        await context.openFile(path, Number(args['line'] ?? 1), Number(args['column'] ?? 1));
      }
    }
  });
}

function addSites(context: ICommandContext): void {
  const { session, consent } = context;
  const { commands, trans, sites, request } = session;

  commands.addCommand(CommandIDs.tryIt, {
    label: trans.__('Try It'),
    caption: trans.__("Open the package's notebook in a new tab"),
    execute: args => openSite(sites, trans, text(args, 'site') ?? '', text(args, 'name'))
  });
  commands.addCommand(CommandIDs.openSite, {
    label: trans.__('Open the Site'),
    isEnabled: () => sites.usable.length > 0,
    execute: args => openSite(sites, trans, text(args, 'site') ?? sites.current?.name ?? '')
  });
  commands.addCommand(CommandIDs.removePackage, {
    label: trans.__('Remove from the Site…'),
    execute: async args => {
      const [site, name] = [text(args, 'site') ?? '', text(args, 'name') ?? ''];
      const answer = await showDialog({
        title: trans.__('Remove %1 from the site %2?', name, site),
        body: trans.__(
          'Notebooks of the site can then no longer import it. It can be built again at any time.'
        ),
        buttons: [
          Dialog.cancelButton({ label: trans.__('Cancel') }),
          Dialog.warnButton({ label: trans.__('Remove') })
        ]
      });
      if (answer.button.accept) {
        await sites.remove(site, name).catch(error => showError(error, session));
      }
    }
  });
  commands.addCommand(CommandIDs.bundleSite, {
    label: trans.__('Pack the Site into a Zip'),
    caption: trans.__('For any static host or a USB stick; it needs no network'),
    isEnabled: () => sites.usable.length > 0,
    execute: async args => {
      const site = text(args, 'site') ?? sites.current?.name;
      if (site !== undefined) {
        await submitJob(session, { kind: 'bundle', site }, consent);
      }
    }
  });
  commands.addCommand(CommandIDs.newSite, {
    label: trans.__('New Site for Pyodide Wheels'),
    execute: async () => {
      const answer = await InputDialog.getText({
        title: trans.__('New site'),
        label: trans.__('Name of the site'),
        pattern: '[A-Za-z0-9][A-Za-z0-9_.\\-]*',
        required: true,
        okLabel: trans.__('Make it')
      });
      if (answer.button.accept && answer.value) {
        const name = await createSite(session, answer.value, consent);
        if (name !== undefined) {
          request.set({ site: name });
        }
      }
    }
  });
}
