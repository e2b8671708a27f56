/**
 * The contract: requests, jobs, events, reports, errors and answers.
 *
 * Generated from jupyter_wasmwheel/api/schema.json by scripts/generate-api.mjs; do not edit.
 * schema.json sha256: 8ab2aa3e366c51fba9d47804cba9290cdb5ec436252c537010a6be258834f9e3
 */

/* eslint-disable */

export type Profile = 'release' | 'draft' | 'fast' | 'small';
export type Linker = 'auto' | 'wasm-ld' | 'emcc';
export type HttpPolicy = 'urllib' | 'all' | 'off';
export type FrontEnd = 'html' | 'pyscript' | 'marimo' | 'jupyterlite' | 'quarto';
export type Extra = 'emscripten' | 'nightly' | 'seeds';
export type State = 'queued' | 'running' | 'done' | 'failed' | 'cancelled' | 'interrupted';
export type JobKind = 'build' | 'test' | 'install' | 'site' | 'bundle' | 'publish';
export type PhaseName =
  | 'source'
  | 'project'
  | 'toolchain'
  | 'compile'
  | 'package'
  | 'optimise'
  | 'audit'
  | 'smoke'
  | 'publish'
  | 'test';
export type PostedRequest =
  BuildRequest | TestRequest | InstallRequest | SiteRequest | BundleRequest;
export type Event =
  Phase | Progress | Log | Diagnostic | CrateStarted | CrateFinished | Report | Error;
export type Remedy = Retry | Install | Open;

/**
 * Build a wheel, check it, and publish it if a site is named.
 *
 *     `target` can be several ABIs separated by commas, or `all`.
 */
export interface BuildRequest {
  kind: 'build';
  /**
   * a folder, an sdist, pypi:NAME[==VERSION] or git+URL
   */
  source: string;
  /**
   * ABI of Pyodide, for example 2026_0 (repeatable), or all
   */
  target?: (string | null) | undefined;
  /**
   * build profile: draft compiles quickly, release is smaller and runs faster, fast also uses SIMD, small is the smallest
   */
  profile?: ('release' | 'draft' | 'fast' | 'small') | undefined;
  /**
   * Rust to build with: a channel of rustup such as 1.96, the system's, or with auto the best on this machine; project, the default, reads the rust-toolchain file
   */
  rust?: string | undefined;
  /**
   * program that links the module; auto selects wasm-ld where it is available
   */
  linker?: ('auto' | 'wasm-ld' | 'emcc') | undefined;
  /**
   * feature of the crate to enable (repeatable)
   */
  features?: string[] | undefined;
  /**
   * disable the default features of the crate
   */
  no_default_features?: boolean | undefined;
  /**
   * extra argument to pass to cargo (repeatable)
   */
  cargo_args?: string[] | undefined;
  /**
   * setting for the project's build backend, as with pip's -C (repeatable)
   */
  config_settings?: string[] | undefined;
  /**
   * let cargo replace the versions in Cargo.lock that the registry lacks or Rust no longer compiles
   */
  ignore_lock?: boolean | undefined;
  /**
   * build with this requirement as an extra (repeatable)
   */
  make_optional?: string[] | undefined;
  /**
   * recipe to apply; auto selects the bundled one for the package, if there is one
   */
  recipe?: string | undefined;
  /**
   * also build dependencies that have no Pyodide wheel
   */
  with_dependencies?: boolean | undefined;
  /**
   * ignore cached wheels
   */
  no_cache?: boolean | undefined;
  /**
   * do not access the network, and run the build without network access
   */
  offline?: boolean | undefined;
  /**
   * let the code of the package use the network where it is confined
   */
  allow_network?: boolean | undefined;
  /**
   * site to publish the wheel to
   */
  site?: (string | null) | undefined;
  /**
   * do not import the wheel in Pyodide
   */
  no_smoke?: boolean | undefined;
}
/**
 * Build a wheel and run the project's own tests with it.
 */
