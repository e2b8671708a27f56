import type { ISignal } from '@lumino/signaling';
import * as React from 'react';

/** A model as components see it: it says that it changed, and counts how often. */
interface IChanging {
  readonly changed: ISignal<unknown, void>;
  readonly revision: number;
}

/** Draw again when a model changes; its revision. */
export function useModel(model: IChanging): number {
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

/** The server's time in seconds, which goes on while something is running. */
export function useNow(running: boolean, skew: number, interval = 500): number {
  const [, tick] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    if (!running) {
      return undefined;
    }
    const timer = setInterval(tick, interval);
    return () => clearInterval(timer);
  }, [running, interval]);
  return Date.now() / 1000 - skew;
}
