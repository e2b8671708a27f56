import { folderIcon, HTMLSelect } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { Found } from '../model/projects';
import type { From, IFields } from '../model/request';
import { CommandIDs, type IWasmwheel } from '../tokens';
import { IconButton } from './buttons';
import { Changes } from './changes';
import { useModel } from './hooks';
import { Options } from './options';
import { short } from './toolchain';

/** What is to be built, for what, and how. */
export function Form(props: {
  session: IWasmwheel;
  chooseFolder: (current: string) => Promise<string | null>;
}): JSX.Element {
  const { session } = props;
  const { request, projects, toolchain, commands, trans } = session;
  useModel(request);
  const { from, folder, profile } = request.fields;
  const found = from === 'folder' ? projects.known(folder) : undefined;
  const ready = request.source !== null && !found?.error;
  const submit = (event: React.FormEvent) => {
    event.preventDefault();
    if (ready) {
      void commands.execute(CommandIDs.build);
    }
  };
  return (
    <form className="jp-wasmwheel-form" aria-label={trans.__('Build')} onSubmit={submit}>
      <div className="jp-wasmwheel-fields">
        <label htmlFor="jp-wasmwheel-from">{trans.__('Build')}</label>
        <Source session={session} chooseFolder={props.chooseFolder} />
        {found && <Hint found={found} folder={folder} trans={trans} />}
        <label htmlFor="jp-wasmwheel-for">{trans.__('for')}</label>
        <Destination session={session} />
      </div>
      <ProfileChoice
        profile={profile}
        trans={trans}
        onChange={chosen => request.set({ profile: chosen })}
      />
      <Options session={session} project={found?.project ?? null} />
      {ready && request.source !== null && (
        <Changes session={session} source={request.source} fresh={found} />
      )}
      <button
        type="submit"
        className="jp-wasmwheel-build jp-mod-styled jp-mod-accept"
        disabled={!ready || (toolchain.isReady && !toolchain.ok)}
        title={
          toolchain.isReady && !toolchain.ok
            ? trans.__('The toolchain has to be set up first.')
            : undefined
        }
      >
        {trans.__('Build for Pyodide')}
      </button>
      <button
        type="button"
        className="jp-wasmwheel-test jp-wasmwheel-link"
        disabled={!ready || (toolchain.isReady && !toolchain.ok)}
        title={trans.__("Build it, and run the project's own tests with it in the real Pyodide")}
        onClick={() => void commands.execute(CommandIDs.test)}
      >
        {trans.__('Run its tests')}
      </button>
    </form>
  );
}

/** What is in the folder, or why it cannot be built. */
function Hint(props: { found: Found; folder: string; trans: IWasmwheel['trans'] }): JSX.Element {
  const { found, folder, trans } = props;
  const { project, error } = found;
  const text = project
    ? `${project.name} ${project.version ?? ''} · ${project.backend}`
    : folder
      ? error.what
      : trans.__('Choose the folder of a package: it has a pyproject.toml in it.');
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
  const labels: Record<From, string> = {
    folder: trans.__('Folder'),
    pypi: trans.__('PyPI: name, or name==version'),
    git: trans.__('Git: address, with @revision and #subdirectory=folder if wanted')
  };
  const write = (text: string) => {
    request.set({ [fields.from]: text } as Partial<IFields>);
    if (fields.from === 'folder') {
      void projects.look(text);
    }
  };
  return (
    <div className="jp-wasmwheel-source">
      <HTMLSelect
        id="jp-wasmwheel-from"
        aria-label={trans.__('Where the code comes from')}
        value={fields.from}
        onChange={event => request.set({ from: event.currentTarget.value as From })}
        options={[
          { value: 'folder', label: trans.__('folder') },
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
            fields.from === 'folder' ? trans.__('no folder chosen') : PLACEHOLDERS[fields.from]
          }
          spellCheck={false}
          autoComplete="off"
          value={fields[fields.from]}
          onChange={event => write(event.currentTarget.value)}
        />
        {fields.from === 'folder' && (
          <IconButton
            icon={folderIcon}
            label={trans.__('Choose a folder')}
            onClick={() =>
              void props.chooseFolder(fields.folder).then(path => path !== null && write(path))
            }
          />
        )}
      </div>
    </div>
  );
}

/** The site that the wheel goes into; or none, and then what it is for. */
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
      void sites.choose(name);
    } else if (kind === 'wheel') {
      request.set({ site: null, target: name });
    } else if (kind === 'new') {
      void commands.execute(CommandIDs.newSite);
    } else {
      request.set({ site: undefined });
    }
  };
  const pyodide = toolchain.target ? short(toolchain.target.pyodide) : '';
  return (
    <HTMLSelect
      id="jp-wasmwheel-for"
      value={value}
      onChange={event => choose(event.currentTarget.value)}
    >
      {!sites.usable.length && (
        <option value="first">{trans.__('new site “workshop” (Pyodide %1)', pyodide)}</option>
      )}
      {sites.usable.map(each => (
        <option key={each.name} value={`site:${each.name}`}>
          {trans.__('%1 site (Pyodide %2)', each.name, short(each.pyodide!))}
        </option>
      ))}
      {sites.usable.length > 0 && <option value="new:">{trans.__('new site…')}</option>}
      {toolchain.targets.map(each => (
        <option key={each.abi} value={`wheel:${each.abi}`}>
          {trans.__('only the wheel (Pyodide %1)', short(each.pyodide))}
        </option>
      ))}
    </HTMLSelect>
  );
}

function ProfileChoice(props: {
  profile: IFields['profile'];
  trans: IWasmwheel['trans'];
  onChange: (profile: IFields['profile']) => void;
}): JSX.Element {
  const { profile, trans } = props;
  const choices = [
    {
      value: 'draft' as const,
      label: trans.__('Draft'),
      title: trans.__('Draft: quick to build, larger and slower to run')
    },
    {
      value: 'release' as const,
      label: trans.__('Release'),
      title: trans.__('Release: optimised, as you would publish it')
    }
  ];
  return (
    <div className="jp-wasmwheel-profile" role="radiogroup" aria-label={trans.__('Profile')}>
      {choices.map(choice => (
        <label key={choice.value} title={choice.title} data-chosen={choice.value === profile}>
          <input
            type="radio"
            name="jp-wasmwheel-profile"
            value={choice.value}
            checked={choice.value === profile}
            onChange={() => props.onChange(choice.value)}
          />
          {choice.label}
        </label>
      ))}
    </div>
  );
}
