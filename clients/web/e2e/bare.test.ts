/**
 * The SDK where there is a language, timers, `atob` and a WebSocket, and nothing else: no window,
 * document, navigator, BroadcastChannel, indexedDB, crypto, addEventListener or TextDecoder, and a
 * `URL` that does not work. That is less than React Native has; React Native itself was not run.
 */

import { createContext, runInContext } from 'node:vm';
import type { SyncClient, SyncOptions } from '@kull/sync';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { bundled } from './browser.ts';
import { Kull } from './kull.ts';

const WAIT = { timeout: 20_000, interval: 20 };
const until = (condition: () => unknown) =>
  vi.waitFor(() => expect(condition()).toBeTruthy(), WAIT);

class BrokenUrl {
  constructor() {
    throw new Error('not implemented');
  }
}

/** What React Native's WebSocket is: one that reports no more than these, and takes texts. */
const sockets: WebSocket[] = [];
class NativeSocket extends WebSocket {
  constructor(url: string, protocols: string[]) {
    super(url, protocols);
    sockets.push(this);
  }
}

let kull: Kull;
let make: (options: Partial<SyncOptions>) => SyncClient;
let names: string[];
const clients: SyncClient[] = [];

function open(options: Partial<SyncOptions>): { client: SyncClient; credits: number[] } {
  const client = make({ url: kull.edges, ...options });
  clients.push(client);
  const credits: number[] = [];
  client.on('CREDIT_UPDATE', ({ data }) => void credits.push(data.newBalance));
  client.connect();
  return { client, credits };
}

describe('without a browser around it', () => {
  beforeAll(async () => {
    const { script } = await bundled('packages/sync/src/index.ts');
    kull = await new Kull().start('--edges', '2');
    const context = createContext({
      ...{ setTimeout, clearTimeout, atob, console, URL: BrokenUrl, WebSocket: NativeSocket },
    });
    runInContext(script, context);
    make = runInContext('(options) => new kull.SyncClient(options)', context);
    names = runInContext('Object.getOwnPropertyNames(globalThis)', context);
  }, 60_000);
  afterAll(() => kull?.stop());
  afterEach(() => {
    for (const client of clients.splice(0)) client.disconnect();
  });

  it('nothing of a browser is there', () => {
    const missing = ['window', 'document', 'navigator', 'BroadcastChannel', 'indexedDB', 'crypto'];
    const more = ['addEventListener', 'TextDecoder', 'AbortController', 'structuredClone'];
    expect(names.filter((name) => [...missing, ...more].includes(name))).toEqual([]);
  });

  it('connects, gets every event, and reports progress', async () => {
    const phone = open({ token: 'rona:phone', deviceName: 'Rona’s phone', platform: 'ios' });
    const mac = open({ token: 'rona:mac' });
    await until(() => phone.client.devices.length === 2 && mac.client.devices.length === 2);
    for (const balance of [1, 2, 3]) await kull.credit('rona', balance);
    await until(() => phone.credits.length === 3);
    const progress = { shootId: 's', processedCount: 3, totalCount: 9, provider: 'Local' };
    await phone.client.updateProgress({ ...progress, status: 'processing' });

    await until(() => mac.client.shoot('s')?.processedCount === 3);
    expect(phone.credits).toEqual([1, 2, 3]);
    expect(mac.client.devices.map(({ deviceName }) => deviceName)).toContain('Rona’s phone');
  });

  it('connects again after its network was lost, and misses nothing', async () => {
    const { client, credits } = open({ token: 'rita:phone', random: () => 0.1 });
    await until(() => client.state.name === 'connected');
    await kull.credit('rita', 1);
    await until(() => credits.length === 1);
    sockets.at(-1)?.terminate();
    await until(() => client.state.name === 'reconnecting');
    await kull.credit('rita', 2);

    await until(() => credits.length === 2);
    expect(credits).toEqual([1, 2]);
  });

  it('does not wait when it is told that the application is in front again', async () => {
    const { client } = open({ token: 'rosa:phone', random: () => 1 });
    await until(() => client.state.name === 'connected');
    // As if it had failed often: the next attempt is half a minute away.
    for (let n = 0; n < 5; n++) {
      sockets.at(-1)?.terminate();
      await until(() => client.state.retryAt !== undefined);
      client.wake();
      await until(() => client.state.name === 'connected');
    }
  });

  it('renews its token before it expires, whoever it is for', async () => {
    const tokens: string[] = [];
    const token = () => {
      const made = kull.token({ sub: 'Zoë', exp: Math.floor(Date.now() / 1000) + 8 });
      tokens.push(made);
      return made;
    };
    const { client } = open({ token });
    const states: string[] = [];
    client.on('state', ({ name }) => void states.push(name));
    await until(() => tokens.length === 3); // the second one is about to expire

    expect(states).toEqual(['connected']);
    expect(client.userId).toBe('Zoë');
  });

  it('says so when an address is relative to nothing', () => {
    expect(() => open({ url: '/ws', token: 'rona:phone' })).toThrow('/ws is no URL such as wss://');
  });
});
