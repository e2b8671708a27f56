import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type * as api from '../../api';
import { formatDuration, formatSize } from '../../format';
import { describeProfile, summarizeTests } from '../../labels';
import { hasEnded, reportOf } from '../../model/job';
import type { Server } from '../../server';
import { Recipe } from '../editPreview';
import { Patches } from '../patches';
import { Matrix } from './matrix';

/** The report of a build: the wheel, the toolchain, the checks, and so on. */
export function ReportView(props: {
  job: api.Job;
  server: Pick<Server, 'url'>;
  trans: TranslationBundle;
}): JSX.Element {
  const { job, trans } = props;
  if (!job.report) {
    return (
      <p className="jp-wasmwheel-quiet">
        {hasEnded(job)
          ? trans.__('There is no report, because the build did not finish.')
          : trans.__('The report is available when the build is done.')}
      </p>
    );
  }
  const report = reportOf(job);
  if (!report) {
    return <pre className="jp-wasmwheel-report">{JSON.stringify(job.report, null, 2)}</pre>;
  }
  return (
    <div className="jp-wasmwheel-report">
      {report.tests && <OwnTests tests={report.tests} trans={trans} />}
      <Matrix job={job.id} rows={report.targets ?? []} server={props.server} trans={trans} />
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
    ['SHA-256', <code>{report.sha256}</code>, trans.__('Hash that identifies the file')],
    [trans.__('For'), trans.__('Pyodide %1, Python %2', target.pyodide, target.python)],
    [
      'ABI',
      <code>{target.platform_tag}</code>,
      trans.__('Application binary interface: the wheel runs in each Pyodide with the same ABI')
    ],
    [trans.__('Profile'), describeProfile(report.profile, trans)]
  ];
  if (report.published) {
    rows.push([trans.__('Site'), <code>{report.published.site}</code>]);
  }
  return <Table title={trans.__('Wheel')} rows={rows} />;
}

function OwnTests(props: { tests: api.Tests; trans: TranslationBundle }): JSX.Element {
  const { tests, trans } = props;
  const reasons = new Map<string, string[]>();
  for (const { outcome, reason, id } of tests.failures) {
    if (outcome === 'unsupported' && reason) {
      reasons.set(reason, [...(reasons.get(reason) ?? []), id]);
    }
  }
  const rows: Row[] = [
    [trans._n('%1 test', '%1 tests', tests.collected), summarizeTests(tests, trans)],
    [trans.__('Time'), formatDuration(tests.seconds)],
    ...[...reasons].map(([reason, ids]): Row => [
      trans.__('Needs %1', reason),
      ids.join(', '),
      trans.__('Not available in a browser, so these tests cannot pass there')
    ])
  ];
  return <Table title={trans.__('Tests')} rows={rows} />;
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
    : trans.__('not required: the package contains no C or C++ code');
  const rows: Row[] = [
    ['Rust', toolchain.rustc ?? trans.__('not required: the package contains no crate')],
    [
      trans.__('Standard library'),
      toolchain.std ?? '–',
      trans.__("Rust's standard library, compiled for the target (sysroot)")
    ],
    [trans.__('Linker'), toolchain.linker],
    [trans.__('C compiler'), c],
    [
      'wasm-opt',
      toolchain.wasm_opt ?? trans.__('not used for drafts'),
      trans.__('Optimizer of WebAssembly modules')
    ],
    ['maturin', toolchain.maturin ?? '–', trans.__('Build backend for Rust-based Python packages')]
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
        ? trans.__('Pyodide %1 provides all that the module needs', target.pyodide)
        : trans.__('Pyodide %1 lacks %2', target.pyodide, audit.missing.join(', ')),
      trans.__('Compares the imports of the module with what Pyodide provides')
    ],
    [
      trans.__('Import'),
      smoke
        ? trans.__('Pyodide imported %1 in %2', smoke.module, formatDuration(smoke.seconds))
        : trans.__('not checked'),
      trans.__('Imports the wheel in Pyodide')
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
    pyodide: trans.__('included in Pyodide'),
    pypi: trans.__('from PyPI'),
    'pypi-wasm': trans.__('from PyPI, built for Pyodide'),
    site: trans.__('in the site'),
    built: trans.__('built as a dependency'),
    missing: trans.__('not available for Pyodide; the package imports without it')
  };
  // Pyodide's packages have dependencies of their own, which need no mention.
  const shown = dependencies.filter(each => !each.needed_by || each.from === 'missing');
  const rows = shown.map((each): Row => {
    const where = from[each.from];
    return [
      each.requirement,
      each.needed_by ? trans.__('%1 (required by %2)', where, each.needed_by) : where
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