export interface TestRequest {
  kind: 'test';
  /**
   * a folder, an sdist, pypi:NAME[==VERSION] or git+URL
   */
  source: string;
  /**
   * ABI of Pyodide, for example 2026_0
   */
  target?: (string | null) | undefined;
  /**
   * build profile: draft compiles quickly, release is smaller and runs faster, fast also uses SIMD, small is the smallest
   */
  profile?: ('release' | 'draft' | 'fast' | 'small') | undefined;
  /**
   * Rust to build with: a channel of rustup such as 1.96, the system's, or with auto the best on this machine; project, the default, reads the rust-toolchain file
   */
  rust?: string | undefined;
  /**
   * program that links the module; auto selects wasm-ld where it is available
   */
  linker?: ('auto' | 'wasm-ld' | 'emcc') | undefined;
  /**
   * feature of the crate to enable (repeatable)
   */
  features?: string[] | undefined;
  /**
   * disable the default features of the crate
   */
  no_default_features?: boolean | undefined;
  /**
   * extra argument to pass to cargo (repeatable)
   */
  cargo_args?: string[] | undefined;
  /**
   * setting for the project's build backend, as with pip's -C (repeatable)
   */
  config_settings?: string[] | undefined;
  /**
   * let cargo replace the versions in Cargo.lock that the registry lacks or Rust no longer compiles
   */
  ignore_lock?: boolean | undefined;
  /**
   * build with this requirement as an extra (repeatable)
   */
  make_optional?: string[] | undefined;
  /**
   * recipe to apply; auto selects the bundled one for the package, if there is one
   */
  recipe?: string | undefined;
  /**
   * also build dependencies that have no Pyodide wheel
   */
  with_dependencies?: boolean | undefined;
  /**
   * ignore cached wheels
   */
  no_cache?: boolean | undefined;
  /**
   * do not access the network, and run the build without network access
   */
  offline?: boolean | undefined;
  /**
   * let the code of the package use the network where it is confined
   */
  allow_network?: boolean | undefined;
  /**
   * run only the tests that match, as with pytest -k
   */
  select?: (string | null) | undefined;
  /**
   * time limit for each test, in seconds
   */
  timeout?: number | undefined;
}
/**
 * Install these extras, or else all missing required parts of the toolchain.
 */
export interface InstallRequest {
  kind: 'install';
  /**
   * install the missing parts that do not require root; with EXTRA, only that: emscripten (to compile C and C++), nightly (Rust, for projects that require it), seeds (precompiled crates, for quick first builds)
   */
  extras?: ('emscripten' | 'nightly' | 'seeds')[] | undefined;
  /**
   * ABI of Pyodide, for example 2026_0
   */
  target?: (string | null) | undefined;
}
/**
 * Create a JupyterLite site.
 */
export interface SiteRequest {
  kind: 'site';
  /**
   * name of the new site, or its folder
   */
  site: string;
  /**
   * ABI of Pyodide, for example 2026_0
   */
  target?: (string | null) | undefined;
  /**
   * load Pyodide from its CDN instead of copying it to the site
   */
  cdn?: boolean | undefined;
  /**
   * package to add to the site, with its requirements (repeatable)
   */
  with?: string[] | undefined;
  /**
   * HTTP clients that pyodide-http patches in the site's kernels
   */
  http?: ('urllib' | 'all' | 'off') | undefined;
}
/**
 * Pack an offline site into a ZIP file for any static host.
 */
export interface BundleRequest {
  kind: 'bundle';
  /**
   * site to pack
   */
  site: string;
  /**
   * file to write (default: SITE.zip)
   */
  out?: (string | null) | undefined;
}
/**
 * Preview the changes that a build makes to a source.
 */
export interface EditsRequest {
  source: string;
  target?: (string | null) | undefined;
  make_optional?: string[] | undefined;
  recipe?: string | undefined;
}
/**
 * Create a starter crate.
 */
export interface StarterRequest {
  name: string;
  template?: string | undefined;
  folder?: string | undefined;
}
/**
 * A job: its request, its progress and its result.
 *
 *     `request` can be posted again. Times are seconds since 1970. `phase`, `done`, `total`, `label`
 *     and `seq` are those of the newest event.
 */
export interface Job {
  id: string;
  kind: 'build' | 'test' | 'install' | 'site' | 'bundle' | 'publish';
  state: 'queued' | 'running' | 'done' | 'failed' | 'cancelled' | 'interrupted';
  request: {
    [k: string]: unknown;
  };
  name: string;
  version: string | null;
  created: number;
  started: number | null;
  ended: number | null;
  phase: string | null;
  done: number | null;
  total: number | null;
  label: string | null;
  report: {
    [k: string]: unknown;
  } | null;
  error: ErrorInfo | null;
  seq: number;
}
/**
 * An error in documents, events and answers.
 *
 *     `status` is the exit status of the command line; `counts` are numbers such as `{"problems": 2}`.
 *     Long sentences are shortened, and remedies that are too large are omitted.
 */
