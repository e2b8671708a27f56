import { ReactWidget } from '@jupyterlab/ui-components';
import * as React from 'react';

import { Panel } from '../components/panel';
import { wheelIcon } from '../icons';
import type { IWasmwheel } from '../tokens';

/** The side panel. */
export class PanelWidget extends ReactWidget {
  constructor(session: IWasmwheel, chooseFolder: (current: string) => Promise<string | null>) {
    super();
    this.id = 'jp-wasmwheel';
    this.addClass('jp-wasmwheel-side');
    this.title.icon = wheelIcon;
    this.title.caption = session.trans.__('Pyodide Wheels');
    this._session = session;
    this._chooseFolder = chooseFolder;
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', session.trans.__('Pyodide Wheels'));
  }

  protected override render(): JSX.Element {
    return <Panel session={this._session} chooseFolder={this._chooseFolder} />;
  }

  private readonly _session: IWasmwheel;
  private readonly _chooseFolder: (current: string) => Promise<string | null>;
}
