/** Reads one property of the client, and renders again when it is another value. */

import type { SyncClient } from '@kull/sync';
import { useCallback, useSyncExternalStore } from 'react';
import { useSync } from './provider.tsx';

/** `read` must return the same object until something changes; `absent` is for servers. */
export function useClient<T>(read: (client: SyncClient) => T, absent: T): T {
  const client = useSync();
  const subscribe = useCallback(
    (changed: () => void) => client?.on('change', changed) ?? (() => {}),
    [client],
  );
  return useSyncExternalStore(
    subscribe,
    () => (client ? read(client) : absent),
    () => absent,
  );
}
