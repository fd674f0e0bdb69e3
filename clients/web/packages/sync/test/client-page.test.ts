/** A page load: what the client goes on from, and where nothing can be kept. */

import type { Saved, Store } from '@kull/sync';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { connected, open, pass, server } from './rig.ts';

describe('a page load', () => {
  class Memory implements Store {
    readonly saved = new Map<string, Saved>();
    load = async (key: string) => this.saved.get(key);
    save: Store['save'] = async (key, saved) => void this.saved.set(key, structuredClone(saved));
    remove = async (key: string) => void this.saved.delete(key);
  }

  /** Has saved something when the test says so. */
  class Slow extends Memory {
    stored = () => {};
    override save = () =>
      new Promise<void>((resolve) => {
        this.stored = resolve;
      });
  }

  it('goes on where the last one stopped, with its numbers at once', async () => {
    const store = new Memory();
    const first = await connected({ store });
    const data = { shootId: 's', status: 'processing', processedCount: 3, totalCount: 9 };
    server.last.emit('SHOOT_PROGRESS', data, { id: 'a', seq: 1, timestamp: 1 });
    server.last.credit(2);
    await pass(50);
    first.client.disconnect();

    const { client, events } = open({ store });
    client.connect();
    await pass();

    expect(client.shoot('s')?.processedCount).toBe(3);
    expect(client.credits?.newBalance).toBe(2);
    expect(events).toEqual([]);
    expect(server.last.open()).toMatchObject({ epoch: 'e1', after: { user: 2 } });
  });

  it('stores before it acknowledges', async () => {
    const store = new Slow();
    const { client } = await connected({ store });
    server.last.credit(1);
    await pass(50);
    expect(server.last.of('ACK')).toEqual([]);
    store.stored();
    await pass();

    expect(server.last.of('ACK')).toEqual([{ type: 'ACK', seq: 1 }]);
    client.disconnect();
  });

  it('stores before its last acknowledgement: a reload that comes first gets the event again', async () => {
    const store = new Slow();
    const { client } = await connected({ store });
    server.last.credit(1);
    client.disconnect();
    await pass();
    expect(client.state.name).toBe('disconnected');
    expect(server.last.of('ACK')).toEqual([]);
    store.stored();
    await pass();

    expect(server.last.of('ACK')).toEqual([{ type: 'ACK', seq: 1 }]);
    expect(server.last.closedByClient).toBe(1000);
  });

  it('does not acknowledge on a later connection what an earlier one got', async () => {
    const store = new Slow();
    const { client } = await connected({ store });
    const first = server.last;
    server.last.credit(1);
    client.disconnect();
    client.connect();
    await pass();
    server.last.welcome({}, { after: 1, head: 1 });
    store.stored();
    await pass();

    expect(first.of('ACK')).toEqual([{ type: 'ACK', seq: 1 }]);
    expect(server.last.of('ACK')).toEqual([]);
    client.disconnect();
  });

  it('belongs to a user', async () => {
    const store = new Memory();
    const { client } = await connected({ store });
    server.last.credit(1);
    await pass(50);
    client.disconnect();

    const otto = open({ store, token: 'otto:tab' });
    otto.client.connect();
    await pass();

    expect(otto.client.credits).toBeUndefined();
    expect(server.last.open()).not.toHaveProperty('after');
  });

  it('finds nothing after logout()', async () => {
    const store = new Memory();
    const { client } = await connected({ store });
    server.last.credit(1);
    await pass(50);
    await client.logout();

    expect(store.saved.size).toBe(0);
    expect(client.credits).toBeUndefined();
    expect(client.state.name).toBe('disconnected');
  });

  it('works without what could not be read', async () => {
    const store = new Memory();
    store.load = async () => {
      throw new Error('private mode');
    };
    const { client, errors } = await connected({ store });

    expect(client.state.name).toBe('connected');
    expect(errors.map(String)).toEqual(['Error: private mode']);
  });

  const silent = () => new Promise<never>(() => {});
  const throws = () => {
    throw new Error('blocked');
  };

  it('waits three seconds for a store that never answers, and goes on without', async () => {
    const store = { load: vi.fn(silent), save: vi.fn(silent), remove: vi.fn(silent) };
    const { client, errors } = open({ store });
    client.connect();
    await pass(3_000);
    server.last.welcome();
    for (let seq = 1; seq <= 200; seq++) server.last.credit(seq);
    await pass(3_000);

    expect(String(errors[0])).toMatch('the store takes too long');
    expect(server.last.of('ACK').at(-1)).toEqual({ type: 'ACK', seq: 200 });
  });

  it('stores nothing any more when storing takes too long, and acknowledges', async () => {
    const store = { load: async () => undefined, save: vi.fn(silent), remove: vi.fn(silent) };
    const { client, errors } = await connected({ store });
    for (let seq = 1; seq <= 200; seq++) server.last.credit(seq);
    await pass(3_100);
    server.last.credit(201);
    await pass(50);

    expect(server.last.of('ACK').at(-1)).toEqual({ type: 'ACK', seq: 201 });
    expect(errors.map(String)).toContain('Error: the store takes too long');
    const calls = store.save.mock.calls.length;
    server.last.credit(202);
    await pass(50);
    expect(store.save.mock.calls.length).toBe(calls);
    const done = expect(client.logout()).resolves.toBeUndefined();
    await pass(3_000);
    await done;
  });

  it.each([
    ['rejects', { load: async () => throws(), save: async () => throws(), remove: async () => {} }],
    ['throws', { load: throws, save: throws, remove: throws }],
  ])('works with a store that %s', async (_, store) => {
    const { client, errors } = await connected({ store });
    server.last.credit(1);
    await pass(50);

    expect(client.state.name).toBe('connected');
    expect(server.last.of('ACK')).toEqual([{ type: 'ACK', seq: 1 }]);
    expect(errors.map(String)).toEqual(['Error: blocked']);
  });

  it('says so when it cannot forget what is stored', async () => {
    const store = { load: async () => undefined, save: async () => {}, remove: silent };
    const { client } = await connected({ store, user: 'maya' });
    const failed = expect(client.logout()).rejects.toThrow('the store takes too long');
    await pass(3_000);
    await failed;

    expect(client.state.name).toBe('disconnected');
  });
});

