/** The rooms of a client, and whose status it watches: what one tab knows and wants. */

import type { SyncClient } from '../client.ts';
import { Rejected } from '../errors.ts';
import type { SyncEvent } from '../events.ts';
import type { Message } from '../messages.ts';
import type { ConnectionState } from '../state.ts';
import { Asking } from './asking.ts';
import { Room } from './room.ts';
import type { Member, State } from './roster.ts';
import { Statuses, type UserStatus } from './statuses.ts';
import { type Level, RoomTabs, type Said } from './tabs.ts';
import type { Wish } from './wishes.ts';

const GONE_AFTER = 3_000; // ms until a tab that is gone has left its rooms: it may be loading again
const PREFIX = 'room:';

export class Rooms {
  /** What the rooms ask of this, see room.ts. */
  readonly client: SyncClient;
  readonly #tab = String(Math.random());
  readonly #rooms = new Map<string, Room>();
  readonly #joined = new Map<string, number>(); // queues that this tab is in: history
  readonly #watched = new Map<string, number>(); // users that this tab watches: how often
  readonly #statuses = new Statuses();
  readonly #asking: Asking;
  readonly #leaving = new Map<string, Timer>(); // tabs that are gone
  readonly #listeners = new Set<() => void>();
  #tabs: RoomTabs | undefined;
  #isOpen = false;
  #isRunning = false;

