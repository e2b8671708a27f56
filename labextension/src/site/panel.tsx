import { ReactWidget } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { TextButton } from '../components/buttons';
import { useModel, useNow } from '../components/hooks';
import { wheelIcon } from '../icons';
import { formatAge, formatSize } from '../format';
import type { IPublished } from './lock';
import type { PublishedModel } from './model';

/** The side panel of a site: its packages, with buttons to import them. */
export class PublishedWidget extends ReactWidget {
  constructor(
    model: PublishedModel,
    trans: TranslationBundle,
    onInsert: (published: IPublished) => void
  ) {
    super();
    this.id = 'jp-wasmwheel-published';
    this.addClass('jp-wasmwheel-side');
    this.title.icon = wheelIcon;
    this.title.caption = trans.__('Packages in This Site');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('Packages in This Site'));
    this._model = model;
    this._trans = trans;
    this._onInsert = onInsert;
  }

  protected override render(): JSX.Element {
    return <Published model={this._model} trans={this._trans} onInsert={this._onInsert} />;
  }

  private readonly _model: PublishedModel;
  private readonly _trans: TranslationBundle;
  private readonly _onInsert: (published: IPublished) => void;
}

function Published(props: {
  model: PublishedModel;
  trans: TranslationBundle;
  onInsert: (published: IPublished) => void;
}): JSX.Element {
  const { model, trans, onInsert } = props;
  useModel(model);
  const now = useNow(true, 0, 5_000);
  return (
    <div className="jp-wasmwheel-panel">
      <header className="jp-wasmwheel-header">
        <h2>{trans.__('Packages in This Site')}</h2>
      </header>
      <p className="jp-wasmwheel-about">
        {model.packages.length
          ? trans.__(
              'You do not need to install these packages: an import loads them from this site.'
            )
          : trans.__('No packages yet. Packages that you build for this site appear here.')}
      </p>
      <ul className="jp-wasmwheel-list">
        {model.packages.map(each => (
          <li key={each.name} className="jp-wasmwheel-item" data-package={each.name}>
            <span className="jp-wasmwheel-item-main" title={new Date(each.time).toLocaleString()}>
              <wheelIcon.react tag="span" elementSize="normal" className="jp-wasmwheel-status" />
              <span className="jp-wasmwheel-item-name">{`${each.name} ${each.version}`}</span>
              <span className="jp-wasmwheel-details">
                <span>{formatSize(each.size)}</span>
                <span>{formatAge(now - each.time / 1000, trans)}</span>
              </span>
            </span>
            <TextButton
              label={trans.__('Insert Import')}
              title={trans.__('Insert a cell with “import %1” into the notebook', each.module)}
              onClick={() => onInsert(each)}
            />
          </li>
        ))}
      </ul>
    </div>
  );
}
