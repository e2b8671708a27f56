import type * as api from '../api';
import { asError, type Server } from '../server';
import { ObservableModel } from './observable';

/** The sites that the server knows, and what is in the one that is looked at. */
export class SitesModel extends ObservableModel {
  constructor(server: Server) {
    super();
    this.server = server;
  }

  readonly server: Server;

  /** The sites, also those that cannot be read. */
  get sites(): readonly api.Site[] {
    return this._sites;
  }

  /** The sites that packages can be published to. */
  get usable(): readonly api.Site[] {
    return this._sites.filter(site => !site.error);
  }

  /** The site that is looked at, if there is any. */
  get current(): api.Site | undefined {
    return this._sites.find(site => site.name === this._name) ?? this.usable[0] ?? this._sites[0];
  }

  /** What is in the current site. */
  get packages(): readonly api.Package[] {
    return this._packages;
  }

  get error(): api.ErrorInfo | null {
    return this._error;
  }

  get isReady(): boolean {
    return this._ready;
  }

  /** Look at another site. */
  async choose(name: string): Promise<void> {
    this._name = name;
    this.touch();
    await this.refresh();
  }

  /** Ask for the sites and the packages of the current one. */
  async refresh(): Promise<void> {
    try {
      this._sites = (await this.server.get<{ sites: api.Site[] }>(['sites'])).sites;
      const site = this.current;
      this._packages = site && !site.error ? await this._list(site) : [];
      this._error = null;
      this._ready = true;
    } catch (error) {
      this._error = asError(error);
    }
    this.touch();
  }

  /** Have a site served, and say how it can be reached. */
  async open(name: string): Promise<api.Site> {
    return await this.server.post<api.Site>(['sites', name, 'open']);
  }

  /** A package of a site, or undefined where it is there no more. */
  async find(site: string, name: string): Promise<api.Package | undefined> {
    const known = this._sites.find(each => each.name === site || each.folder === site);
    const packages = await this._list(known ?? { name: site });
    return packages.find(each => canonical(each.name) === canonical(name));
  }

  /** Take a package out of a site. */
  async remove(site: string, name: string): Promise<void> {
    await this.server.remove(['sites', site, 'packages', name]);
    await this.refresh();
  }

  private async _list(site: Pick<api.Site, 'name'>): Promise<api.Package[]> {
    const parts = ['sites', site.name, 'packages'];
    return (await this.server.get<{ packages: api.Package[] }>(parts)).packages;
  }

  private _sites: api.Site[] = [];
  private _packages: api.Package[] = [];
  private _name: string | undefined;
  private _error: api.ErrorInfo | null = null;
  private _ready = false;
}

/** A package's name as PEP 503 compares it. */
export function canonical(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, '-');
}
