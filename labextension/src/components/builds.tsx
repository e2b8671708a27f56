import { closeIcon, deleteIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type * as api from '../api';
import { formatClock, formatDuration, formatSize } from '../format';
import { hasEnded, reportOf } from '../model/job';
import { CommandIDs, type IWasmwheel } from '../tokens';
import {
  describePhase,
  labelFailure,
  labelJob,
  labelPhase,
  labelProgress,
  labelState,
  summarizeTests
} from '../labels';
import { IconButton, LinkButton } from './buttons';
import { useNow } from './hooks';

interface IJobProps {
  job: api.Job;
  session: IWasmwheel;
}

/** The list of builds and other jobs. */
export function Builds(props: { jobs: readonly api.Job[]; session: IWasmwheel }): JSX.Element {
  const { jobs, session } = props;
  const { trans } = session;
  return (
    <section className="jp-wasmwheel-section" aria-label={trans.__('Builds')}>
      <h3>{trans.__('Builds')}</h3>
      {!session.jobs.isReady && <p className="jp-wasmwheel-quiet">{trans.__('Loading…')}</p>}
      <ul className="jp-wasmwheel-list">
        {jobs.map(job => (
          <Build key={job.id} job={job} session={session} />
        ))}
      </ul>
    </section>
  );
}

function Build({ job, session }: IJobProps): JSX.Element {
  const { commands, trans } = session;
  const name = labelJob(job, trans);
  const state = labelState(job.state, trans);
  const run = (command: string) => void commands.execute(command, { id: job.id });
  return (
    <li className="jp-wasmwheel-item" data-state={job.state} data-job={job.id}>
      <button
        type="button"
        className="jp-wasmwheel-item-main"
        title={trans.__('Show %1', name)}
        onClick={() => run(CommandIDs.openBuild)}
      >
        <span className="jp-wasmwheel-status" role="img" aria-label={state} title={state} />
        <span className="jp-wasmwheel-item-name">{name}</span>
        <BuildSummary job={job} session={session} />
      </button>
      {hasEnded(job) ? (
        <>
          <BuildAction job={job} session={session} />
          <span className="jp-wasmwheel-on-hover">
            <IconButton
              icon={deleteIcon}
              label={trans.__('Delete %1 from the list', name)}
              onClick={() => run(CommandIDs.remove)}
            />
          </span>
        </>
      ) : (
        <>
          <IconButton
            icon={closeIcon}
            label={trans.__('Cancel %1', name)}
            onClick={() => run(CommandIDs.cancel)}
          />
          {job.state === 'running' && <ProgressBar job={job} name={name} />}
        </>
      )}
    </li>
  );
}

/** The progress of a job, or its result. */
function BuildSummary({ job, session }: IJobProps): JSX.Element {
  const { jobs, trans } = session;
  const now = useNow(job.state === 'running', jobs.server.skew);
  const elapsed = (job.ended ?? now) - (job.started ?? job.created);
  const report = reportOf(job);
  const details: string[] = [];
  let hint: string | undefined;
  if (job.state === 'running') {
    const count = job.total ? ` ${job.done}/${job.total}` : '';
    details.push(
      job.phase ? labelPhase(job.phase, trans) + count : labelProgress(job, trans),
      formatClock(elapsed)
    );
    hint = job.phase ? describePhase(job.phase, trans) : undefined;
  } else if (job.state === 'done') {
    if (job.kind === 'test') {
      details.push(trans.__('%1 passed', report?.tests?.passed ?? 0));
      hint = summarizeTests(report?.tests, trans);
    } else if (report?.size) {
      details.push(formatSize(report.size));
    }
    details.push(formatDuration(elapsed));
  } else {
    details.push(labelFailure(job, trans) || labelState(job.state, trans));
    hint = summarizeTests(report?.tests, trans) || job.error?.what;
  }
  return (
    <span className="jp-wasmwheel-details" title={hint}>
      {details.map((detail, index) => (
        <span key={index}>{detail}</span>
      ))}
    </span>
  );
}

/** The button for what is most likely the next step. */
function BuildAction({ job, session }: IJobProps): JSX.Element {
  const { commands, trans } = session;
  const report = reportOf(job);
  if (job.state === 'done' && report?.published) {
    const args = { site: report.published.site, name: report.name };
    return (
      <LinkButton
        label={trans.__('Try It')}
        onClick={() => void commands.execute(CommandIDs.tryIt, args)}
      />
    );
  }
  const canRetry = job.state === 'interrupted' || job.state === 'cancelled';
  const command = canRetry ? CommandIDs.again : CommandIDs.openBuild;
  return (
    <LinkButton
      label={canRetry ? trans.__('Retry') : trans.__('Show')}
      onClick={() => void commands.execute(command, { id: job.id })}
    />
  );
}

/** A bar that shows how far a job is or, if that is unknown, that it is running. */
export function ProgressBar(props: { job: api.Job; name: string }): JSX.Element {
  const { done, total } = props.job;
  const isKnown = total !== null && done !== null && total > 0;
  return (
    <div
      className="jp-wasmwheel-bar"
      role="progressbar"
      aria-label={props.name}
      aria-valuemin={0}
      aria-valuemax={isKnown ? total : undefined}
      aria-valuenow={isKnown ? done : undefined}
      data-known={isKnown}
    >
      <div style={isKnown ? { width: `${(100 * done) / total}%` } : undefined} />
    </div>
  );
}
