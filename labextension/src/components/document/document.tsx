import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type * as api from '../../api';
import { isOver } from '../../model/job';
import type { BuildModel } from '../../model/build';
import { CommandIDs, type IWasmwheel } from '../../tokens';
import { Answer } from '../answer';
import { useModel } from '../hooks';
import { Header } from './header';
import { LogView } from './log';
import { Phases } from './phases';
import { Problems } from './problems';
import { ReportView } from './report';
import { type ITab, Tabs } from './tabs';
import { Timings } from './timings';

/** A build as a document: what it is at, and everything that came of it. */
export function BuildDocument(props: {
  build: BuildModel;
  session: IWasmwheel;
  onCopy: (text: string) => void;
}): JSX.Element {
  const { build, session } = props;
  const { jobs, trans } = session;
  const revision = useModel(build);
  useModel(jobs);
  const [chosen, choose] = React.useState<string | null>(null);
  const job = build.job;
  if (!job) {
    return <Missing session={session} />;
  }
  const open = (each: api.Diagnostic) =>
    void session.commands.execute(CommandIDs.openSource, {
      path: each.path ?? null,
      line: each.line ?? 1,
      column: each.column ?? 1
    });
  const tabs: ITab[] = [
    {
      id: 'problems',
      label: trans.__('Problems'),
      count: build.problems || build.diagnostics.length,
      body: <Problems build={build} job={job} session={session} onOpen={open} />
    },
    {
      id: 'log',
      label: trans.__('Log'),
      body: (
        <LogView
          log={build.log}
          revision={revision}
          trans={trans}
          onCopy={props.onCopy}
          onDownload={() =>
            window.open(jobs.server.address('jobs', job.id, 'log'), '_blank', 'noopener')
          }
        />
      )
    },
    {
      id: 'report',
      label: trans.__('Report'),
      body: <ReportView job={job} trans={trans} />
    },
    {
      id: 'timings',
      label: trans.__('Timings'),
      body: <Timings build={build} job={job} session={session} />
    }
  ];
  return (
    <div className="jp-wasmwheel-document">
      <Header job={job} session={session} />
      <Phases build={build} job={job} session={session} />
      {build.error && <Answer error={build.error} />}
      {build.isLoaded && (
        <Tabs
          label={trans.__('What is known of this build')}
          tabs={tabs}
          chosen={chosen ?? first(job, build)}
          onChoose={choose}
        />
      )}
    </div>
  );
}

/** Problems if there are any, else the log while it runs, else the report. */
function first(job: api.Job, build: BuildModel): string {
  if (job.error || build.problems > 0) {
    return 'problems';
  }
  return isOver(job) && job.report ? 'report' : 'log';
}

function Missing(props: { session: IWasmwheel }): JSX.Element {
  const { jobs, trans } = props.session;
  return (
    <div className="jp-wasmwheel-document">
      {jobs.error ? <Answer error={jobs.error} /> : <p>{gone(jobs.isReady, trans)}</p>}
    </div>
  );
}

function gone(isReady: boolean, trans: TranslationBundle): string {
  return isReady ? trans.__('This build was deleted.') : trans.__('Asking the server…');
}
