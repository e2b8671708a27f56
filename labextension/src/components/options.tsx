import { HTMLSelect } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { IProject } from '../contract';
import type { IFields } from '../model/request';
import type { IWasmwheel } from '../tokens';

/** What few need: features, edits, the linker, arguments for cargo. */
export function Options(props: { session: IWasmwheel; project: IProject | null }): JSX.Element {
  const { request, trans } = props.session;
  const fields = request.fields;
  const check = (
    name: 'defaultFeatures' | 'ignoreLock' | 'withDependencies' | 'offline',
    label: string,
    title: string
  ) => (
    <label className="jp-wasmwheel-check" title={title}>
      <input
        type="checkbox"
        checked={fields[name]}
        onChange={event => request.set({ [name]: event.currentTarget.checked })}
      />
      {label}
    </label>
  );
  const text = (
    name: 'features' | 'cargoArgs' | 'makeOptional' | 'recipe',
    label: string,
    placeholder: string
  ) => (
    <label className="jp-wasmwheel-option">
      {label}
      <input
        type="text"
        className="jp-mod-styled"
        value={fields[name]}
        placeholder={placeholder}
        spellCheck={false}
        onChange={event => request.set({ [name]: event.currentTarget.value } as Partial<IFields>)}
      />
    </label>
  );
  const known = props.project?.features.join(' ') ?? '';
  const requirements = props.project?.requirements.join(' ') ?? '';
  return (
    <details className="jp-wasmwheel-options">
      <summary>{trans.__('Options')}</summary>
      {text('features', trans.__('Features'), known || trans.__('none'))}
      {check(
        'defaultFeatures',
        trans.__('Default features too'),
        trans.__('What the package switches on by itself')
      )}
      {text('makeOptional', trans.__('Make optional'), requirements || trans.__('none'))}
      <label className="jp-wasmwheel-option">
        {trans.__('Recipe')}
        <HTMLSelect
          value={fields.recipe === 'auto' || fields.recipe === 'none' ? fields.recipe : ''}
          onChange={event => request.set({ recipe: event.currentTarget.value })}
          options={[
            { value: 'auto', label: trans.__('as fits') },
            { value: 'none', label: trans.__('none') },
            { value: '', label: trans.__('a file') }
          ]}
        />
      </label>
      {fields.recipe !== 'auto' &&
        fields.recipe !== 'none' &&
        text('recipe', trans.__('File of the recipe'), 'recipes/mine.toml')}
      <label className="jp-wasmwheel-option">
        {trans.__('Linker')}
        <HTMLSelect
          value={fields.linker}
          onChange={event => request.set({ linker: event.currentTarget.value })}
          options={[
            { value: 'auto', label: trans.__('as fits') },
            { value: 'wasm-ld', label: 'wasm-ld' },
            { value: 'emcc', label: 'emcc' }
          ]}
        />
      </label>
      {text('cargoArgs', trans.__('Arguments for cargo'), '--locked')}
      {check(
        'ignoreLock',
        trans.__('Choose all versions of crates anew'),
        trans.__('Leave Cargo.lock aside, where it names a version that cannot be had')
      )}
      {check(
        'withDependencies',
        trans.__('Build along what it needs'),
        trans.__('The packages it requires and nobody has for the browser')
      )}
      {check(
        'offline',
        trans.__('Fetch nothing'),
        trans.__('Only use what is on this machine already')
      )}
    </details>
  );
}