export interface ErrorInfo {
  code: string;
  what: string;
  why: string;
  fix: string;
  status: number;
  counts: {
    [k: string]: number;
  };
  remedies: (Retry | Install | Open)[];
}
/**
 * Run the same request again with changed fields; a list is appended to the request's own.
 */
export interface Retry {
  action: 'retry';
  changes: {
    [k: string]: boolean | string | string[];
  };
}
/**
 * Install these extras, or else all missing required parts of the toolchain.
 *
 *     `target` is the ABI to install for, null for the default.
 */
export interface Install {
  action: 'install';
  extras: ('emscripten' | 'nightly' | 'seeds')[];
  target: string | null;
}
/**
 * Open a file at a line and a column, both counted from 1.
 *
 *     `path` is the file's path in Jupyter's contents API, which only a server knows.
 */
export interface Open {
  action: 'open';
  file: string;
  line: number | null;
  column: number | null;
  path: string | null;
}
/**
 * The report of a build, or of a run of tests.
 *
 *     `confined` is whether the build had only its own files, and no network unless it was allowed.
 *     A build for several targets has a result for each of them in `targets`; the other fields are
 *     those of the first one that succeeded.
 */
export interface BuildReport {
  schema: number;
  name: string;
  version: string;
  wheel: string;
  sha256: string;
  size: number;
  target: TargetInfo;
  toolchain: ToolchainInfo | null;
  profile: 'release' | 'draft' | 'fast' | 'small';
  phases: PhaseTime[];
  crates: Crate[];
  cached: boolean;
  seeded: boolean;
  recipe: RecipeInfo | null;
  patches: Patch[];
  audit: Audit;
  smoke: Smoke | null;
  dependencies: Dependency[];
  built_along: BuildReport[];
  tests: Tests | null;
  confined: boolean;
  published: Publication | null;
  targets: TargetResult[];
}
/**
 * The runtime that a wheel is for; `pyodide` and `python` are versions.
 */
export interface TargetInfo {
  abi: string;
  pyodide: string;
  python: string;
  platform_tag: string;
}
/**
 * The tools that built a wheel; `std` is the origin of the standard library.
 */
export interface ToolchainInfo {
  rustc: string | null;
  std: string | null;
  linker: string;
  emscripten: CCompiler | null;
  wasm_opt: string | null;
  maturin: string | null;
}
/**
 * The Emscripten that compiled C: its version, the target's, and the crates that use it.
 */
export interface CCompiler {
  version: string;
  wanted: string;
  crates: string[];
}
/**
 * A phase and its duration.
 */
export interface PhaseTime {
  name: string;
  seconds: number;
}
/**
 * A compiled crate; `seconds` from the start of its first unit to the end of its last.
 */
export interface Crate {
  name: string;
  version: string;
  seconds: number;
}
/**
 * The recipe of a build, without its patches.
 */
export interface RecipeInfo {
  name: string;
  versions: string;
  origin: string;
  cargo: CargoSettings;
  data: ShippedFile[];
}
/**
 * The settings of a recipe for cargo: features of the crate, and cfgs for all crates.
 */
export interface CargoSettings {
  features: string[];
  default_features: boolean;
  cfg: string[];
}
/**
 * A file that a recipe adds to a site, and the reason for it.
 */
export interface ShippedFile {
  url: string;
  why: string;
}
/**
 * A change to a file as a unified diff, and the reason for it.
 */
export interface Patch {
  file: string;
  diff: string;
  why: string;
}
/**
 * The audit: names that the runtime lacks, and a sentence for each unexpected finding.
 *
 *     `remarks` are findings that do not prevent the import.
 */
export interface Audit {
  ok: boolean;
  missing: string[];
  unexpected: string[];
  remarks: string[];
}
/**
 * The import of a wheel: the imported top-level modules, their output, and the duration.
 *
 *     `extensions` are the extension modules that were imported and the libraries that were loaded,
 *     `remarks` what is not imported or fails, and need not work. `not_downloaded` are packages of
 *     Pyodide without which only the extension modules could be imported.
 */
