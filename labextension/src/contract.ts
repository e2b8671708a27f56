/**
 * The server extension's answers and events, as docs/rest.md has them.
 *
 * Times are seconds since 1970, sizes are bytes.
 */

/** The phases of a build, in the order in which they run. */
export const PHASES = [
  'source',
  'project',
  'toolchain',
  'compile',
  'package',
  'optimise',
  'audit',
  'smoke',
  'publish'
] as const;

/** The phases of tests, which publish nothing. */
export const TEST_PHASES = [...PHASES.slice(0, -1), 'test'] as const;

export type State = 'queued' | 'running' | 'done' | 'failed' | 'cancelled' | 'interrupted';

export type Profile = 'draft' | 'release';

/** An error with an answer. `status` is the exit status of the command line. */
export interface IError {
  what: string;
  why: string;
  fix: string;
  status: number;
}

/** What `POST jobs` takes. */
export interface IBuildRequest {
  kind: 'build';
  source: string;
  site?: string | undefined;
  target?: string | undefined;
  profile?: Profile | undefined;
  linker?: string | undefined;
  features?: string[] | undefined;
  no_default_features?: boolean | undefined;
  cargo_args?: string[] | undefined;
  ignore_lock?: boolean | undefined;
  with_dependencies?: boolean | undefined;
  make_optional?: string[] | undefined;
  recipe?: string | undefined;
  no_smoke?: boolean | undefined;
  offline?: boolean | undefined;
}

/** The project's own tests: a build's choices, but no site. */
export type ITestRequest = Omit<IBuildRequest, 'kind' | 'site' | 'no_smoke'> & { kind: 'test' };

/** What is installed only where it is asked for by name. */
export type Extra = 'emscripten' | 'nightly' | 'seeds';

export interface IInstallRequest {
  kind: 'install';
  extras?: Extra[] | undefined;
  target?: string | undefined;
}

export interface ISiteRequest {
  kind: 'site';
  site: string;
  target?: string | undefined;
}

export interface IBundleRequest {
  kind: 'bundle';
  site: string;
}

export type JobRequest =
  IBuildRequest | ITestRequest | IInstallRequest | ISiteRequest | IBundleRequest;

/** A job, whatever its kind. */
export interface IJob {
  id: string;
  kind: 'build' | 'test' | 'install' | 'site' | 'bundle';
  state: State;
  request: JobRequest;
  name: string;
  version: string | null;
  created: number;
  started: number | null;
  ended: number | null;
  phase: string | null;
  done: number | null;
  total: number | null;
  label: string | null;
  report: IReport | null;
  error: IError | null;
  seq: number;
}

/** The report of a build. */
export interface IReport {
  name: string;
  version: string;
  wheel: string;
  sha256: string;
  size: number;
  target: {
    abi: string;
    pyodide: string;
    python: string;
    platform_tag: string;
  };
  toolchain: IUsedToolchain | null;
  profile: Profile;
  phases: { name: string; seconds: number }[];
  crates: ICrate[];
  cached: boolean;
  seeded: boolean;
  recipe?: IRecipe | null;
  patches: IPatch[];
  audit: { ok: boolean; missing: unknown[]; unexpected: unknown[] };
  smoke: { ok: boolean; module: string; seconds: number } | null;
  dependencies: IDependency[];
  tests?: ITests | null;
  published: { site: string; url: string } | null;
}

/** What the project's own tests came to: how many there are, and how many of each outcome. */
export interface ITests {
  collected: number;
  passed: number;
  failed: number;
  skipped: number;
  unsupported: number;
  timed_out: number;
  crashed: number;
  not_run: number;
  seconds: number;
  failures: ITestFailure[];
}

/** A test that came to no good end; `reason` is what an unsupported one asked for. */
export interface ITestFailure {
  id: string;
  outcome: 'failed' | 'unsupported' | 'timed_out' | 'crashed';
  reason: string | null;
  message: string;
  file: string | null;
  line: number | null;
}

