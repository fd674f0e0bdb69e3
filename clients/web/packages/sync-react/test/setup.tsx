/** A provider on a server that the test plays. */

import type { SyncClient } from '@kull/sync';
import { act, cleanup, render } from '@testing-library/react';
import { type ReactNode, StrictMode } from 'react';
import { afterEach, beforeEach, expect, vi } from 'vitest';
import { Server } from '../../sync/test/server.ts';
import { SyncProvider, type SyncProviderProps, useSync } from '../src/index.ts';

export { Server };

export const NOW = 1_700_000_000_000;
export let server: Server;
let client: SyncClient | null = null;

beforeEach(() => {
  vi.useFakeTimers({ now: NOW });
  server = new Server();
});

afterEach(() => {
  cleanup();
  expect(vi.getTimerCount(), 'timers left behind').toBe(0);
  vi.useRealTimers();
});

export const theClient = (): SyncClient => {
  if (!client) throw new Error('nothing is mounted');
  return client;
};

function Peek(): null {
  client = useSync();
  return null;
}

export function page(children: ReactNode, props: Partial<SyncProviderProps> = {}): ReactNode {
  const options = { url: 'ws://kull.test/ws', token: 'maya:tab', WebSocket: server.WebSocket };
  return (
    <StrictMode>
      <SyncProvider {...options} random={() => 1} {...props}>
        <Peek />
        {children}
      </SyncProvider>
    </StrictMode>
  );
}

export const pass = (ms = 0) => act(() => vi.advanceTimersByTimeAsync(ms));

/** Render and connect. */
export async function show(children: ReactNode, props: Partial<SyncProviderProps> = {}) {
  const view = render(page(children, props));
  await pass();
  await act(async () => server.last.welcome());
  return view;
}

export const tick = (fields: object, timestamp = Date.now(), late?: number) =>
  act(async () => {
    const seq = late ?? (seqs.get(server) ?? 0) + 1;
    if (!late) seqs.set(server, seq);
    const data = { shootId: 's', status: 'processing', processedCount: 1, totalCount: 10 };
    server.last.emit(
      'SHOOT_PROGRESS',
      { provider: 'Replicate', ...data, ...fields },
      { id: `t${seq}`, seq, timestamp },
    );
  });
const seqs = new WeakMap<Server, number>();