export interface Smoke {
  ok: boolean;
  module: string;
  seconds: number;
  output: string;
  extensions: string[];
  remarks: string[];
  not_downloaded: string[];
}
/**
 * A requirement of the package, or of another requirement that `needed_by` names.
 *
 *     `version` is the version found; if `source` (`from` in JSON) is `missing`, it is the available
 *     version that does not satisfy the requirement, or null.
 */
export interface Dependency {
  name: string;
  requirement: string;
  from: 'built' | 'missing' | 'pyodide' | 'pypi' | 'pypi-wasm' | 'site';
  version: string | null;
  needed_by: string | null;
}
/**
 * The outcomes of a project's own tests.
 *
 *     A file that cannot be collected counts as one test. `not_run` are tests after a limit was
 *     reached.
 */
export interface Tests {
  collected: number;
  passed: number;
  failed: number;
  skipped: number;
  unsupported: number;
  timed_out: number;
  crashed: number;
  not_run: number;
  seconds: number;
  failures: TestFailure[];
}
/**
 * A test that did not pass; `reason` is what an unsupported test requires.
 *
 *     `file` is the user's own or a path in a fetched source, or null.
 */
export interface TestFailure {
  id: string;
  outcome: 'crashed' | 'failed' | 'timed_out' | 'unsupported';
  reason: string | null;
  message: string;
  file: string | null;
  line: number | null;
}
/**
 * The folder of the site, and the address of the package's notebook in it.
 */
export interface Publication {
  site: string;
  url: string;
}
/**
 * The result for one of several targets: a report, or an error.
 */
export interface TargetResult {
  target: TargetInfo1;
  report: BuildReport | null;
  error: ErrorInfo | null;
}
/**
 * The runtime that a wheel is for; `pyodide` and `python` are versions.
 */
export interface TargetInfo1 {
  abi: string;
  pyodide: string;
  python: string;
  platform_tag: string;
}
/**
 * The runtime that a wheel is for; `pyodide` and `python` are versions.
 */
export interface TargetInfo2 {
  abi: string;
  pyodide: string;
  python: string;
  platform_tag: string;
}
/**
 * The settings of a recipe for cargo: features of the crate, and cfgs for all crates.
 */
export interface CargoSettings1 {
  features: string[];
  default_features: boolean;
  cfg: string[];
}
/**
 * The audit: names that the runtime lacks, and a sentence for each unexpected finding.
 *
 *     `remarks` are findings that do not prevent the import.
 */
export interface Audit1 {
  ok: boolean;
  missing: string[];
  unexpected: string[];
  remarks: string[];
}
/**
 * A phase started or ended.
 */
export interface Phase {
  kind: 'phase';
  name:
    | 'source'
    | 'project'
    | 'toolchain'
    | 'compile'
    | 'package'
    | 'optimise'
    | 'audit'
    | 'smoke'
    | 'publish'
    | 'test';
  state: 'done' | 'failed' | 'started';
}
/**
 * The progress of the running phase: `done` of `total` units (null if unknown).
 */
export interface Progress {
  kind: 'progress';
  done: number;
  total: number | null;
  unit: string;
  label: string;
}
/**
 * A line of output of a tool, or a note of this package (`stream` is then `note`).
 */
export interface Log {
  kind: 'log';
  stream: 'note' | 'stderr' | 'stdout';
  text: string;
}
/**
 * A message of the compiler, or a failed test; `file` is a path in the user's source.
 *
 *     `code` is the compiler's (`E0308`), or the test's outcome (`failed`, `crashed`, `timed_out`).
 *     `path` is the file's path in Jupyter's contents API, which only a server knows.
 */
export interface Diagnostic {
  kind: 'diagnostic';
  source: 'compiler' | 'test';
  level: 'error' | 'help' | 'note' | 'warning';
  code: string | null;
  message: string;
  rendered: string;
  file: string | null;
  line: number | null;
  column: number | null;
  path: string | null;
}
/**
 * Cargo started to compile a crate.
 */
export interface CrateStarted {
  kind: 'crate_started';
  name: string;
  version: string;
}
/**
 * Cargo finished a crate, `seconds` after it started its first unit.
 */
export interface CrateFinished {
  kind: 'crate_finished';
  name: string;
  version: string;
  seconds: number;
}
/**
 * The run succeeded; `report` is the document that the command prints with `--json`.
 */
export interface Report {
  kind: 'report';
  report: {
    [k: string]: unknown;
  };
}
/**
 * The run ended with an error.
 */
