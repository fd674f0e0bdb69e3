/** Keeps one connection alive: connects, reconnects, renews the token, gives up. */

import { mayReconnect, REPLACED, TOKEN_EXPIRED } from './close-codes.ts';
import {
  type Answer,
  type Closed,
  Connection,
  type Listener,
  type SocketClass,
} from './connection.ts';
import { NotConnected, Rejected, Unauthorized } from './errors.ts';
import type { Device, Position, ShootProgress, SyncEvent } from './events.ts';
import * as messages from './messages.ts';
import { Reconnecting } from './reconnect.ts';
import { type Delivery, Session } from './session.ts';
import { actionFor, IDLE, type Told } from './state.ts';
import type { Tokens } from './tokens.ts';

const ANSWER_WITHIN = 10_000; // ms for the server to answer a message
const HANDLE_WITHIN = 30_000; // ms for the application to handle an event
const RENEW_BEFORE = 60_000; // ms before a token expires, or a fifth of its life if that is less
const WAKE_WITHIN = 5_000; // ms for a sign of life when the device woke up
/** Complaints that no close code follows, nor another way to tell. */
const COMPLAINT = /^(invalid_|busy|unavailable)/;
const CAUGHT_UP_AFTER = 1_000; // ms without another entry
const MAX_TIMER = 2 ** 31 - 1;

export interface EngineOptions {
  readonly urls: readonly string[];
  readonly tokens: Tokens;
  readonly position: Position;
  readonly WebSocket: SocketClass;
  readonly maxAttempts: number;
  readonly connectTimeout: number;
  readonly self: messages.Self;
  readonly random: () => number;
}

/** Who is connected where. */
export interface Identity {
  readonly userId: string;
  readonly deviceId: string;
  readonly edge: string;
  readonly devices: readonly Device[];
}

/** What the engine tells. */
export interface Output {
  state(state: Told): void;
  identity(identity: Identity): void;
  /** Hand out an event; a promise that it returns is waited for before it counts as processed. */
  event(event: SyncEvent, epoch: string): void | Promise<void>;
  catchingUp(progress: { done: number; total: number }): void;
  /** Store the position; acknowledgements wait for it. */
  save(position: Position): Promise<void> | undefined;
  error(error: unknown): void;
}

export class Engine {
  readonly #options: EngineOptions;
  readonly #output: Output;
  readonly #session: Session;
  readonly #reconnecting: Reconnecting;
  readonly #requests = new Map<string, (result: string | Error) => void>();
  readonly #inbox: Delivery[] = []; // bounded by the server's window
  #state: Told = IDLE;
  #connection: Connection | undefined;
  #attempt = 0; // which attempt is the current one; an older one that returns late is ignored
  #refs = 0;
  #url = 0;
  #wasConnected = false;
  #offline = false;
  #busy = false;
  #retryTimer: Timer;
  #renewTimer: Timer;
  #expiresAt = 0; // the token, by this device's clock; NaN: never
  #quietTimer: Timer;

  constructor(options: EngineOptions, output: Output) {
    this.#options = options;
    this.#output = output;
    this.#session = new Session(options.position);
    this.#reconnecting = new Reconnecting(options.maxAttempts, options.random);
  }

  /** Connect, unless that is being done already. */
  start(): void {
    if (['connecting', 'connected', 'reconnecting'].includes(this.#state.name)) return;
    this.#reconnecting.attempts = 0;
    this.#connect();
  }

  /** Acknowledge, disconnect, and stay so. */
  stop(reason = ''): void {
    this.#output.save(this.#session.position);
    this.#leave();
    this.#tell({ name: 'disconnected', reason });
  }

  /** The network is back, the page visible again, the device awake: do not wait any longer. */
  wake(): void {
    const { name, action, retryAt } = this.#state;
    if (name === 'connected') this.#connection?.probe(WAKE_WITHIN);
    else if (retryAt !== undefined || (name === 'failed' && action === 'retry' && this.#gaveUp)) {
      this.#reconnecting.attempts = 0;
      this.#connect();
    }
  }

  /** The browser's opinion on the network. It can be wrong, so it only decides what counts. */
  offline(offline: boolean): void {
    this.#offline = offline;
    if (offline) this.#connection?.probe(WAKE_WITHIN);
    else this.wake();
  }

  /** Tell the user's other devices; returns the event's id. Rejects as documented in client.ts. */
  updateProgress(payload: ShootProgress): Promise<string> {
    return this.#request({ type: 'UPDATE_PROGRESS', payload }).then((id) => {
      this.#output.event(this.#ownProgress(payload, id), this.#session.position.epoch);
      return id;
    });
  }

  get #gaveUp(): boolean {
    return this.#state.code === undefined;
  }

