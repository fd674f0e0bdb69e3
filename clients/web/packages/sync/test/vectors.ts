/** Runs a vector of conformance/ on this client: see conformance/README.md for the steps. */

import { readdirSync, readFileSync } from 'node:fs';
import { NotConnected, Rejected, type Saved, SyncClient, type SyncEvent } from '@kull/sync';
import { type Room, room, statusOf, watch } from '@kull/sync/rooms';
import { expect, vi } from 'vitest';
import { Peer, Server } from './server.ts';

type Json = Record<string, unknown>;
type Step = Json;

export interface Vector {
  readonly name: string;
  readonly needs?: readonly string[];
  readonly client?: Json;
  readonly steps: readonly Step[];
}

const FOLDER = new URL('../../../../../conformance/', import.meta.url);
const ABILITIES = ['pings', 'rooms', 'joinsLater'];
const SECOND = 1_000;
const HOUR = 3_600 * SECOND;

const text = (name: string) => readFileSync(new URL(name, FOLDER), 'utf8');
const TEMPLATES: Record<string, Json> = JSON.parse(text('templates.json'));

/** Every vector that this client is able to do, by the name of its file. */
export function vectors(): [string, Vector][] {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.jsonl'));
  const all = files.sort().flatMap((name) =>
    text(name)
      .split('\n')
      .filter(Boolean)
      .map((line): [string, Vector] => [name.replace('.jsonl', ''), JSON.parse(line)]),
  );
  return all.filter(([, { needs = [] }]) => needs.every((need) => ABILITIES.includes(need)));
}

/** Let promises run. */
const settle = () => vi.advanceTimersByTimeAsync(0);