/** What becomes of a file: a unified diff, and why. */
export interface IPatch {
  file: string;
  diff: string;
  why: string;
}

/** What a package needs; `cargo` and `data` are the parts of it that no diff shows. */
export interface IRecipe {
  name: string;
  versions: string;
  origin: string;
  cargo: { features: string[]; default_features: boolean; cfg: string[] };
  data: { url: string; why: string }[];
}

/** What `POST edits` takes. */
export interface IEditsRequest {
  source: string;
  make_optional?: string[];
  recipe?: string;
}

/** What a build would change of a source. */
export interface IEdits {
  name: string;
  version: string | null;
  recipe: IRecipe | null;
  patches: IPatch[];
  notes: string[];
}

export interface IUsedToolchain {
  rustc: string | null;
  std: string | null;
  linker: string;
  emscripten: { version: string; wanted: string; crates: string[] } | null;
  wasm_opt: string | null;
  maturin: string | null;
}

/** A crate that was compiled; `started` is seconds after the compile phase began, if known. */
export interface ICrate {
  name: string;
  version: string;
  seconds: number;
  started?: number;
}

export interface IDependency {
  name: string;
  requirement: string;
  /** The package that requires it, where that is not the one that was built. */
  needed_by: string | null;
  from: 'pyodide' | 'pypi' | 'pypi-wasm' | 'site' | 'built' | 'missing';
}

/** A message of the compiler. `path` is its file for the contents API, if it has one there. */
export interface IDiagnostic {
  level: string;
  code: string | null;
  message: string;
  rendered: string;
  file: string | null;
  line: number | null;
  column: number | null;
  path?: string | null;
}

/** An event of the one stream. */
export type Event = { seq: number; time: number } & (
  | { kind: 'job'; job: IJob }
  | { kind: 'removed'; job: string }
  | {
      kind: 'phase';
      job: string;
      name: string;
      state: 'started' | 'done' | 'failed';
    }
  | {
      kind: 'progress';
      job: string;
      done: number;
      total: number | null;
      unit: string;
      label: string;
    }
  | {
      kind: 'log';
      job: string;
      stream: 'stdout' | 'stderr' | 'note';
      text: string;
    }
  | ({ kind: 'diagnostic'; job: string } & IDiagnostic)
  | { kind: 'report'; job: string; report: IReport }
  | ({ kind: 'error'; job: string } & IError)
);

/** A part of what building needs; `mend` are the extras of the install that mends it, if one does. */
export interface IFinding {
  part: string;
  state: 'ok' | 'optional' | 'missing';
  text: string;
  fix: string;
  mend: Extra[] | null;
}

export interface IToolchain {
  ok: boolean;
  target: string;
  findings: IFinding[];
}

export interface ITarget {
  abi: string;
  pyodide: string;
  python: string;
  emscripten: string;
}

export interface ITargets {
  default: string;
  targets: ITarget[];
}

/** What a folder holds that can be built. */
export interface IProject {
  name: string;
  version: string | null;
  backend: 'maturin' | 'setuptools-rust' | 'setuptools' | 'pure';
  features: string[];
  requirements: string[];
}

export interface ITemplates {
  default: string;
  templates: { name: string; about: string }[];
}

/** A starter that was made. */
export interface IStarter {
  path: string;
  name: string;
  module: string;
}

/** A JupyterLite site; one that cannot be read has an error instead of an address. */
export interface ISite {
  name: string;
  folder: string;
  target: string | null;
  pyodide: string | null;
  mode: string | null;
  url: string | null;
  up: boolean | null;
  probe: string | null;
  through: string | null;
  error: IError | null;
}

/** A package in a site. */
export interface IPackage {
  name: string;
  version: string;
  size: number;
  sha256: string;
  published: string;
  notebook: string;
  url: string;
  through: string | null;
}

/** Whether a job has come to its end. */
export function isOver(job: IJob): boolean {
  return job.state !== 'queued' && job.state !== 'running';
}
