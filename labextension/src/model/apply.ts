import type * as api from '../api';
import { completeError, type RunEvent } from './job';

/**
 * Return the job as an event changes it, or the same job if the event is old or unknown.
 *
 * The reducer in Python (jupyter_wasmwheel/api/jobs.py) is tested against the same fixtures.
 */
export function apply(job: api.Job, event: RunEvent): api.Job {
  const { seq } = event;
  if (seq <= job.seq) {
    return job;
  }
  switch (event.kind) {
    case 'phase':
      return event.state === 'started'
        ? { ...job, seq, phase: event.name, done: null, total: null, label: null }
        : { ...job, seq };
    case 'progress':
      return { ...job, seq, done: event.done, total: event.total, label: event.label };
    case 'report': {
      const { report } = event;
      const { name, version } = report;
      return {
        ...job,
        seq,
        report,
        name: typeof name === 'string' ? name : job.name,
        version: typeof version === 'string' ? version : job.version
      };
    }
    case 'error':
      return { ...job, seq, error: completeError(event) };
    case 'log':
    case 'diagnostic':
    case 'crate_started':
    case 'crate_finished':
      return { ...job, seq };
    default:
      return job;
  }
}
