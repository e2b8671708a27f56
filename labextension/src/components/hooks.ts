import type { ISignal } from '@lumino/signaling';
import * as React from 'react';

/** A model as components see it. */
interface IObservable {
  readonly changed: ISignal<unknown, void>;
  readonly revision: number;
}

/** Render again when a model changes, and return its revision. */
export function useModel(model: IObservable): number {
  const subscribe = React.useCallback(
    (onChange: () => void) => {
      model.changed.connect(onChange);
      return () => {
        model.changed.disconnect(onChange);
      };
    },
    [model]
  );
  return React.useSyncExternalStore(subscribe, () => model.revision);
}

/** Return the server's time in seconds, and render again regularly while it is running. */
export function useNow(isRunning: boolean, skew: number, intervalMs = 500): number {
  const [, tick] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    if (!isRunning) {
      return undefined;
    }
    const timer = setInterval(tick, intervalMs);
    return () => clearInterval(timer);
  }, [isRunning, intervalMs]);
  return Date.now() / 1000 - skew;
}
