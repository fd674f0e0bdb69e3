/** Keeps one connection alive: connects, reconnects, renews the token, gives up. */

import { within } from './calls.ts';
import { now } from './clock.ts';
import { mayReconnect, REPLACED, TOKEN_EXPIRED } from './close-codes.ts';
import { type Closed, Connection, type SocketClass } from './connection.ts';
import { Rejected, SyncError, Unauthorized } from './errors.ts';
import type { Device, Position, SyncEvent } from './events.ts';
import * as messages from './messages.ts';
import { Reconnecting } from './reconnect.ts';
import { type Delivery, type Incoming, Session } from './session.ts';
import { actionFor, IDLE, type Told } from './state.ts';
import type { Tokens } from './tokens.ts';

const HANDLE_WITHIN = 30_000; // ms for the application to handle an event
const RENEW_BEFORE = 60_000; // ms before a token expires, or a fifth of its life if that is less
const RENEWAL_PAUSE = 10_000; // ms between renewals that bring no token to live with
const AS_GOOD_AS_EXPIRED = 5_000; // ms of life
const WAKE_WITHIN = 5_000; // ms for a sign of life when the device woke up
/** Complaints that no close code follows, nor another way to tell. */
const COMPLAINT = /^(invalid_|busy|unavailable)/;
const CAUGHT_UP_AFTER = 1_000; // ms without another entry
const MAX_TIMER = 2 ** 31 - 1;

export interface EngineOptions extends messages.Self {
  readonly urls: readonly string[];
  readonly tokens: Tokens;
  readonly position: Position;
  readonly WebSocket: SocketClass;
  readonly maxAttempts: number;
  readonly connectTimeout: number;
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
  /** The server has said what means nothing to the engine, see `@kull/sync/rooms`. */
  message(message: messages.Message): void;
  error(error: unknown): void;
}

/** What an engine can be asked for by another tab. */
export type Order = 'start' | 'wake' | 'offline' | 'tell' | 'own';

/** What a client is connected by: an engine of its own, or one that tabs share. */
export interface Link {
  order(order: Order, arg?: boolean | messages.Json): void;
  /** What the tabs that share it have in common. */
  readonly key?: string;
}

export class Engine implements Link {
  readonly #options: EngineOptions;
  readonly #output: Output;
  readonly #session: Session;
  readonly #reconnecting: Reconnecting;
  readonly #inbox: Delivery[] = []; // bounded by the server's window
  #state: Told = IDLE;
  #connection: Connection | undefined;
  #complaint: string | undefined;
  #slot: number | undefined; // when a leaving server wants this device elsewhere
  #attempt = 0; // which attempt is the current one; an older one that returns late is ignored
  #url = 0;
  #wasConnected = false;
  #offline = false;
  #busy = false;
  #retryTimer: Timer;
  #renewTimer: Timer;
  #renewableAt = 0; // not more often, should every token that comes have expired
  #quietTimer: Timer;

  constructor(options: EngineOptions, output: Output) {
    this.#options = options;
    this.#output = output;
    this.#session = new Session(options.position);
    this.#reconnecting = new Reconnecting(options.maxAttempts, options.random);
  }

  order(order: Order, arg?: boolean | messages.Json): void {
    this[order](arg as never);
  }

