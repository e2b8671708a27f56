import { Clipboard, ReactWidget } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect } from '@jupyterlab/ui-components';
import * as React from 'react';

import type * as api from '../api';
import { TextButton } from '../components/buttons';
import { asError } from '../server';

/** Loads the snippets for a copy of the site at an address, or for the site itself without one. */
type Load = (url: string) => Promise<readonly api.Snippet[]>;

/** What to paste into each front end to use a package, with a button that copies it. */
export class Snippets extends ReactWidget {
  constructor(load: Load, first: readonly api.Snippet[], trans: TranslationBundle) {
    super();
    this.addClass('jp-wasmwheel-snippets');
    this._props = { load, first, trans };
  }

  render(): JSX.Element {
    return <Body {...this._props} />;
  }

  private readonly _props: { load: Load; first: readonly api.Snippet[]; trans: TranslationBundle };
}

function Body(props: {
  load: Load;
  first: readonly api.Snippet[];
  trans: TranslationBundle;
}): JSX.Element {
  const { load, first, trans } = props;
  const [snippets, setSnippets] = React.useState(first);
  const [chosen, setChosen] = React.useState(first[0]?.front_end);
  const [copied, setCopied] = React.useState(false);
  const [error, setError] = React.useState('');
  const newest = React.useRef('');
  const snippet = snippets.find(each => each.front_end === chosen);

  const setUrl = async (url: string): Promise<void> => {
    newest.current = url;
    setCopied(false);
    try {
      const found = await load(url);
      if (newest.current === url) {
        setSnippets(found);
        setError('');
      }
    } catch (failed) {
      if (newest.current === url) {
        setError(asError(failed).what);
      }
    }
  };
  const copy = (): void => {
    Clipboard.copyToSystem(snippet?.text ?? '');
    setCopied(true);
  };

  return (
    <>
      <label>
        {trans.__('Front end')}
        <HTMLSelect
          value={chosen}
          onChange={event => {
            setChosen(event.target.value as api.FrontEnd);
            setCopied(false);
          }}
          options={snippets.map(({ front_end, label }) => ({ value: front_end, label }))}
        />
      </label>
      <label>
        {trans.__('Address of the site, if you have put a copy elsewhere')}
        <input
          className="jp-mod-styled"
          type="url"
          placeholder="https://example.org/workshop/"
          aria-invalid={error !== ''}
          onChange={event => void setUrl(event.target.value.trim())}
        />
      </label>
      {error && <p role="alert">{error}</p>}
      <div className="jp-wasmwheel-snippets-head">
        {trans.__('Paste this into %1:', snippet?.where ?? '')}
        <TextButton
          accept
          label={copied ? trans.__('Copied') : trans.__('Copy')}
          disabled={error !== ''}
          onClick={copy}
        />
      </div>
      <pre tabIndex={0} aria-label={trans.__('Snippet')}>
        {snippet?.text}
      </pre>
      <p className="jp-wasmwheel-quiet">
        {trans.__(
          'Other people cannot reach the site on your computer: put a copy on a web server (Save Zip).'
        )}
      </p>
    </>
  );
}
