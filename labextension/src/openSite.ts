/**
 * Opens a site in a new tab, on the site's own origin if the browser can reach it.
 *
 * The code of a package runs with the rights of the page that the notebook is in. The site's own
 * origin has no rights in Jupyter; through the Jupyter server the code has the rights of the user.
 */

import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';

import type * as api from './api';
import type { SitesModel } from './model/sites';
import { ResponseError, showError } from './server';

/** How long to wait for the site's own origin before using the Jupyter server instead. */
const PROBE_TIMEOUT_MS = 4_000;

/** Open a site's list of notebooks, or the notebook of one of its packages. */
export async function openSite(
  sites: SitesModel,
  trans: TranslationBundle,
  name: string,
  packageName?: string
): Promise<void> {
  // A browser reliably opens a tab only in the handler of the click; its address comes later.
  const tab = window.open('about:blank', '_blank');
  if (tab) {
    tab.document.title = packageName ?? name;
    tab.document.body.textContent = trans.__('Opening %1…', packageName ?? name);
  }
  try {
    const known = sites.sites.find(each => each.name === name || each.folder === name);
    const site = await sites.open(known?.name ?? name);
    const { url, through } = packageName
      ? await findNotebook(sites, site, packageName, trans)
      : site;
    const isDirect = site.up && url && site.probe && (await canReach(site.probe));
    const address = isDirect ? url : through && sites.server.pageUrl(through);
    if (!address) {
      throw unreachable(site, trans);
    }
    if (isDirect || (await confirmProxy(site, tab, trans))) {
      show(address, tab, trans);
    }
  } catch (error) {
    tab?.close();
    void showError(error, trans);
  }
}

async function findNotebook(
  sites: SitesModel,
  site: api.Site,
  packageName: string,
  trans: TranslationBundle
): Promise<api.Package> {
  const found = await sites.findPackage(site.name, packageName);
  if (!found) {
    throw new ResponseError(404, {
      what: trans.__('%1 is no longer in the site %2.', packageName, site.name),
      why: trans.__('It was removed after it was built.'),
      fix: trans.__('Build it again.')
    });
  }
  return found;
}

/** Check that the browser can load an image from the site's own origin. */
function canReach(probe: string): Promise<boolean> {
  return new Promise(resolve => {
    const image = new Image();
    image.onload = () => resolve(true);
    image.onerror = () => resolve(false);
    setTimeout(() => resolve(false), PROBE_TIMEOUT_MS);
    image.src = `${probe}?${Date.now()}`;
  });
}

/** The sites that the user has agreed to open through the Jupyter server. */
const confirmed = new Set<string>();

/** Ask once a site whether to open it through the Jupyter server. */
async function confirmProxy(
  site: api.Site,
  tab: Window | null,
  trans: TranslationBundle
): Promise<boolean> {
  if (confirmed.has(site.name)) {
    return true;
  }
  // The question is on this page, so it should not be hidden behind the new tab.
  tab?.close();
  const answer = await showDialog({
    title: trans.__('Open the site through the Jupyter server?'),
    body: trans.__(
      'Your browser cannot reach the address of the site %1. The Jupyter server can serve it instead, but then the code of its packages runs with the rights of your login. Only open a site that you trust.',
      site.name
    ),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.okButton({ label: trans.__('Open Through Server') })
    ]
  });
  if (answer.button.accept) {
    confirmed.add(site.name);
  }
  return answer.button.accept;
}

function show(address: string, tab: Window | null, trans: TranslationBundle): void {
  const opened = tab && !tab.closed ? tab : window.open('about:blank', '_blank');
  if (opened) {
    // The new page must not be able to access this one.
    opened.opener = null;
    opened.location.replace(address);
    return;
  }
  Notification.info(trans.__('Your browser blocked the new tab.'), {
    autoClose: false,
    actions: [
      {
        label: trans.__('Open'),
        callback: () => void window.open(address, '_blank', 'noopener')
      }
    ]
  });
}

function unreachable(site: api.Site, trans: TranslationBundle): ResponseError {
  return new ResponseError(
    0,
    site.error ?? {
      what: trans.__('Cannot open the site %1.', site.name),
      why: trans.__(
        'Your browser cannot reach %1, and the Jupyter server is configured not to serve sites.',
        site.url ?? site.folder
      ),
      fix: trans.__(
        'Open the address on the computer that the server runs on, or ask its administrator to let Jupyter serve sites.'
      )
    }
  );
}
