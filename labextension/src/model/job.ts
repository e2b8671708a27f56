/**
 * Derives facts from jobs.
 */

import type * as api from '../api';
import { PHASES } from '../api';

/** An event of the stream, which sends a whole job when its state changes. */
export type StreamEvent = { seq: number; time: number } & (
  { kind: 'job'; job: api.Job } | { kind: 'removed'; job: string } | ({ job: string } & api.Event)
);

/** An event of a run. */
export type RunEvent = Extract<StreamEvent, api.Event>;

/** The phases of a build, in their order. */
export const BUILD_PHASES: readonly api.PhaseName[] = PHASES.filter(phase => phase !== 'test');

/** The phases of a test run, which publishes nothing. */
export const TEST_PHASES: readonly api.PhaseName[] = PHASES.filter(phase => phase !== 'publish');

/** Check whether a job has ended. */
export function hasEnded(job: api.Job): boolean {
  return job.state !== 'queued' && job.state !== 'running';
}

/** Return the posted request, or null for a kind of job that only the command line starts. */
export function requestOf(job: api.Job): api.PostedRequest | null {
  return job.kind === 'publish' ? null : (job.request as unknown as api.PostedRequest);
}

/** Check whether a job prepares seeds, as the server does in the background. */
export function isPreparation(job: api.Job): boolean {
  const request = requestOf(job);
  return request?.kind === 'install' && String(request.extras) === 'seeds';
}

/** Return the report of a build or a test run, or null. */
export function reportOf(job: api.Job): api.BuildReport | null {
  const hasReport = job.kind === 'build' || job.kind === 'test';
  return hasReport ? (job.report as api.BuildReport | null) : null;
}

/** Return an error with all fields: one that an earlier version stored lacks some. */
export function completeError(error: Partial<api.ErrorInfo>): api.ErrorInfo {
  const empty = { code: '', what: '', why: '', fix: '', status: 1, counts: {}, remedies: [] };
  const { code, what, why, fix, status, counts, remedies } = { ...empty, ...error };
  return { code, what, why, fix, status, counts, remedies };
}
