/** One room, as an application sees it. */

import { type Rejected, SyncError } from '../errors.ts';
import type { EventOf, EventType, SyncEvent } from '../events.ts';
import type { Json } from '../messages.ts';
import type { Rooms } from './rooms.ts';
import { type Member, Roster, type RosterLevel, type State } from './roster.ts';

const TYPING_PAUSE = 3_000; // ms between two messages of somebody who goes on typing
const TYPING_FOR = 6_000; // ms that somebody counts as typing after each of them
const MAX_HISTORY = 100;

/** What `on` takes, and what the listener gets. */
export type RoomTopics = { [T in EventType]: EventOf<T> } & {
  /** Any event of the room. */
  event: SyncEvent;
  /** Anything that this object's properties show is different now. */
  change: undefined;
  /** The room is not followed any more, by the server's will. */
  left: Rejected;
};

/** An event of a type that a team has declared itself. */
export type OwnEvent = Omit<EventOf<EventType>, 'type' | 'data'> & {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
};

interface Entering {
  promise: Promise<void>;
  resolve(): void;
  reject(error: Error): void;
}

export class Room {
  readonly name: string;
  readonly #queue: string;
  readonly #rooms: Rooms;
  readonly #roster = new Roster();
  readonly #typing = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #listeners = { change: new Set<() => void>(), left: new Set<(why: Rejected) => void>() };
  #typers: readonly string[] = [];
  #typedAt = Number.NEGATIVE_INFINITY;
  #entering: Entering | undefined;
  #isIn = false; // by this tab
  #error: Rejected | undefined;

  /** See `room` in index.ts. */
  constructor(name: string, queue: string, rooms: Rooms) {
    this.name = name;
    this.#queue = queue;
    this.#rooms = rooms;
  }

  /** Whether this tab is in the room, and the server knows. */
  get isJoined(): boolean {
    return this.#isIn && this.#rooms.isFollowed(this.#queue);
  }
  /** Why the server let nobody in, or not any more; undefined after the next `join`. */
  get error(): Rejected | undefined {
    return this.#error;
  }
  /** Who is there, this user included, who came first first. Empty if the token does not show it. */
  get members(): readonly Member[] {
    return this.#roster.members;
  }
  /** How many are there; more than `members` if the room is large. */
  get count(): number {
    return this.#roster.count;
  }
  /** The room is large: of its members only those with the same state as this user's are known. */
  get isPartial(): boolean {
    return this.#roster.partial;
  }
  /** This user's member. */
  get self(): Member | undefined {
    const { userId } = this.#rooms.client;
    return this.members.find((member) => member.userId === userId);
  }
  /** What this user says of itself there: as this browser has set it last, or another device. */
  get state(): State | undefined {
    const own = this.#rooms.stateOf(this.#queue);
    return own === undefined ? this.self?.state : (own ?? undefined);
  }
  /** Ids of the others who are typing. The same list until it changes. */
  get typers(): readonly string[] {
    return this.#typers;
  }

  /**
   * Be in the room from now on, on every connection, until `leave`. Its events come like all others.
   * `history`: of a room that the device has never been in, so many events of the past, 0 to 100.
   *
   * The promise is fulfilled once the room is followed. It rejects with Rejected if the server does
   * not allow it, and with SyncError if `leave` was called before; without a connection it waits.
   */
  join({ history = 0 }: { history?: number } = {}): Promise<void> {
    if (!(Number.isInteger(history) && history >= 0 && history <= MAX_HISTORY)) {
      return Promise.reject(
        new SyncError(`history must be a whole number from 0 to ${MAX_HISTORY}`),
      );
    }
    this.#error = undefined;
    if (!this.#isIn) {
      this.#isIn = true;
      this.#entering = entering();
      this.#rooms.enter(this.#queue, history);
      this.joined();
    }
    return this.#entering?.promise ?? Promise.resolve();
  }

