import { nullTranslator } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';
import { Widget } from '@lumino/widgets';
import * as React from 'react';

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

let widget: ReactWidget;
let calls: [string, unknown][];

beforeEach(() => {
  calls = [];
});

afterEach(() => widget.dispose());

/** Show an error with random texts, and return the buttons. */
async function show(
  remedies: api.Remedy[],
  diagnostics: object[] = []
): Promise<HTMLButtonElement[]> {
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
  widget = ReactWidget.create(
    <Problems build={build} job={job} session={session} onOpen={() => undefined} />
  );
  Widget.attach(widget, document.body);
  await new Promise(resolve => setTimeout(resolve, 50));
  [what, why, fix].forEach(text => expect(widget.node.textContent).toContain(text));
  return [...widget.node.querySelectorAll('button')];
}

test.each(REMEDIES)(
  '%s is a button, whatever the texts say',
  async (label, remedy, command, args) => {
    const [button, ...others] = await show([remedy]);
    expect(others).toEqual([]);
    expect(button?.textContent).toBe(label);
    button!.click();
    expect(calls).toEqual([[command, args]]);
  }
);

test('several remedies are as many buttons, of which the first is accented', async () => {
  const buttons = await show(REMEDIES.map(([, remedy]) => remedy));
  expect(buttons.map(each => each.textContent)).toEqual(REMEDIES.map(([label]) => label));
  expect(buttons.map(each => each.classList.contains('jp-mod-accept')).indexOf(true, 1)).toBe(-1);
  expect(buttons[0]!.classList.contains('jp-mod-accept')).toBe(true);
});

test('without a remedy that can be applied there is no button', async () => {
  const outside: api.Remedy = {
    action: 'open',
    file: '/elsewhere/lib.rs',
    line: 1,
    column: 1,
    path: null
  };
  const unknown = { action: 'pray' } as unknown as api.Remedy;
  expect(await show([outside, unknown])).toEqual([]);
});

test.each([
  ['compiler', 'Compiler output'],
  ['test', 'Test output']
])("a problem's output is named by its source: %s", async (source, title) => {
  await show([], [{ source, level: 'error', code: 'failed', message: 'm', rendered: 'r' }]);
  expect(widget.node.querySelector('summary')?.textContent).toBe(title);
});
