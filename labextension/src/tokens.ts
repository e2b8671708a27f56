import { Token } from '@lumino/coreutils';
import type { CommandRegistry } from '@lumino/commands';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { EditsModel } from './model/edits';
import type { JobsModel } from './model/jobs';
import type { ProjectsModel } from './model/projects';
import type { RequestModel } from './model/request';
import type { SitesModel } from './model/sites';
import type { ToolchainModel } from './model/toolchain';

/** The translation domain. */
export const DOMAIN = 'jupyter_wasmwheel';

/** The id of JupyterLab's plugin, whose settings schema contains the menus. */
export const PLUGIN = 'jupyter-wasmwheel:plugin';

/** The models that the panel and the documents show. */
export interface IWasmwheel {
  readonly jobs: JobsModel;
  readonly sites: SitesModel;
  readonly toolchain: ToolchainModel;
  readonly projects: ProjectsModel;
  readonly edits: EditsModel;
  readonly request: RequestModel;
  readonly commands: CommandRegistry;
  readonly trans: TranslationBundle;
}

export const IWasmwheel = new Token<IWasmwheel>(
  'jupyter-wasmwheel:IWasmwheel',
  'Builds wheels for Pyodide: jobs, sites and the toolchain.'
);

/** The ids of the commands, which the settings schema uses too. */
export const CommandIDs = {
  showPanel: 'wasmwheel:show-panel',
  build: 'wasmwheel:build',
  test: 'wasmwheel:test',
  testFolder: 'wasmwheel:test-folder',
  buildFolder: 'wasmwheel:build-folder',
  buildExample: 'wasmwheel:build-example',
  newExtension: 'wasmwheel:new',
  setUp: 'wasmwheel:set-up',
  newSite: 'wasmwheel:new-site',
  openBuild: 'wasmwheel:open-build',
  cancel: 'wasmwheel:cancel',
  again: 'wasmwheel:again',
  remove: 'wasmwheel:remove',
  downloadWheel: 'wasmwheel:download-wheel',
  openSource: 'wasmwheel:open-source',
  tryIt: 'wasmwheel:try',
  openSite: 'wasmwheel:open-site',
  bundleSite: 'wasmwheel:bundle-site',
  useElsewhere: 'wasmwheel:use-elsewhere',
  removePackage: 'wasmwheel:remove-package',
  refresh: 'wasmwheel:refresh'
} as const;
