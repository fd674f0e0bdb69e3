/** What the client hands out, wakes up for, and sends. */

import { NotConnected, Rejected, type ShootProgress } from '@kull/sync';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { connected, pass, START, server } from './rig.ts';

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

  it('that are large are acknowledged sooner, also when they came together', async () => {
    const { client } = await connected();
    server.last.welcome({ ackDelay: 60 });
    client.on('CREDIT_UPDATE', () => new Promise((done) => setTimeout(done, 5)));
    const data = { userId: 'maya', newBalance: 1, change: 1, reason: 'x'.repeat(30_000) };
    for (const seq of [1, 2, 3, 4, 5]) server.last.credit(seq, { data });
    await pass(100);

    expect(server.last.of('ACK').map(({ seq }) => seq)).toEqual([2, 4]);
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
      hidden: () => {
        document.visibilityState = 'hidden';
        document.dispatchEvent(new Event('visibilitychange'));
      },
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

  it('hidden, it acknowledges at once: the page may be frozen next', async () => {
    const { hidden } = page();
    await connected();
    server.last.welcome({ ackDelay: 60 });
    await pass(100); // the first WELCOME's delay
    server.last.credit(1);
    await pass(1_000);
    expect(server.last.of('ACK')).toEqual([]);

    hidden();
    await pass();
    expect(server.last.of('ACK')).toEqual([{ type: 'ACK', seq: 1 }]);
    expect(server.last.of('PING')).toEqual([]);
  });

  it('hidden, it waits like before: nobody is in a hurry', async () => {
    const { hidden } = page();
    await connected();
    server.last.drop();
    hidden();
    await pass();

    expect(server.peers.length).toBe(1);
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
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const answer = client.updateProgress(progress, traceparent);
    const [sent] = server.last.of('UPDATE_PROGRESS');
    expect(sent).toMatchObject({ payload: progress, traceparent });
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
