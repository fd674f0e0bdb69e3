/**
 * Asks the server for what all tabs want together: joins a room that the first tab enters, leaves it
 * with the last one, watches the users that any of them watches. One tab does it for all.
 */

import { Rejected } from '../errors.ts';
import type { Json } from '../messages.ts';
import type { State } from './roster.ts';
import { Wishes } from './wishes.ts';

const AGAIN_AFTER = 1_000; // ms until what could not be answered now is asked again
const WATCH_AGAIN_AFTER = 5_000; // ms until a member who could not be watched is asked for again
const STATE_PAUSE = 100; // ms between states of a room: others are not told more often
const WATCH = 'WATCH';
const MAX_LEFT_BEHIND = 32; // positions of rooms that were not left, of earlier pages
/** Refusals that mean nothing but: later. */
const LATER = /^(busy|unavailable|rate_limited)$/;

export interface Wire {
  /** Send a message and wait for its answer; see SyncClient.ask. */
  ask(message: Json): Promise<unknown>;
  /** Send a message that is not answered. */
  tell(message: Json): void;
  /** Whether this user is in a room with that one. */
  isMet(userId: string): boolean;
  /** The server lets nobody into this room. */
  refused(queue: string, error: Rejected): void;
}

export class Asking {
  readonly wishes = new Wishes();
  /** What this user's member says of itself, by room; as it was set last in any tab. */
  readonly states = new Map<string, State | null>();
  /** The rooms that are followed on this connection. */
  readonly followed = new Set<string>();
  readonly #wire: Wire;
  readonly #busy = new Set<string>(); // rooms about which a question is open, and WATCH
  readonly #resting = new Map<string, Timer>(); // rooms whose state was sent just now
  #isOpen = false;
  #isActive = false;
  #connection = 0;
  #watched = ''; // the users, as JSON
  #mayWatchMore = false; // when it meets them in a room
  #again: Timer;
  #watchAgain: Timer;

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  /** Whether this tab asks for all. */
  set active(active: boolean) {
    this.#isActive = active;
    this.#watched = '';
    this.settle();
  }

  /** There is a connection on which nothing has been asked for yet. `queues`: with a position. */
  opened(queues: readonly string[]): void {
    this.lost();
    this.#isOpen = true;
    this.settle();
    const wanted = this.wishes.rooms;
    const left = queues.filter((queue) => queue.startsWith('room:') && !wanted.has(queue));
    if (this.#isActive) for (const each of left.slice(0, -MAX_LEFT_BEHIND)) void this.#leave(each);
  }

  lost(): void {
    this.#isOpen = false;
    this.#connection++;
    this.#watched = '';
    this.followed.clear();
    this.#busy.clear();
    clearTimeout(this.#again);
    clearTimeout(this.#watchAgain);
    this.#again = undefined;
    for (const timer of this.#resting.values()) clearTimeout(timer);
    this.#resting.clear();
  }

  /** Tell the room what its member says now, at once or after the last state's pause. */
  state(queue: string): void {
    if (!this.#isActive || !this.followed.has(queue) || this.#resting.has(queue)) return;
    const state = this.states.get(queue) ?? null;
    this.#wire.tell({ type: 'STATE', queue, state });
    const rested = () => {
      this.#resting.delete(queue);
      if ((this.states.get(queue) ?? null) !== state) this.state(queue);
    };
    this.#resting.set(queue, setTimeout(rested, STATE_PAUSE));
  }

  /** These users are in a room with this one: who of them could not be watched may be now. */
  met(userIds: readonly string[]): void {
    if (!this.#mayWatchMore || !this.wishes.users.some((user) => userIds.includes(user))) return;
    this.#watched = '';
    this.settle();
  }

  /** Ask for what is wanted and not there yet, and leave what nobody wants any more. */
  settle(): void {
    if (!this.#isActive || !this.#isOpen) return;
    const wanted = this.wishes.rooms;
    for (const [queue, history] of wanted) {
      if (!this.followed.has(queue)) void this.#join(queue, history);
    }
    for (const queue of this.followed) if (!wanted.has(queue)) void this.#leave(queue);
    void this.#watch(this.wishes.users);
  }

  async #join(queue: string, history: number): Promise<void> {
    const state = this.states.get(queue);
    await this.#about(queue, {
      ...{ type: 'JOIN', queue },
      ...(history > 0 && { history }),
      ...(state && { state }),
    });
    if (this.states.get(queue) !== state) this.state(queue);
  }

  #leave(queue: string): Promise<void> {
    return this.#about(queue, { type: 'LEAVE', queue });
  }

  /** One question about a room at a time; what is wanted may be something else afterwards. */
  async #about(queue: string, question: Json): Promise<void> {
    if (this.#busy.has(queue)) return;
    this.#busy.add(queue);
    const connection = this.#connection;
    const refused = await this.#ask(question);
    if (connection !== this.#connection) return; // the next one is asked anew
    this.#busy.delete(queue);
    if (refused) this.#wire.refused(queue, refused);
    if (!this.#again) this.settle();
  }

  /** One WATCH at a time: the server answers the last one only. */
  async #watch(userIds: string[]): Promise<void> {
    const watched = JSON.stringify(userIds);
    if (watched === (this.#watched || '[]') || this.#busy.has(WATCH)) return;
    this.#watched = watched;
    const connection = this.#connection;
    this.#busy.add(WATCH);
    const refused = await this.#ask({ type: WATCH, userIds });
    if (connection !== this.#connection) return;
    this.#busy.delete(WATCH);
    this.#mayWatchMore = !!refused;
    // Who has just lost the connection is a member still, and may be watched when it is back.
    if (refused && userIds.some((user) => this.#wire.isMet(user))) this.#watchLater();
    if (!this.#again) this.settle();
  }

  /** Returns why the server does not want to; what it cannot answer now is asked again. */
  async #ask(question: Json): Promise<Rejected | undefined> {
    const connection = this.#connection;
    try {
      await this.#wire.ask(question);
    } catch (error) {
      if (error instanceof Rejected && !LATER.test(error.code)) return error;
      if (connection === this.#connection) this.#retry();
    }
    return undefined;
  }

  #retry(): void {
    this.#again ??= setTimeout(() => {
      this.#again = undefined;
      this.#watched = '';
      this.settle();
    }, AGAIN_AFTER);
  }

  #watchLater(): void {
    clearTimeout(this.#watchAgain);
    this.#watchAgain = setTimeout(() => {
      this.#watched = '';
      this.settle();
    }, WATCH_AGAIN_AFTER);
  }
}

type Timer = ReturnType<typeof setTimeout> | undefined;
