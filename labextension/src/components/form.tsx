import { folderIcon, HTMLSelect } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { FolderResult } from '../model/projects';
import { ALL_TARGETS, type SourceKind, type IFormFields } from '../model/request';
import { DEFAULT_SITE } from '../submitJob';
import { CommandIDs, type IWasmwheel } from '../tokens';
import { describeProfile } from '../labels';
import { IconButton } from './buttons';
import { EditPreview } from './editPreview';
import { useModel } from './hooks';
import { Options } from './options';
import { shortVersion } from './toolchain';

/** The form for a build. */
export function Form(props: {
  session: IWasmwheel;
  chooseFolder: (current: string) => Promise<string | null>;
}): JSX.Element {
  const { session } = props;
  const { request, projects, toolchain, commands, trans } = session;
  useModel(request);
  const { from, folder, profile } = request.fields;
  const found = from === 'folder' ? projects.get(folder) : undefined;
  const isComplete = request.source !== null && !found?.error;
  const isToolchainMissing = toolchain.isReady && !toolchain.ok;
  const disabled = !isComplete || isToolchainMissing;
  const submit = (event: React.FormEvent) => {
    event.preventDefault();
    if (isComplete) {
      void commands.execute(CommandIDs.build);
    }
  };
  return (
    <form className="jp-wasmwheel-form" aria-label={trans.__('Build')} onSubmit={submit}>
      <div className="jp-wasmwheel-fields">
        <label htmlFor="jp-wasmwheel-from">{trans.__('Build')}</label>
        <Source session={session} chooseFolder={props.chooseFolder} />
        {found && <Hint found={found} folder={folder} trans={trans} />}
        <label htmlFor="jp-wasmwheel-for">{trans.__('For')}</label>
        <Destination session={session} />
      </div>
      <ProfileChoice
        profile={profile}
        trans={trans}
        onChange={chosen => request.set({ profile: chosen })}
      />
      <Options session={session} project={found?.project ?? null} />
      {isComplete && request.source !== null && (
        <EditPreview session={session} source={request.source} inspected={found} />
      )}
      <button
        type="submit"
        className="jp-wasmwheel-build jp-mod-styled jp-mod-accept"
        disabled={disabled}
        title={isToolchainMissing ? trans.__('Set up the toolchain first.') : undefined}
      >
        {trans.__('Build for Pyodide')}
      </button>
      <button
        type="button"
        className="jp-wasmwheel-test jp-wasmwheel-link"
        disabled={disabled}
        title={trans.__("Build the package, and run the project's own tests with it in Pyodide")}
        onClick={() => void commands.execute(CommandIDs.test)}
      >
        {trans.__('Run Tests')}
      </button>
    </form>
  );
}

/** The project in the folder, or why it cannot be built. */
function Hint(props: {
  found: FolderResult;
  folder: string;
  trans: IWasmwheel['trans'];
}): JSX.Element {
  const { found, folder, trans } = props;
  const { project, error } = found;
  const text = project
    ? `${project.name} ${project.version ?? ''} · ${project.backend}`
    : folder
      ? error.what
      : trans.__('Choose the folder of a package, which contains a pyproject.toml.');
  return (
    <p className="jp-wasmwheel-hint" role="status">
      {text}
    </p>
  );
}

const PLACEHOLDERS = {
  folder: '',
  pypi: 'rpds-py',
  git: 'https://…/project.git@v1.0#subdirectory=python'
};

