import * as React from 'react';

import type * as api from '../../api';
import { hasEnded, reportOf } from '../../model/job';
import { formatClock, formatDuration } from '../../format';
import { CommandIDs, type IWasmwheel } from '../../tokens';
import {
  describePhase,
  labelFailure,
  labelJob,
  labelProgress,
  labelState,
  summarizeTests
} from '../../labels';
import { TextButton } from '../buttons';
import { useNow } from '../hooks';

/** The name, the state and the duration of a build, with buttons for what can be done now. */
export function Header(props: { job: api.Job; session: IWasmwheel }): JSX.Element {
  const { job, session } = props;
  const { jobs, trans } = session;
  const now = useNow(!hasEnded(job), jobs.server.skew);
  const elapsed = (job.ended ?? now) - (job.started ?? job.created);
  return (
    <header className="jp-wasmwheel-document-header" data-state={job.state}>
      <span className="jp-wasmwheel-status" aria-hidden="true" />
      <div className="jp-wasmwheel-document-title">
        <h1>{labelJob(job, trans)}</h1>
        <p>
          <span role="status">{describeState(job, session)}</span>
          <span className="jp-wasmwheel-elapsed">
            {hasEnded(job) ? formatDuration(elapsed) : formatClock(elapsed)}
          </span>
        </p>
      </div>
      <Actions job={job} session={session} />
    </header>
  );
}

/** Return a job's state, or what it is doing. */
function describeState(job: api.Job, session: IWasmwheel): string {
  const { trans } = session;
  switch (job.state) {
    case 'queued':
      return trans.__('Queued: waiting for another build to end');
    case 'running':
      return job.phase ? describePhase(job.phase, trans) : labelProgress(job, trans);
    case 'done':
      return describeResult(job, session);
    case 'failed': {
      const failure = labelFailure(job, trans);
      return failure ? trans.__('Failed: %1', failure) : labelState(job.state, trans);
    }
    case 'cancelled':
      return labelState(job.state, trans);
    case 'interrupted':
      return trans.__('Interrupted: the server stopped while this was running');
  }
}

function describeResult(job: api.Job, session: IWasmwheel): string {
  const { trans } = session;
  const report = reportOf(job);
  if (job.kind === 'test') {
    return summarizeTests(report?.tests, trans);
  }
  return report?.published ? trans.__('Done: in the site') : labelState(job.state, trans);
}

function Actions(props: { job: api.Job; session: IWasmwheel }): JSX.Element {
  const { job } = props;
  const { commands, trans } = props.session;
  const run = (command: string) => () => void commands.execute(command, { id: job.id });
  if (!hasEnded(job)) {
    return (
      <div className="jp-wasmwheel-actions">
        <TextButton label={trans.__('Cancel')} onClick={run(CommandIDs.cancel)} />
      </div>
    );
  }
  const report = reportOf(job);
  const published = report?.published;
  return (
    <div className="jp-wasmwheel-actions">
      {published && (
        <TextButton
          accept
          label={trans.__('Try It')}
          onClick={() =>
            void commands.execute(CommandIDs.tryIt, { site: published.site, name: report.name })
          }
        />
      )}
      <TextButton
        label={job.kind === 'build' ? trans.__('Build Again') : trans.__('Run Again')}
        onClick={run(CommandIDs.again)}
      />
      {job.kind === 'build' && job.state === 'done' && (
        <>
          <TextButton label={trans.__('Run Tests')} onClick={run(CommandIDs.test)} />
          <TextButton label={trans.__('Download Wheel')} onClick={run(CommandIDs.downloadWheel)} />
        </>
      )}
    </div>
  );
}
