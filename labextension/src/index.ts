import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { PageConfig } from '@jupyterlab/coreutils';

import { lab } from './lab';
import { site } from './site/plugin';

/** Whether this page is a JupyterLite site, which has no server to build on. */
const isLite = PageConfig.getOption('appName') === 'JupyterLite';

const plugins: JupyterFrontEndPlugin<unknown>[] = isLite ? [site] : [lab];

export default plugins;
