import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { PageConfig } from '@jupyterlab/coreutils';

import { plugin } from './plugin';
import { site } from './site/plugin';

/** Whether this page is a JupyterLite site, which has no server. */
const isLite = PageConfig.getOption('appName') === 'JupyterLite';

const plugins: JupyterFrontEndPlugin<unknown>[] = isLite ? [site] : [plugin];

export default plugins;
