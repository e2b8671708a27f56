/**
 * Submits jobs: asks before foreign code runs, creates the site that a build needs, posts the job.
 */

import { Dialog, showDialog } from '@jupyterlab/apputils';

import type * as api from './api';
import { isOver } from './model/job';
import { isOwn, testsOf } from './model/request';
import { asError } from './server';
import type { IWasmwheel } from './tokens';

/** The name of the site to create if there is none. */
export const DEFAULT_SITE = 'workshop';

/** The user's consent, kept in the settings, to run the code of foreign packages on the server. */
export interface IConsent {
  readonly given: boolean;
  give(): Promise<void>;
}

/** Show an error in a dialog. */
export async function showError(thrown: unknown, session: IWasmwheel): Promise<void> {
  const { what, why, fix } = asError(thrown);
  await showDialog({
    title: what,
    body: [why, fix].filter(text => text).join(' '),
    buttons: [Dialog.okButton({ label: session.trans.__('Close') })]
  });
}

/** Submit a job; return null if the user declined or the server refused. */
export async function submitJob(
  session: IWasmwheel,
  request: api.PostedRequest,
  consent: IConsent
): Promise<api.Job | null> {
  if (
    (request.kind === 'build' || request.kind === 'test') &&
    !isOwn(request.source) &&
    !(await confirmForeignCode(session, request.source, consent))
  ) {
    return null;
  }
  try {
    return await session.jobs.submit(request);
  } catch (error) {
    await showError(error, session);
    return null;
  }
}

/** Submit a build of the form's source, or of another one, with the form's options. */
export async function submitBuild(
  session: IWasmwheel,
  consent: IConsent,
  source = session.request.source
): Promise<api.Job | null> {
  if (source === null) {
    return null;
  }
  const site = await findSite(session, consent);
  return site === undefined
    ? null
    : await submitJob(session, session.request.build(source, site), consent);
}

/** Submit the tests of a build, or, without one, of a source with the form's options. */
export async function submitTests(
  session: IWasmwheel,
  consent: IConsent,
  source = session.request.source,
  build?: api.BuildRequest
): Promise<api.Job | null> {
  const { request, sites } = session;
  if (source === null) {
    return null;
  }
  await sites.refresh();
  const chosen = request.fields.site === null ? null : (request.fields.site ?? sites.current?.name);
  const asked = build ?? request.build(source, chosen ?? null);
  const site = sites.usable.find(each => each.name === asked.site);
  return await submitJob(session, testsOf(asked, site?.target), consent);
}

/** Return the site to publish to, creating one if needed; null for none, undefined on failure. */
async function findSite(
  session: IWasmwheel,
  consent: IConsent
): Promise<string | null | undefined> {
  const { request, sites } = session;
  if (request.fields.site === null) {
    return null;
  }
  await sites.refresh();
  const chosen = sites.usable.find(site => site.name === request.fields.site) ?? sites.usable[0];
  return chosen ? chosen.name : await createSite(session, DEFAULT_SITE, consent);
}

/** Create a site and return its name, or undefined on failure. */
export async function createSite(
  session: IWasmwheel,
  name: string,
  consent: IConsent
): Promise<string | undefined> {
  const { jobs, sites } = session;
  const running = jobs.jobs.find(
    job => job.kind === 'site' && job.request['site'] === name && !isOver(job)
  );
  const job = running ?? (await submitJob(session, { kind: 'site', site: name }, consent));
  if (!job || (await jobs.end(job.id)).state !== 'done') {
    return undefined;
  }
  await sites.choose(name);
  return name;
}

async function confirmForeignCode(
  session: IWasmwheel,
  source: string,
  consent: IConsent
): Promise<boolean> {
  if (consent.given) {
    return true;
  }
  const { trans } = session;
  const answer = await showDialog({
    title: trans.__("Building runs this package's code on this server."),
    body: trans.__(
      '%1 is not a folder of yours. Its build scripts run with your rights, and so does the package when it is tried out. Build only what you trust.',
      source
    ),
    checkbox: { label: trans.__('Do not ask again'), checked: true },
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.okButton({ label: trans.__('Build it') })
    ]
  });
  if (answer.button.accept && answer.isChecked) {
    await consent.give();
  }
  return answer.button.accept;
}