  /** Leave the room, if no other tab is in it. */
  leave(): void {
    if (!this.#isIn) return;
    this.#isIn = false;
    this.#entering?.reject(new SyncError('the room was left before it was joined'));
    this.#entering = undefined;
    this.#rooms.leave(this.#queue);
    this.changed();
  }

  /** Change this user's state there, member by member; undefined takes one away, null all of it. */
  setState(changes: State | null): void {
    const state = changes && Object.entries({ ...this.state, ...changes });
    const left = state?.filter(([, value]) => value !== undefined);
    this.#rooms.setState(this.#queue, left?.length ? Object.fromEntries(left) : null);
  }

  /** Tell the others that this user is typing. Call it at every key: it is sent now and then. */
  async typing(): Promise<void> {
    const now = Date.now();
    if (now - this.#typedAt < TYPING_PAUSE) return;
    this.#typedAt = now;
    await this.#rooms.client.ask({ type: 'TYPING', queue: this.#queue });
  }

  /**
   * Publish an event of a type that your team has declared into the room; returns its id. This
   * user's tabs get it without a `seq`. Rejects like SyncClient.updateProgress.
   */
  send(type: string, data: Json): Promise<string> {
    this.#typedAt = Number.NEGATIVE_INFINITY;
    const queue = this.#queue;
    const { client } = this.#rooms;
    const own = { type, data: { ...data }, queue, sender: client.userId };
    return client.ask({ type: 'SEND', queue, event: type, data }, own);
  }

  /**
   * Call `handler` on each event of a type in this room, or on another topic; returns what ends that.
   * A promise that it returns is waited for before an event counts as handled.
   */
  on<T extends keyof RoomTopics>(topic: T, handler: (value: RoomTopics[T]) => unknown): () => void;
  on(topic: string, handler: (event: OwnEvent) => unknown): () => void;
  on(topic: string, handler: (value: never) => unknown): () => void {
    if (topic === 'change' || topic === 'left') {
      const listeners = this.#listeners[topic] as Set<unknown>;
      listeners.add(handler);
      return () => void listeners.delete(handler);
    }
    return this.#rooms.client.on('event', (event) => {
      const isMeant = event.queue === this.#queue && ['event', event.type].includes(topic);
      return isMeant ? handler(event as never) : undefined;
    });
  }

  // What its Rooms tell

  /** @internal */
  get level(): RosterLevel | undefined {
    return this.#roster.level;
  }

  /** @internal */
  restore(level: RosterLevel): void {
    this.#roster.restore(level);
    this.changed();
  }

  /** @internal */
  presence(data: Json): void {
    if (!this.#roster.take(data)) return;
    for (const userId of (data.left ?? []) as string[]) this.#typedNoMore(userId);
    this.changed();
  }

  /** @internal */
  typed(userId: string): void {
    if (userId === this.#rooms.client.userId) return;
    clearTimeout(this.#typing.get(userId));
    this.#typing.set(
      userId,
      setTimeout(() => this.#typedNoMore(userId), TYPING_FOR),
    );
    this.#tellTypers();
  }

  /** @internal Somebody has said what it was typing. */
  said(userId: string): void {
    this.#typedNoMore(userId);
  }

  /** @internal */
  joined(): void {
    if (!this.isJoined) return;
    this.#entering?.resolve();
    this.#entering = undefined;
    this.changed();
  }

  /** @internal */
  left(): void {
    this.#roster.clear();
    this.#forgetTypers();
    this.changed();
  }

  /** @internal */
  refused(error: Rejected): void {
    const wasIn = this.#isIn && !this.#entering;
    this.#isIn = false;
    this.#error = error;
    this.#entering?.reject(error);
    this.#entering = undefined;
    this.left();
    if (wasIn) for (const listener of [...this.#listeners.left]) listener(error);
  }

  /** @internal */
  lost(): void {
    this.#roster.lost();
    this.#forgetTypers();
    this.changed();
  }

  /** @internal */
  changed(): void {
    for (const listener of [...this.#listeners.change]) listener();
  }

  #typedNoMore(userId: string): void {
    clearTimeout(this.#typing.get(userId));
    if (this.#typing.delete(userId)) this.#tellTypers();
  }

  #forgetTypers(): void {
    for (const userId of [...this.#typing.keys()]) this.#typedNoMore(userId);
  }

  #tellTypers(): void {
    const typers = [...this.#typing.keys()];
    if (typers.join() === this.#typers.join()) return;
    this.#typers = typers;
    this.changed();
  }
}

function entering(): Entering {
  let resolve = () => {};
  let reject: Entering['reject'] = () => {};
  const promise = new Promise<void>((resolved, rejected) => {
    resolve = resolved;
    reject = rejected;
  });
  promise.catch(() => {}); // nobody has to wait for it: `error` says it too
  return { promise, resolve, reject };
}
