import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { type Extra, type IDiagnostic, type IError, type IJob, isOver } from '../../contract';
import type { BuildModel } from '../../model/build';
import { CommandIDs, type IWasmwheel } from '../../tokens';
import { labelExtras } from '../../labels';
import { Answer, withCode } from '../answer';
import { TextButton } from '../buttons';

/** What went wrong: first the answer, then the compiler's own messages. */
export function Problems(props: {
  build: BuildModel;
  job: IJob;
  session: IWasmwheel;
  onOpen: (problem: IDiagnostic) => void;
}): JSX.Element {
  const { build, job, session } = props;
  const { trans } = session;
  const sorted = [...build.diagnostics].sort((one, other) => rank(one) - rank(other));
  return (
    <div className="jp-wasmwheel-problems">
      {job.error && (
        <Answer error={answer(job.error, build, session)} quiet>
          <RemedyButton job={job} session={session} />
        </Answer>
      )}
      {!job.error && !sorted.length && (
        <p className="jp-wasmwheel-quiet">
          {isOver(job) ? trans.__('No problems.') : trans.__('No problems so far.')}
        </p>
      )}
      <ul>
        {sorted.map((problem, index) => (
          <Problem
            key={index}
            problem={problem}
            said={said(problem, trans)}
            trans={trans}
            onOpen={props.onOpen}
          />
        ))}
      </ul>
    </div>
  );
}

/** The answer to a compile error, or to a test that failed, is in the list below it. */
function answer(error: IError, build: BuildModel, session: IWasmwheel): IError {
  const { trans } = session;
  if (!build.problems) {
    return error;
  }
  switch (error.status) {
    case 5:
      return {
        ...error,
        why: '',
        fix: trans.__('Click on a place to open the file there, correct it, and build again.')
      };
    case 8:
    case 9:
      return {
        ...error,
        why: '',
        fix: trans.__('Click on a place to open the file there, correct it, and run them again.')
      };
    default:
      return error;
  }
}

/** Whose words a problem is told in: a test's outcome is its code. */
function said(problem: IDiagnostic, trans: TranslationBundle): string {
  return ['failed', 'crashed', 'timed_out'].includes(problem.code ?? '')
    ? trans.__('What the test says')
    : trans.__('What the compiler says');
}

function rank(problem: IDiagnostic): number {
  return problem.level.startsWith('error') ? 0 : 1;
}

/** A button that applies a remedy of a failed job. */
function RemedyButton(props: { job: IJob; session: IWasmwheel }): JSX.Element | null {
  const { job } = props;
  const { commands, toolchain, trans } = props.session;
  const fix = job.error?.fix ?? '';
  const builds = job.kind === 'build' || job.kind === 'test';
  const extra = /doctor --fix (emscripten|nightly)/.exec(fix)?.[1] as Extra | undefined;
  if (builds && extra) {
    return (
      <TextButton
        accept
        label={trans.__('Install %1', labelExtras([extra], trans))}
        onClick={() => void commands.execute(CommandIDs.setUp, { extras: [extra] })}
      />
    );
  }
  if (job.error?.status === 4 && (fix.includes('--fix') || !toolchain.ok)) {
    return (
      <TextButton
        accept
        label={trans.__('Set up the toolchain')}
        onClick={() => void commands.execute(CommandIDs.setUp)}
      />
    );
  }
  if (builds && fix.includes('--ignore-lock')) {
    return (
      <TextButton
        accept
        label={trans.__('Build again, all versions chosen anew')}
        onClick={() =>
          void commands.execute(CommandIDs.again, { id: job.id, with: { ignore_lock: true } })
        }
      />
    );
  }
  if (builds && fix.includes('--with-dependencies')) {
    return (
      <TextButton
        accept
        label={trans.__('Build again, with what it needs')}
        onClick={() =>
          void commands.execute(CommandIDs.again, { id: job.id, with: { with_dependencies: true } })
        }
      />
    );
  }
  return null;
}

function Problem(props: {
  problem: IDiagnostic;
  said: string;
  trans: TranslationBundle;
  onOpen: (problem: IDiagnostic) => void;
}): JSX.Element {
  const { problem, trans } = props;
  const { level, code, message, file, line, column, path, rendered } = problem;
  const place = file && [path ?? file, line ?? 1, ...(column ? [column] : [])].join(':');
  const isError = level.startsWith('error');
  return (
    <li className="jp-wasmwheel-problem" data-level={isError ? 'error' : level}>
      <div className="jp-wasmwheel-problem-head">
        <span
          className="jp-wasmwheel-mark"
          role="img"
          aria-label={isError ? trans.__('error') : trans.__('warning')}
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
        <summary>{props.said}</summary>
        <pre tabIndex={0}>{rendered.trimEnd()}</pre>
      </details>
    </li>
  );
}
