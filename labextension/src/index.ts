import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { lab } from './lab';

const plugins: JupyterFrontEndPlugin<unknown>[] = [lab];

export default plugins;
