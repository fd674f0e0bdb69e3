/** A client's rooms: who is there, what is sent, and what comes after a reconnect. */

import type { Rejected } from '@kull/sync';
import { room } from '@kull/sync/rooms';
import { describe, expect, it, vi } from 'vitest';
import { connected, open, pass, server } from '../rig.ts';
import { answer, ids, inside, joined, member, presence, QUEUE } from './wedding.ts';

describe('being in a room', () => {
  it('begins when the server says so', async () => {
    const { client } = await connected();
    const wedding = room(client, 'wedding');
    const done = vi.fn();
    wedding.join({ history: 10 }).then(done);
    await pass();

    expect(server.last.of('JOIN')).toMatchObject([{ queue: QUEUE, history: 10 }]);
    expect([wedding.isJoined, done.mock.calls.length]).toEqual([false, 0]);
    await joined();
    expect([wedding.isJoined, done.mock.calls.length]).toEqual([true, 1]);
    expect(room(client, 'wedding')).toBe(wedding);
  });

  it('may be asked for before there is a connection', async () => {
    const { client } = open();
    void room(client, 'wedding').join();
    client.connect();
    await pass();
    server.last.welcome();
    await pass();

    expect(server.last.of('JOIN')).toMatchObject([{ queue: QUEUE }]);
  });

  it('goes on with its position and its state on the next connection', async () => {
    const wedding = await inside();
    wedding.setState({ viewing: 'IMG_1' });
    server.last.credit(4, { queue: QUEUE });
    await pass(50);
    server.last.drop();
    await pass(2_000);

    expect(server.last.open()).toMatchObject({ after: { [QUEUE]: 4 } });
    server.last.welcome();
    await pass();
    expect(server.last.of('JOIN')).toMatchObject([{ queue: QUEUE, state: { viewing: 'IMG_1' } }]);
    expect(server.last.of('STATE')).toEqual([]);
  });

  it('ends with leave(), after what was processed is acknowledged', async () => {
    const wedding = await inside();
    server.last.credit(4, { queue: QUEUE });
    await pass();
    wedding.leave();
    await pass();

    expect(server.last.received.slice(-2)).toMatchObject([
      { type: 'ACK', queue: QUEUE, seq: 4 },
      { type: 'LEAVE', queue: QUEUE },
    ]);
    await answer('LEFT', 'LEAVE', { queue: QUEUE });
    expect([wedding.isJoined, wedding.members, wedding.count]).toEqual([false, [], 0]);
    server.last.drop();
    await pass(2_000);
    server.last.welcome();
    await pass();
    expect(server.last.of('JOIN')).toEqual([]);
  });

  it('can be wanted again while the server still answers the last wish', async () => {
    const wedding = await inside();
    wedding.leave();
    const again = wedding.join();
    await pass();
    expect(server.last.of('LEAVE').length).toBe(1);
    await answer('LEFT', 'LEAVE', { queue: QUEUE });

    expect(server.last.of('JOIN').length).toBe(2);
    await joined();
    await again;
    expect(wedding.isJoined).toBe(true);
  });

  it('is refused with a reason, and not asked for again', async () => {
    const { client } = await connected();
    const wedding = room(client, 'wedding');
    const entering = expect(wedding.join()).rejects.toMatchObject({ code: 'forbidden' });
    await pass();
    await answer('ERROR', 'JOIN', { code: 'forbidden', message: 'no' });
    await entering;

    expect(wedding.error?.code).toBe('forbidden');
    server.last.drop();
    await pass(2_000);
    server.last.welcome();
    await pass(2_000);
    expect(server.last.of('JOIN')).toEqual([]);
  });

  it('is asked for again when the server cannot say now', async () => {
    const { client } = await connected();
    void room(client, 'wedding').join();
    await pass();
    await answer('ERROR', 'JOIN', { code: 'unavailable', message: 'later' });
    expect(server.last.of('JOIN').length).toBe(1);
    await pass(1_000);

    expect(server.last.of('JOIN').length).toBe(2);
  });

  it('that the token does not grant any more is told', async () => {
    const wedding = await inside();
    const left: Rejected[] = [];
    wedding.on('left', (why) => left.push(why));
    presence(1, { count: 1, members: [member('maya')] });
    server.last.emit('LEFT', { queue: QUEUE, reason: 'not granted any more' });
    await pass();

    expect(left.map(({ code }) => code)).toEqual(['forbidden']);
    expect([wedding.isJoined, ids(wedding)]).toEqual([false, []]);
  });

  it('leaves rooms of earlier pages behind, but few', async () => {
    const after = Object.fromEntries(
      Array.from({ length: 35 }, (_, n) => [`room:old-${n}`, n + 1] as const),
    );
    const saved = { epoch: 'e1', after, userId: 'maya', snapshot: { shoots: [] } };
    const store = { load: async () => saved, save: async () => {}, remove: async () => {} };
    const { client } = open({ store });
    void room(client, 'old-0').join();
    client.connect();
    await pass();
    server.last.welcome();
    await pass();

    expect(server.last.of('LEAVE').map(({ queue }) => queue)).toEqual(['room:old-1', 'room:old-2']);
  });
});