  async #connect(reason = ''): Promise<void> {
    this.#leave();
    const attempt = ++this.#attempt;
    this.#tell({ name: this.#wasConnected ? 'reconnecting' : 'connecting', reason });
    const { tokens, urls, connectTimeout, self } = this.#options;
    try {
      const token = await within(tokens.get(), connectTimeout, 'getting a token');
      if (attempt !== this.#attempt) return;
      this.#connection = new Connection(
        this.#options.WebSocket,
        urls[this.#url++ % urls.length] as string,
        messages.hello(token, this.#session.position, self),
        connectTimeout,
        this.#session,
        this.#listener(),
      );
    } catch (error) {
      if (attempt !== this.#attempt) return;
      if (error instanceof Unauthorized) this.#fail({ reason: error.message, action: 'sign-in' });
      else this.#retry(message(error), { lasted: 0 });
    }
  }

  #listener(): Listener {
    return {
      welcomed: () => this.#welcomed(),
      delivered: (delivery) => {
        if (delivery.event.type.startsWith('DEVICE_')) this.#tellIdentity();
        this.#inbox.push(delivery);
        this.#handOut();
      },
      answered: (answer) => this.#answered(answer),
      acknowledging: () => this.#output.save(this.#session.position),
      staleness: () => this.#connected(),
      refreshed: (lifetime) => {
        this.#expiresAt = Date.now() + lifetime;
        this.#scheduleRenewal();
      },
      error: (error) => this.#output.error(error),
      expired: () => this.#renew(),
      ended: (closed) => this.#ended(closed),
    };
  }

  #welcomed(): void {
    this.#wasConnected = true;
    this.#tellIdentity();
    this.#connected();
    this.#tellCatchingUp();
  }

