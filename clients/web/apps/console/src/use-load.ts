import { useCallback, useEffect, useRef, useState } from 'react';
import { Refused } from './api.ts';
import { useSession } from './session.ts';

/** What was loaded, or why it was not. */
export interface Loaded<T> {
  value: T | undefined;
  problem: string;
  again: () => void;
}

export const NOW_AND_AGAIN = 5_000; // ms

/** Load something when its key changes, when told to, and each `every` ms; `undefined`: nothing. */
export function useLoad<T>(
  key: string,
  load: (() => Promise<T>) | undefined,
  every = 0,
): Loaded<T> {
  const { lost } = useSession();
  const [state, setState] = useState<{ key: string; value?: T; problem: string }>();
  const latest = useRef(load);
  latest.current = load;
  const run = useRef(0);
  const again = useCallback(() => {
    const mine = ++run.current;
    const isNew = () => mine === run.current;
    latest.current?.().then(
      (value) => isNew() && setState({ key, value, problem: '' }),
      (error) => {
        if (!isNew()) return;
        if (error instanceof Refused && error.status === 401) lost();
        setState((before) => ({
          key,
          ...(before?.key === key && before.value !== undefined && { value: before.value }),
          problem: String(error.message ?? error),
        }));
      },
    );
  }, [key, lost]);
  useEffect(again, [again]);
  useEffect(() => {
    if (!every) return;
    const timer = setInterval(again, every);
    return () => clearInterval(timer);
  }, [again, every]);
  const current = state?.key === key ? state : undefined;
  return { value: current?.value, problem: current?.problem ?? '', again };
}
