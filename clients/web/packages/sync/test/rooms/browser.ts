/** What tabs of one browser share, in this process: channels, and locks that are held one by one. */

import { setMaxListeners } from 'node:events';
import { vi } from 'vitest';

type Held = () => unknown;
interface Waiting {
  held: Held;
  signal: AbortSignal | undefined;
  done(error?: unknown): void;
}

/** Pretend to be a page of a browser. `vi.unstubAllGlobals` ends that. */
export function pretendBrowser(): void {
  const document = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  const channels = new Set<Channel>();
  const locks = new Map<string, Waiting[]>();

  class Channel {
    onmessage: ((event: { data: unknown }) => void) | null = null;
    readonly name: string;
    constructor(name: string) {
      this.name = name;
      channels.add(this);
    }
    postMessage(said: unknown): void {
      const others = [...channels].filter((each) => each !== this && each.name === this.name);
      const data = structuredClone(said);
      for (const each of others) {
        queueMicrotask(() => channels.has(each) && each.onmessage?.({ data }));
      }
    }
    close(): void {
      channels.delete(this);
    }
  }

  async function next(name: string): Promise<void> {
    const [first] = locks.get(name) ?? [];
    if (!first) return;
    try {
      if (!first.signal?.aborted) await first.held();
      first.done();
    } catch (error) {
      first.done(error);
    }
    locks.get(name)?.shift();
    void next(name);
  }

  function request(name: string, { signal }: { signal?: AbortSignal }, held: Held): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (error?: unknown) => (error ? reject(error) : resolve());
      const queue = locks.get(name) ?? [];
      locks.set(name, queue);
      queue.push({ held, signal, done });
      if (queue.length === 1) queueMicrotask(() => void next(name));
    });
  }

  const window = new EventTarget();
  setMaxListeners(100, window); // of as many tabs
  vi.stubGlobal('window', window);
  vi.stubGlobal('document', document);
  vi.stubGlobal('BroadcastChannel', Channel);
  vi.stubGlobal('navigator', { locks: { request } });
}
