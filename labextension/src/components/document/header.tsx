import * as React from 'react';

import type * as api from '../../api';
import { isOver, reportOf } from '../../model/job';
import { formatClock, formatDuration } from '../../format';
import { CommandIDs, type IWasmwheel } from '../../tokens';
import { describePhase, labelFailure, labelJob, summarizeTests } from '../../labels';
import { TextButton } from '../buttons';
import { useNow } from '../hooks';

/** Name, state in words, elapsed, and what can be done now. */
export function Header(props: { job: api.Job; session: IWasmwheel }): JSX.Element {
  const { job, session } = props;
  const { jobs, trans } = session;
  const now = useNow(!isOver(job), jobs.server.skew);
  const took = (job.ended ?? now) - (job.started ?? job.created);
  return (
    <header className="jp-wasmwheel-document-header" data-state={job.state}>
      <span className="jp-wasmwheel-mark" aria-hidden="true" />
      <div className="jp-wasmwheel-document-title">
        <h1>{labelJob(job, trans)}</h1>
        <p>
          <span role="status">{sentence(job, session)}</span>
          <span className="jp-wasmwheel-elapsed">
            {isOver(job) ? formatDuration(took) : formatClock(took)}
          </span>
        </p>
      </div>
      <Actions job={job} session={session} />
    </header>
  );
}

/** The state in words. */
function sentence(job: api.Job, session: IWasmwheel): string {
  const { trans } = session;
  switch (job.state) {
    case 'queued':
      return trans.__('Waiting for another build to end');
    case 'running':
      return job.phase ? describePhase(job.phase, trans) : trans.__('Starting');
    case 'done':
      return finished(job, session);
    case 'failed':
      return job.kind === 'build' || (job.kind === 'test' && !job.report)
        ? trans.__('Did not build: %1', labelFailure(job, trans))
        : trans.__('Failed: %1', labelFailure(job, trans));
    case 'cancelled':
      return trans.__('Cancelled');
    case 'interrupted':
      return trans.__('Interrupted: the server was stopped while this ran');
  }
}

function finished(job: api.Job, session: IWasmwheel): string {
  const { trans } = session;
  if (job.kind === 'site') {
    return trans.__('The site is made');
  }
  if (job.kind === 'install') {
    return trans.__('Installed');
  }
  if (job.kind === 'test') {
    return summarizeTests(reportOf(job)?.tests, trans);
  }
  return reportOf(job)?.published ? trans.__('In the site') : trans.__('Built');
}

function Actions(props: { job: api.Job; session: IWasmwheel }): JSX.Element {
  const { job } = props;
  const { commands, trans } = props.session;
  const run = (command: string) => () => void commands.execute(command, { id: job.id });
  if (!isOver(job)) {
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
          label={trans.__('Try it')}
          onClick={() =>
            void commands.execute(CommandIDs.tryIt, { site: published.site, name: report.name })
          }
        />
      )}
      <TextButton
        label={job.kind === 'build' ? trans.__('Build again') : trans.__('Again')}
        onClick={run(CommandIDs.again)}
      />
      {job.kind === 'build' && job.state === 'done' && (
        <TextButton label={trans.__('Run its tests')} onClick={run(CommandIDs.test)} />
      )}
      {job.kind === 'build' && job.state === 'done' && (
        <TextButton label={trans.__('Download wheel')} onClick={run(CommandIDs.downloadWheel)} />
      )}
    </div>
  );
}
