/**
 * Notifications of jobs: one each, with its progress, then what came of it.
 */

import { Notification } from '@jupyterlab/apputils';

import { type IJob, isOver, PHASES } from './contract';
import { CommandIDs, type IWasmwheel } from './tokens';
import { countFailedTests, countProblems, labelJob, summarizeTests } from './labels';

/** How long good news stays on the screen, in milliseconds; it is kept in the list. */
const SHOWN = 12_000;

/** Where in the whole each phase begins, as far as one can say beforehand. */
const BEGINS: Record<string, number> = {
  source: 0,
  project: 0.02,
  toolchain: 0.04,
  compile: 0.1,
  package: 0.8,
  optimise: 0.84,
  audit: 0.9,
  smoke: 0.93,
  publish: 0.98
};

/** Tell of every job that begins from now on, or is running now. */
export function notify(session: IWasmwheel): void {
  const { jobs } = session;
  const notices = new Map<string, string>();
  jobs.changed.connect(() => {
    for (const job of jobs.jobs) {
      const notice = notices.get(job.id);
      if (!isOver(job)) {
        if (notice === undefined) {
          notices.set(job.id, begin(job, session));
        } else {
          update(notice, job, session);
        }
      } else if (notice !== undefined) {
        notices.delete(job.id);
        end(notice, job, session);
      }
    }
  });
}

function begin(job: IJob, session: IWasmwheel): string {
  return Notification.emit(building(job, session), 'in-progress', {
    autoClose: false,
    progress: fraction(job),
    actions: [show(job, session)]
  });
}

function update(notice: string, job: IJob, session: IWasmwheel): void {
  // Each update lifts the notice to the top, so only what can be seen is one.
  const progress = fraction(job);
  const shown = Notification.manager.notifications.find(each => each.id === notice);
  const before = shown?.options.progress ?? 0;
  if (shown && (progress - before >= 0.01 || shown.message !== building(job, session))) {
    Notification.update({
      id: notice,
      message: building(job, session),
      progress: Math.max(before, progress)
    });
  }
}

function building(job: IJob, session: IWasmwheel): string {
  const { trans } = session;
  const percent = Math.floor(100 * fraction(job));
  switch (job.kind) {
    case 'build':
      return percent
        ? trans.__('Building %1… %2 %', labelJob(job, trans), percent)
        : trans.__('Building %1…', labelJob(job, trans));
    case 'test':
      return percent
        ? trans.__('Testing %1… %2 %', job.name, percent)
        : trans.__('Testing %1…', job.name);
    case 'install':
      return trans.__('Installing: %1…', labelJob(job, trans));
    case 'site':
      return trans.__('Making the site %1…', job.name);
    case 'bundle':
      return trans.__('Packing the site %1…', job.name);
  }
}

/** How much of it is done, from 0 to 1. */
function fraction(job: IJob): number {
  if (job.kind === 'install' || job.kind === 'bundle') {
    return job.total ? Math.min(1, (job.done ?? 0) / job.total) : 0;
  }
  if (job.kind === 'test') {
    // The build before it may have been kept, so that only the tests say how far it is.
    return job.phase === 'test' && job.total ? Math.min(1, (job.done ?? 0) / job.total) : 0;
  }
  const phase = job.phase ?? 'source';
  const from = BEGINS[phase] ?? 0;
  const next = PHASES[PHASES.indexOf(phase as (typeof PHASES)[number]) + 1];
  const to = next ? BEGINS[next]! : 1;
  return from + (job.total ? (to - from) * Math.min(1, (job.done ?? 0) / job.total) : 0);
}

function end(notice: string, job: IJob, session: IWasmwheel): void {
  const { trans } = session;
  const name = labelJob(job, trans);
  const isGood = job.state === 'done';
  Notification.update({
    id: notice,
    type: isGood ? 'success' : job.state === 'failed' ? 'error' : 'warning',
    message: outcome(job, name, session),
    progress: 1,
    autoClose: job.state === 'failed' ? false : SHOWN,
    actions: isGood && job.report?.published ? [tryIt(job, session)] : [show(job, session)]
  });
}

function outcome(job: IJob, name: string, session: IWasmwheel): string {
  const { trans } = session;
  switch (job.state) {
    case 'done':
      if (job.kind === 'install') {
        return trans.__('%1 is installed', name);
      }
      if (job.kind === 'site') {
        return trans.__('The site %1 is made', job.name);
      }
      if (job.kind === 'bundle') {
        return trans.__('%1-site.zip is beside your files', job.name);
      }
      if (job.kind === 'test') {
        return `${name}: ${summarizeTests(job.report?.tests, trans)}`;
      }
      return job.report?.published
        ? trans.__('%1 is in the site', name)
        : trans.__('%1 is built', name);
    case 'failed': {
      const count = countProblems(job);
      return count
        ? trans._n('%2 did not build: %1 problem', '%2 did not build: %1 problems', count, name)
        : (job.error?.what ?? trans.__('%1 did not build', name));
    }
    case 'interrupted':
      return trans.__('%1 was interrupted', name);
    default:
      return trans.__('%1 was cancelled', name);
  }
}

function tryIt(job: IJob, session: IWasmwheel): Notification.IAction {
  const { site } = job.report!.published!;
  const args = { site, name: job.report!.name };
  return {
    label: session.trans.__('Try it'),
    displayType: 'accent',
    callback: () => void session.commands.execute(CommandIDs.tryIt, args)
  };
}

function show(job: IJob, session: IWasmwheel): Notification.IAction {
  const { trans, commands } = session;
  return {
    label:
      job.state === 'failed' && (countProblems(job) || countFailedTests(job))
        ? trans.__('Show problems')
        : trans.__('Show'),
    callback: event => {
      // Looking at it does not end it: the notice of a running job stays.
      if (!isOver(job)) {
        event.preventDefault();
      }
      void commands.execute(CommandIDs.openBuild, { id: job.id });
    }
  };
}
