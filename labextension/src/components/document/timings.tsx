import * as React from 'react';

import type * as api from '../../api';
import { isOver } from '../../model/job';
import type { BuildModel, ISpan } from '../../model/build';
import { formatDuration } from '../../format';
import type { IWasmwheel } from '../../tokens';
import { useNow } from '../hooks';

/** Pixels: a crate's row, the bar in it, the axis above. */
const ROW = 20;
const BAR = 14;
const AXIS = 22;

/** The width of the drawing in its own units; it is stretched to the width of the page. */
const WIDTH = 1000;

/** Where the time went: a bar a crate on a time axis. */
export function Timings(props: {
  build: BuildModel;
  job: api.Job;
  session: IWasmwheel;
}): JSX.Element {
  const { build, job, session } = props;
  const { jobs, trans } = session;
  const over = isOver(job);
  const now = useNow(!over, jobs.server.skew, 250);
  const spans = build.spans;
  if (!spans.length) {
    return (
      <p className="jp-wasmwheel-quiet">
        {over
          ? trans.__('No crate was compiled: all of them were there from an earlier build.')
          : trans.__('No crate is being compiled yet.')}
      </p>
    );
  }
  const elapsed = Math.max(0, now - (build.spansBegan ?? now));
  const end = (span: ISpan) => span.ended ?? (over ? span.began : elapsed);
  const whole = Math.max(0.5, ...spans.map(end));
  const x = (seconds: number) => (WIDTH * seconds) / whole;
  const longest = Math.max(...spans.map(span => end(span) - span.began));
  const text = trans.__('%1 crates in %2', spans.length, formatDuration(whole));
  return (
    <figure className="jp-wasmwheel-timings">
      <figcaption>{text}</figcaption>
      <div className="jp-wasmwheel-timings-plot">
        <svg
          role="img"
          aria-label={text}
          width="100%"
          height={AXIS + spans.length * ROW}
          viewBox={`0 0 ${WIDTH} ${AXIS + spans.length * ROW}`}
          preserveAspectRatio="none"
        >
          {ticks(whole).map(tick => (
            <line
              key={tick}
              className="jp-wasmwheel-tick"
              x1={x(tick)}
              x2={x(tick)}
              y1={AXIS - 4}
              y2="100%"
            />
          ))}
          {spans.map((span, index) => (
            <rect
              key={`${span.name} ${span.version}`}
              data-running={span.ended === null && !over}
              data-longest={end(span) - span.began === longest}
              x={x(span.began)}
              y={AXIS + index * ROW + (ROW - BAR) / 2}
              width={Math.max(2, x(end(span) - span.began))}
              height={BAR}
            />
          ))}
        </svg>
        {ticks(whole).map(tick => (
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

/** A crate's name beside its bar: after it, or before it where there is no room after. */
function Name(props: { span: ISpan; row: number; whole: number; end: number }): JSX.Element {
  const { span, row, whole, end } = props;
  const before = end / whole > 0.72;
  const inside = before && span.began / whole < 0.28;
  const place = inside
    ? { left: `${(100 * span.began) / whole}%` }
    : before
      ? { right: `${100 - (100 * span.began) / whole}%` }
      : { left: `${(100 * end) / whole}%` };
  return (
    <span
      className="jp-wasmwheel-crate"
      data-inside={inside || undefined}
      style={{ top: AXIS + row * ROW, ...place }}
      title={`${span.name} ${span.version}`}
    >
      {span.name} {formatDuration(end - span.began)}
    </span>
  );
}

/** The same as a table for those who cannot see the bars: the five that took longest. */
function Longest(props: {
  spans: ISpan[];
  end: (span: ISpan) => number;
  session: IWasmwheel;
}): JSX.Element {
  const { spans, end, session } = props;
  const { trans } = session;
  const took = (span: ISpan) => end(span) - span.began;
  const sorted = [...spans].sort((one, other) => took(other) - took(one)).slice(0, 5);
  return (
    <table className="jp-wasmwheel-longest">
      <caption>{trans.__('What took longest')}</caption>
      <tbody>
        {sorted.map(span => (
          <tr key={`${span.name} ${span.version}`}>
            <th scope="row">{`${span.name} ${span.version}`}</th>
            <td>{formatDuration(took(span))}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Places of an axis's ticks: about eight, at round numbers of seconds. */
function ticks(whole: number): number[] {
  const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600];
  const step = steps.find(each => whole / each <= 9) ?? 1200;
  const count = Math.floor(whole / step);
  return Array.from({ length: count + 1 }, (_, index) => Number((index * step).toFixed(1)));
}
