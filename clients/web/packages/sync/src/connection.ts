/** One WebSocket, from its HELLO to its end. */

import { now } from './clock.ts';
import * as messages from './messages.ts';
import type { Delivery, Incoming, Session } from './session.ts';
import { V2 } from './subprotocol.generated.ts';

const NO_CLOSE_FRAME = 1006;
const PROTOCOL_ERROR = 1002;
const ANSWER_WITHIN = 10_000; // ms for any message after a PING

/** What this package needs of a WebSocket; `WebSocket` of browsers and of `ws` fit. */
export interface Socket {
  readonly protocol: string;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

export type SocketClass = new (url: string, protocols: string[]) => Socket;

/** How a connection ended. Times in ms. */
export interface Closed {
  readonly code: number;
  readonly reason: string;
  /** Since WELCOME; 0 if it never came. */
  readonly lasted: number;
}

export interface Listener {
  /** The server has said something. */
  took(incoming: Incoming): void;
  /** A message was skipped. */
  error(error: unknown): void;
  /** Called before acknowledgements are sent; they wait for it. */
  acknowledging(): Promise<void> | undefined;
  /** Called once, whoever ended it, and has to `close` it; not after `close`. */
  ended(closed: Closed): void;
}

export class Connection {
  isOpen = false;
  readonly #socket: Socket;
  readonly #session: Session;
  readonly #listener: Listener;
  #ended = false;
  #welcomedAt: number | undefined;
  #heardAt = 0; // 0: not since the last PING
  #keepalive = 0;
  #ackTimer: Timer;
  #watchTimer: Timer;

  /** Throws what the socket class throws for a URL it does not like. */
  constructor(
    SocketOf: SocketClass,
    url: string,
    hello: string,
    within: number,
    session: Session,
    listener: Listener,
  ) {
    this.#session = session;
    this.#listener = listener;
    this.#socket = new SocketOf(url, [V2]);
    this.#watchTimer = setTimeout(() => this.#end(NO_CLOSE_FRAME, 'no connection in time'), within);
    const socket = this.#socket;
    socket.onopen = () => {
      if (socket.protocol !== V2) this.#end(PROTOCOL_ERROR, `the server does not speak ${V2}`);
      else socket.send(hello);
    };
    socket.onmessage = ({ data }: { data: unknown }) => this.#received(data);
    socket.onclose = ({ code, reason }: { code: number; reason: string }) =>
      this.#end(code, String(reason));
    socket.onerror = () => {}; // `close` follows and says more
  }

  /** Send a text; returns whether there was a connection to send it on. */
  send(text: string): boolean {
    if (this.isOpen) this.#socket.send(text);
    return this.isOpen;
  }

  /** The application is done with an event. */
  processed(delivery: Delivery): void {
    this.#session.processed(delivery);
    this.#scheduleAcks();
  }

  /** Ask for a sign of life; without one within `within` ms the connection counts as lost. */
  probe(within = ANSWER_WITHIN): void {
    if (!this.send('{"type":"PING"}')) return;
    this.#heardAt = 0;
    clearTimeout(this.#watchTimer);
    this.#watchTimer = setTimeout(() => {
      if (this.#heardAt) this.#watch();
      else this.#end(NO_CLOSE_FRAME, 'no answer');
    }, within);
  }

  /** Acknowledge what was processed, once it is `saved`, and close; `ended` is not called. */
  close(saved?: Promise<void>): void {
    this.#ended = true;
    clearTimeout(this.#ackTimer);
    clearTimeout(this.#watchTimer);
    this.#sendAcks(this.isOpen ? saved : undefined, () => this.#socket.close(1000));
  }

  #received(data: unknown): void {
    if (this.#ended) return;
    this.#heardAt = now();
    try {
      const chars = (data as string).length;
      for (const each of this.#session.received(data)) this.#took({ ...each, chars });
    } catch (error) {
      this.#listener.error(error);
    }
    this.#scheduleAcks();
  }

  #took(incoming: Incoming & { chars: number }): void {
    if (incoming.kind === 'welcomed') {
      this.isOpen = true;
      this.#welcomedAt = now();
      this.#keepalive = incoming.keepalive;
      this.#watch();
    }
    this.#listener.took(incoming);
  }

  /** A browser does not show the server's pings, so silence is broken by asking. */
  #watch(): void {
    const quiet = now() - this.#heardAt;
    clearTimeout(this.#watchTimer);
    if (quiet >= this.#keepalive) return this.probe();
    this.#watchTimer = setTimeout(() => this.#watch(), this.#keepalive - quiet);
  }

  #scheduleAcks(): void {
    const { acks } = this.#session;
    if (acks.isUrgent) this.acknowledge();
    else this.#ackTimer ??= setTimeout(() => this.acknowledge(), acks.delay);
  }

  /** Acknowledge what was processed. */
  acknowledge(): Promise<void> | void {
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
    if (!this.isOpen || !this.#session.acks.events) return;
    return this.#sendAcks(this.#listener.acknowledging());
  }

  /** A page that goes away before it has stored them gets these events once more. */
  #sendAcks(saved?: Promise<void>, then?: () => void): Promise<void> | void {
    const seqs = this.#session.acks.take();
    const send = () => {
      for (const [queue, seq] of seqs) this.send(messages.ack(queue, seq));
      then?.();
    };
    return saved ? saved.then(send) : send();
  }

  #end(code: number, reason: string): void {
    if (this.#ended) return;
    const lasted = now() - (this.#welcomedAt ?? now());
    this.#ended = true;
    this.isOpen = false;
    this.#listener.ended({ code, reason, lasted });
  }
}

type Timer = ReturnType<typeof setTimeout> | undefined;
