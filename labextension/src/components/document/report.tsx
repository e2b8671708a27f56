import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type * as api from '../../api';
import { formatDuration, formatSize } from '../../format';
import { summarizeTests } from '../../labels';
import { reportOf } from '../../model/job';
import { Recipe } from '../changes';
import { Patches } from '../patches';

/** What a build came to: the wheel, what made it, and what proves that it works. */
export function ReportView(props: { job: api.Job; trans: TranslationBundle }): JSX.Element {
  const { job, trans } = props;
  if (!job.report) {
    return (
      <p className="jp-wasmwheel-quiet">{trans.__('There is a report once the build is done.')}</p>
    );
  }
  const report = reportOf(job);
  if (!report) {
    return <pre className="jp-wasmwheel-report">{JSON.stringify(job.report, null, 2)}</pre>;
  }
  return (
    <div className="jp-wasmwheel-report">
      {report.tests && <OwnTests tests={report.tests} trans={trans} />}
      <Wheel report={report} trans={trans} />
      <Toolchain report={report} trans={trans} />
      <Checks report={report} trans={trans} />
      <Requirements dependencies={report.dependencies} trans={trans} />
      <Edits report={report} trans={trans} />
    </div>
  );
}

type Row = [label: string, value: React.ReactNode, hint?: string];

function Table(props: { title: string; rows: Row[] }): JSX.Element {
  return (
    <section>
      <h2>{props.title}</h2>
      <dl>
        {props.rows.map(([label, value, hint]) => (
          <React.Fragment key={label}>
            <dt title={hint}>{label}</dt>
            <dd>{value}</dd>
          </React.Fragment>
        ))}
      </dl>
    </section>
  );
}

function Wheel(props: { report: api.BuildReport; trans: TranslationBundle }): JSX.Element {
  const { report, trans } = props;
  const { target } = report;
  const rows: Row[] = [
    [trans.__('File'), <code>{report.wheel.split(/[\\/]/).pop()}</code>],
    [trans.__('Size'), formatSize(report.size)],
    ['SHA-256', <code>{report.sha256}</code>, trans.__('The hash by which the file is recognised')],
    [trans.__('For'), trans.__('Pyodide %1, Python %2', target.pyodide, target.python)],
    [
      'ABI',
      <code>{target.platform_tag}</code>,
      trans.__('Application binary interface: wheels run in every Pyodide of the same one')
    ],
    [
      trans.__('Profile'),
      report.profile === 'draft'
        ? trans.__('Draft: quick to build, larger and slower to run')
        : trans.__('Release: optimised, as you would publish it')
    ]
  ];
  if (report.published) {
    rows.push([trans.__('Site'), <code>{report.published.site}</code>]);
  }
  return <Table title={trans.__('Wheel')} rows={rows} />;
}

function OwnTests(props: { tests: api.Tests; trans: TranslationBundle }): JSX.Element {
  const { tests, trans } = props;
  const asked = new Map<string, string[]>();
  for (const { outcome, reason, id } of tests.failures) {
    if (outcome === 'unsupported' && reason) {
      asked.set(reason, [...(asked.get(reason) ?? []), id]);
    }
  }
  const rows: Row[] = [
    [trans._n('%1 test', '%1 tests', tests.collected), summarizeTests(tests, trans)],
    [trans.__('Time'), formatDuration(tests.seconds)],
    ...[...asked].map(([reason, ids]): Row => [
      trans.__('Needs %1', reason),
      ids.join(', '),
      trans.__('A browser has none: these tests can pass only elsewhere')
    ])
  ];
  return <Table title={trans.__('Its own tests')} rows={rows} />;
}

function Toolchain(props: {
  report: api.BuildReport;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { toolchain } = props.report;
  const { trans } = props;
  if (!toolchain) {
    return null;
  }
  const { emscripten } = toolchain;
  const c = emscripten
    ? trans.__('Emscripten %1, for %2', emscripten.version, emscripten.crates.join(', '))
    : trans.__('not needed: there is no C or C++ in it');
  const rows: Row[] = [
    ['Rust', toolchain.rustc ?? trans.__('not needed: there is no crate in it')],
    [
      trans.__('Standard library'),
      toolchain.std ?? '–',
      trans.__("Rust's standard library compiled for the target, the sysroot")
    ],
    [trans.__('Linker'), toolchain.linker],
    [trans.__('C compiler'), c],
    [
      'wasm-opt',
      toolchain.wasm_opt ?? trans.__('not used in a draft'),
      trans.__('Makes a WebAssembly module smaller and faster')
    ],
    ['maturin', toolchain.maturin ?? '–', trans.__('Builds Python packages that have Rust in them')]
  ];
  return <Table title={trans.__('Toolchain')} rows={rows} />;
}

function Checks(props: { report: api.BuildReport; trans: TranslationBundle }): JSX.Element {
  const { audit, smoke, target } = props.report;
  const { trans } = props;
  const rows: Row[] = [
    [
      trans.__('Audit'),
      audit.ok
        ? trans.__('Pyodide %1 has everything that the module asks for', target.pyodide)
        : trans.__('missing: %1', audit.missing.join(', ')),
      trans.__('Every import of the module compared with what that Pyodide provides')
    ],
    [
      trans.__('Smoke'),
      smoke
        ? trans.__('import %1 works, in %2', smoke.module, formatDuration(smoke.seconds))
        : trans.__('not done'),
      trans.__('The wheel was imported in the real Pyodide')
    ]
  ];
  return <Table title={trans.__('Checks')} rows={rows} />;
}

function Requirements(props: {
  dependencies: api.Dependency[];
  trans: TranslationBundle;
}): JSX.Element | null {
  const { dependencies, trans } = props;
  if (!dependencies.length) {
    return null;
  }
  const from: Record<api.Dependency['from'], string> = {
    pyodide: trans.__('comes with Pyodide'),
    pypi: trans.__('from PyPI'),
    'pypi-wasm': trans.__('from PyPI, built for Pyodide'),
    site: trans.__('in the site'),
    built: trans.__('built along'),
    missing: trans.__('nowhere to be had; the import works without it')
  };
  // What Pyodide's own packages need among themselves is no news.
  const told = dependencies.filter(each => !each.needed_by || each.from === 'missing');
  const rows = told.map((each): Row => {
    const where = from[each.from];
    return [
      each.requirement,
      each.needed_by ? trans.__('%1 (needed by %2)', where, each.needed_by) : where
    ];
  });
  return <Table title={trans.__('Requirements')} rows={rows} />;
}

function Edits(props: { report: api.BuildReport; trans: TranslationBundle }): JSX.Element | null {
  const { report, trans } = props;
  if (!report.patches.length && !report.recipe) {
    return null;
  }
  return (
    <section>
      <h2>{trans.__('Edits')}</h2>
      {report.recipe && <Recipe recipe={report.recipe} trans={trans} />}
      <Patches patches={report.patches} />
    </section>
  );
}