  #connected(): void {
    this.#tell({ name: 'connected', reason: '', staleSince: this.#session.staleSince });
  }

  #ended({ code, reason, lasted, asked }: Closed): void {
    this.#leave();
    const { tokens } = this.#options;
    const once =
      (code === TOKEN_EXPIRED && tokens.renewable) ||
      (code === REPLACED && !this.#reconnecting.believesReplaced(lasted, Date.now()));
    if (actionFor(code) === 'sign-in') tokens.drop();
    if (mayReconnect(code) || once) {
      const offline = this.#offline;
      return this.#retry(
        reason || `the connection was lost (${code})`,
        { lasted, asked, offline },
        code,
      );
    }
    this.#fail({
      code,
      reason: reason || `the server closed with ${code}`,
      action: actionFor(code),
    });
  }

  #retry(why: string, ended: Parameters<Reconnecting['after']>[0], code?: number): void {
    const wait = this.#reconnecting.after(ended);
    if (wait === undefined) {
      const attempts = this.#reconnecting.attempts;
      return this.#fail({ reason: `gave up after ${attempts} attempts: ${why}`, action: 'retry' });
    }
    this.#tell({
      name: this.#wasConnected ? 'reconnecting' : 'connecting',
      reason: why,
      offline: ended.offline || undefined,
      retryAt: Date.now() + wait,
      code,
    });
    this.#retryTimer = setTimeout(() => this.#connect(why), wait);
  }

  #fail(how: Pick<Told, 'reason' | 'action' | 'code'>): void {
    this.#leave();
    this.#tell({ name: 'failed', ...how });
  }

  /** Have no connection, and no plans for one. */
  #leave(): void {
    this.#attempt++;
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#renewTimer);
    clearTimeout(this.#quietTimer);
    this.#connection?.close();
    this.#connection = undefined;
    for (const answer of this.#requests.values()) {
      answer(new NotConnected('the connection was lost: send it again'));
    }
    this.#requests.clear();
  }

  async #handOut(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    for (let next = this.#inbox.shift(); next; next = this.#inbox.shift()) {
      try {
        const handling = this.#output.event(next.event, this.#session.position.epoch);
        if (handling) await within(handling, HANDLE_WITHIN, `handling ${next.event.type}`);
      } catch (error) {
        this.#output.error(error);
      }
      if (this.#connection) this.#connection.processed(next);
      else this.#session.processed(next);
      this.#tellCatchingUp();
    }
    this.#busy = false;
  }

  #request(fields: messages.Json): Promise<string> {
    const ref = String(++this.#refs);
    const answered = new Promise<string>((resolve, reject) => {
      this.#requests.set(ref, (result) =>
        typeof result === 'string' ? resolve(result) : reject(result),
      );
    });
    if (!this.#connection?.send(JSON.stringify({ ...fields, ref }))) {
      this.#requests.delete(ref);
      return Promise.reject(new NotConnected('there is no connection: send it later'));
    }
    return within(answered, ANSWER_WITHIN, 'the answer').finally(() => this.#requests.delete(ref));
  }

  #answered(answer: Answer): void {
    const waiting = this.#requests.get(answer.ref);
    if (answer.kind === 'accepted') waiting?.(answer.id);
    else if (waiting) waiting(new Rejected(answer.code, answer.message));
    else if (COMPLAINT.test(answer.code)) {
      this.#output.error(new Rejected(answer.code, answer.message));
    }
  }

  #scheduleRenewal(): void {
    clearTimeout(this.#renewTimer);
    const left = this.#expiresAt - Date.now();
    const wait = Math.max(1_000, left - Math.min(RENEW_BEFORE, left / 5));
    if (wait) this.#renewTimer = setTimeout(() => this.#renew(), Math.min(wait, MAX_TIMER));
  }

  /** In the connection, so that nothing is interrupted. If it fails the server closes with 4501. */
  async #renew(): Promise<void> {
    const attempt = this.#attempt;
    const { tokens } = this.#options;
    if (!tokens.renewable) return;
    try {
      const token = await tokens.renew();
      if (attempt !== this.#attempt) return;
      this.#connection?.send(JSON.stringify({ type: 'REFRESH', token }));
    } catch (error) {
      if (attempt !== this.#attempt) return;
      if (error instanceof Unauthorized) {
        return this.#fail({ reason: error.message, action: 'sign-in' });
      }
      this.#output.error(error);
    }
    this.#scheduleRenewal();
  }

  #ownProgress(data: ShootProgress, id: string): SyncEvent {
    const { userId, deviceId } = this.#session;
    const timestamp = Date.now();
    return { type: 'SHOOT_PROGRESS', data, id, queue: 'user', timestamp, deviceId, userId };
  }

  #tellCatchingUp(): void {
    const { done, total } = this.#session.catchingUp;
    this.#output.catchingUp({ done, total });
    clearTimeout(this.#quietTimer);
    if (done === total || !this.#connection) return;
    this.#quietTimer = setTimeout(() => {
      if (!this.#busy) this.#session.caughtUp();
      this.#tellCatchingUp();
    }, CAUGHT_UP_AFTER);
  }

  #tellIdentity(): void {
    const { userId, deviceId, sessionId, devices } = this.#session;
    this.#output.identity({ userId, deviceId, edge: sessionId.split('/')[0] ?? '', devices });
  }

  #tell(state: Omit<Told, 'attempt'>): void {
    this.#state = { ...state, attempt: this.#reconnecting.attempts };
    this.#output.state(this.#state);
  }
}

type Timer = ReturnType<typeof setTimeout> | undefined;

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The promise's outcome, or an error if that takes longer than `ms`. */
export function within<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: Timer;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} takes too long`)), ms);
  });
  return Promise.race([promise, timeout]).finally(() => clearTimeout(timer));
}
