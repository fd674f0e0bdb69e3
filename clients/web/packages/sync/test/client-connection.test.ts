/** How the client connects, loses its connection, and ends. */

import { SyncClient, SyncError } from '@kull/sync';
import { describe, expect, it, vi } from 'vitest';
import { connected, open, pass, server } from './rig.ts';

describe('connecting', () => {
  it('is idle until asked, then connecting, then connected', async () => {
    const { client, states } = open();
    expect(client.state.name).toBe('idle');
    expect(server.peers).toEqual([]);

    client.connect();
    await pass();
    server.last.welcome();

    const path = states.map(({ previous, name }) => `${previous} → ${name}`);
    expect(path).toEqual(['idle → connecting', 'connecting → connected']);
    expect(client.userId).toBe('maya');
    expect(client.deviceId).toBe('tab');
    expect(client.edge).toBe('edge-1');
  });

  it('sends the token in the first message, never in the URL', async () => {
    const { client } = open({ deviceName: 'Kitchen', platform: 'web' });
    client.connect();
    await pass();

    expect(server.last.open()).toEqual({
      ...{ type: 'HELLO', token: 'maya:tab', deviceName: 'Kitchen', platform: 'web' },
      instance: expect.any(String),
    });
    expect(server.last.url).toBe('ws://kull.test/ws');
  });

  it('twice is once', async () => {
    const { client } = await connected();
    client.connect();
    await pass();

    expect(server.peers.length).toBe(1);
  });

  it('twice while it looks for its position is once, too', async () => {
    const load = vi.fn(async () => {
      await new Promise((done) => setTimeout(done, 100));
      return undefined;
    });
    const store = { load, save: async () => {}, remove: async () => {} };
    const { client } = open({ store });
    client.connect();
    await pass(50);
    client.connect();
    await pass(200);

    expect(load).toHaveBeenCalledTimes(1);
    expect(server.peers.length).toBe(1);
  });

  it('is tried again when no WELCOME comes in time', async () => {
    const { client, states } = open({ connectTimeout: 5_000 });
    client.connect();
    await pass();
    server.last.open();

    await pass(5_000);
    expect(states.at(-1)).toMatchObject({ reason: 'no connection in time', attempt: 1 });
    expect(states.at(-1)?.retryAt).toBe(Date.now() + 2_000);
    await pass(2_000);

    expect(server.peers.length).toBe(2);
    expect(client.state.name, 'it was never connected').toBe('connecting');
  });

  it('goes through all URLs', async () => {
    const { client } = open({ url: ['ws://one/ws', 'wss://two/ws'] });
    client.connect();
    await pass();
    server.last.drop();
    await pass(2_000);
    server.last.drop();
    await pass(4_000);

    expect(server.peers.map(({ url }) => url)).toEqual([
      'ws://one/ws',
      'wss://two/ws',
      'ws://one/ws',
    ]);
  });

  it('stops when the server speaks another protocol', async () => {
    const { client } = open();
    client.connect();
    await pass();
    server.last.protocol = '';
    server.last.open();

    expect(client.state).toMatchObject({ name: 'failed', code: 1002 });
  });

  it.each([
    [{ deviceName: 'x'.repeat(65) }, 'deviceName must be a text of 0 to 64 characters'],
    [{ platform: 'x'.repeat(33) }, 'platform must be a text of 0 to 32 characters'],
    [{ deviceName: 'Kitchen \ud83d' }, 'deviceName must be a text'],
  ])('as what no server takes is refused at once: %j', (options, why) => {
    expect(() => open(options)).toThrow(SyncError);
    expect(() => open(options)).toThrow(why);
  });

  it('counts characters as the server does', () => {
    expect(() => open({ deviceName: '📷'.repeat(64), platform: '📷'.repeat(32) })).not.toThrow();
  });

  it.each(['nonsense', 'ftp://kull.ai/ws', ''])('to %j is refused at once', (url) => {
    expect(() => new SyncClient({ url, token: 't', WebSocket: server.WebSocket })).toThrow(/URL/);
  });
});

