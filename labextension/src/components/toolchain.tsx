import { caretDownIcon, caretRightIcon, closeIcon } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type * as api from '../api';
import { hasEnded, isPreparation } from '../model/job';
import type { ToolchainModel } from '../model/toolchain';
import { CommandIDs, type IWasmwheel } from '../tokens';
import { labelJob, labelProgress, labelRemedy } from '../labels';
import { ErrorMessage, withCode } from './errorMessage';
import { ProgressBar } from './builds';
import { IconButton, TextButton } from './buttons';
import { useModel } from './hooks';

/** A line on the state of the toolchain, which expands to its parts. */
export function Toolchain(props: { session: IWasmwheel }): JSX.Element {
  const { jobs, toolchain, commands, trans } = props.session;
  useModel(toolchain);
  const [chosen, setChosen] = React.useState<boolean | null>(null);
  // Show at once what is missing and how to fix it.
  const open = chosen ?? (toolchain.isReady && !toolchain.ok);
  useModel(jobs);
  const installing = jobs.jobs.filter(job => job.kind === 'install' && !hasEnded(job));
  // Preparation in the background is not announced, only shown among the details.
  const shown = open ? installing : installing.filter(job => !isPreparation(job));
  const setUp = !shown.length && toolchain.isReady && (
    <TextButton
      accept={!toolchain.ok}
      label={trans.__('Set Up Toolchain')}
      title={trans.__('Install what is missing, without changing existing installations')}
      onClick={() => void commands.execute(CommandIDs.setUp)}
    />
  );
  const toFetch = toolchain.findings.some(each => each.remedies.some(isSetUp));
  const missing = toolchain.findings.filter(each => each.state === 'missing');
  const canBeSetUp = missing.every(each => each.remedies.length);
  const Caret = open ? caretDownIcon : caretRightIcon;
  if (toolchain.error && !toolchain.isReady) {
    return <ErrorMessage error={toolchain.error} quiet />;
  }
  return (
    <section className="jp-wasmwheel-toolchain" aria-label={trans.__('Toolchain')}>
      <div className="jp-wasmwheel-toolchain-head">
        <button
          type="button"
          className="jp-wasmwheel-toolchain-line"
          aria-expanded={open}
          data-state={!toolchain.isReady ? 'unknown' : toolchain.ok ? 'ok' : 'missing'}
          onClick={() => setChosen(!open)}
        >
          <Caret.react tag="span" elementSize="normal" />
          <span>{summarize(toolchain, trans)}</span>
        </button>
        {!toolchain.ok && canBeSetUp && setUp}
      </div>
      {shown.map(job => (
        <Installing key={job.id} job={job} session={props.session} />
      ))}
      {open && (
        <ul className="jp-wasmwheel-findings">
          {toolchain.findings.map(finding => (
            <Finding key={finding.id} finding={finding} session={props.session} />
          ))}
        </ul>
      )}
      {open && toolchain.ok && toFetch && <div className="jp-wasmwheel-row">{setUp}</div>}
    </section>
  );
}

/** A running installation, with a button to cancel it. */
function Installing(props: { job: api.Job; session: IWasmwheel }): JSX.Element {
  const { job, session } = props;
  const { commands, trans } = session;
  const name = labelJob(job, trans);
  return (
    <div className="jp-wasmwheel-installing" role="group" aria-label={trans.__('Installing')}>
      <span>
        <strong>{name}</strong> {labelProgress(job, trans)}
      </span>
      <IconButton
        icon={closeIcon}
        label={trans.__('Cancel installation of %1', name)}
        onClick={() => void commands.execute(CommandIDs.cancel, { id: job.id })}
      />
      <ProgressBar job={job} name={name} />
    </div>
  );
}

function Finding(props: { finding: api.Finding; session: IWasmwheel }): JSX.Element {
  const { part, state, text, fix, remedies } = props.finding;
  const { commands, jobs, trans } = props.session;
  const isInstalling = jobs.jobs.some(job => job.kind === 'install' && !hasEnded(job));
  const states = {
    ok: trans.__('Installed'),
    optional: trans.__('Not installed, not required'),
    missing: trans.__('Missing')
  };
  return (
    <li data-state={state}>
      <span
        className="jp-wasmwheel-status"
        role="img"
        aria-label={states[state]}
        title={states[state]}
      />
      <div>
        <strong>{part}</strong> <span>{withCode(text)}</span>
        {fix && <div className="jp-wasmwheel-quiet">{withCode(fix)}</div>}
        {remedies
          .filter(remedy => !isSetUp(remedy))
          .map((remedy, index) => (
            <TextButton
              key={index}
              label={labelRemedy(remedy, trans)}
              disabled={isInstalling}
              onClick={() => void commands.execute(CommandIDs.setUp, { ...remedy })}
            />
          ))}
      </div>
    </li>
  );
}

/** Check whether a remedy installs all that is missing, for which one button is enough. */
function isSetUp(remedy: api.Install): boolean {
  return remedy.extras.length === 0;
}

/** Summarize the toolchain, as in `Ready · Rust 1.96 · Pyodide 314`. */
function summarize(toolchain: ToolchainModel, trans: TranslationBundle): React.ReactNode {
  if (!toolchain.isReady) {
    return trans.__('Checking the toolchain…');
  }
  const missing = toolchain.findings.filter(each => each.state === 'missing');
  if (missing.length) {
    const parts = missing.map(each => each.part).join(', ');
    return <strong>{trans.__('Missing: %1', parts)}</strong>;
  }
  const finding = (id: api.Finding['id']) => toolchain.findings.find(each => each.id === id);
  const rust = finding('rust')?.version?.split('.').slice(0, 2).join('.');
  const parts = [rust ? `Rust\u00a0${rust}` : 'Rust'];
  if (toolchain.target) {
    parts.push(`Pyodide\u00a0${shortVersion(toolchain.target.pyodide)}`);
  }
  if (finding('c-compiler')?.state === 'optional') {
    parts.push(trans.__('no C compiler (only required for C and C++)'));
  }
  return (
    <>
      <strong>{trans.__('Ready')}</strong>
      {parts.map(part => ` · ${part}`)}
    </>
  );
}

/** Return the part of a Pyodide version that its ABI depends on: `314` of 314.0.7, `0.29` of 0.29.5. */
export function shortVersion(version: string): string {
  const [first, second] = version.split('.');
  return first === '0' ? `0.${second}` : first!;
}
