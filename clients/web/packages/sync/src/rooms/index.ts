/** Rooms: who is there, what they are doing, what they say; and who is online. */

import type { SyncClient } from '../client.ts';
import type { Room } from './room.ts';
import { Rooms } from './rooms.ts';
import type { UserStatus } from './statuses.ts';

export type { OwnEvent, Room, RoomTopics } from './room.ts';
export type { Member, MemberDevice, State } from './roster.ts';
export type { UserStatus } from './statuses.ts';

const known = new WeakMap<SyncClient, Rooms>();

/**
 * Let this tab take part in the rooms of the others. `room` and `watch` do that too; a page without
 * rooms needs it if it shares its connection with pages that have some: a room is left when the
 * last page in it closes, if another one is there to see that.
 */
export function attach(client: SyncClient): void {
  roomsOf(client);
}

/** The client's room of this name, always the same object. `join` it to be there. */
export function room(client: SyncClient, name: string): Room {
  return roomsOf(client).room(name);
}

/**
 * Watch whether users are online: contacts of this user, by its token, and who shares a room with it.
 * Returns what ends that.
 */
export function watch(client: SyncClient, userIds: readonly string[]): () => void {
  return roomsOf(client).watch(userIds);
}

/** What is known of a user that is watched; undefined: nothing yet. The same object until it changes. */
export function statusOf(client: SyncClient, userId: string): UserStatus | undefined {
  return roomsOf(client).status(userId);
}

/** Call `listener` when some user's status has changed; returns what ends that. */
export function onStatus(client: SyncClient, listener: () => void): () => void {
  return roomsOf(client).onStatus(listener);
}

function roomsOf(client: SyncClient): Rooms {
  const rooms = known.get(client) ?? new Rooms(client);
  known.set(client, rooms);
  return rooms;
}