describe('a lost connection', () => {
  it('is made again after a random pause, from the position', async () => {
    const { client, states, events } = await connected();
    server.last.credit(1);
    server.last.credit(2);
    server.last.drop();

    expect(client.state).toMatchObject({
      ...{ name: 'reconnecting', previous: 'connected', code: 1006, attempt: 1 },
      retryAt: Date.now() + 2_000,
    });
    await pass(1_999);
    expect(server.peers.length).toBe(1);
    await pass(1);
    expect(server.last.open()).toMatchObject({ epoch: 'e1', after: { user: 2 } });
    server.last.welcome({}, { after: 2, head: 3 });
    server.last.credit(2);
    server.last.credit(3);

    expect(states.at(-1)?.name).toBe('connected');
    expect(events.map((event) => event.seq)).toEqual([1, 2, 3]);
  });

  it('is given up after ten failures, and taken up again by connect()', async () => {
    const { client } = open();
    client.connect();
    await pass();
    for (let failure = 1; failure < 10; failure++) {
      server.last.drop();
      await pass(30_000);
    }
    expect(server.peers.length).toBe(10);
    server.last.drop();
    await pass(3_600_000);

    expect(server.peers.length).toBe(10);
    expect(client.state).toMatchObject({ name: 'failed', action: 'retry', attempt: 10 });
    expect(client.state.reason).toMatch('gave up after 10 attempts');

    client.connect();
    await pass();
    expect(server.peers.length).toBe(11);
    expect(client.state.attempt).toBe(0);
  });

  it('counts anew after one that was stable', async () => {
    const { client } = await connected();
    server.last.drop();
    await pass(2_000);
    server.last.welcome();
    await pass(10_000);
    server.last.drop();

    expect(client.state.attempt).toBe(0);
    expect(client.state.retryAt).toBe(Date.now() + 1_000);
  });

  it.each([1001, 1006, 1011, 4000, 4001, 4004, 4499])('with %i is made again', async (code) => {
    const { client } = await connected();
    server.last.drop(code);
    await pass(2_000);

    expect(client.state.name).toBe('reconnecting');
    expect(server.peers.length).toBe(2);
  });

  it.each([
    [1008, 'retry'],
    [4500, 'sign-in'],
    [4501, 'sign-in'],
    [4502, 'sign-in'],
    [4504, 'retry'],
    [4999, 'retry'],
  ])('with %i is not, and a person can %s', async (code, action) => {
    const { client } = await connected();
    server.last.emit('ERROR', { code: 'x', message: 'because' });
    server.last.drop(code);
    await pass(3_600_000);

    expect(client.state).toMatchObject({ name: 'failed', code, reason: 'because', action });
    expect(server.peers.length).toBe(1);
  });

  it('to the same device is believed when it happens again, or to an old connection', async () => {
    const { client } = await connected();
    server.last.drop(4503);
    await pass(2_000);
    server.last.welcome();
    server.last.drop(4503);
    expect(client.state).toMatchObject({ name: 'failed', code: 4503, action: 'retry' });

    client.connect();
    await pass();
    server.last.welcome();
    const answering = setInterval(() => server.last.emit('PONG'), 20_000);
    await pass(300_000);
    clearInterval(answering);
    server.last.drop(4503);
    expect(client.state.name).toBe('failed');
  });

  it('to a leaving server is made elsewhere at once', async () => {
    const { client, events } = await connected({ url: ['ws://one/ws', 'ws://two/ws'] });
    server.last.emit('RECONNECT', { after: 500 });
    server.last.credit(1);
    await pass(500);
    expect(client.state.name, 'it serves until then').toBe('connected');
    server.last.drop(4000);
    await pass(0);

    expect(server.last.url).toBe('ws://two/ws');
    expect(events.length).toBe(1);
  });

  it('is none that sends nonsense: that is skipped and told', async () => {
    const { client, errors, events } = await connected();
    server.last.emit('CREDIT_UPDATE', {}, { id: 'x', seq: 'seven' });
    server.last.credit(1);

    expect(errors).toEqual([expect.objectContaining({ message: 'seq must be an integer' })]);
    expect(events.map((event) => event.seq)).toEqual([1]);
    expect(client.state.name).toBe('connected');
  });
});

