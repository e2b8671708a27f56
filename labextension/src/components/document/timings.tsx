import * as React from 'react';

import type * as api from '../../api';
import { hasEnded } from '../../model/job';
import type { BuildModel, ICrateSpan } from '../../model/build';
import { formatDuration } from '../../format';
import type { IWasmwheel } from '../../tokens';
import { useNow } from '../hooks';

/** The heights of a crate's row, of the bar in it, and of the axis. */
const ROW_HEIGHT_PX = 20;
const BAR_HEIGHT_PX = 14;
const AXIS_HEIGHT_PX = 22;

/** The width of the plot in its own units; it is stretched to the width of the page. */
const PLOT_WIDTH = 1000;

/** The part of the axis after which a tick has no space for its label. */
const LABELED_SHARE = 0.94;

/** A time axis with a bar for each crate. */
export function Timings(props: {
  build: BuildModel;
  job: api.Job;
  session: IWasmwheel;
}): JSX.Element {
  const { build, job, session } = props;
  const { jobs, trans } = session;
  const over = hasEnded(job);
  const now = useNow(!over, jobs.server.skew, 250);
  const spans = build.spans;
  if (!spans.length) {
    return (
      <p className="jp-wasmwheel-quiet">
        {over
          ? trans.__('No crates were compiled: earlier builds compiled all of them.')
          : trans.__('No crates are compiled yet.')}
      </p>
    );
  }
  const elapsed = Math.max(0, now - (build.spansStarted ?? now));
  const end = (span: ICrateSpan) => span.ended ?? (over ? span.started : elapsed);
  const whole = Math.max(0.5, ...spans.map(end));
  const x = (seconds: number) => (PLOT_WIDTH * seconds) / whole;
  const longest = Math.max(...spans.map(span => end(span) - span.started));
  const text = trans._n('%1 crate in %2', '%1 crates in %2', spans.length, formatDuration(whole));
  return (
    <figure className="jp-wasmwheel-timings">
      <figcaption>{text}</figcaption>
      <div className="jp-wasmwheel-timings-plot">
        <svg
          role="img"
          aria-label={text}
          width="100%"
          height={AXIS_HEIGHT_PX + spans.length * ROW_HEIGHT_PX}
          viewBox={`0 0 ${PLOT_WIDTH} ${AXIS_HEIGHT_PX + spans.length * ROW_HEIGHT_PX}`}
          preserveAspectRatio="none"
        >
          {ticks(whole).map(tick => (
            <line
              key={tick}
              className="jp-wasmwheel-tick"
              x1={x(tick)}
              x2={x(tick)}
              y1={AXIS_HEIGHT_PX - 4}
              y2="100%"
            />
          ))}
          {spans.map((span, index) => (
            <rect
              key={`${span.name} ${span.version}`}
              data-running={span.ended === null && !over}
              data-longest={end(span) - span.started === longest}
              x={x(span.started)}
              y={AXIS_HEIGHT_PX + index * ROW_HEIGHT_PX + (ROW_HEIGHT_PX - BAR_HEIGHT_PX) / 2}
              width={Math.max(2, x(end(span) - span.started))}
              height={BAR_HEIGHT_PX}
            />
          ))}
        </svg>
        {ticks(whole)
          .filter(tick => tick / whole <= LABELED_SHARE)
          .map(tick => (
            <span
              key={tick}
              className="jp-wasmwheel-tick-label"
              style={{ left: `${(100 * tick) / whole}%` }}
            >
              {`${tick} s`}
            </span>
          ))}
        {spans.map((span, index) => (
          <Name
            key={`${span.name} ${span.version}`}
            span={span}
            row={index}
            whole={whole}
            end={end(span)}
          />
        ))}
      </div>
      <Longest spans={spans} end={end} session={session} />
    </figure>
  );
}

/** A crate's name: after its bar, before it, or in it, depending on the space. */
function Name(props: { span: ICrateSpan; row: number; whole: number; end: number }): JSX.Element {
  const { span, row, whole, end } = props;
  const before = end / whole > 0.72;
  const inside = before && span.started / whole < 0.28;
  const place = inside
    ? { left: `${(100 * span.started) / whole}%` }
    : before
      ? { right: `${100 - (100 * span.started) / whole}%` }
      : { left: `${(100 * end) / whole}%` };
  return (
    <span
      className="jp-wasmwheel-crate"
      data-inside={inside || undefined}
      style={{ top: AXIS_HEIGHT_PX + row * ROW_HEIGHT_PX, ...place }}
      title={`${span.name} ${span.version}`}
    >
      {span.name} {formatDuration(end - span.started)}
    </span>
  );
}

/** The five slowest crates as a table, also for users who cannot see the bars. */
function Longest(props: {
  spans: ICrateSpan[];
  end: (span: ICrateSpan) => number;
  session: IWasmwheel;
}): JSX.Element {
  const { spans, end, session } = props;
  const { trans } = session;
  const elapsed = (span: ICrateSpan) => end(span) - span.started;
  const sorted = [...spans].sort((one, other) => elapsed(other) - elapsed(one)).slice(0, 5);
  return (
    <table className="jp-wasmwheel-longest">
      <caption>{trans.__('Slowest crates')}</caption>
      <tbody>
        {sorted.map(span => (
          <tr key={`${span.name} ${span.version}`}>
            <th scope="row">{`${span.name} ${span.version}`}</th>
            <td>{formatDuration(elapsed(span))}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Return the ticks of the axis: about eight, at round numbers of seconds. */
function ticks(whole: number): number[] {
  const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600];
  const step = steps.find(each => whole / each <= 9) ?? 1200;
  const count = Math.floor(whole / step);
  return Array.from({ length: count + 1 }, (_, index) => Number((index * step).toFixed(1)));
}
