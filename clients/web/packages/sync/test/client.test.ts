/** Every transition of the client, on a clock that the test turns. */

import {
  type ConnectionState,
  NotConnected,
  Rejected,
  type Saved,
  type ShootProgress,
  type Store,
  SyncClient,
  SyncError,
  type SyncEvent,
  type SyncOptions,
  Unauthorized,
} from '@kull/sync';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { jwt } from './jwt.ts';
import { Server } from './server.ts';

const START = 1_000_000_000_000;
let server: Server;
let clients: SyncClient[];

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

interface Watched {
  client: SyncClient;
  states: ConnectionState[];
  events: SyncEvent[];
  errors: unknown[];
  names: () => string[];
}

function open(options: Partial<SyncOptions> = {}): Watched {
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
const pass = (ms = 0) => vi.advanceTimersByTimeAsync(ms);

async function connected(options: Partial<SyncOptions> = {}): Promise<Watched> {
  const watched = open(options);
  watched.client.connect();
  await pass();
  server.last.welcome();
  return watched;
}

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
    expect(states.at(-1)).toMatchObject({ reason: 'no connection within 5 s', attempt: 1 });
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

    expect(errors).toEqual([expect.objectContaining({ message: 'seq must be a whole number' })]);
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

    expect(client.state).toMatchObject({ name: 'reconnecting', reason: /does not answer/ });
    expect(client.staleSince).toBe(Date.now());
  });

  it('is noticed also when the clock is set back an hour before', async () => {
    const { client } = await connected();
    vi.setSystemTime(Date.now() - 3_600_000);
    await pass(40_000);

    expect(client.state).toMatchObject({ name: 'reconnecting', reason: /does not answer/ });
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

describe('tokens', () => {
  it('are fetched anew when they have expired', async () => {
    const token = vi.fn<() => string>().mockReturnValueOnce('old').mockReturnValueOnce('new');
    const { client } = open({ token });
    client.connect();
    await pass();
    server.last.welcome();
    server.last.drop(4501);
    await pass(2_000);

    expect(server.last.open()).toMatchObject({ token: 'new' });
  });

  it('are used again for the next connection while they are good', async () => {
    const token = vi.fn(() => jwt({ sub: 'maya', exp: START / 1000 + 3_600 }));
    await connected({ token });
    server.last.drop();
    await pass(2_000);
    server.last.welcome();

    expect(token).toHaveBeenCalledTimes(1);
  });

  it('are renewed in the connection a minute before they expire', async () => {
    const exp = (n: number) => jwt({ sub: 'maya', exp: START / 1000 + 600 * n });
    const token = vi.fn<() => string>().mockReturnValueOnce(exp(1)).mockReturnValueOnce(exp(2));
    const { client } = open({ token });
    client.connect();
    await pass();
    server.last.welcome({ expiresAt: START + 600_000 });
    const keepsAnswering = setInterval(() => server.last.emit('PONG'), 20_000);

    await pass(539_000);
    expect(server.last.of('REFRESH')).toEqual([]);
    await pass(2_000);
    clearInterval(keepsAnswering);

    expect(server.last.of('REFRESH')).toEqual([{ type: 'REFRESH', token: exp(2) }]);
    expect(server.peers.length).toBe(1);
  });

  // 1 h tokens of a server whose clock is right; the device's differs from it.
  it.each([
    ['2 h ahead', 7_200_000],
    ['60 days behind', -60 * 86_400_000],
    ['right', 0],
  ])('are fetched once and renewed in time by a device whose clock is %s', async (_, ahead) => {
    const hour = 3_600_000;
    const began = Date.now();
    const serverNow = () => START + (performance.now() - startedAt);
    const startedAt = performance.now();
    vi.setSystemTime(began + ahead);
    const token = vi.fn(() => {
      const iat = serverNow() / 1000;
      return jwt({ sub: 'maya', iat, exp: iat + 3_600 });
    });
    const { client } = open({ token });
    const welcome = () => {
      server.last.open();
      const queue = { queue: 'user', head: 0, after: 0, recovered: true };
      const data = { epoch: 'e1', userId: 'maya', deviceId: 'tab', sessionId: 'e/1', queue };
      const expiresAt = serverNow() + hour;
      server.last.emit('WELCOME', { ...data, expiresAt }, { timestamp: serverNow() });
    };
    client.connect();
    await pass();
    welcome();
    server.last.drop(); // soon after: the token is as good as new
    await pass(2_000);
    welcome();
    expect(token).toHaveBeenCalledTimes(1);

    const answers = setInterval(() => server.last.emit('PONG'), 20_000);
    await pass(hour - 70_000);
    expect(server.last.of('REFRESH')).toEqual([]);
    vi.setSystemTime(Date.now() - 2 * hour); // set by hand, meanwhile
    await pass(15_000);
    clearInterval(answers);
    expect(server.last.of('REFRESH').length).toBe(1);
    expect(token).toHaveBeenCalledTimes(2);
  });

  it('are fetched every ten seconds at most, should all have expired that come', async () => {
    const token = vi.fn(() => 'expired');
    await connected({ token });
    let answered = 0;
    const answers = setInterval(() => {
      const sent = server.last.of('REFRESH').length;
      if (sent === answered) return;
      answered = sent;
      const now = Date.now();
      server.last.emit('REFRESHED', { expiresAt: now - 1 }, { timestamp: now });
      server.last.emit('TOKEN_EXPIRED', { closesAt: now + 30_000 });
    }, 100);
    server.last.emit('TOKEN_EXPIRED', { closesAt: Date.now() + 30_000 });
    await pass(60_000);
    clearInterval(answers);

    expect(token.mock.calls.length).toBeGreaterThanOrEqual(6);
    expect(token.mock.calls.length).toBeLessThanOrEqual(8);
  });

  it.each(['', 'user'])('that never come are given up and asked for anew (%s)', async (user) => {
    const token = vi.fn<() => Promise<string> | string>(() => 'maya');
    token.mockImplementationOnce(() => new Promise(() => {}));
    const store = { load: async () => undefined, save: async () => {}, remove: async () => {} };
    const { client } = open({ token, store, ...(user && { user: 'maya' }) });
    client.connect();
    await pass(13_000);

    expect(token.mock.calls.length).toBeGreaterThanOrEqual(2);
    expect(server.peers.length).toBe(1);
  });

  it.each([
    ['longer than 4096 characters', 'x'.repeat(4_097)],
    ['empty', ''],
    ['no Unicode', '\ud800'],
    ['no text', undefined as unknown as string],
  ])('that are %s end it: no server takes them', async (_, token) => {
    const { client } = open({ token: () => token });
    client.connect();
    await pass(3_600_000);

    expect(client.state).toMatchObject({ name: 'failed', reason: /^token must be a text/ });
    expect(server.peers).toEqual([]);
  });

  it('that have expired are renewed in the time of grace', async () => {
    const token = vi.fn(() => 'opaque');
    await connected({ token });
    server.last.emit('TOKEN_EXPIRED', { closesAt: Date.now() + 30_000 });
    await pass();

    expect(server.last.of('REFRESH')).toEqual([{ type: 'REFRESH', token: 'opaque' }]);
  });

  it('that nobody can have stop it', async () => {
    const { client } = open({
      token: () => {
        throw new Unauthorized('please sign in');
      },
    });
    client.connect();
    await pass(3_600_000);

    expect(client.state).toMatchObject({
      ...{ name: 'failed', action: 'sign-in', reason: 'please sign in' },
    });
    expect(server.peers).toEqual([]);
  });

  it('that cannot be fetched now are asked for again', async () => {
    const token = vi.fn<() => string>(() => 'maya');
    token.mockImplementationOnce(() => {
      throw new Error('login is down');
    });
    const { client } = open({ token });
    client.connect();
    await pass();
    expect(client.state).toMatchObject({ name: 'connecting', reason: 'login is down', attempt: 1 });
    await pass(2_000);

    expect(server.peers.length).toBe(1);
  });
});

describe('events', () => {
  it('are acknowledged lazily once they were handled', async () => {
    const { client } = await connected();
    client.on('CREDIT_UPDATE', () => {});
    server.last.credit(1);
    await pass(49);
    expect(server.last.of('ACK')).toEqual([]);
    await pass(1);

    expect(server.last.of('ACK')).toEqual([{ type: 'ACK', seq: 1 }]);
  });

  it('wait for a handler that returns a promise, in order', async () => {
    const { client } = await connected();
    const order: string[] = [];
    client.on('CREDIT_UPDATE', async ({ seq }) => {
      order.push(`${seq} begins`);
      await new Promise((done) => setTimeout(done, 1_000));
      order.push(`${seq} ends`);
    });
    server.last.credit(1);
    server.last.credit(2);

    await pass(999);
    expect(client.position.after, 'handed out').toEqual({ user: 1 });
    expect(server.last.of('ACK'), 'but not done').toEqual([]);
    await pass(1_100);

    expect(order).toEqual(['1 begins', '1 ends', '2 begins', '2 ends']);
    expect(server.last.of('ACK')).toEqual([
      { type: 'ACK', seq: 1 },
      { type: 'ACK', seq: 2 },
    ]);
  });

  it('go to every handler even if one fails, which is told', async () => {
    const { client, errors } = await connected();
    const got: number[] = [];
    client.on('CREDIT_UPDATE', () => {
      throw new Error('a bug of the application');
    });
    client.on('CREDIT_UPDATE', async () => {
      throw new Error('another');
    });
    client.on('CREDIT_UPDATE', ({ data }) => got.push(data.newBalance));
    server.last.credit(7);
    await pass(100);

    expect(got).toEqual([7]);
    expect(errors.map(String)).toEqual(['Error: a bug of the application', 'Error: another']);
    expect(server.last.of('ACK').length).toBe(1);
  });

  it('are not held up for ever by a handler that never ends', async () => {
    const { client, errors } = await connected();
    client.on('CREDIT_UPDATE', () => new Promise(() => {}));
    server.last.credit(1);
    await pass(30_100);

    expect(String(errors[0])).toMatch('handling CREDIT_UPDATE takes too long');
    expect(server.last.of('ACK').length).toBe(1);
  });

  it('are no longer told to a handler that was taken off', async () => {
    const { client } = await connected();
    const handler = vi.fn();
    const off = client.on('CREDIT_UPDATE', handler);
    server.last.credit(1);
    off();
    server.last.credit(2);

    expect(handler).toHaveBeenCalledTimes(1);
  });

  it('that were missed are counted, until no more come', async () => {
    const { client } = await connected();
    server.last.credit(1);
    server.last.drop();
    await pass(2_000);
    server.last.welcome({}, { after: 1, head: 5 });
    expect(client.catchingUp).toEqual({ done: 0, total: 4 });
    server.last.credit(3);
    expect(client.catchingUp).toEqual({ done: 2, total: 4 });
    await pass(1_000); // the fourth and fifth were replaced, or came from here

    expect(client.catchingUp).toEqual({ done: 0, total: 0 });
  });

  it('that cannot be read are told, and acknowledged in their turn', async () => {
    const { events, errors } = await connected();
    server.last.emit('CREDIT_UPDATE', [] as never, { id: 'x', seq: 1 });
    server.last.credit(2);
    await pass(50);

    expect(errors).toEqual([
      expect.objectContaining({ name: 'BadMessage', seq: 1, queue: 'user' }),
    ]);
    expect(events.map((event) => event.seq)).toEqual([2]);
    expect(server.last.of('ACK')).toEqual([{ type: 'ACK', seq: 2 }]);
  });

  it('of publishers are not told as what this client says itself', async () => {
    const { client, events, states, errors } = await connected();
    const lost = vi.fn();
    client.on('RECOVERY_LOST', lost);
    const before = states.length;
    const names = ['RECOVERY_LOST', 'state', 'error', 'devices', 'change', 'event'];
    for (const [n, name] of names.entries()) {
      server.last.emit(name, { queue: 'user', head: 9 }, { id: `id-${n}`, seq: n + 1 });
    }
    await pass(50);

    expect(events.map((event) => event.type)).toEqual(names);
    expect([lost.mock.calls, states.slice(before), errors]).toEqual([[], [], []]);
    expect(server.last.of('ACK')).toEqual([{ type: 'ACK', seq: 6 }]);
    server.last.emit('RECOVERY_LOST', { queue: 'user', head: 9 });
    expect(lost).toHaveBeenCalledTimes(1);
  });

  it('count in the order of their queue, whatever the clocks of their publishers say', async () => {
    const { client } = await connected();
    const tick = (processedCount: number, seq: number, timestamp: number) => {
      const status = processedCount === 9 ? 'completed' : 'processing';
      const data = { shootId: 's', status, processedCount, totalCount: 9, provider: 'p' };
      server.last.emit('SHOOT_PROGRESS', data, { id: `t${seq}`, seq, timestamp });
    };
    server.last.credit(1, { timestamp: START + 3_600_000 });
    server.last.credit(2, { timestamp: START });
    tick(3, 3, START + 3_600_000);
    tick(7, 5, START);
    tick(5, 4, START + 7_200_000); // late: a newer one was there

    expect(client.credits?.newBalance).toBe(2);
    expect(client.shoot('s')?.processedCount).toBe(7);
    tick(9, 7, START);
    tick(8, 6, START + 9_000_000);
    expect(client.shoot('s')?.status).toBe('completed');
  });

  it('that are gone are told, so that the application fetches its state', async () => {
    const { events } = await connected();
    server.last.drop();
    await pass(2_000);
    server.last.welcome({}, { recovered: false, head: 9 });

    expect(events.map((event) => event.type)).toEqual(['RECOVERY_LOST']);
  });
});

describe('waking up', () => {
  function page() {
    const target = new EventTarget();
    const document = Object.assign(new EventTarget(), { visibilityState: 'visible' });
    vi.stubGlobal('window', target);
    vi.stubGlobal('document', document);
    return {
      window: (name: string, fields = {}) =>
        target.dispatchEvent(Object.assign(new Event(name), fields)),
      visible: () => document.dispatchEvent(new Event('visibilitychange')),
    };
  }
  afterEach(() => void vi.unstubAllGlobals());

  it('visible again, it does not wait any longer', async () => {
    const { visible } = page();
    await connected();
    server.last.drop();
    visible();
    await pass();

    expect(server.peers.length).toBe(2);
  });

  it('after a long sleep it makes sure that the connection still stands', async () => {
    const { visible } = page();
    const { client } = await connected();
    visible();
    expect(server.last.of('PING').length).toBe(1);
    await pass(5_000);

    expect(client.state.name).toBe('reconnecting');
  });

  it('takes up what it gave up when the network is back', async () => {
    const { window } = page();
    const { client } = await connected({ maxAttempts: 1 });
    server.last.drop();
    expect(client.state.name).toBe('failed');
    window('online');
    await pass();

    expect(server.peers.length).toBe(2);
  });

  it('does not take up what the server ended', async () => {
    const { window, visible } = page();
    await connected();
    server.last.drop(4504);
    window('online');
    visible();
    await pass(60_000);

    expect(server.peers.length).toBe(1);
  });

  it('offline it never gives up, and tries at once when the network is back', async () => {
    const { window } = page();
    const { client } = await connected({ maxAttempts: 2 });
    window('offline');
    await pass(5_000);
    expect(client.state).toMatchObject({ name: 'reconnecting', offline: true });
    for (let n = 0; n < 5; n++) {
      await pass(30_000);
      server.last.drop();
    }
    expect(client.state.name).toBe('reconnecting');
    const before = server.peers.length;
    window('online');
    await pass();

    expect(server.peers.length).toBe(before + 1);
  });

  it('in the back/forward cache it holds no connection', async () => {
    const { window } = page();
    const { client } = await connected();
    window('pagehide');
    expect(server.last.closedByClient).toBe(1000);
    window('pageshow', { persisted: true });
    await pass();
    server.last.welcome();

    expect(client.state.name).toBe('connected');
  });
});

describe('updateProgress()', () => {
  const progress: ShootProgress = {
    ...{ shootId: 's', processedCount: 3, totalCount: 9, provider: 'Local' },
    status: 'processing',
  };

  it('returns the event the server made of it, and knows it itself', async () => {
    const { client } = await connected();
    const answer = client.updateProgress(progress);
    const [sent] = server.last.of('UPDATE_PROGRESS');
    expect(sent).toMatchObject({ payload: progress });
    server.last.emit('ACCEPTED', { ref: sent?.ref, id: 'event-1' });

    expect(await answer).toBe('event-1');
    expect(client.shoot('s')).toEqual(progress);
  });

  it('says why the server refused', async () => {
    const { client } = await connected();
    const answer = client.updateProgress(progress);
    const ref = server.last.of('UPDATE_PROGRESS')[0]?.ref;
    server.last.emit('ERROR', { ref, code: 'invalid_message', message: 'no such shoot' });

    await expect(answer).rejects.toEqual(new Rejected('invalid_message', 'no such shoot'));
  });

  it('fails when there is no connection, or it is lost', async () => {
    const { client } = await connected();
    const answer = client.updateProgress(progress);
    const failed = expect(answer).rejects.toThrow(NotConnected);
    server.last.drop();
    await failed;

    await expect(client.updateProgress(progress)).rejects.toThrow(NotConnected);
  });

  it('fails when no answer comes', async () => {
    const { client } = await connected();
    const failed = expect(client.updateProgress(progress)).rejects.toThrow(
      'the answer takes too long',
    );
    await pass(10_000);
    await failed;
  });
});

describe('a publisher whose clock is ahead', () => {
  it('does not hide what others say later', async () => {
    const { client, events } = await connected();
    const balances = [];
    for (const [seq, balance] of [100, 99, 98].entries()) {
      const data = { userId: 'maya', newBalance: balance, change: -1, reason: 'photos' };
      const timestamp = Date.now() + (3 - seq) * 60_000;
      server.last.emit('CREDIT_UPDATE', data, { id: `b${balance}`, seq: seq + 1, timestamp });
      await pass();
      balances.push(client.credits?.newBalance);
    }

    expect(balances).toEqual([100, 99, 98]);
    expect(events.length).toBe(3);
  });
});

describe('a page load', () => {
  class Memory implements Store {
    readonly saved = new Map<string, Saved>();
    load = async (key: string) => this.saved.get(key);
    save: Store['save'] = async (key, saved) => void this.saved.set(key, structuredClone(saved));
    remove = async (key: string) => void this.saved.delete(key);
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
    const store = new Memory();
    let stored = () => {};
    store.save = () =>
      new Promise<void>((resolve) => {
        stored = resolve;
      });
    const { client } = await connected({ store });
    server.last.credit(1);
    await pass(50);
    expect(server.last.of('ACK')).toEqual([]);
    stored();
    await pass();

    expect(server.last.of('ACK')).toEqual([{ type: 'ACK', seq: 1 }]);
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
