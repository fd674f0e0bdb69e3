/** What becomes of tokens: shown, renewed, refused. */

import { Unauthorized } from '@kull/sync';
import { describe, expect, it, vi } from 'vitest';
import { jwt } from './jwt.ts';
import { connected, open, pass, START, server } from './rig.ts';

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

  it.each(['', undefined as unknown as string, 'x'.repeat(4_097)])(
    'that are none for once, after it was connected, end nothing',
    async (wrong) => {
      const token = vi.fn(() => 'maya');
      const { client } = await connected({ token });
      token.mockImplementationOnce(() => wrong);
      server.last.emit('TOKEN_EXPIRED', { closesAt: Date.now() + 30_000 });
      await pass();
      expect(client.state).toMatchObject({ name: 'connected' });

      token.mockImplementationOnce(() => wrong);
      server.last.drop(4501);
      await pass(9_000);
      server.last.welcome();
      expect(client.state).toMatchObject({ name: 'connected' });
      expect(server.peers.length).toBe(2);
    },
  );

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
