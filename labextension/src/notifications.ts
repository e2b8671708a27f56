/**
 * Notifications of jobs: one each, with its progress, then its outcome.
 */

import { Notification } from '@jupyterlab/apputils';

import type * as api from './api';
import { BUILD_PHASES, isOver, reportOf } from './model/job';
import { CommandIDs, type IWasmwheel } from './tokens';
import { countFailedTests, countProblems, labelJob, summarizeTests } from './labels';

/** How long a notification of success stays on the screen; it stays in the list. */
const AUTO_CLOSE_MS = 12_000;

/** The share of a build's time that is over when each phase begins, as an estimate. */
const PHASE_STARTS: Record<string, number> = {
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

/** Show a notification for each job that is running or begins from now on. */
export function showNotifications(session: IWasmwheel): void {
  const { jobs } = session;
  const notifications = new Map<string, string>();
  jobs.changed.connect(() => {
    for (const job of jobs.jobs) {
      const id = notifications.get(job.id);
      if (!isOver(job)) {
        if (id === undefined) {
          notifications.set(job.id, begin(job, session));
        } else {
          update(id, job, session);
        }
      } else if (id !== undefined) {
        notifications.delete(job.id);
        end(id, job, session);
      }
    }
  });
}

function begin(job: api.Job, session: IWasmwheel): string {
  return Notification.emit(building(job, session), 'in-progress', {
    autoClose: false,
    progress: fraction(job),
    actions: [show(job, session)]
  });
}

function update(id: string, job: api.Job, session: IWasmwheel): void {
  // Each update lifts the notification to the top: make one only where something visible changed.
  const progress = fraction(job);
  const shown = Notification.manager.notifications.find(each => each.id === id);
  const before = shown?.options.progress ?? 0;
  if (shown && (progress - before >= 0.01 || shown.message !== building(job, session))) {
    Notification.update({
      id,
      message: building(job, session),
      progress: Math.max(before, progress)
    });
  }
}

function building(job: api.Job, session: IWasmwheel): string {
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
    case 'publish':
      return trans.__('Publishing %1…', job.name);
  }
}

/** Return how much of a job is done, from 0 to 1. */
function fraction(job: api.Job): number {
  if (job.kind === 'install' || job.kind === 'bundle') {
    return job.total ? Math.min(1, (job.done ?? 0) / job.total) : 0;
  }
  if (job.kind === 'test') {
    // The build before it may have been kept, so that only the tests say how far it is.
    return job.phase === 'test' && job.total ? Math.min(1, (job.done ?? 0) / job.total) : 0;
  }
  const phase = job.phase ?? 'source';
  const from = PHASE_STARTS[phase] ?? 0;
  const next = BUILD_PHASES[BUILD_PHASES.indexOf(phase as api.PhaseName) + 1];
  const to = next ? PHASE_STARTS[next]! : 1;
  return from + (job.total ? (to - from) * Math.min(1, (job.done ?? 0) / job.total) : 0);
}

function end(id: string, job: api.Job, session: IWasmwheel): void {
  const { trans } = session;
  const name = labelJob(job, trans);
  const isGood = job.state === 'done';
  Notification.update({
    id,
    type: isGood ? 'success' : job.state === 'failed' ? 'error' : 'warning',
    message: outcome(job, name, session),
    progress: 1,
    autoClose: job.state === 'failed' ? false : AUTO_CLOSE_MS,
    actions: isGood && reportOf(job)?.published ? [tryIt(job, session)] : [show(job, session)]
  });
}

function outcome(job: api.Job, name: string, session: IWasmwheel): string {
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
        return `${name}: ${summarizeTests(reportOf(job)?.tests, trans)}`;
      }
      return reportOf(job)?.published
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

function tryIt(job: api.Job, session: IWasmwheel): Notification.IAction {
  const report = reportOf(job)!;
  const args = { site: report.published!.site, name: report.name };
  return {
    label: session.trans.__('Try it'),
    displayType: 'accent',
    callback: () => void session.commands.execute(CommandIDs.tryIt, args)
  };
}

function show(job: api.Job, session: IWasmwheel): Notification.IAction {
  const { trans, commands } = session;
  return {
    label:
      job.state === 'failed' && (countProblems(job) || countFailedTests(job))
        ? trans.__('Show Problems')
        : trans.__('Show'),
    callback: event => {
      // Looking at it does not end it: the notification of a running job stays.
      if (!isOver(job)) {
        event.preventDefault();
      }
      void commands.execute(CommandIDs.openBuild, { id: job.id });
    }
  };
}
