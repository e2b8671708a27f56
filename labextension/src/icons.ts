import { LabIcon } from '@jupyterlab/ui-components';

import wheel from '../style/icons/wheel.svg';

/** The wheel, which stands for all of it. */
export const wheelIcon = new LabIcon({ name: 'wasmwheel:wheel', svgstr: wheel });
