/** Rooms of tabs that share one connection: one member, joined and left once for all of them. */

import type { SyncClient } from '@kull/sync';
import { attach, room, statusOf, watch } from '@kull/sync/rooms';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { open, pass, server } from '../rig.ts';
import { pretendBrowser } from './browser.ts';

const QUEUE = 'room:wedding';

beforeEach(pretendBrowser);
afterEach(() => {
  vi.unstubAllGlobals();
});

const member = (userId: string) => ({ userId, since: 1, devices: [] });

async function tab(): Promise<SyncClient> {
  const { client } = open({ user: 'maya' });
  client.connect();
  await pass();
  return client;
}

/** The first one is connected, the others share that. */
async function tabs(count: number): Promise<SyncClient[]> {
  const all = [await tab()];
  server.last.welcome();
  while (all.length < count) all.push(await tab());
  await pass();
  expect(server.peers.length).toBe(1);
  return all;
}

async function answer(type: string, asked: string, data = {}): Promise<void> {
  const ref = server.last.of(asked).at(-1)?.ref;
  server.last.emit(type, { queue: QUEUE, ref, head: 0, after: 0, recovered: true, ...data });
  await pass();
}

/** All tabs are in the room, with two members. */
async function together(count: number): Promise<SyncClient[]> {
  const all = await tabs(count);
  const entering = all.map((each) => room(each, 'wedding').join());
  await pass();
  await answer('JOINED', 'JOIN');
  await Promise.all(entering);
  const members = [member('maya'), member('otto')];
  server.last.emit('PRESENCE', { queue: QUEUE, generation: [1, 5], count: 2, members });
  await pass();
  return all;
}

const ids = (client: SyncClient) => room(client, 'wedding').members.map(({ userId }) => userId);

describe('ten tabs', () => {
  it('join a room once, and all know who is there', async () => {
    const all = await together(10);

    expect(server.last.of('JOIN').length).toBe(1);
    for (const each of all) expect(ids(each)).toEqual(['maya', 'otto']);
  });

  it('leave it with the last one that was in it', async () => {
    const all = await together(10);
    for (const each of all.slice(1)) room(each, 'wedding').leave();
    await pass();
    expect(server.last.of('LEAVE')).toEqual([]);
    room(all[0] as SyncClient, 'wedding').leave();
    await pass();

    expect(server.last.of('LEAVE').length).toBe(1);
  });

  it('have one state: the one that was set last', async () => {
    const [first, second] = (await together(2)) as [SyncClient, SyncClient];
    room(second, 'wedding').setState({ viewing: 'IMG_1' });
    await pass();
    room(first, 'wedding').setState({ zoom: 2 });
    await pass(100);

    expect(server.last.of('STATE').map(({ state }) => state)).toEqual([
      { viewing: 'IMG_1' },
      { viewing: 'IMG_1', zoom: 2 },
    ]);
    expect(room(second, 'wedding').state).toEqual({ viewing: 'IMG_1', zoom: 2 });
  });

  it('are refused together', async () => {
    const all = await tabs(3);
    const entering = all.map((each) =>
      expect(room(each, 'wedding').join()).rejects.toMatchObject({ code: 'forbidden' }),
    );
    await pass();
    await answer('ERROR', 'JOIN', { code: 'forbidden', message: 'no' });
    await Promise.all(entering);
    await pass(5_000);

    expect(server.last.of('JOIN').length).toBe(1);
  });
});

describe('a tab', () => {
  it('that comes later knows at once who is there', async () => {
    const [first] = (await together(2)) as [SyncClient];
    room(first, 'wedding').setState({ viewing: 'IMG_1' });
    const late = await tab();
    await room(late, 'wedding').join();
    await pass();

    expect(server.last.of('JOIN').length).toBe(1);
    expect(ids(late)).toEqual(['maya', 'otto']);
    expect(room(late, 'wedding').state).toEqual({ viewing: 'IMG_1' });
    server.last.emit('PRESENCE', { queue: QUEUE, generation: [1, 6], count: 1, left: ['otto'] });
    await pass();
    expect(ids(late)).toEqual(['maya']);
  });

  /** Of two tabs the one that is in a room goes; the other one has the connection. */
  async function aTabInsideGoes(): Promise<void> {
    const [first, second] = (await tabs(2)) as [SyncClient, SyncClient];
    attach(first);
    void room(second, 'wedding').join();
    await pass();
    await answer('JOINED', 'JOIN');
    second.disconnect();
  }

  it('that is gone has left after three seconds: it may be loading again', async () => {
    await aTabInsideGoes();
    await pass(2_999);
    expect(server.last.of('LEAVE')).toEqual([]);
    await pass(1);

    expect(server.last.of('LEAVE').length).toBe(1);
  });

  it('that loads again meanwhile stays there', async () => {
    await aTabInsideGoes();
    await pass(1_000);
    void room(await tab(), 'wedding').join();
    await pass(10_000);

    expect(server.last.of('LEAVE')).toEqual([]);
    expect(server.last.of('JOIN').length).toBe(1);
  });

  it('that was connected goes: another one joins for all, where they stand', async () => {
    const [first, second] = (await together(2)) as [SyncClient, SyncClient];
    server.last.credit(4, { queue: QUEUE });
    room(first, 'wedding').setState({ viewing: 'IMG_1' });
    await pass(50);
    first.disconnect();
    await pass();
    expect(server.peers.length).toBe(2);
    expect(server.last.open()).toMatchObject({ after: { [QUEUE]: 4 } });
    server.last.welcome();
    await pass();

    expect(server.last.of('JOIN')).toMatchObject([{ state: { viewing: 'IMG_1' } }]);
    expect(ids(second), 'until the next snapshot').toEqual(['maya', 'otto']);
    await pass(10_000);
    expect(server.last.of('LEAVE')).toEqual([]);
  });

  it('without rooms may be the one that is connected', async () => {
    const [, second] = (await tabs(2)) as [SyncClient, SyncClient];
    const entering = room(second, 'wedding').join();
    await pass();
    await answer('JOINED', 'JOIN');
    await entering;
    const sent = room(second, 'wedding').send('COMMENT', { text: 'nice' });
    await pass();
    await answer('ACCEPTED', 'SEND', { id: 'c-1' });

    expect(await sent).toBe('c-1');
  });

  it('watches users with the others', async () => {
    const [first, second] = (await tabs(2)) as [SyncClient, SyncClient];
    watch(first, ['otto']);
    watch(second, ['zoe']);
    await pass();
    await answer('STATUS', 'WATCH', { users: [] });
    expect(server.last.of('WATCH').at(-1)).toMatchObject({ userIds: ['otto', 'zoe'] });
    const users = [{ userId: 'zoe', online: true, lastSeen: 0, generation: [1, 1] }];
    await answer('STATUS', 'WATCH', { users });

    expect(statusOf(second, 'zoe')).toEqual({ userId: 'zoe', online: true });
    expect(statusOf(first, 'zoe')).toEqual({ userId: 'zoe', online: true });
  });
});