describe('members', () => {
  it('are those of the snapshot, and of what changes after it', async () => {
    const wedding = await inside();
    const changes = vi.fn();
    wedding.on('change', changes);
    presence(3, { count: 2, members: [member('maya', 1), member('otto', 2)] });
    expect([ids(wedding), wedding.count, wedding.self?.userId]).toEqual([
      ['maya', 'otto'],
      2,
      'maya',
    ]);
    const { members } = wedding;
    presence(4, {
      ...{ count: 2, joined: [member('zoe', 9)], left: ['otto'] },
      updated: [member('maya', 1, { viewing: 'IMG_1' })],
    });

    expect(ids(wedding)).toEqual(['maya', 'zoe']);
    expect(wedding.self?.state).toEqual({ viewing: 'IMG_1' });
    expect(wedding.members).not.toBe(members);
    expect(changes).toHaveBeenCalledTimes(2);
  });

  it('stay shown while the connection is away, until the next snapshot', async () => {
    const wedding = await inside();
    presence(8, { count: 2, members: [member('maya'), member('otto')] });
    server.last.drop();
    await pass(2_000);
    expect(ids(wedding)).toEqual(['maya', 'otto']);
    server.last.welcome();
    await pass();
    await joined();
    presence(2, { count: 1, members: [member('maya')] });

    expect(ids(wedding)).toEqual(['maya']);
  });
});

describe('a state', () => {
  it('is merged, sent at once, and then not more than ten times a second', async () => {
    const wedding = await inside();
    wedding.setState({ viewing: 'IMG_1', zoom: 1 });
    for (let zoom = 2; zoom < 10; zoom++) wedding.setState({ zoom });
    await pass(99);
    expect(server.last.of('STATE')).toMatchObject([
      { queue: QUEUE, state: { viewing: 'IMG_1', zoom: 1 } },
    ]);
    await pass(1);
    expect(server.last.of('STATE').slice(1)).toMatchObject([
      { state: { viewing: 'IMG_1', zoom: 9 } },
    ]);
    expect(wedding.state).toEqual({ viewing: 'IMG_1', zoom: 9 });
    wedding.setState({ viewing: undefined });
    wedding.setState(null);
    await pass(100);
    expect(server.last.of('STATE').at(-1)?.state).toBeNull();
    expect(wedding.state).toBeUndefined();
  });

  it('that was set before joining is there from the first moment', async () => {
    const { client } = await connected();
    const wedding = room(client, 'wedding');
    wedding.setState({ viewing: 'IMG_1' });
    void wedding.join();
    await joined();

    expect(server.last.of('JOIN')).toMatchObject([{ state: { viewing: 'IMG_1' } }]);
    expect(server.last.of('STATE')).toEqual([]);
  });

  it('that another device has set is known too, and changes go on from it', async () => {
    const wedding = await inside();
    presence(1, { count: 1, members: [member('maya', 1, { viewing: 'IMG_7', zoom: 2 })] });
    wedding.setState({ zoom: 3 });

    expect(wedding.state).toEqual({ viewing: 'IMG_7', zoom: 3 });
  });
});

describe('typing', () => {
  const typing = (userId: string) =>
    server.last.emit('TYPING', { userId }, { id: `t-${Math.random()}`, queue: QUEUE });

  it('is told at once, and again every three seconds', async () => {
    const wedding = await inside();
    for (let key = 0; key < 40; key++) {
      void wedding.typing().catch(() => {});
      await pass(100);
    }

    expect(server.last.of('TYPING').length).toBe(2);
  });

  it('of others ends with what they say', async () => {
    const wedding = await inside();
    typing('otto');
    await pass();
    expect(wedding.typers).toEqual(['otto']);
    server.last.emit('COMMENT', { text: 'a' }, { id: 'c', seq: 1, queue: QUEUE, sender: 'otto' });
    await pass();

    expect(wedding.typers).toEqual([]);
  });

  it('of others is shown for six seconds, or until they have left', async () => {
    const wedding = await inside();
    typing('otto');
    typing('zoe');
    typing('maya'); // that is me
    await pass(3_000);
    typing('otto');
    expect(wedding.typers).toEqual(['otto', 'zoe']);
    await pass(3_000);
    expect(wedding.typers).toEqual(['otto']);
    presence(1, { count: 1, members: [member('maya'), member('otto')] });
    presence(2, { count: 1, left: ['otto'] });

    expect(wedding.typers).toEqual([]);
  });
});

describe('events', () => {
  it('of the room reach its handlers, those of other queues do not', async () => {
    const wedding = await inside();
    const credits = vi.fn();
    const all = vi.fn();
    wedding.on('CREDIT_UPDATE', credits);
    const off = wedding.on('event', all);
    server.last.credit(1);
    server.last.credit(1, { queue: QUEUE });
    await pass();
    off();
    server.last.credit(2, { queue: QUEUE });
    await pass();

    expect(credits.mock.calls.map(([event]) => event.seq)).toEqual([1, 2]);
    expect(all).toHaveBeenCalledTimes(1);
  });

  it('that are sent come to the own tabs with the id that the server gave', async () => {
    const wedding = await inside();
    const comments = vi.fn();
    wedding.on('COMMENT', comments);
    const sent = wedding.send('COMMENT', { text: 'nice' });
    expect(server.last.of('SEND')).toMatchObject([
      { queue: QUEUE, event: 'COMMENT', data: { text: 'nice' } },
    ]);
    await answer('ACCEPTED', 'SEND', { id: 'c-1' });

    expect(await sent).toBe('c-1');
    expect(comments.mock.calls).toMatchObject([
      [{ type: 'COMMENT', data: { text: 'nice' }, id: 'c-1', queue: QUEUE, sender: 'maya' }],
    ]);
  });

  it('that the server refuses are told', async () => {
    const wedding = await inside();
    const sent = expect(wedding.send('COMMENT', {})).rejects.toMatchObject({ code: 'forbidden' });
    await answer('ERROR', 'SEND', { code: 'forbidden', message: 'no right to write' });
    await sent;
  });
});
