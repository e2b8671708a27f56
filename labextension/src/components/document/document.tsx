import * as React from 'react';

import type * as api from '../../api';
import { hasEnded } from '../../model/job';
import type { BuildModel } from '../../model/build';
import { CommandIDs, type IWasmwheel } from '../../tokens';
import { ErrorMessage } from '../errorMessage';
import { useModel } from '../hooks';
import { Header } from './header';
import { LogView } from './log';
import { Phases } from './phases';
import { Problems } from './problems';
import { ReportView } from './report';
import { type ITab, Tabs } from './tabs';
import { Timings } from './timings';

/** The document of a build: its progress and its results. */
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
            window.open(jobs.server.url('jobs', job.id, 'log'), '_blank', 'noopener')
          }
        />
      )
    },
    {
      id: 'report',
      label: trans.__('Report'),
      body: <ReportView job={job} server={jobs.server} trans={trans} />
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
      {build.error && <ErrorMessage error={build.error} />}
      {build.isLoaded && (
        <Tabs
          label={trans.__('Build details')}
          tabs={tabs}
          chosen={chosen ?? defaultTab(job, build)}
          onChoose={choose}
        />
      )}
    </div>
  );
}

/** Return the tab to show first: the problems if there are any, the log of a running build, or the report. */
function defaultTab(job: api.Job, build: BuildModel): string {
  if (job.error || build.problems > 0) {
    return 'problems';
  }
  return hasEnded(job) && job.report ? 'report' : 'log';
}

function Missing(props: { session: IWasmwheel }): JSX.Element {
  const { jobs, trans } = props.session;
  const text = jobs.isReady ? trans.__('This build was deleted.') : trans.__('Loading…');
  return (
    <div className="jp-wasmwheel-document">
      {jobs.error ? <ErrorMessage error={jobs.error} /> : <p>{text}</p>}
    </div>
  );
}