export interface Error {
  kind: 'error';
  code: string;
  what: string;
  why: string;
  fix: string;
  status: number;
  counts: {
    [k: string]: number;
  };
  remedies: (Retry | Install | Open)[];
}
/**
 * The parts installed to build for a target; `ok` if no required part is missing.
 */
export interface Toolchain {
  schema: number;
  ok: boolean;
  target: string;
  findings: Finding[];
}
/**
 * A part of the toolchain; `state` is `optional` if it is missing but not required.
 *
 *     `id` is for programs, `part` for people. `version` is null if it is unknown. `fix` describes how
 *     to install the part, `remedies` do it; `mend` are the extras of the first remedy, or null.
 */
export interface Finding {
  id: 'c-compiler' | 'confinement' | 'node' | 'pyodide' | 'rust' | 'seeds' | 'wasm-opt';
  part: string;
  state: 'missing' | 'ok' | 'optional';
  text: string;
  version: string | null;
  fix: string;
  mend: ('emscripten' | 'nightly' | 'seeds')[] | null;
  remedies: Install[];
}
/**
 * The targets, oldest first, and the ABI of the default one.
 */
export interface Targets {
  schema: number;
  default: string;
  targets: Target[];
}
/**
 * An ABI that wheels can be built for, with the versions that go with it.
 */
export interface Target {
  abi: string;
  pyodide: string;
  python: string;
  emscripten: string;
  platform_tag: string;
}
/**
 * A project that can be built, with the features of its crate.
 */
export interface Project {
  name: string;
  version: string | null;
  backend: 'maturin' | 'pure' | 'setuptools' | 'setuptools-rust';
  features: string[];
  requirements: string[];
}
/**
 * The changes that a build makes to a source.
 */
export interface Edits {
  name: string;
  version: string | null;
  recipe: RecipeInfo | null;
  patches: Patch[];
  notes: string[];
}
/**
 * The templates for starter crates, and the name of the default one.
 */
export interface Templates {
  default: string;
  templates: Template[];
}
/**
 * A template for starter crates.
 */
export interface Template {
  name: string;
  about: string;
}
/**
 * A new starter crate; `path` is its path in the contents API.
 */
export interface Starter {
  path: string;
  name: string;
  module: string;
}
/**
 * A JupyterLite site; one that cannot be read has an error, and null in most fields.
 *
 *     `url` is on the site's own origin, `through` on Jupyter's.
 */
export interface Site {
  name: string;
  folder: string;
  target: string | null;
  pyodide: string | null;
  mode: ('cdn' | 'offline') | null;
  url: string | null;
  up: boolean | null;
  probe: string | null;
  through: string | null;
  error: ErrorInfo | null;
}
/**
 * A package in a site; `url` and `through` are addresses of its notebook.
 */
export interface Package {
  name: string;
  version: string;
  size: number;
  sha256: string;
  file_name: string;
  published: string;
  notebook: string;
  url: string;
  through: string | null;
}
/**
 * What to paste into a front end to use a package, and the place to paste it into.
 */
export interface Snippet {
  front_end: 'html' | 'pyscript' | 'marimo' | 'jupyterlite' | 'quarto';
  label: string;
  where: string;
  text: string;
}

/** What a form shows of a request's field; a field without a title is not shown. */
export interface Field {
  title?: string;
  description?: string;
  type: 'string' | 'boolean' | 'number' | 'array';
  choices?: readonly string[];
  default?: string | boolean | number | readonly string[] | null;
  flags?: readonly string[];
  placeholder?: string;
}

/** The phases of a run, in their order. */
export const PHASES: readonly PhaseName[] = [
  'source',
  'project',
  'toolchain',
  'compile',
  'package',
  'optimise',
  'audit',
  'smoke',
  'publish',
  'test'
];