describe('where site data is blocked', () => {
  const blocked = () => {
    throw new DOMException('blocked', 'SecurityError');
  };
  const closed = vi.fn();
  class Channel {
    onmessage = null;
    postMessage = () => {};
    close = closed;
  }

  beforeEach(() => {
    const document = Object.assign(new EventTarget(), { visibilityState: 'visible' });
    vi.stubGlobal('window', new EventTarget());
    vi.stubGlobal('document', document);
    vi.stubGlobal('BroadcastChannel', Channel);
    vi.stubGlobal('navigator', { locks: { request: async () => blocked() } });
    closed.mockClear();
  });
  afterEach(() => {
    Reflect.deleteProperty(globalThis, 'indexedDB');
    vi.unstubAllGlobals();
  });

  it.each([
    ['a rejected lock request', () => {}],
    ['no channels', () => vi.stubGlobal('BroadcastChannel', blocked)],
    ['no storage', () => vi.stubGlobal('indexedDB', { open: blocked })],
    [
      'not even a look at the storage',
      () => Object.defineProperty(globalThis, 'indexedDB', { get: blocked, configurable: true }),
    ],
  ])('it connects by itself, without sharing: %s', async (_, prepare) => {
    prepare();
    const { client, errors } = open({ store: undefined as never, user: 'maya' });
    client.connect();
    await pass();
    server.last.welcome();
    server.last.credit(1);
    await pass(50);

    expect(server.peers.length).toBe(1);
    expect(client.state.name).toBe('connected');
    expect(client.credits?.newBalance).toBe(1);
    expect(server.last.of('ACK')).toEqual([{ type: 'ACK', seq: 1 }]);
    expect(errors.length).toBeGreaterThanOrEqual(1);
    client.disconnect();
    await pass();
    expect(server.last.closedByClient).toBe(1000);
    client.connect();
    await pass();
    expect(server.peers.length, 'and again').toBe(2);
  });

  it('it leaves nothing open that it cannot use', async () => {
    const { client } = open({ user: 'maya' });
    client.connect();
    await pass();

    expect(closed).toHaveBeenCalledTimes(1);
  });

  it('what began before a disconnect() leaves alone what began after it', async () => {
    const granted = { request: async (_: string, __: object, held: () => unknown) => held() };
    vi.stubGlobal('navigator', { locks: granted });
    const token = vi.fn<() => Promise<string> | string>(() => 'maya');
    token.mockImplementationOnce(() => new Promise(() => {}));
    const { client } = open({ token });
    client.connect();
    await pass();
    client.disconnect();
    client.connect();
    await pass(10_000); // the first token is given up
    await pass(2_000);
    server.last.welcome();
    client.disconnect();
    await pass(60_000);

    expect(server.peers.length).toBe(1);
    expect(server.last.closedByClient).toBe(1000);
  });

  it('it is gone when it was disconnected before the browser says so', async () => {
    const { client } = open({ user: 'maya' });
    client.connect();
    client.disconnect();
    await pass(60_000);

    expect(server.peers).toEqual([]);
  });
});
