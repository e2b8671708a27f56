import { refreshIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { isPreparation } from '../model/job';
import { CommandIDs, type IWasmwheel } from '../tokens';
import { Builds } from './builds';
import { IconButton, TextButton } from './buttons';
import { ErrorMessage } from './errorMessage';
import { Form } from './form';
import { useModel } from './hooks';
import { Packages } from './packages';
import { Toolchain } from './toolchain';

/** The side panel: the toolchain, the form, the builds and the packages in the site. */
export function Panel(props: {
  session: IWasmwheel;
  chooseFolder: (current: string) => Promise<string | null>;
}): JSX.Element {
  const { session } = props;
  const { jobs, commands, trans } = session;
  useModel(jobs);
  const listed = jobs.jobs.filter(job => !isPreparation(job));
  const isFirstUse =
    jobs.isReady && !listed.some(job => job.kind === 'build' || job.kind === 'test');
  return (
    <div className="jp-wasmwheel-panel">
      <header className="jp-wasmwheel-header">
        <h2>{trans.__('Pyodide Wheels')}</h2>
        <IconButton
          icon={refreshIcon}
          label={trans.__('Refresh')}
          onClick={() => void commands.execute(CommandIDs.refresh)}
        />
      </header>
      {jobs.error ? (
        <ErrorMessage error={jobs.error}>
          <TextButton label={trans.__('Retry')} onClick={() => jobs.retry()} />
        </ErrorMessage>
      ) : (
        <>
          {jobs.connection === 'lost' && (
            <div className="jp-wasmwheel-offline" role="status">
              {trans.__('Connection lost. Builds continue on the server. Reconnecting…')}
            </div>
          )}
          {isFirstUse && <Welcome session={session} />}
          <Toolchain session={session} />
          <Form session={session} chooseFolder={props.chooseFolder} />
          {(listed.length > 0 || !jobs.isReady) && <Builds jobs={listed} session={session} />}
          <Packages session={session} />
        </>
      )}
    </div>
  );
}

/** What the extension is for, and how to start; shown until the first build. */
function Welcome(props: { session: IWasmwheel }): JSX.Element {
  const { commands, trans } = props.session;
  return (
    <section className="jp-wasmwheel-welcome" aria-label={trans.__('Welcome')}>
      <p>
        {trans.__(
          'Build Rust-based Python packages for Pyodide and run them in the browser with JupyterLite.'
        )}
      </p>
      <TextButton
        accept
        label={trans.__('Build Example')}
        onClick={() => void commands.execute(CommandIDs.buildExample)}
      />
      <TextButton
        label={trans.__('New Rust Extension')}
        onClick={() => void commands.execute(CommandIDs.newExtension)}
      />
    </section>
  );
}
