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
import { asError, ResponseError } from './server';

/** How long to wait for the site's own origin before using the Jupyter server instead. */
const PROBE_TIMEOUT_MS = 4_000;

/** Open a site's list of notebooks, or the notebook of one of its packages. */
export async function openSite(
  sites: SitesModel,
  trans: TranslationBundle,
  name: string,
  packageName?: string
): Promise<void> {
  // Only within the click itself is a browser sure to open a tab; its address comes later.
  const tab = window.open('about:blank', '_blank');
  if (tab) {
    tab.document.title = packageName ?? name;
    tab.document.body.textContent = trans.__('Opening %1…', packageName ?? name);
  }
  try {
    const known = sites.sites.find(each => each.name === name || each.folder === name);
    const site = await sites.open(known?.name ?? name);
    const place = await findAddresses(sites, site, packageName, trans);
    const direct = site.up && place.url && site.probe && (await canReach(site.probe));
    const address = direct ? place.url : place.through && sites.server.page(place.through);
    if (!address) {
      throw unreachable(site, trans);
    }
    if (direct || (await confirmProxy(site, tab, trans))) {
      show(address, tab, trans);
    }
  } catch (error) {
    tab?.close();
    const { what, why, fix } = asError(error);
    void showDialog({
      title: what,
      body: [why, fix].filter(text => text).join(' '),
      buttons: [Dialog.okButton({ label: trans.__('Close') })]
    });
  }
}

async function findAddresses(
  sites: SitesModel,
  site: api.Site,
  packageName: string | undefined,
  trans: TranslationBundle
): Promise<{ url: string | null; through: string | null }> {
  if (packageName === undefined) {
    return site;
  }
  const found = await sites.find(site.name, packageName);
  if (!found) {
    throw new ResponseError(404, {
      what: trans.__('%1 is no longer in the site %2.', packageName, site.name),
      why: trans.__('It was removed after it had been built.'),
      fix: trans.__('Build it again.')
    });
  }
  return found;
}

/** Check that the browser can load an image from the site's own origin. */
function canReach(probe: string): Promise<boolean> {
  return new Promise(resolve => {
    const image = new Image();
    const timer = setTimeout(() => resolve(false), PROBE_TIMEOUT_MS);
    const settle = (reached: boolean) => () => {
      clearTimeout(timer);
      resolve(reached);
    };
    image.onload = settle(true);
    image.onerror = settle(false);
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
      'Your browser does not reach the address that the site %1 has for itself. The Jupyter server can show it instead. The code of the packages in it then runs with the rights of your login here: open only what you trust.',
      site.name
    ),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.okButton({ label: trans.__('Open through the server') })
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
    // The page must not reach back into this one.
    opened.opener = null;
    opened.location.replace(address);
    return;
  }
  Notification.info(trans.__('The browser did not let a new tab be opened.'), {
    autoClose: false,
    actions: [
      {
        label: trans.__('Open it'),
        callback: () => void window.open(address, '_blank', 'noopener')
      }
    ]
  });
}

function unreachable(site: api.Site, trans: TranslationBundle): ResponseError {
  const { error } = site;
  return error
    ? new ResponseError(0, error)
    : new ResponseError(0, {
        what: trans.__('The site %1 cannot be opened from here.', site.name),
        why: trans.__(
          'Your browser does not reach %1, and the Jupyter server does not show sites itself.',
          site.url ?? site.folder
        ),
        fix: trans.__(
          'Open the address on the computer where the server runs, or ask its administrator to switch that on.'
        )
      });
}
