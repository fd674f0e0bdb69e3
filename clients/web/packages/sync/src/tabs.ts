/**
 * One connection for all tabs of a user: a Web Lock makes one tab the leader, a BroadcastChannel
 * carries what its engine tells to the others. When the leader goes, the browser gives the lock to
 * the next tab, which goes on from what itself has handed out.
 */

import type { Engine, Link, Order } from './engine.ts';
import { type Json, recoveryLost } from './messages.ts';
import type { View } from './view.ts';

/** All that a tab needs to be level with the leader. */
type Level = View['level'];

/** What tabs say to each other: a name, and its arguments. */
interface Said {
  hello(): void;
  logout(): void;
  level(level: Level): void;
  told(what: keyof View['tells'], args: never[]): void;
  order(order: Order, arg?: boolean | Json): void;
}

/** Whether this is a page of a browser that can share. */
export function canShare(): boolean {
  const { document, BroadcastChannel, navigator } = globalThis;
  return !!(document && BroadcastChannel && navigator?.locks); // in secure contexts only
}

export class Tabs implements Link {
  readonly key: string;
  readonly #view: View;
  readonly #channel: BroadcastChannel;
  readonly #leaving = new AbortController();
  #engine: Engine | undefined;
  #isLevel = false;
  #release = () => {};

  /**
   * `lead` is called when this tab is to connect; `alone` when nothing can be shared, as site data
   * is blocked; `logout` when another tab has logged out. Throws if there are no channels.
   */
  constructor(
    key: string,
    view: View,
    lead: () => Promise<Engine | undefined>,
    alone: (error: unknown) => Promise<unknown>,
    logout: () => void,
  ) {
    this.key = key;
    this.#view = view;
    const heard: Said = {
      hello: () => this.#engine && this.#tellLevel(),
      logout,
      level: (level) => this.#engine || this.#level(level),
      told: (what, args) => {
        // What comes before the first level is part of it.
        if (!this.#engine && this.#isLevel)
          (view.tells[what] as (...args: never[]) => unknown)(...args);
      },
      order: (order, arg) => this.#engine?.order(order, arg),
    };
    const name = `kull-sync ${key}`;
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = ({ data: [what, ...args] }: MessageEvent<[keyof Said, ...never[]]>) =>
      (heard[what] as (...args: never[]) => void)(...args);
    this.#post('hello');
    const held = async () => {
      this.#engine = await lead();
      if (!this.#engine || this.#leaving.signal.aborted) return;
      this.#tellLevel();
      await new Promise<void>((release) => {
        this.#release = release;
      });
    };
    navigator.locks.request(name, { signal: this.#leaving.signal }, held).catch((error) => {
      if (this.#leaving.signal.aborted) return;
      this.leave();
      void alone(error);
    });
  }

  /** What an engine tells the view, so that it reaches all tabs; only this one is waited for. */
  get tells(): View['tells'] {
    const shared = Object.entries(this.#view.tells).map(([what, tell]) => [
      what,
      (...args: never[]) => {
        this.#post('told', what as keyof View['tells'], args);
        return (tell as (...args: never[]) => unknown)(...args);
      },
    ]);
    return Object.fromEntries(shared);
  }

  /** Ask the leader's engine, wherever it is. */
  order(order: Order, arg?: boolean | Json): void {
    if (this.#engine) this.#engine.order(order, arg);
    else this.#post('order', order, arg);
  }

  /** Let the other tabs log out too. */
  logout(): void {
    this.#post('logout');
  }

  /** Leave the others; `last` is done before another tab can lead. */
  leave(last?: () => void): void {
    this.#leaving.abort();
    this.#channel.close();
    last?.();
    this.#release();
  }

  /** A tab that was away while the others went on lacks events: its application has to refetch. */
  #level(level: Level): void {
    const view = this.#view;
    const { position } = level;
    view.instance = level.instance;
    const { epoch, after } = view.position;
    const lost = Object.entries(position.after).filter(
      ([queue, seq]) => epoch !== position.epoch || (after[queue] ?? 0) < seq,
    );
    for (const [queue, head] of lost) {
      if (epoch) view.tells.event(recoveryLost(queue, head, view.identity.userId), epoch);
    }
    if (!this.#isLevel || lost.length > 0) view.restore(position, level.snapshot);
    this.#isLevel = true;
    view.tells.identity(level.identity);
    view.tells.catchingUp(level.catchingUp);
    view.tells.state(level.state);
  }

  #tellLevel(): void {
    this.#post('level', this.#view.level);
  }

  #post<T extends keyof Said>(...said: [T, ...Parameters<Said[T]>]): void {
    if (!this.#leaving.signal.aborted) this.#channel.postMessage(said);
  }
}