  /** Connect, unless that is being done already. */
  start(): void {
    if (/^(re)?connect/.test(this.#state.name)) return;
    this.#reconnecting.attempts = 0;
    this.#connect();
  }

  /** Store, acknowledge, disconnect, and stay so. */
  stop(): void {
    this.#leave(this.#output.save(this.#session.position));
    this.#tell({ name: 'disconnected', reason: '' });
  }

  /** The network is back, the page visible again, the device awake: do not wait any longer. */
  wake(): void {
    const { name, action, code, retryAt } = this.#state;
    const gaveUp = action === 'retry' && !code;
    if (name === 'connected') this.#connection?.probe(WAKE_WITHIN);
    else if (retryAt || gaveUp) {
      this.#reconnecting.attempts = 0;
      this.#connect();
    }
  }

  /** The page may be frozen: acknowledge now. */
  hidden(): void {
    this.#connection?.acknowledge();
  }

  /** The browser's opinion on the network. It can be wrong, so it only decides what counts. */
  offline(offline: boolean): void {
    this.#offline = offline;
    if (offline) this.#connection?.probe(WAKE_WITHIN);
    else this.wake();
  }

  /** Send a message. If there is no connection, that is the answer. */
  async tell(message: messages.Json): Promise<void> {
    // What is not followed any more cannot be acknowledged.
    if (message.type === 'LEAVE') await this.#connection?.acknowledge();
    if (this.#connection?.send(JSON.stringify(message))) return;
    this.#output.message({ type: 'ERROR', data: { ref: message.ref } });
  }

  /** A message of this device has become this event, which the server tells only to others. */
  own(event: messages.Message): void {
    const { userId, deviceId, position } = this.#session;
    const own = { ...event, timestamp: Date.now(), deviceId, userId };
    this.#output.event(messages.eventOf(own), position.epoch);
  }

  async #connect(reason = ''): Promise<void> {
    this.#leave();
    const attempt = ++this.#attempt;
    this.#slot = this.#complaint = undefined;
    this.#trying({ reason });
    const { tokens, urls, connectTimeout } = this.#options;
    try {
      const token = await tokens.get();
      if (attempt !== this.#attempt) return;
      this.#connection = new Connection(
        this.#options.WebSocket,
        urls[this.#url++ % urls.length] as string,
        messages.hello(token, this.#session.position, this.#options),
        connectTimeout,
        this.#session,
        {
          took: (incoming) => this.#took(incoming),
          acknowledging: () => this.#output.save(this.#session.position),
          error: this.#output.error,
          ended: (closed) => this.#ended(closed),
        },
      );
    } catch (error) {
      if (attempt === this.#attempt && !this.#refused(error)) {
        this.#retry(message(error), { lasted: 0 });
      }
    }
  }

  #took(incoming: Incoming): void {
    switch (incoming.kind) {
      case 'welcomed':
        this.#wasConnected = true;
        this.#tellIdentity();
        this.#connected();
        return this.#tellCatchingUp();
      case 'delivery':
        if (!incoming.problem && incoming.event.type.startsWith('DEVICE_')) this.#tellIdentity();
        this.#inbox.push(incoming);
        return void this.#handOut();
      case 'refreshed':
        this.#options.tokens.lives(incoming.lifetime);
        return this.#renewWithin(incoming.lifetime);
      case 'staleness':
        return this.#connected();
      case 'message': {
        const { type, data } = incoming.said;
        if (type === 'TOKEN_EXPIRED') this.#renewWithin(0);
        if (type === 'RECONNECT') this.#slot = now() + messages.read(data, { after: 0 }).after;
        if (type === 'ERROR' && !data.ref) {
          const { code, message } = messages.read(data, { code: '', message: '' });
          this.#complaint = message;
          if (COMPLAINT.test(code)) this.#output.error(new Rejected(code, message));
        }
        this.#output.message(incoming.said);
      }
    }
  }

  #connected(): void {
    this.#tell({ name: 'connected', reason: '', staleSince: this.#session.staleSince });
  }

  #ended({ code, reason, lasted }: Closed): void {
    const asked = this.#slot && Math.max(0, this.#slot - now());
    this.#leave();
    const { tokens } = this.#options;
    const once =
      (code === TOKEN_EXPIRED && tokens.renewable) ||
      (code === REPLACED && !this.#reconnecting.believesReplaced(lasted, now()));
    const action = actionFor(code);
    if (action === 'sign-in') tokens.drop();
    const why = reason || this.#complaint || `closed with ${code}`;
    if (mayReconnect(code) || once) {
      return this.#retry(why, { lasted, asked, offline: this.#offline }, code);
    }
    this.#fail({ code, reason: why, action });
  }

  #retry(why: string, ended: Parameters<Reconnecting['after']>[0], code?: number): void {
    const wait = this.#reconnecting.after(ended);
    if (wait === undefined) {
      const attempts = this.#reconnecting.attempts;
      return this.#fail({ reason: `gave up after ${attempts} attempts: ${why}`, action: 'retry' });
    }
    this.#trying({
      reason: why,
      offline: ended.offline || undefined,
      retryAt: Date.now() + wait,
      code,
    });
    this.#retryTimer = setTimeout(() => this.#connect(why), wait);
  }

  #trying(how: Omit<Told, 'attempt' | 'name'>): void {
    this.#tell({ name: this.#wasConnected ? 'reconnecting' : 'connecting', ...how });
  }

  #fail(how: Pick<Told, 'reason' | 'action' | 'code'>): void {
    this.#leave();
    this.#tell({ name: 'failed', ...how });
  }

  /** Have no connection, and no plans for one. */
  #leave(saved?: Promise<void>): void {
    this.#attempt++;
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#renewTimer);
    clearTimeout(this.#quietTimer);
    this.#connection?.close(saved);
    this.#connection = undefined;
  }

  async #handOut(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    for (let next = this.#inbox.shift(); next; next = this.#inbox.shift()) {
      try {
        if (next.problem) throw next.problem;
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

  /** Whether this ends it all: nobody is signed in, or no token ever was one. */
  #refused(error: unknown): boolean {
    const final = error instanceof (this.#wasConnected ? Unauthorized : SyncError);
    if (final) this.#fail({ reason: error.message, action: 'sign-in' });
    return final;
  }

  #renewWithin(lifetime: number): void {
    clearTimeout(this.#renewTimer);
    const wait =
      lifetime < AS_GOOD_AS_EXPIRED
        ? Math.max(0, this.#renewableAt - now())
        : Math.max(lifetime - RENEW_BEFORE, lifetime * 0.8); // NaN: never
    if (wait >= 0) this.#renewTimer = setTimeout(() => this.#renew(), Math.min(wait, MAX_TIMER));
  }

  /** In the connection, so that nothing is interrupted. If it fails the server closes with 4501. */
  async #renew(): Promise<void> {
    const attempt = this.#attempt;
    const { tokens } = this.#options;
    if (!tokens.renewable) return;
    this.#renewableAt = now() + RENEWAL_PAUSE;
    try {
      const token = await tokens.renew();
      if (attempt !== this.#attempt) return;
      this.tell({ type: 'REFRESH', token });
    } catch (error) {
      if (attempt !== this.#attempt || this.#refused(error)) return;
      this.#output.error(error);
    }
    this.#renewWithin(0); // unless REFRESHED says how long the new one lives
  }

  #tellCatchingUp(): void {
    const progress = this.#session.catchingUp;
    this.#output.catchingUp(progress);
    clearTimeout(this.#quietTimer);
    if (progress.done === progress.total || !this.#connection) return;
    this.#quietTimer = setTimeout(() => {
      if (!this.#busy) this.#session.caughtUp();
      this.#tellCatchingUp();
    }, CAUGHT_UP_AFTER);
  }

  #tellIdentity(): void {
    const { userId, deviceId, sessionId, devices } = this.#session;
    this.#output.identity({ userId, deviceId, edge: sessionId.split('/')[0] as string, devices });
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
