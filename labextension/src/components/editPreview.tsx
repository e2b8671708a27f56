import * as React from 'react';

import type * as api from '../api';
import { isLocalSource } from '../model/request';
import type { IWasmwheel } from '../tokens';
import { ErrorMessage } from './errorMessage';
import { LinkButton } from './buttons';
import { useModel } from './hooks';
import { Patches } from './patches';

/** How long to wait after the last key before loading a folder's edits. */
const INPUT_DELAY_MS = 400;

/**
 * The edits that a build would make, shown before the build.
 *
 * Those of a folder are loaded at once and again when `inspected` changes, those of a source that
 * must be fetched after a click.
 */
export function EditPreview(props: {
  session: IWasmwheel;
  source: string;
  inspected: unknown;
}): JSX.Element | null {
  const { session, source, inspected } = props;
  const { edits, trans } = session;
  useModel(edits);
  const request = session.request.toEditsRequest(source);
  const key = JSON.stringify(request);
  const isLocal = isLocalSource(source);
  React.useEffect(() => {
    if (!isLocal) {
      return undefined;
    }
    const timer = setTimeout(() => void edits.load(request), INPUT_DELAY_MS);
    return () => clearTimeout(timer);
  }, [key, isLocal, inspected]);
  const preview = edits.get(request);
  if (!preview) {
    return isLocal ? null : (
      <div className="jp-wasmwheel-edits">
        <LinkButton
          label={trans.__('Preview Edits')}
          title={trans.__(
            'Fetch the package, without running its code, and show what the build would change'
          )}
          onClick={() => void edits.load(request)}
        />
      </div>
    );
  }
  if (preview.error) {
    return <ErrorMessage error={preview.error} />;
  }
  if (!preview.edits) {
    return isLocal ? null : (
      <p className="jp-wasmwheel-edits jp-wasmwheel-quiet">{trans.__('Fetching the package…')}</p>
    );
  }
  return <EditSummary edits={preview.edits} isLocal={isLocal} trans={trans} />;
}

function EditSummary(props: {
  edits: api.Edits;
  isLocal: boolean;
  trans: IWasmwheel['trans'];
}): JSX.Element | null {
  const { edits, isLocal, trans } = props;
  const count = edits.patches.length;
  if (!count && !edits.recipe) {
    return isLocal && !edits.notes.length ? null : (
      <p className="jp-wasmwheel-edits jp-wasmwheel-quiet">
        {[trans.__('The build changes no files.'), ...edits.notes].join(' ')}
      </p>
    );
  }
  return (
    <details className="jp-wasmwheel-edits" open>
      <summary>
        {trans._n(
          'The build changes %1 file in its copy',
          'The build changes %1 files in its copy',
          count
        )}
      </summary>
      {edits.recipe && <Recipe recipe={edits.recipe} trans={trans} />}
      <Patches patches={edits.patches} />
    </details>
  );
}

/** A recipe: its origin, its settings for cargo, and the files that it ships. */
export function Recipe(props: { recipe: api.RecipeInfo; trans: IWasmwheel['trans'] }): JSX.Element {
  const { recipe, trans } = props;
  const { features, default_features, cfg } = recipe.cargo;
  const settings = [
    features.length ? trans.__('features %1', features.join(', ')) : '',
    default_features ? '' : trans.__('no default features'),
    ...cfg.map(each => `--cfg ${each}`)
  ].filter(text => text);
  const origin = trans.__(
    'Recipe: %1.',
    `${recipe.origin} (${`${recipe.name} ${recipe.versions}`.trim()})`
  );
  return (
    <>
      <p className="jp-wasmwheel-quiet">
        {settings.length ? trans.__('%1 Cargo settings: %2.', origin, settings.join(', ')) : origin}
      </p>
      {recipe.data.map(each => (
        <p key={each.url} className="jp-wasmwheel-quiet">
          {trans.__('Shipped with the site: %1 %2', each.url, each.why)}
        </p>
      ))}
    </>
  );
}