describe('the name of this run', () => {
  it('is the same for all its connections, and another for another client', async () => {
    await connected();
    const first = server.last.received[0]?.instance;
    server.last.drop();
    await pass(2_000);
    expect(server.last.open().instance).toBe(first);
    await connected();

    expect(server.last.received[0]?.instance).not.toBe(first);
  });
});

describe('silence', () => {
  it('is broken by asking, and an answer is enough', async () => {
    const { client } = await connected();
    await pass(30_000);
    expect(server.last.of('PING').length).toBe(1);

    server.last.emit('PONG');
    await pass(29_000);

    expect(client.state.name).toBe('connected');
    expect(server.last.of('PING').length).toBe(1);
  });

  it('of what feeds the server is told, until all queues are fed again', async () => {
    const { client } = await connected();
    server.last.emit('STALE', { queue: 'user', since: 5 });
    server.last.emit('STALE', { queue: 'all', since: 7 });
    server.last.emit('FRESH', { queue: 'user' });
    expect(client.state).toMatchObject({ name: 'connected', staleSince: 7 });
    expect(client.staleSince).toBe(7);
    server.last.emit('FRESH', { queue: 'all' });

    expect(client.staleSince).toBeUndefined();
  });

  it('without an answer is a lost connection', async () => {
    const { client } = await connected();
    await pass(39_999);
    expect(client.state.name).toBe('connected');
    await pass(1);

    expect(client.state).toMatchObject({ name: 'reconnecting', reason: /no answer/ });
    expect(client.staleSince).toBe(Date.now());
  });

  it('is noticed also when the clock is set back an hour before', async () => {
    const { client } = await connected();
    vi.setSystemTime(Date.now() - 3_600_000);
    await pass(40_000);

    expect(client.state).toMatchObject({ name: 'reconnecting', reason: /no answer/ });
  });

  it('is not asked about while messages come', async () => {
    await connected();
    for (let seq = 1; seq <= 10; seq++) {
      await pass(20_000);
      server.last.credit(seq);
    }

    expect(server.last.of('PING')).toEqual([]);
  });
});

describe('disconnect()', () => {
  it('acknowledges, closes, and is final', async () => {
    const { client, names } = await connected();
    server.last.credit(1);
    client.disconnect();
    await pass(3_600_000);

    expect(server.last.of('ACK')).toEqual([{ type: 'ACK', seq: 1 }]);
    expect(server.last.closedByClient).toBe(1000);
    expect(server.peers.length).toBe(1);
    expect(names().at(-1)).toBe('disconnected');
  });

  it.each(['while it waits', 'while it fetches a token', 'before anything'])(
    '%s is final too',
    async (when) => {
      const { client } = open({ token: async () => 'maya' });
      if (when !== 'before anything') client.connect();
      if (when === 'while it waits') {
        await pass();
        server.last.drop();
      }
      const before = server.peers.length;
      client.disconnect();
      await pass(3_600_000);

      expect(server.peers.length).toBe(before);
      expect(client.state.name).toBe(when === 'before anything' ? 'idle' : 'disconnected');
    },
  );

  it('can be followed by connect()', async () => {
    const { client, events } = await connected();
    server.last.credit(1);
    client.disconnect();
    client.connect();
    await pass();

    expect(server.last.open()).toMatchObject({ after: { user: 1 } });
    server.last.welcome({}, { after: 1, head: 2 });
    server.last.credit(2);
    expect(events.map((event) => event.seq)).toEqual([1, 2]);
  });
});
