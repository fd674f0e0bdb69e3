/** What tests of rooms say as the server, and a client that is in one. */

import { type Room, room } from '@kull/sync/rooms';
import { expect } from 'vitest';
import { connected, pass, server } from '../rig.ts';

export type Json = Record<string, unknown>;

export const QUEUE = 'room:wedding';
export const member = (userId: string, since = 1, state?: Json) => ({
  ...{ userId, since, devices: [{ deviceId: `${userId}-mac`, platform: 'web', deviceName: '' }] },
  ...(state && { state }),
});
export const presence = (n: number, fields: Json, term = 1) =>
  server.last.emit('PRESENCE', { queue: QUEUE, generation: [term, n], ...fields });
export const ids = (at: Room) => at.members.map(({ userId }) => userId);

/** Answer the last message of this type. */
export async function answer(type: string, asked: string, data: Json = {}): Promise<void> {
  const ref = server.last.of(asked).at(-1)?.ref;
  expect(ref, `${asked} was sent`).toBeDefined();
  server.last.emit(type, { ref, ...data });
  await pass();
}
export const joined = (fields: Json = {}) =>
  answer('JOINED', 'JOIN', { queue: QUEUE, head: 0, after: 0, recovered: true, ...fields });

export async function inside(): Promise<Room> {
  const { client } = await connected();
  const wedding = room(client, 'wedding');
  const entering = wedding.join();
  await joined();
  await entering;
  return wedding;
}
