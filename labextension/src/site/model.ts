import type { IDisposable } from '@lumino/disposable';
import { Poll } from '@lumino/polling';
import { type ISignal, Signal } from '@lumino/signaling';

import { type IPublished, published } from './lock';

/** How often to check for new packages. */
const POLL_INTERVAL_MS = 3_000;

/** The packages that are published in the site of this page. */
export class PublishedModel implements IDisposable {
  constructor(address: string) {
    this._address = address;
    this._poll = new Poll({
      auto: false,
      factory: () => this.refresh(),
      frequency: { interval: POLL_INTERVAL_MS, backoff: true, max: 60_000 },
      // Wheels are published from another tab, so check also while this one is hidden.
      standby: 'never'
    });
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Emitted with packages that were published, or published again, after the page was opened. */
  get arrived(): ISignal<this, IPublished[]> {
    return this._arrived;
  }

  get revision(): number {
    return this._revision;
  }

  get packages(): readonly IPublished[] {
    return this._packages;
  }

  /** Whether the page belongs to a site that packages are published to. */
  get isSite(): boolean {
    return this._tag !== undefined;
  }

  get isDisposed(): boolean {
    return this._poll.isDisposed;
  }

  /** Load the packages, and check regularly for new ones. */
  async start(): Promise<void> {
    await this.refresh();
    if (this.isSite) {
      document.addEventListener('visibilitychange', this._onVisibilityChange);
      void this._poll.start();
    }
  }

  /** Load the lock, unless it has not changed. */
  async refresh(): Promise<void> {
    const response = await fetch(this._address, { cache: 'no-cache' });
    if (!response.ok) {
      if (this.isSite) {
        throw new Error(`${response.status} ${this._address}`);
      }
      return;
    }
    const tag = response.headers.get('ETag') ?? response.headers.get('Last-Modified') ?? '';
    if (tag && tag === this._tag) {
      void response.body?.cancel();
      return;
    }
    const isFirst = !this.isSite;
    const now = published((await response.json()) as Parameters<typeof published>[0]);
    this._tag = tag;
    this._update(now, isFirst);
  }

  dispose(): void {
    document.removeEventListener('visibilitychange', this._onVisibilityChange);
    this._poll.dispose();
    Signal.clearData(this);
  }

  private _update(now: IPublished[], isFirst: boolean): void {
    const before = new Map(this._packages.map(each => [each.name, each]));
    const fresh = now.filter(each => before.get(each.name)?.sha256 !== each.sha256);
    const same = fresh.length === 0 && now.length === before.size;
    this._packages = now;
    if (!same || isFirst) {
      this._revision += 1;
      this._changed.emit();
    }
    if (fresh.length && !isFirst) {
      this._arrived.emit(fresh);
    }
  }

  private readonly _onVisibilityChange = (): void => {
    if (!document.hidden) {
      void this._poll.refresh();
    }
  };

  private readonly _address: string;
  private readonly _poll: Poll;
  private readonly _changed = new Signal<this, void>(this);
  private readonly _arrived = new Signal<this, IPublished[]>(this);
  private _packages: IPublished[] = [];
  private _tag: string | undefined;
  private _revision = 0;
}
