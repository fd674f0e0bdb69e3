/** A server whose side of the conversation the test plays by hand, in this process. */

import type { Socket, SocketClass } from '@kull/sync';

type Json = Record<string, unknown>;

/** The server's end of one connection. */
export class Peer implements Socket {
  protocol = 'kull.sync.v2';
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: never) => void) | null = null;
  onclose: ((event: never) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  readonly url: string;
  readonly received: Json[] = [];
  closedByClient: number | undefined;
  isClosed = false;

  constructor(url: string) {
    this.url = url;
  }

  // The client's side

  send(text: string): void {
    this.received.push(JSON.parse(text));
  }

  close(code = 1000): void {
    if (!this.isClosed) this.closedByClient = code;
    this.isClosed = true;
  }

  // The server's side

  /** Let the connection come about; returns the HELLO. */
  open(): Json {
    this.onopen?.({} as never);
    return this.received[0] as Json;
  }

  emit(type: string, data: Json = {}, fields: Json = {}): void {
    this.onmessage?.({ data: JSON.stringify({ type, data, ...fields }) } as never);
  }

  welcome(fields: Json = {}, queue: Json = {}): void {
    if (this.received.length === 0) this.open();
    const welcome = {
      sessionId: 'edge-1/7',
      deviceId: 'tab',
      userId: 'maya',
      epoch: 'e1',
      generation: [1, 1],
      queue: { queue: 'user', head: 0, after: 0, recovered: true, ...queue },
      devices: [],
      keepalive: 30,
      window: 64,
      ackDelay: 0.05,
      ...fields,
    };
    this.emit('WELCOME', welcome, { timestamp: Date.now() });
  }

  credit(seq: number, fields: Json = {}): void {
    const data = { userId: 'maya', newBalance: seq, change: 1, reason: 'test' };
    this.emit('CREDIT_UPDATE', data, { id: `id-${seq}`, seq, timestamp: seq, ...fields });
  }

  drop(code = 1006, reason = ''): void {
    this.isClosed = true;
    this.onclose?.({ code, reason } as never);
  }

  of(type: string): Json[] {
    return this.received.filter((message) => message.type === type);
  }
}

/** Hands out connections in the order they come. */
export class Server {
  readonly peers: Peer[] = [];
  readonly WebSocket: SocketClass;

  constructor() {
    const { peers } = this;
    this.WebSocket = class extends Peer {
      constructor(url: string) {
        super(url);
        peers.push(this);
      }
    };
  }

  get last(): Peer {
    const peer = this.peers.at(-1);
    if (!peer) throw new Error('nobody has connected yet');
    return peer;
  }
}
