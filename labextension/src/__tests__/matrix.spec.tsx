import { nullTranslator } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { Widget } from '@lumino/widgets';
import * as React from 'react';

import type * as api from '../api';
import { Matrix } from '../components/document/matrix';
import { BuildModel, type IJobSource } from '../model/build';
import { RequestModel, toTestRequest } from '../model/request';

const server = { url: (...parts: string[]) => `/api/${parts.join('/')}` };
const trans = nullTranslator.load('jupyter_wasmwheel');

function target(abi: string): api.TargetInfo {
  return { abi, pyodide: `1.${abi}`, python: '3.14', platform_tag: `pyemscripten_${abi}_wasm32` };
}

function built(abi: string, wheel: string): api.TargetResult {
  const phases = [
    { name: 'compile', seconds: 2 },
    { name: 'smoke', seconds: 1 }
  ];
  const report = { wheel, size: 42_000, phases, smoke: { module: 'hello' } };
  return { target: target(abi), report: report as unknown as api.BuildReport, error: null };
}

async function show(rows: api.TargetResult[]): Promise<HTMLElement> {
  const widget = ReactWidget.create(<Matrix job="a" rows={rows} server={server} trans={trans} />);
  Widget.attach(widget, document.body);
  await new Promise(resolve => setTimeout(resolve, 50));
  return widget.node;
}

test('each target has a row with its own wheel', async () => {
  const node = await show([built('2025_0', '/out/a.whl'), built('2026_0', '/out/b.whl')]);
  const rows = [...node.querySelectorAll('tbody tr')];
  expect(rows.map(row => row.querySelector('th')!.textContent)).toEqual(['1.2025_0', '1.2026_0']);
  const links = rows.map(row => row.querySelector('a')!);
  expect(links.map(link => link.title)).toEqual(['a.whl', 'b.whl']);
  expect(links[1]!.getAttribute('href')).toBe('/api/jobs/a/wheel?target=2026_0');
  expect(rows[0]!.textContent).toContain('3.0 s');
});

test('a target that failed has the reason in its row', async () => {
  const error = { what: 'No C compiler.', why: 'emcc is missing.' } as api.ErrorInfo;
  const node = await show([
    { target: target('2025_0'), report: null, error },
    built('2026_0', '/out/b.whl')
  ]);
  const [failed, done] = node.querySelectorAll<HTMLElement>('tbody tr');
  expect(failed!.dataset.state).toBe('failed');
  expect(failed!.textContent).toContain('No C compiler. emcc is missing.');
  expect(done!.dataset.state).toBe('done');
});

test('a build with one target has no table', async () => {
  expect((await show([])).querySelector('table')).toBeNull();
});

test('the form asks for all targets, and its tests run for the default one', () => {
  const model = new RequestModel();
  model.set({ site: null, target: 'all' });
  const build = model.toBuildRequest('hello', null);
  expect(build.target).toBe('all');
  expect(toTestRequest(build, undefined)).not.toHaveProperty('target');
  expect(toTestRequest({ ...build, target: '2025_0,2026_0' }, undefined)).not.toHaveProperty(
    'target'
  );
  expect(toTestRequest({ ...build, target: '2025_0' }, undefined).target).toBe('2025_0');
});

test('the time of a phase is the sum over the targets', () => {
  const source = { ready: Promise.resolve(), get: () => undefined } as unknown as IJobSource;
  const build = new BuildModel('a', source);
  const times = [
    [10, 'started'],
    [30, 'done'],
    [40, 'started'],
    [45, 'done']
  ] as const;
  (build as unknown as { _waiting: null })._waiting = null;
  times.forEach(([time, state], index) =>
    build.receive({ job: 'a', seq: index + 1, time, kind: 'phase', name: 'compile', state })
  );
  const [phase] = build.phases;
  expect(phase!.ended! - phase!.started).toBe(25);
});
