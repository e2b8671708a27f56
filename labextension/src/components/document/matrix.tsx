import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type * as api from '../../api';
import { formatDuration, formatSize } from '../../format';
import type { Server } from '../../server';

/** A table with a row for each target of a build, or nothing for a build with one target. */
export function Matrix(props: {
  job: string;
  rows: readonly api.TargetResult[];
  server: Pick<Server, 'url'>;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { job, rows, server, trans } = props;
  if (!rows.length) {
    return null;
  }
  const columns = [
    'Pyodide',
    'Python',
    trans.__('Import'),
    trans.__('Time'),
    trans.__('Size'),
    trans.__('Wheel')
  ];
  return (
    <section className="jp-wasmwheel-matrix">
      <h2>{trans.__('Targets')}</h2>
      <table>
        <thead>
          <tr>
            {columns.map(column => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ target, report, error }) => (
            <tr key={target.abi} data-state={report ? 'done' : 'failed'}>
              <th scope="row" title={target.platform_tag}>
                {target.pyodide}
              </th>
              <td>{target.python}</td>
              {report ? (
                <Result
                  report={report}
                  url={`${server.url('jobs', job, 'wheel')}?target=${target.abi}`}
                  trans={trans}
                />
              ) : (
                <td colSpan={4}>{error && `${error.what} ${error.why}`}</td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** The cells of a target that has a wheel. */
function Result(props: {
  report: api.BuildReport;
  url: string;
  trans: TranslationBundle;
}): JSX.Element {
  const { report, url, trans } = props;
  const seconds = report.phases.reduce((sum, phase) => sum + phase.seconds, 0);
  return (
    <>
      <td>{report.smoke ? trans.__('works') : trans.__('not checked')}</td>
      <td>{formatDuration(seconds)}</td>
      <td>{formatSize(report.size)}</td>
      <td>
        <a
          className="jp-wasmwheel-link"
          href={url}
          download
          title={report.wheel.split(/[\\/]/).pop()}
        >
          {trans.__('Download')}
        </a>
      </td>
    </>
  );
}