/** The fields of each kind of request. */
export const FIELDS = {
  BuildRequest: {
    source: { description: 'a folder, an sdist, pypi:NAME[==VERSION] or git+URL', type: 'string' },
    target: {
      description: 'ABI of Pyodide, for example 2026_0 (repeatable), or all',
      type: 'string',
      default: null,
      flags: ['--target']
    },
    profile: {
      description:
        'build profile: draft compiles quickly, release is smaller and runs faster, fast also uses SIMD, small is the smallest',
      type: 'string',
      choices: ['release', 'draft', 'fast', 'small'],
      default: 'release',
      flags: ['--profile']
    },
    rust: {
      title: 'Rust',
      description:
        "Rust to build with: a channel of rustup such as 1.96, the system's, or with auto the best on this machine; project, the default, reads the rust-toolchain file",
      type: 'string',
      default: 'project',
      flags: ['--rust'],
      placeholder: 'nightly'
    },
    linker: {
      title: 'Linker',
      description: 'program that links the module; auto selects wasm-ld where it is available',
      type: 'string',
      choices: ['auto', 'wasm-ld', 'emcc'],
      default: 'auto',
      flags: ['--linker']
    },
    features: {
      title: 'Features',
      description: 'feature of the crate to enable (repeatable)',
      type: 'array',
      default: [],
      flags: ['--features'],
      placeholder: 'none'
    },
    no_default_features: {
      title: 'No default features',
      description: 'disable the default features of the crate',
      type: 'boolean',
      default: false,
      flags: ['--no-default-features']
    },
    cargo_args: {
      title: 'Cargo arguments',
      description: 'extra argument to pass to cargo (repeatable)',
      type: 'array',
      default: [],
      flags: ['--cargo-arg'],
      placeholder: '--locked'
    },
    config_settings: {
      description: "setting for the project's build backend, as with pip's -C (repeatable)",
      type: 'array',
      default: [],
      flags: ['-C', '--config-setting']
    },
    ignore_lock: {
      title: 'Ignore Cargo.lock',
      description:
        'let cargo replace the versions in Cargo.lock that the registry lacks or Rust no longer compiles',
      type: 'boolean',
      default: false,
      flags: ['--ignore-lock']
    },
    make_optional: {
      title: 'Make optional',
      description: 'build with this requirement as an extra (repeatable)',
      type: 'array',
      default: [],
      flags: ['--make-optional'],
      placeholder: 'none'
    },
    recipe: {
      title: 'Recipe',
      description: 'recipe to apply; auto selects the bundled one for the package, if there is one',
      type: 'string',
      default: 'auto',
      flags: ['--recipe'],
      placeholder: 'recipes/mine.toml'
    },
    with_dependencies: {
      title: 'Build dependencies',
      description: 'also build dependencies that have no Pyodide wheel',
      type: 'boolean',
      default: false,
      flags: ['--with-dependencies']
    },
    no_cache: {
      title: 'Ignore cached wheels',
      description: 'ignore cached wheels',
      type: 'boolean',
      default: false,
      flags: ['--no-cache']
    },
    offline: {
      title: 'Offline',
      description: 'do not access the network, and run the build without network access',
      type: 'boolean',
      default: false,
      flags: ['--offline']
    },
    allow_network: {
      title: 'Allow network',
      description: 'let the code of the package use the network where it is confined',
      type: 'boolean',
      default: false,
      flags: ['--allow-network']
    },
    site: {
      description: 'site to publish the wheel to',
      type: 'string',
      default: null,
      flags: ['--site']
    },
    no_smoke: {
      description: 'do not import the wheel in Pyodide',
      type: 'boolean',
      default: false,
      flags: ['--no-import', '--no-smoke']
    }
  },
  TestRequest: {
    source: { description: 'a folder, an sdist, pypi:NAME[==VERSION] or git+URL', type: 'string' },
    target: {
      description: 'ABI of Pyodide, for example 2026_0',
      type: 'string',
      default: null,
      flags: ['--target']
    },
    profile: {
      description:
        'build profile: draft compiles quickly, release is smaller and runs faster, fast also uses SIMD, small is the smallest',
      type: 'string',
      choices: ['release', 'draft', 'fast', 'small'],
      default: 'release',
      flags: ['--profile']
    },
    rust: {
      title: 'Rust',
      description:
        "Rust to build with: a channel of rustup such as 1.96, the system's, or with auto the best on this machine; project, the default, reads the rust-toolchain file",
      type: 'string',
      default: 'project',
      flags: ['--rust'],
      placeholder: 'nightly'
    },
    linker: {
      title: 'Linker',
      description: 'program that links the module; auto selects wasm-ld where it is available',
      type: 'string',
      choices: ['auto', 'wasm-ld', 'emcc'],
      default: 'auto',
      flags: ['--linker']
    },
    features: {
      title: 'Features',
      description: 'feature of the crate to enable (repeatable)',
      type: 'array',
      default: [],
      flags: ['--features'],
      placeholder: 'none'
    },
    no_default_features: {
      title: 'No default features',
      description: 'disable the default features of the crate',
      type: 'boolean',
      default: false,
      flags: ['--no-default-features']
    },
    cargo_args: {
      title: 'Cargo arguments',
      description: 'extra argument to pass to cargo (repeatable)',
      type: 'array',
      default: [],
      flags: ['--cargo-arg'],
      placeholder: '--locked'
    },
    config_settings: {
      description: "setting for the project's build backend, as with pip's -C (repeatable)",
      type: 'array',
      default: [],
      flags: ['-C', '--config-setting']
    },
    ignore_lock: {
      title: 'Ignore Cargo.lock',
      description:
        'let cargo replace the versions in Cargo.lock that the registry lacks or Rust no longer compiles',
      type: 'boolean',
      default: false,
      flags: ['--ignore-lock']
    },
    make_optional: {
      title: 'Make optional',
      description: 'build with this requirement as an extra (repeatable)',
      type: 'array',
      default: [],
      flags: ['--make-optional'],
      placeholder: 'none'
    },
    recipe: {
      title: 'Recipe',
      description: 'recipe to apply; auto selects the bundled one for the package, if there is one',
      type: 'string',
      default: 'auto',
      flags: ['--recipe'],
      placeholder: 'recipes/mine.toml'
    },
    with_dependencies: {
      title: 'Build dependencies',
      description: 'also build dependencies that have no Pyodide wheel',
      type: 'boolean',
      default: false,
      flags: ['--with-dependencies']
    },
    no_cache: {
      title: 'Ignore cached wheels',
      description: 'ignore cached wheels',
      type: 'boolean',
      default: false,
      flags: ['--no-cache']
    },
    offline: {
      title: 'Offline',
      description: 'do not access the network, and run the build without network access',
      type: 'boolean',
      default: false,
      flags: ['--offline']
    },
    allow_network: {
      title: 'Allow network',
      description: 'let the code of the package use the network where it is confined',
      type: 'boolean',
      default: false,
      flags: ['--allow-network']
    },
    select: {
      description: 'run only the tests that match, as with pytest -k',
      type: 'string',
      default: null,
      flags: ['-k', '--select']
    },
    timeout: {
      description: 'time limit for each test, in seconds',
      type: 'number',
      default: 60,
      flags: ['--timeout']
    }
  },
  InstallRequest: {
    extras: {
      description:
        'install the missing parts that do not require root; with EXTRA, only that: emscripten (to compile C and C++), nightly (Rust, for projects that require it), seeds (precompiled crates, for quick first builds)',
      type: 'array',
      choices: ['emscripten', 'nightly', 'seeds'],
      default: [],
      flags: ['--fix']
    },
    target: {
      description: 'ABI of Pyodide, for example 2026_0',
      type: 'string',
      default: null,
      flags: ['--target']
    }
  },
  SiteRequest: {
    site: { description: 'name of the new site, or its folder', type: 'string' },
    target: {
      description: 'ABI of Pyodide, for example 2026_0',
      type: 'string',
      default: null,
      flags: ['--target']
    },
    cdn: {
      description: 'load Pyodide from its CDN instead of copying it to the site',
      type: 'boolean',
      default: false,
      flags: ['--cdn']
    },
    with: {
      description: 'package to add to the site, with its requirements (repeatable)',
      type: 'array',
      default: [],
      flags: ['--with']
    },
    http: {
      description: "HTTP clients that pyodide-http patches in the site's kernels",
      type: 'string',
      choices: ['urllib', 'all', 'off'],
      default: 'urllib',
      flags: ['--http']
    }
  },
  BundleRequest: {
    site: { description: 'site to pack', type: 'string' },
    out: {
      description: 'file to write (default: SITE.zip)',
      type: 'string',
      default: null,
      flags: ['--out']
    }
  },
  EditsRequest: {
    source: { type: 'string' },
    target: { type: 'string', default: null },
    make_optional: { type: 'array', default: [] },
    recipe: { type: 'string', default: 'auto' }
  },
  StarterRequest: {
    name: { type: 'string' },
    template: { type: 'string', default: '' },
    folder: { type: 'string', default: '' }
  }
} satisfies Record<string, Record<string, Field>>;