function Source(props: {
  session: IWasmwheel;
  chooseFolder: (current: string) => Promise<string | null>;
}): JSX.Element {
  const { request, projects, trans } = props.session;
  const fields = request.fields;
  const labels: Record<SourceKind, string> = {
    folder: trans.__('Folder'),
    pypi: trans.__('PyPI: NAME or NAME==VERSION'),
    git: trans.__('Git: URL, optionally with @REVISION and #subdirectory=FOLDER')
  };
  const write = (text: string) => {
    request.set({ [fields.from]: text } as Partial<IFormFields>);
    if (fields.from === 'folder') {
      void projects.inspect(text);
    }
  };
  return (
    <div className="jp-wasmwheel-source">
      <HTMLSelect
        id="jp-wasmwheel-from"
        aria-label={trans.__('Source')}
        value={fields.from}
        onChange={event => request.set({ from: event.currentTarget.value as SourceKind })}
        options={[
          { value: 'folder', label: trans.__('Folder') },
          { value: 'pypi', label: 'PyPI' },
          { value: 'git', label: 'Git' }
        ]}
      />
      <div className="jp-wasmwheel-path">
        <input
          type="text"
          className="jp-mod-styled"
          aria-label={labels[fields.from]}
          title={labels[fields.from]}
          placeholder={
            fields.from === 'folder' ? trans.__('No folder selected') : PLACEHOLDERS[fields.from]
          }
          spellCheck={false}
          autoComplete="off"
          value={fields[fields.from]}
          onChange={event => write(event.currentTarget.value)}
        />
        {fields.from === 'folder' && (
          <IconButton
            icon={folderIcon}
            label={trans.__('Choose Folder')}
            onClick={() =>
              void props.chooseFolder(fields.folder).then(path => path !== null && write(path))
            }
          />
        )}
      </div>
    </div>
  );
}

/** The site to publish to, or the target for only a wheel. */
function Destination(props: { session: IWasmwheel }): JSX.Element {
  const { request, sites, toolchain, commands, trans } = props.session;
  useModel(sites);
  useModel(toolchain);
  const { site, target } = request.fields;
  const value =
    site === null
      ? `wheel:${target ?? toolchain.target?.abi ?? ''}`
      : sites.current && !sites.current.error
        ? `site:${sites.current.name}`
        : 'first';
  const choose = (chosen: string) => {
    const [kind, name] = [chosen.split(':', 1)[0], chosen.slice(chosen.indexOf(':') + 1)];
    if (kind === 'site') {
      request.set({ site: name });
      void sites.select(name);
    } else if (kind === 'wheel') {
      request.set({ site: null, target: name });
    } else if (kind === 'new') {
      void commands.execute(CommandIDs.newSite);
    } else {
      request.set({ site: undefined });
    }
  };
  const pyodide = toolchain.target ? shortVersion(toolchain.target.pyodide) : '';
  return (
    <HTMLSelect
      id="jp-wasmwheel-for"
      value={value}
      onChange={event => choose(event.currentTarget.value)}
    >
      {!sites.usable.length && (
        <option value="first">
          {trans.__('New site “%1” (Pyodide %2)', DEFAULT_SITE, pyodide)}
        </option>
      )}
      {sites.usable.map(each => (
        <option key={each.name} value={`site:${each.name}`}>
          {trans.__('Site %1 (Pyodide %2)', each.name, shortVersion(each.pyodide!))}
        </option>
      ))}
      {sites.usable.length > 0 && <option value="new:">{trans.__('New site…')}</option>}
      {toolchain.targets.map(each => (
        <option key={each.abi} value={`wheel:${each.abi}`}>
          {trans.__('Wheel only (Pyodide %1)', shortVersion(each.pyodide))}
        </option>
      ))}
      {toolchain.targets.length > 1 && (
        <option value={`wheel:${ALL_TARGETS}`}>{trans.__('Wheels for all targets')}</option>
      )}
    </HTMLSelect>
  );
}

function ProfileChoice(props: {
  profile: IFormFields['profile'];
  trans: IWasmwheel['trans'];
  onChange: (profile: IFormFields['profile']) => void;
}): JSX.Element {
  const { profile, trans } = props;
  const choices: [IFormFields['profile'], string][] = [
    ['draft', trans.__('Draft')],
    ['release', trans.__('Release')],
    ['fast', trans.__('Fast')],
    ['small', trans.__('Small')]
  ];
  return (
    <div className="jp-wasmwheel-profile" role="radiogroup" aria-label={trans.__('Profile')}>
      {choices.map(([value, label]) => (
        <label key={value} title={describeProfile(value, trans)} data-chosen={value === profile}>
          <input
            type="radio"
            name="jp-wasmwheel-profile"
            value={value}
            checked={value === profile}
            onChange={() => props.onChange(value)}
          />
          {label}
        </label>
      ))}
    </div>
  );
}
