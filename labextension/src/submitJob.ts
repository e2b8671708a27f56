/**
 * Submits jobs: confirms that foreign code may run, and creates the site that a build needs.
 */

import { Dialog, showDialog } from '@jupyterlab/apputils';

import type * as api from './api';
import { hasEnded } from './model/job';
import { isLocalSource, toTestRequest } from './model/request';
import { showError } from './server';
import type { IWasmwheel } from './tokens';

/** The name of the site to create if there is no site. */
export const DEFAULT_SITE = 'workshop';

/** The user's consent, stored in the settings, to run code of other people's packages on the server. */
export interface IConsent {
  readonly granted: boolean;
  grant(): Promise<void>;
}

/** Submit a job; return null if the user declined or the server rejected it. */
export async function submitJob(
  session: IWasmwheel,
  request: api.PostedRequest,
  consent: IConsent
): Promise<api.Job | null> {
  if (
    (request.kind === 'build' || request.kind === 'test') &&
    !isLocalSource(request.source) &&
    !(await confirmForeignCode(session, request.source, consent))
  ) {
    return null;
  }
  try {
    return await session.jobs.submit(request);
  } catch (error) {
    await showError(error, session.trans);
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
    : await submitJob(session, session.request.toBuildRequest(source, site), consent);
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
  const asked = build ?? request.toBuildRequest(source, chosen ?? null);
  const site = sites.usable.find(each => each.name === asked.site);
  return await submitJob(session, toTestRequest(asked, site?.target), consent);
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
    job => job.kind === 'site' && job.request['site'] === name && !hasEnded(job)
  );
  const job = running ?? (await submitJob(session, { kind: 'site', site: name }, consent));
  if (!job || (await jobs.whenEnded(job.id)).state !== 'done') {
    return undefined;
  }
  await sites.select(name);
  return name;
}

async function confirmForeignCode(
  session: IWasmwheel,
  source: string,
  consent: IConsent
): Promise<boolean> {
  if (consent.granted) {
    return true;
  }
  const { trans } = session;
  const answer = await showDialog({
    title: trans.__("Run this package's code on this server?"),
    body: trans.__(
      'Building %1 runs its code on this server: its build scripts, and the package itself when it is checked. The toolchain tab says whether that code is confined. Only build packages that you trust.',
      source
    ),
    checkbox: { label: trans.__('Do not ask again'), checked: false },
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.okButton({ label: trans.__('Build') })
    ]
  });
  if (answer.button.accept && answer.isChecked) {
    await consent.grant();
  }
  return answer.button.accept;
}
