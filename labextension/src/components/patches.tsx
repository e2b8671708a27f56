import * as React from 'react';

import type * as api from '../api';

/** Changed files, each with its reason and its diff. */
export function Patches(props: { patches: readonly api.Patch[] }): JSX.Element {
  return (
    <>
      {props.patches.map((patch, number) => (
        <figure key={number}>
          <figcaption>
            <code>{patch.file}</code> <span className="jp-wasmwheel-quiet">{patch.why}</span>
          </figcaption>
          <pre className="jp-wasmwheel-diff" tabIndex={0}>
            {patch.diff
              .trimEnd()
              .split('\n')
              .slice(2)
              .map((line, index) => (
                <div key={index} data-kind={line[0]}>
                  {line || '\u00a0'}
                </div>
              ))}
          </pre>
        </figure>
      ))}
    </>
  );
}
