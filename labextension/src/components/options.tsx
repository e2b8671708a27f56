import { HTMLSelect } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type * as api from '../api';
import { OPTIONS } from '../model/request';
import type { IWasmwheel } from '../tokens';

/** The options that most builds do not need, with the labels and the help of the contract. */
export function Options(props: { session: IWasmwheel; project: api.Project | null }): JSX.Element {
  const { request, trans } = props.session;
  const { options } = request.fields;
  // The project's own names are the best examples.
  const examples: Record<string, string | undefined> = {
    features: props.project?.features.join(' '),
    make_optional: props.project?.requirements.join(' ')
  };
  return (
    <details className="jp-wasmwheel-options">
      <summary>{trans.__('Options')}</summary>
      {OPTIONS.map(([name, field]) => {
        const Control = name === 'recipe' ? Recipe : Option;
        return (
          <Control
            key={name}
            field={field}
            value={options[name]!}
            example={examples[name] || field.placeholder}
            trans={trans}
            onChange={value => request.setOption(name, value)}
          />
        );
      })}
    </details>
  );
}

interface IControlProps {
  field: api.Field;
  value: string | boolean;
  example: string | undefined;
  trans: TranslationBundle;
  onChange: (value: string | boolean) => void;
}

/** A checkbox, a selection or a text field, depending on the type of the option. */
function Option(props: IControlProps): JSX.Element {
  const { field, value, onChange } = props;
  const label = field.title;
  const help = field.description;
  if (typeof value === 'boolean') {
    return (
      <label className="jp-wasmwheel-check" title={help}>
        <input
          type="checkbox"
          checked={value}
          onChange={event => onChange(event.currentTarget.checked)}
        />
        {label}
      </label>
    );
  }
  return (
    <label className="jp-wasmwheel-option" title={help}>
      {label}
      {field.choices && field.type !== 'array' ? (
        <HTMLSelect
          value={value}
          onChange={event => onChange(event.currentTarget.value)}
          options={[...field.choices]}
        />
      ) : (
        <Text value={value} placeholder={props.example} onChange={onChange} />
      )}
    </label>
  );
}

/** A selection of recipes, with a text field for the path of a custom one. */
function Recipe(props: IControlProps): JSX.Element {
  const { field, onChange, trans } = props;
  const value = String(props.value);
  const isFile = value !== 'auto' && value !== 'none';
  return (
    <>
      <label className="jp-wasmwheel-option" title={field.description}>
        {field.title}
        <HTMLSelect
          value={isFile ? '' : value}
          onChange={event => onChange(event.currentTarget.value)}
          options={['auto', 'none', { value: '', label: trans.__('file') }]}
        />
      </label>
      {isFile && (
        <label className="jp-wasmwheel-option">
          {trans.__('Recipe file')}
          <Text value={value} placeholder={props.example} onChange={onChange} />
        </label>
      )}
    </>
  );
}

function Text(props: {
  value: string;
  placeholder: string | undefined;
  onChange: (value: string) => void;
}): JSX.Element {
  return (
    <input
      type="text"
      className="jp-mod-styled"
      value={props.value}
      placeholder={props.placeholder}
      spellCheck={false}
      onChange={event => props.onChange(event.currentTarget.value)}
    />
  );
}
