import { refreshIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { CommandIDs, type IWasmwheel } from '../tokens';
import { Answer } from './answer';
import { Builds } from './builds';
import { IconButton, TextButton } from './buttons';
import { Form } from './form';
import { useModel } from './hooks';
import { Packages } from './packages';
import { Toolchain } from './toolchain';

/** The side panel: what builds, what to build, what was built, what is in the site. */
export function Panel(props: {
  session: IWasmwheel;
  chooseFolder: (current: string) => Promise<string | null>;
}): JSX.Element {
  const { session } = props;
  const { jobs, commands, trans } = session;
  useModel(jobs);
  const isEmpty = jobs.isReady && jobs.jobs.length === 0;
  return (
    <div className="jp-wasmwheel-panel">
      <header className="jp-wasmwheel-header">
        <h2>{trans.__('Pyodide wheels')}</h2>
        <IconButton
          icon={refreshIcon}
          label={trans.__('Look again')}
          onClick={() => void commands.execute(CommandIDs.refresh)}
        />
      </header>
      {jobs.error ? (
        <Answer error={jobs.error}>
          <TextButton label={trans.__('Try again')} onClick={() => jobs.retry()} />
        </Answer>
      ) : (
        <>
          {jobs.connection === 'lost' && (
            <div className="jp-wasmwheel-offline" role="status">
              {trans.__('No connection to the server. Builds go on; this page catches up.')}
            </div>
          )}
          <Toolchain session={session} />
          <Form session={session} chooseFolder={props.chooseFolder} />
          {isEmpty ? <Welcome session={session} /> : <Builds session={session} />}
          <Packages session={session} />
        </>
      )}
    </div>
  );
}

/** What stands there before the first build. */
function Welcome(props: { session: IWasmwheel }): JSX.Element {
  const { commands, trans } = props.session;
  return (
    <section className="jp-wasmwheel-welcome" aria-label={trans.__('Welcome')}>
      <p>
        {trans.__(
          'Put a Python package with Rust in it into a browser: built here, it runs in JupyterLite, with nothing to install.'
        )}
      </p>
      <TextButton
        accept
        label={trans.__('Build an example')}
        onClick={() => void commands.execute(CommandIDs.buildExample)}
      />
      <TextButton
        label={trans.__('New Rust extension')}
        onClick={() => void commands.execute(CommandIDs.newExtension)}
      />
    </section>
  );
}
