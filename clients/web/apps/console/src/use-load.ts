import { useCallback, useEffect, useRef, useState } from 'react';
import { Refused } from './api.ts';
import { useSession } from './session.ts';

/** What was loaded, or why it was not. */
export interface Loaded<T> {
  value: T | undefined;
  problem: string;
  again: () => void;
}

/** Load something when its key changes, and when told to; `undefined`: nothing. */
export function useLoad<T>(key: string, load: (() => Promise<T>) | undefined): Loaded<T> {
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
  const current = state?.key === key ? state : undefined;
  return { value: current?.value, problem: current?.problem ?? '', again };
}
