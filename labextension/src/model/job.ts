/**
 * What is known of a job besides its fields.
 */

import type * as api from '../api';
import { PHASES } from '../api';

/** An event as the stream has it; a job comes whole when its state changes. */
export type StreamEvent = { seq: number; time: number } & (
  { kind: 'job'; job: api.Job } | { kind: 'removed'; job: string } | ({ job: string } & api.Event)
);

/** An event of a run. */
export type RunEvent = Extract<StreamEvent, api.Event>;

/** The phases of a build, in their order. */
export const BUILD_PHASES: readonly api.PhaseName[] = PHASES.filter(phase => phase !== 'test');

/** The phases of tests, which publish nothing. */
export const TEST_PHASES: readonly api.PhaseName[] = PHASES.filter(phase => phase !== 'publish');

/** Check whether a job has ended. */
export function isOver(job: api.Job): boolean {
  return job.state !== 'queued' && job.state !== 'running';
}

/** Return what was posted; null for a kind of job that only the command line starts. */
export function requestOf(job: api.Job): api.PostedRequest | null {
  return job.kind === 'publish' ? null : (job.request as unknown as api.PostedRequest);
}

/** Return the report of a build or of tests, or null. */
export function reportOf(job: api.Job): api.BuildReport | null {
  const builds = job.kind === 'build' || job.kind === 'test';
  return builds ? (job.report as api.BuildReport | null) : null;
}

/** Return a whole error; one that an earlier version kept has no code, counts or remedies. */
export function completeError(error: Partial<api.ErrorInfo>): api.ErrorInfo {
  const { code = '', what = '', why = '', fix = '', status = 1 } = error;
  return {
    code,
    what,
    why,
    fix,
    status,
    counts: error.counts ?? {},
    remedies: error.remedies ?? []
  };
}
