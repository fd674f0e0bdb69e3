/**
 * What tabs that share a connection say to each other about rooms: a channel, a lock by which one of
 * them asks the server for all, and a lock by which the others see that a tab is gone.
 */

import type { Rejected } from '../errors.ts';
import type { RosterLevel, State } from './roster.ts';
import type { StatusLevel } from './statuses.ts';
import type { Wish } from './wishes.ts';

/** All that a new tab needs to be level with the others. */
export interface Level {
  readonly followed: readonly string[];
  readonly rosters: readonly (readonly [string, RosterLevel])[];
  readonly states: readonly (readonly [string, State | null])[];
  readonly statuses: StatusLevel;
}

/** What tabs say: a name, and its arguments. */
export interface Said {
  /** A tab wants this, and is new if it `asks`. */
  wish(tab: string, wish: Wish, asks: boolean): void;
  level(level: Level): void;
  state(queue: string, state: State | null): void;
  refused(queue: string, error: Pick<Rejected, 'code' | 'message'>): void;
}

/** `heard`: what to do with what the others say. `lead`: this tab asks for all from now on. */
export class RoomTabs {
  readonly #channel: BroadcastChannel;
  readonly #leaving = new AbortController();
  readonly #name: string;

  constructor(key: string, tab: string, heard: Said, lead: () => void) {
    this.#name = `kull-sync rooms ${key}`;
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data: [what, ...args] }: MessageEvent<[keyof Said, ...never[]]>) =>
      (heard[what] as (...args: never[]) => void)(...args);
    this.#hold(this.#lockOf(tab), () => {});
    this.#hold(this.#name, lead);
  }

  post<T extends keyof Said>(...said: [T, ...Parameters<Said[T]>]): void {
    if (!this.#leaving.signal.aborted) this.#channel.postMessage(said);
  }

  /** Call `gone` when another tab is, however it went. */
  watch(tab: string, gone: () => void): void {
    void this.#lock(this.#lockOf(tab), async () => gone());
  }

  leave(): void {
    this.#leaving.abort();
    this.#channel.close();
  }

  #lockOf(tab: string): string {
    return `${this.#name} ${tab}`;
  }

  /** Hold a lock until this tab leaves. */
  #hold(name: string, held: () => void): void {
    const { signal } = this.#leaving;
    void this.#lock(name, () => {
      held();
      return new Promise((release) => signal.addEventListener('abort', () => release()));
    });
  }

  async #lock(name: string, held: () => Promise<void>): Promise<void> {
    const { signal } = this.#leaving;
    try {
      await navigator.locks.request(name, { signal }, async () => {
        if (!signal.aborted) await held();
      });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}