  constructor(client: SyncClient) {
    this.client = client;
    this.#asking = new Asking({
      ask: (message) => client.ask(message),
      tell: (message) => client.link?.order('tell', message),
      isMet: (userId) =>
        [...this.#rooms.values()].some(({ members }) => members.map(userIdOf).includes(userId)),
      refused: (queue, error) => {
        this.#tabs?.post('refused', queue, { code: error.code, message: error.message });
        this.#refused(queue, error);
      },
    });
    client.on('message', (message) => this.#message(message));
    client.on('event', (event) => this.#event(event));
    client.on('state', (state) => this.#state(state));
    globalThis.window?.addEventListener('pagehide', () => this.#stop());
    if (client.state.name !== 'idle') this.#state(client.state);
  }

  /** The room of this name, always the same object. */
  room(name: string): Room {
    const queue = PREFIX + name;
    const room = this.#rooms.get(queue) ?? new Room(name, queue, this);
    this.#rooms.set(queue, room);
    return room;
  }

  /** Call `listener` when a status has changed; returns what ends that. */
  onStatus(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** What is known of a user that is watched; the same object until it changes. */
  status(userId: string): UserStatus | undefined {
    return this.#statuses.of(userId);
  }

  /** Watch the status of users; returns what ends that. */
  watch(userIds: readonly string[]): () => void {
    const count = (by: number) => {
      for (const userId of userIds) {
        const times = (this.#watched.get(userId) ?? 0) + by;
        if (times > 0) this.#watched.set(userId, times);
        else this.#watched.delete(userId);
      }
      this.#wish();
    };
    count(1);
    let ends = () => {
      ends = () => {};
      count(-1);
    };
    return () => ends();
  }

  // For the rooms

  enter(queue: string, history: number): void {
    this.#joined.set(queue, history);
    this.#wish();
  }

  leave(queue: string): void {
    this.#joined.delete(queue);
    this.#wish();
  }

  isFollowed(queue: string): boolean {
    return this.#asking.followed.has(queue);
  }

  stateOf(queue: string): State | null | undefined {
    return this.#asking.states.get(queue);
  }

  setState(queue: string, state: State | null): void {
    this.#tabs?.post('state', queue, state);
    this.#heard.state(queue, state);
  }

  // What the client tells

  #state({ name }: ConnectionState): void {
    if (name === 'disconnected') return this.#stop();
    this.#start();
    const isOpen = name === 'connected';
    if (isOpen === this.#isOpen) return;
    this.#isOpen = isOpen;
    if (isOpen) this.#asking.opened(Object.keys(this.client.position.after));
    else this.#lost();
  }

  #lost(): void {
    this.#isOpen = false;
    this.#asking.lost();
    this.#statuses.lost();
    for (const room of this.#rooms.values()) room.lost();
  }

  #message({ type, data }: Message): void {
    const queue = data.queue as string;
    const room = this.#rooms.get(queue);
    if (type === 'JOINED' && queue.startsWith(PREFIX)) {
      this.#asking.followed.add(queue);
      room?.joined();
    } else if (type === 'LEFT') {
      this.#asking.followed.delete(queue);
      if (data.reason) this.#refused(queue, new Rejected('forbidden', String(data.reason)));
      else room?.left();
      if (!this.#asking.wishes.rooms.has(queue)) this.#asking.states.delete(queue);
      this.#asking.settle(); // some tab may want it again
    } else if (type === 'PRESENCE') {
      // A tab that is not in the room may be the one that others ask.
      if (!queue.startsWith(PREFIX)) return;
      const known = this.room(queue.slice(PREFIX.length));
      known.presence(data);
      if (data.members || data.joined) this.#asking.met(known.members.map(userIdOf));
    } else if (type === 'STATUS' && this.#statuses.take(data)) this.#statusChanged();
  }

  #event(event: SyncEvent): void {
    const room = this.#rooms.get(event.queue);
    if ((event.type as string) !== 'TYPING') return room?.said(event.sender);
    const { userId } = event.data as { userId?: unknown };
    room?.typed(String(userId));
  }

  // What the tabs say to each other

  readonly #heard: Said = {
    wish: (tab, wish, asks) => {
      const { wishes } = this.#asking;
      const isNew = !wishes.has(tab);
      this.#noteWish(tab, wish);
      if (isNew && this.#isLeading) this.#watchTab(tab);
      if (!asks) return;
      this.#tabs?.post('wish', this.#tab, this.#wished, false);
      if (this.#isLeading) this.#tabs?.post('level', this.#level);
    },
    level: (level) => this.#restore(level),
    state: (queue, state) => {
      this.#asking.states.set(queue, state);
      this.#asking.state(queue);
      this.#rooms.get(queue)?.changed();
    },
    refused: (queue, { code, message }) => {
      this.#refused(queue, Object.assign(new Rejected(code, ''), { message }));
    },
  };
  #isLeading = false;

  #start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    const key = this.client.link?.key;
    if (key === undefined) this.#lead();
    else {
      this.#tabs = new RoomTabs(key, this.#tab, this.#heard, () => this.#lead());
      this.#tabs.post('wish', this.#tab, this.#wished, true);
    }
    this.#noteWish(this.#tab, this.#wished);
  }

  /** The page goes away, or the client has ended: others may leave what only this tab wants. */
  #stop(): void {
    this.#isRunning = this.#isLeading = false;
    this.#tabs?.leave();
    this.#tabs = undefined;
    this.#lost();
    for (const room of this.#rooms.values()) room.left();
    this.#asking.active = false;
    for (const tab of this.#asking.wishes.tabs) this.#asking.wishes.delete(tab);
    for (const timer of this.#leaving.values()) clearTimeout(timer);
    this.#leaving.clear();
  }

  #lead(): void {
    this.#isLeading = true;
    for (const tab of this.#asking.wishes.tabs) if (tab !== this.#tab) this.#watchTab(tab);
    this.#asking.active = true;
  }

  #watchTab(tab: string): void {
    this.#tabs?.watch(tab, () => {
      const gone = () => {
        this.#leaving.delete(tab);
        this.#asking.wishes.delete(tab);
        this.#asking.settle();
      };
      this.#leaving.set(tab, setTimeout(gone, GONE_AFTER));
    });
  }

  get #wished(): Wish {
    return { rooms: Object.fromEntries(this.#joined), users: [...this.#watched.keys()] };
  }

  #wish(): void {
    if (!this.#isRunning) return;
    this.#tabs?.post('wish', this.#tab, this.#wished, false);
    this.#noteWish(this.#tab, this.#wished);
  }

  #noteWish(tab: string, wish: Wish): void {
    this.#asking.wishes.set(tab, wish);
    this.#statuses.keep(new Set(this.#asking.wishes.users));
    this.#asking.settle();
  }

  #refused(queue: string, error: Rejected): void {
    this.#asking.wishes.drop(queue);
    this.#joined.delete(queue);
    this.#rooms.get(queue)?.refused(error);
  }

  get #level(): Level {
    const rosters = [...this.#rooms].flatMap(([queue, room]) => {
      const level = room.level;
      return level ? [[queue, level] as const] : [];
    });
    const { followed, states } = this.#asking;
    return {
      ...{ followed: [...followed], rosters, states: [...states] },
      statuses: this.#statuses.level,
    };
  }

  #restore({ followed, rosters, states, statuses }: Level): void {
    for (const [queue, state] of states) this.#asking.states.set(queue, state);
    for (const [queue, level] of rosters) {
      this.room(queue.slice(PREFIX.length)).restore(level);
    }
    for (const queue of followed) {
      this.#asking.followed.add(queue);
      this.#rooms.get(queue)?.joined();
    }
    this.#statuses.restore(statuses);
    this.#statusChanged();
  }

  #statusChanged(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

function userIdOf({ userId }: Member): string {
  return userId;
}

type Timer = ReturnType<typeof setTimeout> | undefined;
