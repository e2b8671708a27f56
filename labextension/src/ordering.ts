/**
 * Ordering a build: the question before foreign code runs, the site that it needs, then the job.
 */

import { Dialog, showDialog } from '@jupyterlab/apputils';

import { asError } from './server';
import type { IBuildRequest, IJob, JobRequest } from './contract';
import { isOwn, testsOf } from './model/request';
import { isOver } from './contract';
import type { IWasmwheel } from './tokens';

/** The name of the site that is made where there is none. */
export const FIRST_SITE = 'workshop';

/** Whether somebody has agreed, once and for all, that foreign packages run their code here. */
export interface IConsent {
  readonly given: boolean;
  give(): Promise<void>;
}

/** Show an error as what, why and fix. */
export async function tell(thrown: unknown, session: IWasmwheel): Promise<void> {
  const { what, why, fix } = asError(thrown);
  await showDialog({
    title: what,
    body: [why, fix].filter(text => text).join(' '),
    buttons: [Dialog.okButton({ label: session.trans.__('Close') })]
  });
}

/** Begin a job as it was asked for; null where it was not begun. */
export async function order(
  session: IWasmwheel,
  request: JobRequest,
  consent: IConsent
): Promise<IJob | null> {
  if (
    (request.kind === 'build' || request.kind === 'test') &&
    !isOwn(request.source) &&
    !(await agreed(session, request.source, consent))
  ) {
    return null;
  }
  try {
    return await session.jobs.submit(request);
  } catch (error) {
    await tell(error, session);
    return null;
  }
}

/** Build what the form says, or a source with the rest of what the form says. */
export async function orderBuild(
  session: IWasmwheel,
  consent: IConsent,
  source = session.request.source
): Promise<IJob | null> {
  if (source === null) {
    return null;
  }
  const site = await destination(session, consent);
  return site === undefined
    ? null
    : await order(session, session.request.build(source, site), consent);
}

/** Run the tests of what a build builds; of what the form says, or of a source, where none is given. */
export async function orderTests(
  session: IWasmwheel,
  consent: IConsent,
  source = session.request.source,
  build?: IBuildRequest
): Promise<IJob | null> {
  const { request, sites } = session;
  if (source === null) {
    return null;
  }
  await sites.refresh();
  const chosen = request.fields.site === null ? null : (request.fields.site ?? sites.current?.name);
  const asked = build ?? request.build(source, chosen ?? null);
  const site = sites.usable.find(each => each.name === asked.site);
  return await order(session, testsOf(asked, site?.target), consent);
}

/** The site to publish to, made now where there is none; null for none, undefined if that failed. */
async function destination(
  session: IWasmwheel,
  consent: IConsent
): Promise<string | null | undefined> {
  const { request, sites } = session;
  if (request.fields.site === null) {
    return null;
  }
  await sites.refresh();
  const chosen = sites.usable.find(site => site.name === request.fields.site) ?? sites.usable[0];
  return chosen ? chosen.name : await makeSite(session, FIRST_SITE, consent);
}

/** Make a site and wait for it; its name, or undefined where it was not made. */
export async function makeSite(
  session: IWasmwheel,
  name: string,
  consent: IConsent
): Promise<string | undefined> {
  const { jobs, sites } = session;
  const running = jobs.jobs.find(
    job => job.request.kind === 'site' && job.request.site === name && !isOver(job)
  );
  const job = running ?? (await order(session, { kind: 'site', site: name }, consent));
  if (!job || (await jobs.end(job.id)).state !== 'done') {
    return undefined;
  }
  await sites.choose(name);
  return name;
}

async function agreed(session: IWasmwheel, source: string, consent: IConsent): Promise<boolean> {
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
