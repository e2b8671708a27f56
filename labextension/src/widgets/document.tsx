import { Clipboard, MainAreaWidget } from '@jupyterlab/apputils';
import { ReactWidget } from '@jupyterlab/ui-components';
import * as React from 'react';

import { BuildDocument } from '../components/document/document';
import { wheelIcon } from '../icons';
import type { BuildModel } from '../model/build';
import type { IWasmwheel } from '../tokens';
import { labelJob } from '../labels';

/** The document of a build in the main area. */
export class BuildWidget extends MainAreaWidget<ReactWidget> {
  constructor(id: string, session: IWasmwheel) {
    const build = session.jobs.build(id);
    super({ content: new Content(build, session) });
    this.id = `jp-wasmwheel-build-${id}`;
    this.job = id;
    this.toolbar.hide();
    this.title.icon = wheelIcon;
    this.title.closable = true;
    this._build = build;
    this._session = session;
    build.changed.connect(this._rename, this);
    this._rename();
  }

  /** The id of the job that is shown. */
  readonly job: string;

  override dispose(): void {
    if (!this.isDisposed) {
      this._build.changed.disconnect(this._rename, this);
      super.dispose();
      this._session.jobs.release(this.job);
    }
  }

  private _rename(): void {
    const { job } = this._build;
    this.title.label = job ? labelJob(job, this._session.trans) : this._session.trans.__('Build');
  }

  private readonly _build: BuildModel;
  private readonly _session: IWasmwheel;
}

class Content extends ReactWidget {
  constructor(build: BuildModel, session: IWasmwheel) {
    super();
    this._build = build;
    this._session = session;
    this.node.addEventListener('keydown', event => this._find(event));
  }

  protected override render(): JSX.Element {
    return (
      <BuildDocument
        build={this._build}
        session={this._session}
        onCopy={text => Clipboard.copyToSystem(text)}
      />
    );
  }

  /** Let Ctrl+F search the log, of which the browser's own search sees only the visible lines. */
  private _find(event: KeyboardEvent): void {
    const search = this.node.querySelector<HTMLInputElement>('.jp-wasmwheel-search-input');
    if (search && event.key === 'f' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      event.stopPropagation();
      search.select();
    }
  }

  private readonly _build: BuildModel;
  private readonly _session: IWasmwheel;
}
