import * as React from 'react';

import type * as api from '../api';

/** An error with its answer: what happened, why, and what to do about it. */
export function Answer(props: {
  error: api.ErrorInfo;
  quiet?: boolean;
  children?: React.ReactNode;
}): JSX.Element {
  const { what, why, fix } = props.error;
  return (
    <div className="jp-wasmwheel-answer" role={props.quiet ? undefined : 'alert'}>
      <p className="jp-wasmwheel-answer-what">{what}</p>
      {why && <p className="jp-wasmwheel-answer-why">{withCode(why)}</p>}
      {fix && <p className="jp-wasmwheel-answer-fix">{withCode(fix)}</p>}
      {props.children}
    </div>
  );
}

/** A sentence with what is between backticks set as code, whose options are not broken at a hyphen. */
export function withCode(text: string): React.ReactNode[] {
  return text
    .split('`')
    .map((part, index) =>
      index % 2 ? <code key={index}>{part.split(OPTION).map(whole)}</code> : part
    );
}

/** An option of a command, between what is around it. */
const OPTION = /(?<=^| )(-[\w-]+)/;

function whole(part: string, index: number): React.ReactNode {
  return index % 2 ? (
    <span className="jp-wasmwheel-flag" key={index}>
      {part}
    </span>
  ) : (
    part
  );
}
