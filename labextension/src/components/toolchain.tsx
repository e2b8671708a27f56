import { caretDownIcon, caretRightIcon } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { type IFinding, isOver } from '../contract';
import type { ToolchainModel } from '../model/toolchain';
import { CommandIDs, type IWasmwheel } from '../tokens';
import { Answer, withCode } from './answer';
import { TextButton } from './buttons';
import { useModel } from './hooks';

/** One line that says whether all is there; a click opens the details. */
export function Toolchain(props: { session: IWasmwheel }): JSX.Element {
  const { jobs, toolchain, commands, trans } = props.session;
  useModel(toolchain);
  const [open, setOpen] = React.useState(false);
  const installing = jobs.jobs.some(job => job.kind === 'install' && !isOver(job));
  const setUp = !installing && toolchain.isReady && (
    <TextButton
      accept={!toolchain.ok}
      label={trans.__('Set up')}
      title={trans.__(
        'Install what is missing, in a place of its own; nothing of yours is changed.'
      )}
      onClick={() => void commands.execute(CommandIDs.setUp)}
    />
  );
  const toFetch = toolchain.findings.some(each => each.state !== 'ok' && isFetched(each));
  const Caret = open ? caretDownIcon : caretRightIcon;
  if (toolchain.error && !toolchain.isReady) {
    return <Answer error={toolchain.error} quiet />;
  }
  return (
    <section className="jp-wasmwheel-toolchain" aria-label={trans.__('Toolchain')}>
      <div className="jp-wasmwheel-toolchain-head">
        <button
          type="button"
          className="jp-wasmwheel-toolchain-line"
          aria-expanded={open}
          data-state={!toolchain.isReady ? 'unknown' : toolchain.ok ? 'ok' : 'missing'}
          onClick={() => setOpen(!open)}
        >
          <Caret.react tag="span" elementSize="normal" />
          <span>{summary(toolchain, installing, trans)}</span>
        </button>
        {!toolchain.ok && setUp}
      </div>
      {open && (
        <ul className="jp-wasmwheel-findings">
          {toolchain.findings.map(finding => (
            <Finding key={finding.part} finding={finding} trans={trans} />
          ))}
        </ul>
      )}
      {open && toolchain.ok && toFetch && <div className="jp-wasmwheel-row">{setUp}</div>}
    </section>
  );
}

/** Whether a part that is not there yet is one that we can fetch ourselves. */
function isFetched(finding: IFinding): boolean {
  return finding.fix.includes('--fix');
}

function Finding(props: { finding: IFinding; trans: TranslationBundle }): JSX.Element {
  const { part, state, text, fix } = props.finding;
  const { trans } = props;
  const words = {
    ok: trans.__('there'),
    optional: trans.__('not there, not needed yet'),
    missing: trans.__('missing')
  };
  return (
    <li data-state={state}>
      <span
        className="jp-wasmwheel-mark"
        role="img"
        aria-label={words[state]}
        title={words[state]}
      />
      <div>
        <strong>{part}</strong> <span>{withCode(text)}</span>
        {state !== 'ok' && fix && <div className="jp-wasmwheel-quiet">{withCode(fix)}</div>}
      </div>
    </li>
  );
}

/** The line: `Ready · Rust 1.96 · Pyodide 314 · no C compiler (…)`. */
function summary(
  toolchain: ToolchainModel,
  installing: boolean,
  trans: TranslationBundle
): React.ReactNode {
  if (installing) {
    return trans.__('Setting up…');
  }
  if (!toolchain.isReady) {
    return trans.__('Looking for Rust and Pyodide…');
  }
  const missing = toolchain.findings.filter(each => each.state === 'missing');
  if (missing.length) {
    const parts = missing.map(each => each.part).join(', ');
    return <strong>{trans.__('Missing: %1', parts)}</strong>;
  }
  const finding = (part: string) => toolchain.findings.find(each => each.part === part);
  const rust = /\d+\.\d+/.exec(finding('Rust')?.text ?? '')?.[0] ?? '';
  const parts = [`Rust ${rust}`.trim()];
  if (toolchain.target) {
    parts.push(`Pyodide ${short(toolchain.target.pyodide)}`);
  }
  if (finding('C compiler')?.state === 'optional') {
    parts.push(trans.__('no C compiler (only needed for C and C++)'));
  }
  return (
    <>
      <strong>{trans.__('Ready')}</strong>
      {parts.map(part => ` · ${part}`)}
    </>
  );
}

/** A Pyodide's version as people say it: `314` of 314.0.7, but `0.29` of 0.29.5. */
export function short(version: string): string {
  const [first, second] = version.split('.');
  return first === '0' ? `0.${second}` : first!;
}
