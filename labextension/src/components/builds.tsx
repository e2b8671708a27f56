import { closeIcon, deleteIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type * as api from '../api';
import { formatClock, formatDuration, formatSize } from '../format';
import { isOver, reportOf } from '../model/job';
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
import { useModel, useNow } from './hooks';

/** The builds: running ones, and those that are over and kept. */
export function Builds(props: { session: IWasmwheel }): JSX.Element {
  const { jobs, trans } = props.session;
  useModel(jobs);
  return (
    <section className="jp-wasmwheel-section" aria-label={trans.__('Builds')}>
      <h3>{trans.__('Builds')}</h3>
      {!jobs.isReady && <p className="jp-wasmwheel-quiet">{trans.__('Asking the server…')}</p>}
      <ul className="jp-wasmwheel-list">
        {jobs.jobs.map(job => (
          <Build key={job.id} job={job} session={props.session} />
        ))}
      </ul>
    </section>
  );
}

function Build(props: { job: api.Job; session: IWasmwheel }): JSX.Element {
  const { job, session } = props;
  const { commands, trans } = session;
  const name = labelJob(job, trans);
  const run = (command: string) => void commands.execute(command, { id: job.id });
  return (
    <li className="jp-wasmwheel-item" data-state={job.state} data-job={job.id}>
      <button
        type="button"
        className="jp-wasmwheel-item-main"
        title={trans.__('Show %1', name)}
        onClick={() => run(CommandIDs.openBuild)}
      >
        <Mark job={job} trans={trans} />
        <span className="jp-wasmwheel-item-name">{name}</span>
        <Facts job={job} session={session} />
      </button>
      {isOver(job) ? (
        <>
          <Action job={job} session={session} />
          <span className="jp-wasmwheel-on-hover">
            <IconButton
              icon={deleteIcon}
              label={trans.__('Delete %1 from this list', name)}
              onClick={() => run(CommandIDs.remove)}
            />
          </span>
        </>
      ) : (
        <IconButton
          icon={closeIcon}
          label={trans.__('Cancel %1', name)}
          onClick={() => run(CommandIDs.cancel)}
        />
      )}
      {!isOver(job) && <Bar job={job} name={name} />}
    </li>
  );
}

function Mark(props: { job: api.Job; trans: IWasmwheel['trans'] }): JSX.Element {
  const word = labelState(props.job, props.trans);
  return <span className="jp-wasmwheel-mark" role="img" aria-label={word} title={word} />;
}

/** What there is to say of it beside its name: how far it is, or what came of it. */
function Facts(props: { job: api.Job; session: IWasmwheel }): JSX.Element {
  const { job, session } = props;
  const { jobs, trans } = session;
  const now = useNow(job.state === 'running', jobs.server.skew);
  const took = (job.ended ?? now) - (job.started ?? job.created);
  const report = reportOf(job);
  const facts: string[] = [];
  let hint: string | undefined;
  if (job.state === 'running' && job.kind === 'install') {
    facts.push(labelProgress(job, trans), formatClock(took));
  } else if (job.state === 'running') {
    const count = job.total ? ` ${job.done}/${job.total}` : '';
    facts.push((job.phase ? labelPhase(job.phase, trans) : trans.__('starting')) + count);
    facts.push(formatClock(took));
    hint = job.phase ? describePhase(job.phase, trans) : undefined;
  } else if (job.state === 'done' && job.kind === 'test') {
    facts.push(trans.__('%1 passed', report?.tests?.passed ?? 0), formatDuration(took));
    hint = summarizeTests(report?.tests, trans);
  } else if (job.state === 'done') {
    facts.push(...(report?.size ? [formatSize(report.size)] : []), formatDuration(took));
  } else if (job.state === 'failed') {
    facts.push(labelFailure(job, trans));
    hint = summarizeTests(report?.tests, trans) || job.error?.what;
  } else {
    facts.push(labelState(job, trans));
  }
  return (
    <span className="jp-wasmwheel-facts" title={hint}>
      {facts.map((fact, index) => (
        <span key={index}>{fact}</span>
      ))}
    </span>
  );
}

/** The one thing to do next. */
function Action(props: { job: api.Job; session: IWasmwheel }): JSX.Element | null {
  const { job } = props;
  const { commands, trans } = props.session;
  const report = reportOf(job);
  if (job.state === 'done' && report?.published) {
    const args = { site: report.published.site, name: report.name };
    return (
      <LinkButton
        label={trans.__('Try it')}
        onClick={() => void commands.execute(CommandIDs.tryIt, args)}
      />
    );
  }
  if (job.state === 'interrupted' || job.state === 'cancelled') {
    const again = () => void commands.execute(CommandIDs.again, { id: job.id });
    return <LinkButton label={trans.__('Again')} onClick={again} />;
  }
  const show = () => void commands.execute(CommandIDs.openBuild, { id: job.id });
  return <LinkButton label={trans.__('Show')} onClick={show} />;
}

/** A thin bar that says how far a job is, or that it goes on. */
export function Bar(props: { job: api.Job; name: string }): JSX.Element {
  const { done, total } = props.job;
  const known = total !== null && done !== null && total > 0;
  return (
    <div
      className="jp-wasmwheel-bar"
      role="progressbar"
      aria-label={props.name}
      aria-valuemin={0}
      aria-valuemax={known ? total : undefined}
      aria-valuenow={known ? done : undefined}
      data-known={known}
    >
      <div style={known ? { width: `${(100 * done) / total}%` } : undefined} />
    </div>
  );
}
