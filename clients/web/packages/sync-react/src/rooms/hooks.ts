/** What a component can know about rooms, who is in them, and who is online. */

import {
  type Member,
  onStatus,
  type Room,
  room as roomOf,
  type State,
  statusOf,
  type UserStatus,
  watch,
} from '@kull/sync/rooms';
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { useSync } from '../provider.tsx';

const NOBODY: readonly Member[] = [];
const NO_TYPERS: readonly string[] = [];
const NO_STATUS: readonly (UserStatus | undefined)[] = [];
const LEAVE_AFTER = 200; // ms: what is shown next may be in the same room

/** How many components are in a room, and what will leave it. */
const users = new WeakMap<Room, { count: number; leaving?: ReturnType<typeof setTimeout> }>();

/**
 * Be in a room while the component is mounted; several may be. Renders again when the room is joined,
 * or refused (`error`). `history`: see Room.join. Null while rendering on a server.
 */
export function useRoom(name: string, { history = 0 }: { history?: number } = {}): Room | null {
  const client = useSync();
  const room = client && roomOf(client, name);
  useEffect(() => {
    if (!room) return;
    const use = users.get(room) ?? { count: 0 };
    users.set(room, use);
    use.count++;
    clearTimeout(use.leaving);
    room.join({ history }).catch(() => {}); // `error` says it
    return () => {
      use.count--;
      if (use.count > 0) return;
      use.leaving = setTimeout(() => room.leave(), LEAVE_AFTER);
    };
  }, [room, history]);
  useRead(room, (each) => `${each.isJoined} ${each.error}`, '');
  return room;
}

/** Who is there, this user included, who came first first. */
export function useMembers(room: Room | null): readonly Member[] {
  return useRead(room, (each) => each.members, NOBODY);
}

/** How many are there; more than `useMembers` gives if the room is large. */
export function useMemberCount(room: Room | null): number {
  return useRead(room, (each) => each.count, 0);
}

/**
 * What this user does there, and what changes that, member by member (undefined takes one away).
 * `initial` counts if this user has said nothing there yet, in any tab.
 */
export function useMyState<T extends State>(
  room: Room | null,
  initial: T,
): [T, (changes: Partial<T>) => void] {
  const first = useRef(initial);
  const state = useRead(room, (each) => each.state, undefined);
  useEffect(() => {
    if (room && room.state === undefined) room.setState(first.current);
  }, [room]);
  const set = useCallback((changes: Partial<T>) => room?.setState(changes), [room]);
  return [(state as T | undefined) ?? first.current, set];
}

/** Who else is typing, and what to call at every key. */
export function useTyping(room: Room | null): { typers: readonly string[]; typing: () => void } {
  const typers = useRead(room, (each) => each.typers, NO_TYPERS);
  const typing = useCallback(() => void room?.typing().catch(() => {}), [room]);
  return { typers, typing };
}

/** What is known of each of these users, in their order; undefined: nothing yet. */
export function useOnline(userIds: readonly string[]): readonly (UserStatus | undefined)[] {
  const client = useSync();
  const wanted = JSON.stringify(userIds);
  useEffect(() => (client ? watch(client, JSON.parse(wanted)) : undefined), [client, wanted]);
  const [cache] = useState(() => ({ found: NO_STATUS }));
  const subscribe = useCallback(
    (changed: () => void) => (client ? onStatus(client, changed) : () => {}),
    [client],
  );
  const read = () => {
    const found = userIds.map((userId) => client && statusOf(client, userId)) as UserStatus[];
    const same =
      found.length === cache.found.length && found.every((each, at) => each === cache.found[at]);
    if (!same) cache.found = found;
    return cache.found;
  };
  return useSyncExternalStore(subscribe, read, () => NO_STATUS);
}

/** `read` must return the same value until something changes; `absent` is for servers. */
function useRead<T>(room: Room | null, read: (room: Room) => T, absent: T): T {
  const subscribe = useCallback(
    (changed: () => void) => room?.on('change', changed) ?? (() => {}),
    [room],
  );
  return useSyncExternalStore(
    subscribe,
    () => (room ? read(room) : absent),
    () => absent,
  );
}
