/**
 * Notifications of jobs: one for each, with its progress and then its outcome.
 */

import { Notification } from '@jupyterlab/apputils';

import type * as api from './api';
import { BUILD_PHASES, hasEnded, reportOf } from './model/job';
import { CommandIDs, type IWasmwheel } from './tokens';
import { countFailedTests, countProblems, labelFailure, labelJob, summarizeTests } from './labels';

/** How long a notification of success is shown; it stays in the list. */
const AUTO_CLOSE_MS = 12_000;

/** The share of a build's time that has passed when each phase starts, as an estimate. */
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

/** Show a notification for each running job, except installations that this page did not request. */
export function showNotifications(session: IWasmwheel): void {
  const { jobs } = session;
  const notifications = new Map<string, string>();
  jobs.changed.connect(() => {
    for (const job of jobs.jobs) {
      const id = notifications.get(job.id);
      if (id === undefined) {
        if (!hasEnded(job) && (job.kind !== 'install' || jobs.isSubmitted(job.id))) {
          notifications.set(job.id, showProgress(job, session));
        }
      } else if (hasEnded(job)) {
        notifications.delete(job.id);
        showOutcome(id, job, session);
      } else {
        updateProgress(id, job, session);
      }
    }
  });
}

function showProgress(job: api.Job, session: IWasmwheel): string {
  return Notification.emit(progressMessage(job, session), 'in-progress', {
    autoClose: false,
    progress: fraction(job),
    actions: [showAction(job, session)]
  });
}

function updateProgress(id: string, job: api.Job, session: IWasmwheel): void {
  // Each update lifts the notification to the top, so update it only if something visible changed.
  const progress = fraction(job);
  const message = progressMessage(job, session);
  const shown = Notification.manager.notifications.find(each => each.id === id);
  const before = shown?.options.progress ?? 0;
  if (shown && (progress - before >= 0.01 || shown.message !== message)) {
    Notification.update({ id, message, progress: Math.max(before, progress) });
  }
}

function progressMessage(job: api.Job, session: IWasmwheel): string {
  const { trans } = session;
  if (job.state === 'queued') {
    return trans.__('%1 is queued', labelJob(job, trans));
  }
  const messages: Record<api.JobKind, string> = {
    build: trans.__('Building %1…', labelJob(job, trans)),
    test: trans.__('Testing %1…', job.name),
    install: trans.__('Installing %1…', labelJob(job, trans)),
    site: trans.__('Creating the site %1…', job.name),
    bundle: trans.__('Packing the site %1…', job.name),
    publish: trans.__('Publishing %1…', job.name)
  };
  const percent = job.kind === 'build' || job.kind === 'test' ? Math.floor(100 * fraction(job)) : 0;
  return percent ? trans.__('%1 %2 %', messages[job.kind], percent) : messages[job.kind];
}

/** Return how much of a job is done, from 0 to 1. */
function fraction(job: api.Job): number {
  const share = job.total ? Math.min(1, (job.done ?? 0) / job.total) : 0;
  switch (job.kind) {
    case 'install':
    case 'bundle':
      return share;
    case 'test':
      // The build before the tests may be cached, so only the tests count.
      return job.phase === 'test' ? share : 0;
    default: {
      const phase = job.phase ?? 'source';
      const start = PHASE_STARTS[phase] ?? 0;
      const next = BUILD_PHASES[BUILD_PHASES.indexOf(phase as api.PhaseName) + 1];
      return start + ((next ? PHASE_STARTS[next]! : 1) - start) * share;
    }
  }
}

function showOutcome(id: string, job: api.Job, session: IWasmwheel): void {
  const isDone = job.state === 'done';
  Notification.update({
    id,
    type: isDone ? 'success' : job.state === 'failed' ? 'error' : 'warning',
    message: outcome(job, session),
    progress: 1,
    autoClose: job.state === 'failed' ? false : AUTO_CLOSE_MS,
    actions: [
      isDone && reportOf(job)?.published ? tryAction(job, session) : showAction(job, session)
    ]
  });
}

function outcome(job: api.Job, session: IWasmwheel): string {
  const { trans } = session;
  const name = labelJob(job, trans);
  switch (job.state) {
    case 'done':
      return doneMessage(job, name, session);
    case 'failed':
      return countProblems(job)
        ? trans.__('Could not build %1: %2', name, labelFailure(job, trans))
        : (job.error?.what ?? trans.__('%1 failed', name));
    case 'interrupted':
      return trans.__('%1 was interrupted', name);
    default:
      return trans.__('%1 was canceled', name);
  }
}

function doneMessage(job: api.Job, name: string, { trans }: IWasmwheel): string {
  const report = reportOf(job);
  switch (job.kind) {
    case 'install':
      return trans.__('Installed %1', name);
    case 'site':
      return trans.__('Created the site %1', job.name);
    case 'bundle':
      return trans.__('Saved the site as %1-site.zip', job.name);
    case 'test':
      return trans.__('%1: %2', name, summarizeTests(report?.tests, trans));
    default:
      return report?.published
        ? trans.__('%1 is in the site', name)
        : trans.__('%1 is built', name);
  }
}

function tryAction(job: api.Job, session: IWasmwheel): Notification.IAction {
  const report = reportOf(job)!;
  const args = { site: report.published!.site, name: report.name };
  return {
    label: session.trans.__('Try It'),
    displayType: 'accent',
    callback: () => void session.commands.execute(CommandIDs.tryIt, args)
  };
}

function showAction(job: api.Job, session: IWasmwheel): Notification.IAction {
  const { trans, commands } = session;
  return {
    label:
      job.state === 'failed' && (countProblems(job) || countFailedTests(job))
        ? trans.__('Show Problems')
        : trans.__('Show'),
    callback: event => {
      // Keep the notification of a running job.
      if (!hasEnded(job)) {
        event.preventDefault();
      }
      void commands.execute(CommandIDs.openBuild, { id: job.id });
    }
  };
}
