/**
 * Labels jobs, their states and their phases.
 */

import type { TranslationBundle } from '@jupyterlab/translation';

import type * as api from './api';
import { type Field, FIELDS } from './api';
import { reportOf, requestOf } from './model/job';

/** Return a job's title: its package, or what it installs or creates. */
export function labelJob(job: api.Job, trans: TranslationBundle): string {
  const request = requestOf(job);
  const name = job.version ? `${job.name} ${job.version}` : job.name;
  switch (request?.kind) {
    case 'install':
      return labelExtras(request.extras ?? [], trans);
    case 'site':
      return trans.__('Site %1', request.site);
    case 'bundle':
      return trans.__('Zip of %1', request.site);
    case 'test':
      return trans.__('Tests of %1', name);
    default:
      return name;
  }
}

/** Return the names of what an install job installs. */
export function labelExtras(extras: readonly api.Extra[], trans: TranslationBundle): string {
  const names = {
    emscripten: trans.__('Emscripten'),
    nightly: trans.__('Rust Nightly'),
    seeds: trans.__('Seeds')
  };
  return extras.map(each => names[each]).join(', ') || trans.__('Toolchain');
}

/** Return the label of the button that applies a remedy. */
export function labelRemedy(remedy: api.Remedy, trans: TranslationBundle): string {
  switch (remedy.action) {
    case 'install':
      return remedy.extras.length
        ? trans.__('Install %1', labelExtras(remedy.extras, trans))
        : trans.__('Set Up Toolchain');
    case 'open':
      return trans.__('Open File');
    case 'retry': {
      const changes = Object.entries(remedy.changes).map(([name, value]) =>
        labelChange(name, value, trans)
      );
      return changes.length ? trans.__('Retry: %1', changes.join(', ')) : trans.__('Retry');
    }
  }
}

/** Return a changed field's title, with its value unless the field is switched on. */
function labelChange(
  name: string,
  value: boolean | string | readonly string[],
  trans: TranslationBundle
): string {
  const fields: Record<string, Field> = { ...FIELDS.TestRequest, ...FIELDS.BuildRequest };
  const title = fields[name]?.title ?? name.replaceAll('_', ' ');
  if (value === true) {
    return title;
  }
  return `${title} ${value === false ? trans.__('off') : [value].flat().join(' ')}`;
}

/** Return the progress of a job without phases: its step, with a percentage if that is known. */
export function labelProgress(job: api.Job, trans: TranslationBundle): string {
  const percent = job.total ? Math.floor((100 * (job.done ?? 0)) / job.total) : 0;
  const label = job.label ?? trans.__('Starting');
  return percent ? trans.__('%1 · %2 %', label, percent) : label;
}

/** Return the name of a job's state. */
export function labelState(state: api.State, trans: TranslationBundle): string {
  return {
    queued: trans.__('Queued'),
    running: trans.__('Running'),
    done: trans.__('Done'),
    failed: trans.__('Failed'),
    cancelled: trans.__('Canceled'),
    interrupted: trans.__('Interrupted')
  }[state];
}

/** Count the problems that the compiler found, if they made the job fail. */
export function countProblems(job: api.Job): number {
  return job.error?.counts['problems'] ?? 0;
}

/** Summarize the project's own tests in a line: how many have each outcome. */
export function summarizeTests(
  tests: api.Tests | null | undefined,
  trans: TranslationBundle
): string {
  if (!tests) {
    return '';
  }
  const counts: [number, string][] = [
    [tests.passed, trans.__('passed')],
    [tests.failed, trans.__('failed')],
    [tests.crashed, trans.__('crashed')],
    [tests.timed_out, trans.__('timed out')],
    [tests.not_run, trans.__('not run')],
    [tests.unsupported, trans.__('unsupported')],
    [tests.skipped, trans.__('skipped')]
  ];
  return counts
    .filter(([count]) => count)
    .map(([count, word]) => `${count} ${word}`)
    .join(', ');
}

/** Count the project's own tests that failed, crashed or timed out. */
export function countFailedTests(job: api.Job): number {
  const tests = reportOf(job)?.tests;
  return tests ? tests.failed + tests.crashed + tests.timed_out : 0;
}

/** Return how many problems or failed tests made a job fail, or an empty text. */
export function labelFailure(job: api.Job, trans: TranslationBundle): string {
  const failed = countFailedTests(job);
  if (failed) {
    return trans._n('%1 test failed', '%1 tests failed', failed);
  }
  const count = countProblems(job);
  return count ? trans._n('%1 problem', '%1 problems', count) : '';
}

/** Return a profile's name and what it is for. */
export function describeProfile(profile: api.Profile, trans: TranslationBundle): string {
  const descriptions: Record<api.Profile, string> = {
    draft: trans.__('Draft: quick to build, larger and slower to run'),
    release: trans.__('Release: optimized, as you would publish it'),
    fast: trans.__('Fast: also uses SIMD, slower to build'),
    small: trans.__('Small: optimized for size, slower to run')
  };
  return descriptions[profile];
}

/** Return a phase's name. */
export function labelPhase(phase: string, trans: TranslationBundle): string {
  const names: Record<api.PhaseName, string> = {
    source: trans.__('Source'),
    project: trans.__('Project'),
    toolchain: trans.__('Toolchain'),
    compile: trans.__('Compile'),
    package: trans.__('Package'),
    optimise: trans.__('Optimize'),
    audit: trans.__('Audit'),
    smoke: trans.__('Import'),
    publish: trans.__('Publish'),
    test: trans.__('Test')
  };
  return names[phase as api.PhaseName] ?? phase;
}

/** Return what happens in a phase. */
export function describePhase(phase: string, trans: TranslationBundle): string {
  const descriptions: Record<api.PhaseName, string> = {
    source: trans.__('Getting the source code'),
    project: trans.__('Reading the project metadata'),
    toolchain: trans.__('Preparing Rust, the linker and Pyodide'),
    compile: trans.__('Compiling each crate to WebAssembly'),
    package: trans.__('Packing the module into a wheel'),
    optimise: trans.__('Making the module smaller and faster'),
    audit: trans.__('Checking that Pyodide provides all that the module needs'),
    smoke: trans.__('Importing the wheel in Pyodide'),
    publish: trans.__('Publishing the wheel to the site'),
    test: trans.__("Running the project's own tests in Pyodide")
  };
  return descriptions[phase as api.PhaseName] ?? phase;
}
