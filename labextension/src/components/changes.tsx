import * as React from 'react';

import type * as api from '../api';
import { isOwn } from '../model/request';
import type { IWasmwheel } from '../tokens';
import { Answer } from './answer';
import { LinkButton } from './buttons';
import { useModel } from './hooks';
import { Patches } from './patches';

/** Milliseconds after the last key before a folder's edits are asked for. */
const PAUSE = 400;

/**
 * What a build would change of its source, before it is ordered.
 *
 * Of a folder it is there by itself; what has to be fetched first is asked for by a click. `fresh`
 * changes whenever the folder was looked at again.
 */
export function Changes(props: {
  session: IWasmwheel;
  source: string;
  fresh: unknown;
}): JSX.Element | null {
  const { session, source, fresh } = props;
  const { edits, trans } = session;
  useModel(edits);
  const request = session.request.edits(source);
  const key = JSON.stringify(request);
  const own = isOwn(source);
  React.useEffect(() => {
    if (!own) {
      return undefined;
    }
    const timer = setTimeout(() => void edits.look(request), PAUSE);
    return () => clearTimeout(timer);
  }, [key, own, fresh]);
  const known = edits.known(request);
  if (!known) {
    return own ? null : (
      <div className="jp-wasmwheel-changes">
        <LinkButton
          label={trans.__('Show what is changed for the build')}
          title={trans.__('Fetches the package to see; nothing of it is run')}
          onClick={() => void edits.look(request)}
        />
      </div>
    );
  }
  if (known.error) {
    return <Answer error={known.error} />;
  }
  if (!known.edits) {
    return own ? null : (
      <p className="jp-wasmwheel-changes jp-wasmwheel-quiet">{trans.__('Fetching it…')}</p>
    );
  }
  return <Foreseen edits={known.edits} own={own} trans={trans} />;
}

function Foreseen(props: {
  edits: api.Edits;
  own: boolean;
  trans: IWasmwheel['trans'];
}): JSX.Element | null {
  const { edits, own, trans } = props;
  const count = edits.patches.length;
  if (!count && !edits.recipe) {
    return own && !edits.notes.length ? null : (
      <p className="jp-wasmwheel-changes jp-wasmwheel-quiet">
        {[trans.__('Nothing is changed for the build.'), ...edits.notes].join(' ')}
      </p>
    );
  }
  return (
    <details className="jp-wasmwheel-changes" open>
      <summary>
        {trans._n(
          'The build changes %1 file of its copy',
          'The build changes %1 files of its copy',
          count
        )}
      </summary>
      {edits.recipe && <Recipe recipe={edits.recipe} trans={trans} />}
      <Patches patches={edits.patches} />
    </details>
  );
}

/** Which recipe it is, what it has cargo told, and what it ships. */
export function Recipe(props: { recipe: api.RecipeInfo; trans: IWasmwheel['trans'] }): JSX.Element {
  const { recipe, trans } = props;
  const { features, default_features, cfg } = recipe.cargo;
  const told = [
    features.length ? trans.__('features %1', features.join(', ')) : '',
    default_features ? '' : trans.__('no default features'),
    ...cfg.map(each => `--cfg ${each}`)
  ].filter(text => text);
  const said = trans.__(
    'By %1.',
    `${recipe.origin} (${`${recipe.name} ${recipe.versions}`.trim()})`
  );
  return (
    <>
      <p className="jp-wasmwheel-quiet">
        {told.length ? trans.__('%1 For cargo: %2.', said, told.join(', ')) : said}
      </p>
      {recipe.data.map(each => (
        <p key={each.url} className="jp-wasmwheel-quiet">
          {trans.__('Shipped with the site: %1 %2', each.url, each.why)}
        </p>
      ))}
    </>
  );
}
