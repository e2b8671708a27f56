import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

/**
 * Many changes made into one signal: it beats at most once an interval.
 *
 * A build can log thousands of lines a second; what shows them need not know of each.
 */
export class Pulse<T> implements IDisposable {
  constructor(sender: T, interval = 60) {
    this._sender = sender;
    this._interval = interval;
    this._changed = new Signal<T, void>(sender);
  }

  /** The signal. */
  get changed(): ISignal<T, void> {
    return this._changed;
  }

  /** How many times it has beaten; it says to React whether anything is new. */
  get count(): number {
    return this._count;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  /** Say that something changed; the signal follows soon. */
  touch(): void {
    if (this._timer === undefined && !this._disposed) {
      this._timer = setTimeout(() => this._beat(), this._interval);
    }
  }

  dispose(): void {
    this._disposed = true;
    clearTimeout(this._timer);
    this._timer = undefined;
    Signal.clearData(this._sender);
  }

  private _beat(): void {
    this._timer = undefined;
    this._count += 1;
    this._changed.emit();
  }

  private readonly _sender: T;
  private readonly _interval: number;
  private readonly _changed: Signal<T, void>;
  private _count = 0;
  private _disposed = false;
  private _timer: ReturnType<typeof setTimeout> | undefined;
}