/** An object with another one laid over it, member by member. */
function merged(base: unknown, over: unknown): unknown {
  if (!isObject(base) || !isObject(over)) return over;
  const result: Json = { ...base };
  for (const [name, value] of Object.entries(over)) result[name] = merged(base[name], value);
  return result;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Plays one vector. The timers must be fake. */
export class World {
  readonly #vector: Vector;
  readonly #server = new Server();
  readonly #client: SyncClient;
  #events: SyncEvent[] = [];
  #inHand: (() => void)[] = [];
  #answers: (Json | null)[] = [];
  #taken = 0; // attempts that were let in or failed
  #peer = new Peer('');
  #seen = 0; // how much of what it sent was compared
  #captured = new Map<string, unknown>();
  #instance: unknown;
  #asked = 0; // for tokens
  #saved: Saved | undefined;
  readonly #rooms = new Set<string>();
  #unwatch = () => {};

  constructor(vector: Vector) {
    this.#vector = vector;
    this.#client = this.#make(vector.client ?? {});
  }

  async play(): Promise<void> {
    this.#client.connect();
    for (const [number, step] of this.#vector.steps.entries()) {
      await settle();
      this.#answerPings();
      try {
        await this.#take(step);
      } catch (error) {
        (error as Error).message = `step ${number}, ${JSON.stringify(step)}: ${error}`;
        throw error;
      }
    }
    await settle();
    expect(this.#events, 'events that no step expects').toEqual([]);
    expect(this.#unseen(), 'messages that no step expects').toEqual([]);
  }

  async end(): Promise<void> {
    this.#client.disconnect();
    await settle();
    while (this.#inHand.length > 0) {
      this.#inHand.shift()?.();
      await settle();
    }
  }

  #make(options: Json): SyncClient {
    const { token = 't1', tokens, deviceName, maxAttempts = 10, random = 0, position } = options;
    if (position)
      this.#saved = { ...(position as Saved), userId: 'maya', snapshot: { shoots: [] } };
    const client = new SyncClient({
      url: 'ws://kull.test/ws',
      user: 'maya',
      token: tokens ? () => this.#token(tokens as (string | false | null)[]) : (token as string),
      deviceName: deviceName as string,
      maxAttempts: maxAttempts as number,
      random: () => random as number,
      WebSocket: this.#server.WebSocket,
      store: {
        load: async () => this.#saved,
        save: async (_, saved) => {
          this.#saved = saved;
        },
        remove: async () => {},
      },
    });
    client.on('error', () => {}); // what it complains about is not compared
    client.on('event', (event) => {
      const own = event.seq === undefined && event.deviceId === client.deviceId;
      if (own && !event.type.startsWith('DEVICE_')) return undefined; // shown without a way round
      this.#events.push(event);
      if (!options.holds) return undefined;
      return new Promise<void>((done) => this.#inHand.push(done));
    });
    return client;
  }

  async #token(tokens: (string | false | null)[]): Promise<string> {
    const token = tokens[Math.min(this.#asked++, tokens.length - 1)];
    if (token === false) return new Promise(() => {});
    if (typeof token !== 'string') throw new Error('the login service cannot be reached');
    return token;
  }

  get #waits(): boolean {
    return this.#server.peers.length > this.#taken;
  }

  #nextAttempt(): Peer {
    expect(this.#waits, 'there is no attempt to connect').toBe(true);
    return this.#server.peers[this.#taken++] as Peer;
  }

  /** A server would; those who test that themselves need `pings`. */
  #answerPings(): void {
    if (this.#vector.needs?.includes('pings')) return;
    for (const peer of this.#server.peers.filter((each) => !each.isClosed)) {
      if (peer.received.at(-1)?.type === 'PING') peer.emit('PONG');
    }
  }

  async #pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= SECOND) {
      await vi.advanceTimersByTimeAsync(Math.min(left, SECOND));
      this.#answerPings();
    }
  }

  #unseen(): Json[] {
    return this.#peer.received
      .slice(this.#seen)
      .filter(({ type }) => !['ACK', 'PING'].includes(type as string));
  }

  #expectMembers(found: Json | undefined, wanted: Json): void {
    for (const [name, value] of Object.entries(wanted)) {
      if (typeof value === 'string' && value.startsWith('$')) {
        expect(found?.[name]).toEqual(expect.any(String));
        this.#captured.set(value, found?.[name]);
      } else expect(found?.[name] ?? null, name).toEqual(value);
    }
  }

  /** Puts in what was remembered; what was not is left out. */
  #filled(value: unknown): unknown {
    if (!isObject(value)) return value;
    const last = this.#peer.received.findLast(({ ref }) => ref !== undefined);
    const known = new Map(this.#captured);
    if (last) known.set('$ref', last.ref);
    const entries = Object.entries(value).flatMap(([name, each]) => {
      if (typeof each !== 'string' || !each.startsWith('$')) return [[name, this.#filled(each)]];
      return known.has(each) ? [[name, known.get(each)]] : [];
    });
    return Object.fromEntries(entries);
  }

  async #take(step: Step): Promise<void> {
    const [verb, value] = Object.entries(step)[0] as [keyof typeof this.steps, never];
    await this.steps[verb](value, step);
  }

  /** The room, whose end by the server is told as an event. */
  #room(name: string): Room {
    const found = room(this.#client, name);
    if (!this.#rooms.has(name)) {
      this.#rooms.add(name);
      found.on('left', ({ message }) => {
        const queue = `room:${name}`;
        const data = { queue, reason: message.replace(/ \(forbidden\)$/, '') };
        this.#events.push({ type: 'LEFT', queue, data } as never);
      });
    }
    return found;
  }

  // What the application calls

  readonly calls = {
    join: (step: { room: string; history?: number }) => this.#room(step.room).join(step),
    leave: (step: { room: string }) => this.#room(step.room).leave(),
    typing: (step: { room: string }) => this.#room(step.room).typing(),
    state: (step: { room: string; state: Json | null }) =>
      this.#room(step.room).setState(step.state),
    send: (step: { room: string; event: string; data: Json }) =>
      this.#room(step.room).send(step.event, step.data),
    watch: ({ users }: { users: string[] }) => {
      const before = this.#unwatch;
      this.#unwatch = watch(this.#client, users);
      before();
    },
    progress: (step: { progress: never }) => this.#client.updateProgress(step.progress),
  };

  // What a server, a network or a user does, and what is expected then

  readonly steps = {
    accept: (hello: Json) => {
      expect(this.#unseen(), 'messages that no step expects').toEqual([]);
      this.#peer = this.#nextAttempt();
      this.#captured.clear();
      const first = this.#peer.open();
      this.#seen = 1;
      expect(first.type).toBe('HELLO');
      this.#expectMembers(first, hello);
      this.#instance ??= first.instance;
      expect(first.instance).toBe(this.#instance);
      expect(String(first.instance).length).toBeGreaterThan(0);
    },
    fail: () => this.#nextAttempt().drop(1006),
    send: (message: Json) => {
      const base = { ...TEMPLATES['*'], ...TEMPLATES[message.type as string] };
      const data = JSON.stringify(this.#filled(merged(base, message)));
      this.#peer.onmessage?.({ data } as never);
    },
    sendText: (data: string) => this.#peer.onmessage?.({ data } as never),
    sendBinary: (hexadecimal: string) => {
      const data = Uint8Array.from(Buffer.from(hexadecimal, 'hex')).buffer;
      this.#peer.onmessage?.({ data } as never);
    },
    close: (code: number, { reason = '' }: Step) => this.#peer.drop(code, reason as string),
    wait: (ms: number) => this.#pass(ms),
    process: async (count: number) => {
      for (let each = 0; each < count; each++) {
        this.#inHand.shift()?.();
        await settle();
      }
    },
    call: (what: keyof typeof this.calls | 'stop', step: Step) => {
      if (what === 'stop') return this.#client.disconnect();
      const number = this.#answers.push(null) - 1;
      const answer: unknown = this.calls[what](step as never);
      Promise.resolve(answer).then(
        (ok) => {
          this.#answers[number] = { ok: ok ?? '' };
        },
        (error) => {
          const known = error instanceof NotConnected ? 'not_connected' : 'timeout';
          this.#answers[number] = { error: error instanceof Rejected ? error.code : known };
        },
      );
    },
    events: (wanted: Json[]) => {
      const found = this.#events.splice(0);
      expect(found.length, JSON.stringify(found)).toBe(wanted.length);
      for (const [index, each] of wanted.entries()) {
        this.#expectMembers(found[index] as unknown as Json, each);
      }
    },
    sent: (wanted: Json[]) => {
      const found = this.#unseen();
      this.#seen = this.#peer.received.length;
      expect(found.length, JSON.stringify(found)).toBe(wanted.length);
      for (const [index, each] of wanted.entries()) this.#expectMembers(found[index], each);
    },
    sends: async (wanted: Json, { within }: Step) => {
      const [least, most] = within as [number, number];
      let waited = 0;
      for (; this.#unseen().length === 0 && waited < most; waited += 100) await this.#pass(100);
      expect(waited).toBeGreaterThanOrEqual(least);
      this.steps.sent([wanted]);
    },
    acked: (wanted: Record<string, number | [number, number]>) => {
      const highest: Record<string, number> = {};
      for (const { queue = 'user', seq } of this.#peer.of('ACK') as {
        queue?: string;
        seq: number;
      }[]) {
        expect(seq, 'goes back').toBeGreaterThan(highest[queue] ?? -1);
        highest[queue] = seq;
      }
      expect(Object.keys(highest).sort()).toEqual(Object.keys(wanted).sort());
      for (const [queue, seq] of Object.entries(wanted)) {
        const [least, most] = typeof seq === 'number' ? [seq, seq] : seq;
        expect(highest[queue]).toBeGreaterThanOrEqual(least);
        expect(highest[queue]).toBeLessThanOrEqual(most);
      }
    },
    position: ({ epoch, after }: { epoch: string; after: Json }) => {
      // A room that was left goes from the store with what is stored next.
      const known = this.#client.position.after;
      const saved = Object.entries(this.#saved?.after ?? {}).filter(
        ([name]) => name in known || !name.startsWith('room:'),
      );
      expect(Object.fromEntries(saved)).toEqual(after);
      if (Object.keys(after).length > 0) expect(this.#saved?.epoch).toBe(epoch);
    },
    attempt: async ([least, most]: [number, number]) => {
      const start = Date.now();
      while (!this.#waits && Date.now() < start + 60 * SECOND && vi.getTimerCount() > 0) {
        await vi.advanceTimersToNextTimerAsync();
      }
      expect(this.#waits, 'it does not try again').toBe(true);
      expect(Date.now() - start).toBeGreaterThanOrEqual(least - 2);
      expect(Date.now() - start).toBeLessThanOrEqual(most + 2);
    },
    state: (wanted: string) => {
      const { name, retryAt } = this.#client.state;
      const trying = ['connecting', 'reconnecting'].includes(name);
      const waiting = retryAt === undefined ? 'connecting' : 'waiting';
      expect(trying ? waiting : name).toBe(wanted);
    },
    stale: (since: number | null) => expect(this.#client.state.staleSince ?? null).toBe(since),
    devices: (ids: string[]) => {
      expect(this.#client.devices.map(({ deviceId }) => deviceId).sort()).toEqual(ids);
    },
    members: (wanted: { room: string; members: Json[]; count: number }) => {
      const { members, count } = this.#room(wanted.room);
      const found = members.map(({ devices, state = null, ...each }) => ({
        ...each,
        devices: devices.map(({ deviceId }) => deviceId),
        state,
      }));
      expect({ members: found, count }).toEqual({ members: wanted.members, count: wanted.count });
    },
    status: (wanted: Record<string, Json | null>) => {
      for (const [user, status] of Object.entries(wanted)) {
        const known = statusOf(this.#client, user);
        const found = known && { online: known.online, lastSeen: known.lastSeen ?? 0 };
        expect(found ?? null, user).toEqual(status);
      }
    },
    closed: (wanted: boolean) => {
      expect(this.#peer.closedByClient !== undefined).toBe(wanted);
    },
    ended: async ({ code }: { code?: number }) => {
      await this.#pass(HOUR);
      expect(this.#waits, 'it tries again').toBe(false);
      expect(['failed', 'disconnected']).toContain(this.#client.state.name);
      expect(this.#client.state.code).toBe(code);
    },
    answers: (wanted: Json[]) => expect(this.#answers).toEqual(wanted),
    pings: (count: number) => expect(this.#peer.of('PING').length).toBe(count),
  };
}
