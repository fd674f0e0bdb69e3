/**
 * What a device knows across its connections: positions, repeats, devices, acknowledgements. PURE.
 *
 * Texts of the server go in, values for the shell come out. An entry is
 * *received* when it came in for the first time, and *processed* when the application says so.
 */

import { LazyAcks } from './acks.ts';
import { type Device, type Position, type SyncEvent, USER_QUEUE } from './events.ts';
import * as messages from './messages.ts';
import { NEEDED, read, recoveryLost } from './messages.ts';

/**
 * What one message means for the shell. `run` is for `processed`. An event with a `problem` cannot
 * be read and holds its place alone: that is to be told instead. `chars`: of its message.
 */
export type Incoming =
  | { kind: 'delivery'; event: SyncEvent; run: number; chars?: number; problem?: unknown }
  | { kind: 'welcomed'; keepalive: number }
  /** `lifetime`: of the token in use, by the server's clock, in ms; NaN: for ever. */
  | { kind: 'refreshed'; lifetime: number }
  | { kind: 'staleness' }
  /** Anything else: for the shell, for whoever asked, or of a newer server. */
  | { kind: 'message'; said: messages.Message };

export type Delivery = Extract<Incoming, { kind: 'delivery' }>;

/**
 * Progress in one queue. A new `run` begins when the server starts it over at `head`. Events of
 * runs since `windowRun` fill the window of this connection until acknowledged.
 */
interface Queue {
  received: number;
  processed: number;
  run: number;
  windowRun: number;
  head: number;
  /** Where this connection has begun, and where the queue ended then. */
  from: number;
  until: number;
}

const QUEUE: Queue = {
  received: 0,
  processed: 0,
  run: 0,
  windowRun: 0,
  head: 0,
  from: 0,
  until: 0,
};

const WELCOME = { epoch: '', window: 64, userId: '', deviceId: '', sessionId: '' };

export class Session {
  userId = '';
  deviceId = '';
  sessionId = '';
  readonly acks = new LazyAcks();
  #epoch: string;
  #queues = new Map<string, Queue>();
  #devices = new Map<string, Device>();
  #generations = new Map<string, number>();
  #stale = new Map<string, number>(); // queues that the server gets no news of, and since when
  #stranger = false; // the server may take this device for one it has never seen

  constructor(position: Position) {
    this.#epoch = position.epoch;
    for (const [name, seq] of Object.entries(position.after)) {
      this.#newQueue(name, { received: seq, processed: seq });
    }
  }

