import type { IDisposable } from '@lumino/disposable';
import { Throttler } from '@lumino/polling';
import { type ISignal, Signal } from '@lumino/signaling';

/** The shortest time between two signals of a model: a build can log thousands of lines a second. */
const SIGNAL_INTERVAL_MS = 60;

/** A model that combines its changes into few signals. */
export abstract class ObservableModel implements IDisposable {
  /** Emitted shortly after a change. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The number of signals so far, from which React sees that something changed. */
  get revision(): number {
    return this._revision;
  }

  get isDisposed(): boolean {
    return this._throttler.isDisposed;
  }

  /** Schedule the signal of a change. */
  notify(): void {
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
    { limit: SIGNAL_INTERVAL_MS, edge: 'trailing' }
  );
  private _revision = 0;
}
