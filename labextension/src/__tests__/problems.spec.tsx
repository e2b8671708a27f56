import { nullTranslator } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import { createRoot, type Root } from 'react-dom/client';
import { act } from 'react-dom/test-utils';

import type * as api from '../api';
import { Problems } from '../components/document/problems';
import type { BuildModel } from '../model/build';
import { CommandIDs, type IWasmwheel } from '../tokens';

const REMEDIES: [string, api.Remedy, string, object][] = [
  ['Retry', { action: 'retry', changes: {} }, CommandIDs.again, { id: 'a', with: {} }],
  [
    'Retry: Ignore cached wheels',
    { action: 'retry', changes: { no_cache: true } },
    CommandIDs.again,
    { id: 'a', with: { no_cache: true } }
  ],
  [
    'Retry: Build dependencies',
    { action: 'retry', changes: { with_dependencies: true } },
    CommandIDs.again,
    { id: 'a', with: { with_dependencies: true } }
  ],
  [
    'Retry: Make optional numpy',
    { action: 'retry', changes: { make_optional: ['numpy'] } },
    CommandIDs.again,
    { id: 'a', with: { make_optional: ['numpy'] } }
  ],
  [
    'Retry: Offline off, Linker wasm-ld',
    { action: 'retry', changes: { offline: false, linker: 'wasm-ld' } },
    CommandIDs.again,
    { id: 'a', with: { offline: false, linker: 'wasm-ld' } }
  ],
  [
    'Install Emscripten',
    { action: 'install', extras: ['emscripten'], target: '2026_0' },
    CommandIDs.setUp,
    { extras: ['emscripten'], target: '2026_0' }
  ],
  [
    'Install Rust Nightly',
    { action: 'install', extras: ['nightly'], target: null },
    CommandIDs.setUp,
    { extras: ['nightly'], target: null }
  ],
  [
    'Set Up Toolchain',
    { action: 'install', extras: [], target: null },
    CommandIDs.setUp,
    { extras: [], target: null }
  ],
  [
    'Open File',
    { action: 'open', file: '/x/src/lib.rs', line: 3, column: null, path: 'hello/src/lib.rs' },
    CommandIDs.openSource,
    { path: 'hello/src/lib.rs', line: 3, column: 1 }
  ]
];

let root: Root;
let host: HTMLElement;
let calls: [string, unknown][];

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
  host = document.body.appendChild(document.createElement('div'));
  root = createRoot(host);
  calls = [];
});

afterEach(() => {
  act(() => root.unmount());
  host.remove();
});

/** Show an error with texts that nobody knows, and return the buttons. */
function show(remedies: api.Remedy[], diagnostics: object[] = []): HTMLButtonElement[] {
  const nonce = () => Math.random().toString(36);
  const commands = new CommandRegistry();
  for (const id of Object.values(CommandIDs)) {
    commands.addCommand(id, { execute: args => void calls.push([id, args]) });
  }
  const [what, why, fix] = [nonce(), nonce(), nonce()];
  const job = {
    id: 'a',
    kind: 'build',
    state: 'failed',
    error: { code: nonce(), what, why, fix, status: 5, counts: {}, remedies }
  } as unknown as api.Job;
  const session = {
    commands,
    trans: nullTranslator.load('jupyter_wasmwheel')
  } as unknown as IWasmwheel;
  const build = { diagnostics } as unknown as BuildModel;
  act(() =>
    root.render(<Problems build={build} job={job} session={session} onOpen={() => undefined} />)
  );
  [what, why, fix].forEach(text => expect(host.textContent).toContain(text));
  return [...host.querySelectorAll('button')];
}

test.each(REMEDIES)('%s is a button, whatever the texts say', (label, remedy, command, args) => {
  const [button, ...others] = show([remedy]);
  expect(others).toEqual([]);
  expect(button?.textContent).toBe(label);
  act(() => button!.click());
  expect(calls).toEqual([[command, args]]);
});

test('several remedies are as many buttons, of which the first is accented', () => {
  const buttons = show(REMEDIES.map(([, remedy]) => remedy));
  expect(buttons.map(each => each.textContent)).toEqual(REMEDIES.map(([label]) => label));
  expect(buttons.map(each => each.classList.contains('jp-mod-accept')).indexOf(true, 1)).toBe(-1);
  expect(buttons[0]!.classList.contains('jp-mod-accept')).toBe(true);
});

test('without a remedy that can be applied there is no button', () => {
  const outside: api.Remedy = {
    action: 'open',
    file: '/elsewhere/lib.rs',
    line: 1,
    column: 1,
    path: null
  };
  const unknown = { action: 'pray' } as unknown as api.Remedy;
  expect(show([outside, unknown])).toEqual([]);
});

test.each([
  ['compiler', 'Compiler output'],
  ['test', 'Test output']
])("a problem's output is named by its source: %s", (source, title) => {
  show([], [{ source, level: 'error', code: 'failed', message: 'm', rendered: 'r' }]);
  expect(host.querySelector('summary')?.textContent).toBe(title);
});
