import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import * as React from 'react';

import type * as api from '../../api';
import { hasEnded } from '../../model/job';
import type { BuildModel } from '../../model/build';
import { CommandIDs, type IWasmwheel } from '../../tokens';
import { labelRemedy } from '../../labels';
import { ErrorMessage, withCode } from '../errorMessage';
import { TextButton } from '../buttons';

/** The error of a job, then the messages of the compiler or the tests. */
export function Problems(props: {
  build: BuildModel;
  job: api.Job;
  session: IWasmwheel;
  onOpen: (problem: api.Diagnostic) => void;
}): JSX.Element {
  const { build, job, session } = props;
  const { trans } = session;
  const sorted = [...build.diagnostics].sort((one, other) => rank(one) - rank(other));
  return (
    <div className="jp-wasmwheel-problems">
      {job.error && (
        <ErrorMessage error={job.error} quiet>
          <Remedies job={job} error={job.error} session={session} />
        </ErrorMessage>
      )}
      {!job.error && !sorted.length && (
        <p className="jp-wasmwheel-quiet">
          {hasEnded(job) ? trans.__('No problems.') : trans.__('No problems so far.')}
        </p>
      )}
      <ul>
        {sorted.map((problem, index) => (
          <Problem key={index} problem={problem} trans={trans} onOpen={props.onOpen} />
        ))}
      </ul>
    </div>
  );
}

function rank(problem: api.Diagnostic): number {
  return problem.level === 'error' ? 0 : 1;
}

/** A button for each remedy that the panel can apply. */
function Remedies(props: {
  job: api.Job;
  error: api.ErrorInfo;
  session: IWasmwheel;
}): JSX.Element | null {
  const { job, error, session } = props;
  const { commands, trans } = session;
  const known = error.remedies.flatMap(remedy => {
    const call = callFor(remedy, job);
    return call ? [{ ...call, label: labelRemedy(remedy, trans) }] : [];
  });
  return known.length ? (
    <div className="jp-wasmwheel-remedies">
      {known.map(({ command, args, label }, index) => (
        <TextButton
          key={index}
          accept={index === 0}
          label={label}
          onClick={() => void commands.execute(command, args)}
        />
      ))}
    </div>
  ) : null;
}

/** Return the command that applies a remedy, or null if the panel cannot apply it. */
function callFor(remedy: api.Remedy, job: api.Job): ICall | null {
  switch (remedy.action) {
    case 'retry':
      return { command: CommandIDs.again, args: { id: job.id, with: remedy.changes } };
    case 'install':
      return {
        command: CommandIDs.setUp,
        args: { extras: remedy.extras, target: remedy.target }
      };
    case 'open':
      // Jupyter can open only files in its own folder, which have a path.
      return remedy.path
        ? {
            command: CommandIDs.openSource,
            args: { path: remedy.path, line: remedy.line ?? 1, column: remedy.column ?? 1 }
          }
        : null;
    default:
      // A server that was updated may know more remedies than this page.
      return null;
  }
}

interface ICall {
  command: string;
  args: ReadonlyPartialJSONObject;
}

function Problem(props: {
  problem: api.Diagnostic;
  trans: TranslationBundle;
  onOpen: (problem: api.Diagnostic) => void;
}): JSX.Element {
  const { problem, trans } = props;
  const { source, level, code, message, file, line, column, path, rendered } = problem;
  const place = file && [path ?? file, line ?? 1, ...(column ? [column] : [])].join(':');
  const isError = level === 'error';
  return (
    <li className="jp-wasmwheel-problem" data-level={level}>
      <div className="jp-wasmwheel-problem-head">
        <span
          className="jp-wasmwheel-status"
          role="img"
          aria-label={isError ? trans.__('Error') : trans.__('Warning')}
          title={isError ? trans.__('Error') : trans.__('Warning')}
        />
        <span className="jp-wasmwheel-problem-message">
          {withCode(message)} {code && <code>{code.replace('_', ' ')}</code>}
        </span>
        {place &&
          (path ? (
            <button
              type="button"
              className="jp-wasmwheel-link"
              title={trans.__('Open %1 at line %2', file, line ?? 1)}
              onClick={() => props.onOpen(problem)}
            >
              {place}
            </button>
          ) : (
            <span className="jp-wasmwheel-quiet">{place}</span>
          ))}
      </div>
      <details open={isError}>
        <summary>
          {source === 'test' ? trans.__('Test output') : trans.__('Compiler output')}
        </summary>
        <pre tabIndex={0}>{rendered.trimEnd()}</pre>
      </details>
    </li>
  );
}
