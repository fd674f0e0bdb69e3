/** What one tab or process knows and tells its application. */

import type { Identity } from './engine.ts';
import {
  type Device,
  type EventOf,
  type EventType,
  isLoss,
  type Position,
  type SyncEvent,
} from './events.ts';
import { Latest, type Snapshot } from './latest.ts';
import type { Message } from './messages.ts';
import { type ConnectionState, IDLE, type Told } from './state.ts';

/** What `on` takes, and what the listener gets. */
export type Topics = { [T in EventType]: EventOf<T> } & {
  /** Any event. */
  event: SyncEvent;
  state: ConnectionState;
  devices: readonly Device[];
  /** A listener that threw, a complaint of the server, storage that does not work. */
  error: unknown;
  /** Anything that this client's properties show is different now. */
  change: undefined;
  /** For `@kull/sync/rooms`: what the server says that is no event, or another tab's `post`. */
  message: Message;
};

export type Handler<T> = (value: T) => unknown;

/** Entries of the logs that were missed and have come since; nothing is missing if `done === total`. */
export interface CatchingUp {
  readonly done: number;
  readonly total: number;
}

const NOBODY: Identity = { userId: '', deviceId: '', edge: '', devices: [] };
const CAUGHT_UP: CatchingUp = { done: 0, total: 0 };

export class View {
  state: ConnectionState = IDLE;
  identity = NOBODY;
  catchingUp = CAUGHT_UP;
  latest = new Latest();
  /** When there last was a connection, in ms since the Unix epoch; undefined before the first. */
  freshAt: number | undefined;
  /** Names this run to the server; tabs that share a connection are one run. */
  instance = String(Math.random());
  #epoch = '';
  #after = new Map<string, number>();
  readonly #handlers = new Map<keyof Topics, Set<Handler<never>>>();

  on<T extends keyof Topics>(topic: T, handler: Handler<Topics[T]>): () => void {
    const handlers = this.#handlers.get(topic) ?? new Set();
    this.#handlers.set(topic, handlers.add(handler));
    return () => void handlers.delete(handler);
  }

  /** What has been handed out. */
  get position(): Position {
    return { epoch: this.#epoch, after: Object.fromEntries(this.#after) };
  }

  /** Go on from what an earlier page load, or another tab, knew. */
  restore(position: Position, snapshot: Snapshot): void {
    this.#epoch = position.epoch;
    this.#after = new Map(Object.entries(position.after));
    this.latest = new Latest(snapshot);
    this.#changed();
  }

  /** Where others go on from: see tabs.ts. */
  get level() {
    return {
      instance: this.instance,
      position: this.position,
      state: this.state,
      identity: this.identity,
      catchingUp: this.catchingUp,
      snapshot: this.latest.snapshot,
    };
  }

  /** What an engine tells this view, by the names of its Output. */
  readonly tells = {
    state: (told: Told): void => {
      const { name, previous } = this.state;
      if (name === 'connected' && told.name !== name) this.freshAt = Date.now();
      this.state = { ...told, previous: told.name === name ? previous : name };
      this.#emit('state', this.state);
      this.#changed();
    },
    identity: (identity: Identity): void => {
      const before = this.identity.devices;
      this.identity = identity;
      if (JSON.stringify(before) !== JSON.stringify(identity.devices)) {
        this.#emit('devices', identity.devices);
      } else this.identity = { ...identity, devices: before }; // keeps the list's identity
      this.#changed();
    },
    catchingUp: (progress: CatchingUp): void => {
      const { done, total } = this.catchingUp;
      if (done === progress.done && total === progress.total) return;
      this.catchingUp = progress;
      this.#changed();
    },
    /** Hand out an event, unless it is a repeat. The promise is fulfilled when all are done with it. */
    event: (event: SyncEvent, epoch: string): void | Promise<void> => {
      if (!this.#isNew(event, epoch)) return;
      if (this.latest.note(event)) this.#changed();
      // An event may be called like another topic, or like what this client says itself.
      const known = isLoss(event) || /^(?!RECOVERY_LOST$)[A-Z]/.test(event.type);
      const topics = known ? [event.type, 'event' as const] : ['event' as const];
      const slow = topics.flatMap((topic) => this.#emit(topic, event as never));
      if (slow.length > 0) return Promise.all(slow).then(() => {});
    },
    message: (message: Message): void => {
      if (message.type === 'LEFT') this.#after.delete(message.data.queue as string);
      this.#emit('message', message);
    },
  };

  error(error: unknown): void {
    if (this.#handlers.get('error')?.size) this.#emit('error', error);
    else (globalThis.reportError ?? console.error)(error);
  }

  #isNew(event: SyncEvent, epoch: string): boolean {
    if (epoch !== this.#epoch) {
      this.#epoch = epoch;
      this.#after.clear();
    }
    if (isLoss(event)) this.#after.delete(event.data.queue);
    if (event.seq == null) return true;
    if (event.seq <= (this.#after.get(event.queue) ?? 0)) return false;
    this.#after.set(event.queue, event.seq);
    return true;
  }

  #changed(): void {
    this.#emit('change', undefined);
  }

  /** A handler that fails must not keep the others from their event. */
  #emit<T extends keyof Topics>(topic: T, value: Topics[T]): Promise<unknown>[] {
    const slow: Promise<unknown>[] = [];
    for (const handler of [...(this.#handlers.get(topic) ?? [])] as Handler<Topics[T]>[]) {
      try {
        const result = handler(value);
        if (result instanceof Promise) slow.push(result.catch((error) => this.error(error)));
      } catch (error) {
        if (topic === 'error') console.error(error);
        else this.error(error);
      }
    }
    return slow;
  }
}
