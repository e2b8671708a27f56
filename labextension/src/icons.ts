import { LabIcon } from '@jupyterlab/ui-components';

import wheel from '../style/icons/wheel.svg';

/** The icon of the extension. */
export const wheelIcon = new LabIcon({ name: 'wasmwheel:wheel', svgstr: wheel });