  /** The user's connected devices, this one included. */
  get devices(): Device[] {
    return [...this.#devices.values()];
  }

  /** Since when some queue is not served, in ms since the Unix epoch; undefined: all are. */
  get staleSince(): number | undefined {
    return this.#stale.size ? Math.min(...this.#stale.values()) : undefined;
  }

  /** What has been processed. A queue in which nothing was is left out. */
  get position(): Position {
    const after: Record<string, number> = {};
    for (const [name, queue] of this.#queues) if (queue.processed) after[name] = queue.processed;
    return { epoch: this.#epoch, after };
  }

  /** How far catching up after the last WELCOME is, in entries of the logs; `done` of `total`. */
  get catchingUp(): { done: number; total: number } {
    let done = 0;
    let total = 0;
    for (const queue of this.#queues.values()) {
      const wanted = Math.max(0, queue.until - queue.from);
      total += wanted;
      done += Math.min(wanted, Math.max(0, queue.processed - queue.from));
    }
    return { done, total };
  }

  /** Nothing more has come for a while: what is still missing was replaced or left out. */
  caughtUp(): void {
    for (const queue of this.#queues.values()) queue.until = queue.from;
  }

  /** Take one message of the server. Throws BadMessage: skip it, it is no stored event. */
  received(text: unknown): Incoming[] {
    try {
      return this.#read(text);
    } catch (error) {
      const place = messages.placeOf(text);
      if (!place) throw error;
      return this.#event(place as SyncEvent, Object.assign(error as object, place));
    }
  }

  #read(text: unknown): Incoming[] {
    const message = messages.parse(text);
    const { data } = message;
    const said: Incoming = { kind: 'message', said: message };
    if ((message.seq ?? message.id) != null) return this.#event(messages.eventOf(message));
    switch (message.type) {
      case 'WELCOME':
      case 'REFRESHED': {
        const welcome = message.type === 'WELCOME' ? this.#welcome(data) : [];
        const lifetime = (data.expiresAt as number) - (message.timestamp as number);
        return [{ kind: 'refreshed', lifetime }, ...welcome];
      }
      case 'JOINED':
        return [...this.#stand(messages.standingOf(data)), said];
      case 'RECOVERY_LOST': {
        const { queue, head } = read(data, { queue: '', head: NEEDED });
        return this.#startOver(queue, head, true);
      }
      case 'STALE': {
        const { queue, since } = read(data, { queue: '', since: NEEDED });
        this.#stale.set(queue, since);
        return [{ kind: 'staleness' }];
      }
      case 'FRESH':
        this.#stale.delete(read(data, { queue: '' }).queue);
        return [{ kind: 'staleness' }];
      case 'LEFT':
        this.#forget(read(data, { queue: '' }).queue);
    }
    return [said];
  }

  /** Note that the application is done with an event. */
  processed({ event, run, chars = 0 }: Delivery): void {
    const queue = this.#queues.get(event.queue);
    if (event.seq == null || !queue || run < queue.windowRun) return;
    if (run === queue.run) queue.processed = Math.max(queue.processed, event.seq);
    this.acks.add(event.queue, event.seq, chars);
  }

  #welcome(data: messages.Json): Incoming[] {
    // All of it is read before any of it counts.
    const { epoch, window, ...self } = read(data, WELCOME);
    const standing = messages.standingOf(messages.part(data, 'queue'));
    const devices = messages.devicesOf(data);
    this.#stranger =
      !['', self.deviceId].includes(this.deviceId) || !['', epoch].includes(this.#epoch);
    Object.assign(this, self);
    this.#devices = new Map(devices.map((each) => [each.deviceId, each]));
    this.#generations.clear();
    this.#stale.clear();
    this.acks.opened(window, (data.ackDelay as number) * 1000 || 1000);
    if (epoch !== this.#epoch) {
      this.#epoch = epoch;
      for (const [name, { run }] of this.#queues) {
        this.#newQueue(name, { run: run + 1, windowRun: run + 1 });
      }
    }
    const keepalive = (data.keepalive as number) * 1000 || 30_000; // may be a fraction
    return [{ kind: 'welcomed', keepalive }, ...this.#stand(standing)];
  }

  #stand(standing: messages.Standing): Incoming[] {
    const { head, after } = standing;
    const queue = this.#queue(standing.queue, head);
    // To the server this is a first contact, and so complete; to the application it is not.
    const missed = this.#stranger && after === 0 && head > Math.max(queue.head, queue.received);
    if (!standing.recovered || missed) return this.#startOver(standing.queue, head, false);
    queue.received = Math.max(queue.received, after);
    queue.from = after;
    queue.until = after && head; // a first contact has nothing to catch up with
    return [];
  }

  /**
   * Accept the queue from anywhere: the current state comes first, then what is new.
   *
   * `windowStays`: on the same connection, whose window what came before still fills. It has to be
   * acknowledged, or the server might never send anything again.
   */
  #startOver(name: string, head: number, windowStays: boolean): Incoming[] {
    const before = this.#queues.get(name);
    const run = before ? before.run + 1 : 0;
    const windowRun = before && windowStays ? before.windowRun : run;
    this.#newQueue(name, { run, windowRun, head });
    const event = recoveryLost(name, head, this.userId);
    return [{ kind: 'delivery', event, run }];
  }

  #event(event: SyncEvent, problem?: unknown): Incoming[] {
    if (event.seq == null) {
      this.#notePresence(event);
      return [{ kind: 'delivery', event, run: 0 }];
    }
    const queue = this.#queue(event.queue);
    if (event.seq <= queue.received) {
      // Acknowledged on an earlier connection; this one's window is still open for it.
      if (event.seq <= queue.processed) this.acks.add(event.queue, event.seq, 0);
      return [];
    }
    this.#notePresence(event); // throws before anything counts
    queue.received = event.seq;
    return [{ kind: 'delivery', event, run: queue.run, problem }];
  }

  /** Only the user's own queue can tell: in any other one the name is a publisher's. */
  #notePresence(event: SyncEvent): void {
    if (!/^DEVICE_(DIS)?CONNECTED$/.test(event.type) || event.queue !== USER_QUEUE) return;
    const data = event.data as unknown as messages.Json;
    const device = messages.deviceOf(data);
    const generation = messages.generationOf(data);
    // News of a session that was followed by another one.
    if (generation < (this.#generations.get(device.deviceId) ?? 0)) return;
    this.#generations.set(device.deviceId, generation);
    if (event.type === 'DEVICE_CONNECTED') this.#devices.set(device.deviceId, device);
    else this.#devices.delete(device.deviceId);
  }

  /** What is known of a room that is not followed any more would only grow old. */
  #forget(name: string): void {
    this.#queues.delete(name);
    this.#stale.delete(name);
    this.acks.forget(name);
  }

  #queue(name: string, head = 0): Queue {
    return this.#queues.get(name) ?? this.#newQueue(name, { head });
  }

  #newQueue(name: string, fields: Partial<Queue>): Queue {
    const queue = { ...QUEUE, ...fields };
    this.#queues.set(name, queue);
    return queue;
  }
}
