import type { IDisposable } from '@lumino/disposable';
import { Throttler } from '@lumino/polling';
import { type ISignal, Signal } from '@lumino/signaling';

/** How often a model signals its changes at most: a build can log thousands of lines a second. */
const INTERVAL_MS = 60;

/** A model that signals its changes, several of them at once. */
export abstract class ObservableModel implements IDisposable {
  /** Emitted soon after something changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** How many times the signal was emitted: it tells React whether anything is new. */
  get revision(): number {
    return this._revision;
  }

  get isDisposed(): boolean {
    return this._throttler.isDisposed;
  }

  /** Note that something changed; the signal follows soon. */
  touch(): void {
    if (!this.isDisposed) {
      void this._throttler.invoke();
    }
  }

  dispose(): void {
    this._throttler.dispose();
    Signal.clearData(this);
  }

  private readonly _changed = new Signal<this, void>(this);
  private readonly _throttler = new Throttler(
    () => {
      this._revision += 1;
      this._changed.emit();
    },
    { limit: INTERVAL_MS, edge: 'trailing' }
  );
  private _revision = 0;
}
