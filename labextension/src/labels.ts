/**
 * Labels jobs, their states and their phases.
 */

import type { TranslationBundle } from '@jupyterlab/translation';

import type * as api from './api';
import { type Field, FIELDS } from './api';
import { reportOf, requestOf } from './model/job';

/** Return a job's title: its package, or what it is about. */
export function labelJob(job: api.Job, trans: TranslationBundle): string {
  const request = requestOf(job);
  switch (request?.kind) {
    case 'install':
      return labelExtras(request.extras ?? [], trans);
    case 'site':
      return trans.__('Site %1', request.site);
    case 'bundle':
      return trans.__('Zip of %1', request.site);
    case 'test':
      return trans.__('Tests of %1', labelPackage(job));
    default:
      return labelPackage(job);
  }
}

function labelPackage(job: api.Job): string {
  return job.version ? `${job.name} ${job.version}` : job.name;
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
  const label = job.label ?? trans.__('starting');
  return percent ? trans.__('%1 · %2 %', label, percent) : label;
}

/** Return a job's state, or its phase while it runs, in a word. */
export function labelState(job: api.Job, trans: TranslationBundle): string {
  switch (job.state) {
    case 'queued':
      return trans.__('waiting');
    case 'running':
      return job.phase ? labelPhase(job.phase, trans) : trans.__('starting');
    case 'done':
      return trans.__('done');
    case 'failed':
      return countFailedTests(job) ? trans.__('tests failed') : trans.__('did not build');
    case 'cancelled':
      return trans.__('cancelled');
    case 'interrupted':
      return trans.__('interrupted');
  }
}

/** Count the problems that the compiler found, if they made the job fail. */
export function countProblems(job: api.Job): number {
  return job.error?.counts['problems'] ?? 0;
}

/** Summarize the project's own tests in a line: how many there are of each outcome. */
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

/** Return in two words why a job failed. */
export function labelFailure(job: api.Job, trans: TranslationBundle): string {
  const failed = countFailedTests(job);
  if (failed) {
    return trans._n('%1 test failed', '%1 tests failed', failed);
  }
  const count = countProblems(job);
  if (count) {
    return trans._n('%1 problem', '%1 problems', count);
  }
  switch (job.error?.status) {
    case 3:
      return trans.__('source');
    case 4:
      return trans.__('toolchain');
    case 6:
      return trans.__('checks');
    case 7:
      return trans.__('site');
    case 8:
      return trans.__('tests');
    case 9:
      return trans.__('limit met');
    default:
      return trans.__('failed');
  }
}

/** Return a phase's name. */
export function labelPhase(phase: string, trans: TranslationBundle): string {
  switch (phase) {
    case 'source':
      return trans.__('source');
    case 'project':
      return trans.__('project');
    case 'toolchain':
      return trans.__('toolchain');
    case 'compile':
      return trans.__('compile');
    case 'package':
      return trans.__('package');
    case 'optimise':
      return trans.__('optimise');
    case 'audit':
      return trans.__('audit');
    case 'smoke':
      return trans.__('smoke');
    case 'publish':
      return trans.__('publish');
    case 'test':
      return trans.__('test');
    default:
      return phase;
  }
}

/** Describe a phase in a sentence. */
export function describePhase(phase: string, trans: TranslationBundle): string {
  switch (phase) {
    case 'source':
      return trans.__('Source: get the code');
    case 'project':
      return trans.__('Project: read what is to be built, and how');
    case 'toolchain':
      return trans.__('Toolchain: find or fetch Rust, the linker and Pyodide');
    case 'compile':
      return trans.__('Compile: every crate to WebAssembly');
    case 'package':
      return trans.__('Package: put the module into a wheel, the file that Python installs');
    case 'optimise':
      return trans.__('Optimise: make the module smaller and faster');
    case 'audit':
      return trans.__('Audit: compare what the module needs with what Pyodide has');
    case 'smoke':
      return trans.__('Smoke: import the wheel in the real Pyodide, to see that it works');
    case 'publish':
      return trans.__('Publish: put the wheel into the site');
    case 'test':
      return trans.__("Test: run the project's own tests in the real Pyodide");
    default:
      return phase;
  }
}
