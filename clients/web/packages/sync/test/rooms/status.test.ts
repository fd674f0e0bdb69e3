/** Whether other users are online, for a client that watches them. */

import { onStatus, room, statusOf, watch } from '@kull/sync/rooms';
import { describe, expect, it, vi } from 'vitest';
import { connected, pass, server } from '../rig.ts';
import { answer, joined, member, presence } from './wedding.ts';

describe('the status of users', () => {
  const status = (userId: string, online: boolean, n: number, lastSeen = 0) => ({
    ...{ userId, online, lastSeen, generation: [1, n] },
  });

  it('is watched for all who ask, once', async () => {
    const { client } = await connected();
    const changed = vi.fn();
    onStatus(client, changed);
    const first = watch(client, ['zoe', 'otto']);
    const second = watch(client, ['otto']);
    await pass();
    expect(server.last.of('WATCH')).toMatchObject([{ userIds: ['otto', 'zoe'] }]);
    await answer('STATUS', 'WATCH', {
      users: [status('otto', true, 1), status('zoe', false, 2, 7)],
    });
    expect(statusOf(client, 'otto')).toEqual({ userId: 'otto', online: true });
    expect(statusOf(client, 'zoe')).toEqual({ userId: 'zoe', online: false, lastSeen: 7 });
    server.last.emit('STATUS', { users: [status('otto', false, 1)] });
    expect(statusOf(client, 'otto')?.online, 'not newer').toBe(true);
    first();
    second();
    await pass();
    expect(server.last.of('WATCH').length, 'one at a time').toBe(2);
    expect(server.last.of('WATCH').at(-1)).toMatchObject({ userIds: ['otto'] });
    await answer('STATUS', 'WATCH', { users: [] });

    expect(server.last.of('WATCH').at(-1)).toMatchObject({ userIds: [] });
    expect(statusOf(client, 'otto')).toBeUndefined();
    expect(changed).toHaveBeenCalledTimes(1);
  });

  it('is asked for again on the next connection, whose answer counts', async () => {
    const { client } = await connected();
    watch(client, ['otto']);
    await pass();
    await answer('STATUS', 'WATCH', { users: [status('otto', true, 9)] });
    server.last.drop();
    await pass(2_000);
    server.last.welcome({ epoch: 'e2' });
    await pass();
    await answer('STATUS', 'WATCH', { users: [status('otto', false, 1, 5)] });

    expect(statusOf(client, 'otto')).toMatchObject({ online: false, lastSeen: 5 });
  });

  it('of a member that was refused is asked for again: it may be about to come back', async () => {
    const { client } = await connected();
    void room(client, 'wedding').join();
    await joined();
    watch(client, ['otto']);
    presence(1, { count: 2, members: [member('maya'), member('otto')] });
    await answer('ERROR', 'WATCH', { code: 'forbidden', message: 'otto' });
    await pass(4_999);
    expect(server.last.of('WATCH').length).toBe(1);
    await pass(1);

    expect(server.last.of('WATCH').length).toBe(2);
  });

  it('that may not be watched is asked for again when they meet in a room', async () => {
    const { client } = await connected();
    watch(client, ['otto']);
    await pass();
    await answer('ERROR', 'WATCH', { code: 'forbidden', message: 'otto' });
    await pass(5_000);
    expect(server.last.of('WATCH').length).toBe(1);
    void room(client, 'wedding').join();
    await pass();
    await joined();
    presence(1, { count: 1, members: [member('maya')] });
    await pass();
    expect(server.last.of('WATCH').length, 'otto is not there').toBe(1);
    presence(2, { count: 2, joined: [member('otto')] });
    await pass();

    expect(server.last.of('WATCH').length).toBe(2);
  });
});
