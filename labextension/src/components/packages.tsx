import { ellipsesIcon } from '@jupyterlab/ui-components';
import { Menu } from '@lumino/widgets';
import * as React from 'react';

import type * as api from '../api';
import { formatSize } from '../format';
import { CommandIDs, type IWasmwheel } from '../tokens';
import { ErrorMessage } from './errorMessage';
import { IconButton, LinkButton } from './buttons';
import { useModel } from './hooks';

/** The packages in the current site. */
export function Packages(props: { session: IWasmwheel }): JSX.Element | null {
  const { sites, commands, trans } = props.session;
  useModel(sites);
  const site = sites.current;
  if (!site) {
    return null;
  }
  return (
    <section className="jp-wasmwheel-section" aria-label={trans.__('In the site %1', site.name)}>
      <h3>
        <span title={`${site.name}: ${site.folder}`}>{trans.__('In the Site')}</span>
        {!site.error && (
          <span>
            {site.mode === 'offline' && (
              <LinkButton
                label={trans.__('Save Zip')}
                title={trans.__(
                  'Save the site as a zip, for a static host or for use without network access'
                )}
                onClick={() => void commands.execute(CommandIDs.bundleSite, { site: site.name })}
              />
            )}
            <LinkButton
              label={trans.__('Open Site')}
              onClick={() => void commands.execute(CommandIDs.openSite, { site: site.name })}
            />
          </span>
        )}
      </h3>
      {site.error && <ErrorMessage error={site.error} quiet />}
      {!site.error && !sites.packages.length && (
        <p className="jp-wasmwheel-quiet">
          {trans.__('No packages yet. Packages that you build for the site appear here.')}
        </p>
      )}
      <ul className="jp-wasmwheel-list">
        {sites.packages.map(each => (
          <Package key={each.name} site={site.name} package={each} session={props.session} />
        ))}
      </ul>
    </section>
  );
}

function Package(props: { site: string; package: api.Package; session: IWasmwheel }): JSX.Element {
  const { site, session } = props;
  const { commands, trans } = session;
  const { name, version, published } = props.package;
  const when = new Date(published).toLocaleString();
  return (
    <li className="jp-wasmwheel-item" data-package={name}>
      <span className="jp-wasmwheel-item-main" title={trans.__('Published %1', when)}>
        <span className="jp-wasmwheel-item-name">{`${name} ${version}`}</span>
        <span className="jp-wasmwheel-details">{formatSize(props.package.size)}</span>
      </span>
      <LinkButton
        label={trans.__('Try It')}
        title={trans.__("Open the package's notebook in a new tab")}
        onClick={() => void commands.execute(CommandIDs.tryIt, { site, name })}
      />
      <IconButton
        menu
        icon={ellipsesIcon}
        label={trans.__('More actions for %1', name)}
        onClick={event => openMenu(session, { site, name }, event.currentTarget)}
      />
    </li>
  );
}

function openMenu(session: IWasmwheel, args: { site: string; name: string }, at: Element): void {
  const menu = new Menu({ commands: session.commands });
  menu.addItem({ command: CommandIDs.tryIt, args });
  menu.addItem({ command: CommandIDs.useElsewhere, args });
  menu.addItem({ command: CommandIDs.removePackage, args });
  menu.aboutToClose.connect(() => void Promise.resolve().then(() => menu.dispose()));
  const { left, bottom } = at.getBoundingClientRect();
  menu.open(left, bottom);
}
