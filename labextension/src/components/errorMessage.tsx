import * as React from 'react';

import type * as api from '../api';

/** An error: what happened, why, and how to fix it. */
export function ErrorMessage(props: {
  error: api.ErrorInfo;
  quiet?: boolean;
  children?: React.ReactNode;
}): JSX.Element {
  const { what, why, fix } = props.error;
  return (
    <div className="jp-wasmwheel-error" role={props.quiet ? undefined : 'alert'}>
      <p className="jp-wasmwheel-error-what">{what}</p>
      {why && <p>{withCode(why)}</p>}
      {fix && <p className="jp-wasmwheel-error-fix">{withCode(fix)}</p>}
      {props.children}
    </div>
  );
}

/** An option of a command, which must not be broken at a hyphen. */
const OPTION = /(?<=^| )(-[\w-]+)/;

/** Return a text whose parts between backticks are code. */
export function withCode(text: string): React.ReactNode[] {
  return text
    .split('`')
    .map((part, index) =>
      index % 2 ? <code key={index}>{part.split(OPTION).map(unbroken)}</code> : part
    );
}

function unbroken(part: string, index: number): React.ReactNode {
  return index % 2 ? (
    <span className="jp-wasmwheel-flag" key={index}>
      {part}
    </span>
  ) : (
    part
  );
}
