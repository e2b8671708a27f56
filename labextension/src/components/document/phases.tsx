import * as React from 'react';

import type * as api from '../../api';
import { BUILD_PHASES, hasEnded, TEST_PHASES } from '../../model/job';
import type { BuildModel } from '../../model/build';
import { formatDuration } from '../../format';
import type { IWasmwheel } from '../../tokens';
import { describePhase, labelPhase } from '../../labels';
import { useNow } from '../hooks';

/** The smallest share of the bar that a phase has. */
const MIN_PHASE_SHARE = 0.04;

/** The phases as one bar, each with its duration. */
export function Phases(props: {
  build: BuildModel;
  job: api.Job;
  session: IWasmwheel;
}): JSX.Element | null {
  const { build, job, session } = props;
  const { jobs, trans } = session;
  const over = hasEnded(job);
  const now = useNow(!over, jobs.server.skew, 100);
  if (job.kind !== 'build' && job.kind !== 'test') {
    return null;
  }
  const rows = (job.kind === 'test' ? TEST_PHASES : BUILD_PHASES).map(name => {
    const phase = build.phases.find(each => each.name === name);
    const end = phase?.ended ?? (over ? (job.ended ?? now) : now);
    const state = !phase ? 'to come' : phase.state === 'started' && over ? 'failed' : phase.state;
    return { name, state, seconds: phase ? Math.max(0, end - phase.started) : 0 };
  });
  const whole = rows.reduce((sum, row) => sum + row.seconds, 0) || 1;
  const percent = job.total ? Math.round((100 * (job.done ?? 0)) / job.total) : null;
  return (
    <ol className="jp-wasmwheel-phases" aria-label={trans.__('Phases')}>
      {rows.map(row => (
        <li
          key={row.name}
          data-state={row.state}
          title={describePhase(row.name, trans)}
          style={{ flexGrow: 100 * Math.max(MIN_PHASE_SHARE, row.seconds / whole) }}
        >
          <div className="jp-wasmwheel-phase-bar">
            {row.state === 'started' && percent !== null && (
              <div style={{ width: `${percent}%` }} />
            )}
          </div>
          <span className="jp-wasmwheel-phase-name">{labelPhase(row.name, trans)}</span>
          <span className="jp-wasmwheel-phase-time">
            {row.state === 'to come' ? '\u00a0' : formatDuration(row.seconds)}
          </span>
        </li>
      ))}
    </ol>
  );
}
