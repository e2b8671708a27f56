import type * as api from '../api';
import { asError, type Server } from '../server';
import { ObservableModel } from './observable';

/** The sites on the server, and the packages in the selected one. */
export class SitesModel extends ObservableModel {
  constructor(server: Server) {
    super();
    this.server = server;
  }

  readonly server: Server;

  /** All sites, including those that cannot be read. */
  get sites(): readonly api.Site[] {
    return this._sites;
  }

  /** The sites that packages can be published to. */
  get usable(): readonly api.Site[] {
    return this._sites.filter(site => !site.error);
  }

  /** The selected site, or else the first one. */
  get current(): api.Site | undefined {
    return this._sites.find(site => site.name === this._name) ?? this.usable[0] ?? this._sites[0];
  }

  /** The packages in the current site. */
  get packages(): readonly api.Package[] {
    return this._packages;
  }

  async select(name: string): Promise<void> {
    this._name = name;
    this.notify();
    await this.refresh();
  }

  /** Load the sites and the packages in the current one; on failure keep what is shown. */
  async refresh(): Promise<void> {
    try {
      this._sites = (await this.server.get<{ sites: api.Site[] }>(['sites'])).sites;
      const site = this.current;
      this._packages = site && !site.error ? await this._list(site.name) : [];
    } catch (error) {
      console.warn(asError(error).what);
    }
    this.notify();
  }

  /** Serve a site, and return how it can be reached. */
  async open(name: string): Promise<api.Site> {
    return await this.server.post<api.Site>(['sites', name, 'open']);
  }

  /** Return a package in a site, or undefined if it is no longer there. */
  async findPackage(site: string, name: string): Promise<api.Package | undefined> {
    const packages = await this._list(site);
    return packages.find(each => canonicalName(each.name) === canonicalName(name));
  }

  /** Return what to paste into other front ends to use a package, of a copy of the site at a URL. */
  async snippets(site: string, name: string, url: string): Promise<readonly api.Snippet[]> {
    const parts = ['sites', site, 'packages', name, 'snippets'];
    return (await this.server.get<{ snippets: api.Snippet[] }>(parts, { url })).snippets;
  }

  async removePackage(site: string, name: string): Promise<void> {
    await this.server.remove(['sites', site, 'packages', name]);
    await this.refresh();
  }

  private async _list(site: string): Promise<api.Package[]> {
    const parts = ['sites', site, 'packages'];
    return (await this.server.get<{ packages: api.Package[] }>(parts)).packages;
  }

  private _sites: api.Site[] = [];
  private _packages: api.Package[] = [];
  private _name: string | undefined;
}

/** Return a package's name as PEP 503 compares it. */
function canonicalName(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, '-');
}
