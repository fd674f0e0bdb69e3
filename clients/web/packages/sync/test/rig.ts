/** A client on a clock that the test turns, and the server that it talks to. */

import { type ConnectionState, SyncClient, type SyncEvent, type SyncOptions } from '@kull/sync';
import { afterEach, beforeEach, expect, vi } from 'vitest';
import { Server } from './server.ts';

export const START = 1_000_000_000_000;
export let server: Server;
export let clients: SyncClient[];

beforeEach(() => {
  vi.useFakeTimers({ now: START });
  server = new Server();
  clients = [];
});

afterEach(async () => {
  for (const client of clients) client.disconnect();
  await pass(3_000); // as long as a store may take
  expect(vi.getTimerCount(), 'timers left behind').toBe(0);
  vi.useRealTimers();
});

export interface Watched {
  client: SyncClient;
  states: ConnectionState[];
  events: SyncEvent[];
  errors: unknown[];
  names: () => string[];
}

export function open(options: Partial<SyncOptions> = {}): Watched {
  const client = new SyncClient({
    ...{ url: 'ws://kull.test/ws', token: 'maya:tab', WebSocket: server.WebSocket },
    ...{ random: () => 1, store: false, ...options },
  });
  clients.push(client);
  const states: ConnectionState[] = [];
  const events: SyncEvent[] = [];
  const errors: unknown[] = [];
  client.on('state', (state) => states.push(state));
  client.on('event', (event) => events.push(event));
  client.on('error', (error) => errors.push(error));
  const names = () => states.map((state) => state.name);
  return { client, states, events, errors, names };
}

/** Let promises run, and the clock with them. */
export const pass = (ms = 0) => vi.advanceTimersByTimeAsync(ms);

export async function connected(options: Partial<SyncOptions> = {}): Promise<Watched> {
  const watched = open(options);
  watched.client.connect();
  await pass();
  server.last.welcome();
  return watched;
}
