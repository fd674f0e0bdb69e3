/** A network that can be cut: a tunnel, as a page cannot make one otherwise. */

import type { Socket } from '@kull/sync';
import { useSyncExternalStore } from 'react';
import { type Role, role } from './device.ts';

type News = { kind: 'cut'; who: Role; cut: boolean } | { kind: 'edge'; who: Role; edge: string };

const REFUSED_AFTER = 300; // ms
const channel = new BroadcastChannel('kull-demo');
const cuts: Record<Role, boolean> = { browser: false, phone: false };
const edges: Record<Role, string> = { browser: '', phone: '' };
const listeners = new Set<() => void>();

/** Cut a device off in all of its windows, or let it back. */
export function cutOff(who: Role, cut: boolean): void {
  const news: News = { kind: 'cut', who, cut };
  channel.postMessage(news);
  take(news);
}

/** Tell the other windows which edge serves this device; empty: none does now. */
export function tellEdge(edge: string): void {
  const news: News = { kind: 'edge', who: role, edge };
  channel.postMessage(news);
  take(news);
}

export const useCut = (who: Role) => useSyncExternalStore(subscribe, () => cuts[who]);
export const useEdgeOf = (who: Role) => useSyncExternalStore(subscribe, () => edges[who]);

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

channel.onmessage = ({ data }: MessageEvent<News>) => take(data);

function take(news: News): void {
  if (news.kind === 'edge') edges[news.who] = news.edge;
  else {
    cuts[news.who] = news.cut;
    // What the browser tells a page whose network goes or comes.
    if (news.who === role) window.dispatchEvent(new Event(news.cut ? 'offline' : 'online'));
  }
  for (const listener of listeners) listener();
}

/** A WebSocket into which nothing goes, and out of which nothing comes, while the network is cut. */
export class TunnelSocket implements Socket {
  onopen: Socket['onopen'] = null;
  onmessage: Socket['onmessage'] = null;
  onclose: Socket['onclose'] = null;
  onerror: Socket['onerror'] = null;
  readonly #socket: WebSocket | undefined;
  #lost = false;

  constructor(url: string, protocols: string[]) {
    if (cuts[role]) {
      const refused = { code: 1006, reason: '' };
      setTimeout(() => this.onclose?.(refused as never), REFUSED_AFTER);
      return;
    }
    const socket = new WebSocket(url, protocols);
    this.#socket = socket;
    socket.onopen = (event) => this.#passes() && this.onopen?.(event as never);
    socket.onmessage = (event) => this.#passes() && this.onmessage?.(event as never);
    socket.onclose = (event) => this.#passes() && this.onclose?.(event as never);
  }

  get protocol(): string {
    return this.#socket?.protocol ?? '';
  }

  send(text: string): void {
    if (this.#passes()) this.#socket?.send(text);
  }

  close(code?: number, reason?: string): void {
    this.#socket?.close(code, reason);
  }

  /** A stream in which something is missing is of no use any more. */
  #passes(): boolean {
    this.#lost ||= cuts[role];
    return !this.#lost;
  }
}
