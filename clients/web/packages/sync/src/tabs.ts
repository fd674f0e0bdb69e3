/**
 * One connection for all tabs of a user: a Web Lock makes one tab the leader, a BroadcastChannel
 * carries what its engine tells to the others. When the leader goes, the browser gives the lock to
 * the next tab, which goes on from what itself has handed out.
 */

import { Calls } from './calls.ts';
import type { Engine } from './engine.ts';
import { NotConnected, Rejected } from './errors.ts';
import type { ShootProgress } from './events.ts';
import type { View } from './view.ts';

const ANSWER_WITHIN = 12_000; // ms; a little more than the leader's own patience
const ORDERS = ['start', 'wake', 'offline'] as const;

type Order = (typeof ORDERS)[number];

/** All that a tab needs to be level with the leader. */
type Level = View['level'];

/** What tabs say to each other: a name, and its arguments. */
interface Said {
  hello(): void;
  logout(): void;
  level(level: Level): void;
  told(what: keyof View['tells'], args: never[]): void;
  order(order: Order, arg?: boolean): void;
  progress(ref: string, progress: ShootProgress, traceparent?: string): void;
  answer(ref: string, id?: string, code?: string, message?: string): void;
}

/** Whether this is a page of a browser that can share. */
export function canShare(): boolean {
  const { document, BroadcastChannel, navigator } = globalThis;
  return !!(document && BroadcastChannel && navigator?.locks); // in secure contexts only
}

export class Tabs {
  readonly #view: View;
  readonly #channel: BroadcastChannel;
  readonly #calls = new Calls();
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
    alone: (error: unknown) => void,
    logout: () => void,
  ) {
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
      order: (order, arg) => this.#engine?.[order](arg as never),
      progress: (ref, progress, traceparent) =>
        this.#engine?.updateProgress(progress, traceparent).then(
          (id) => this.#post('answer', ref, id),
          ({ code, message }) => this.#post('answer', ref, undefined, code, message),
        ),
      answer: (ref, id, code, message = '') =>
        this.#calls.answer(
          ref,
          id ?? (code ? new Rejected(code, message) : new NotConnected(message)),
        ),
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
      alone(error);
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
  order(order: Order, arg?: boolean): void {
    if (this.#engine) this.#engine[order](arg as never);
    else this.#post('order', order, arg);
  }

  /** The same as Engine.updateProgress. */
  updateProgress(progress: ShootProgress, traceparent?: string): Promise<string> {
    if (this.#engine) return this.#engine.updateProgress(progress, traceparent);
    const post = (ref: string) => this.#post('progress', ref, progress, traceparent);
    return this.#calls.ask(post, ANSWER_WITHIN);
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
  #level({ instance, position, snapshot, state, identity, catchingUp }: Level): void {
    const view = this.#view;
    view.instance = instance;
    const { epoch, after } = view.position;
    const lost = Object.entries(position.after).filter(
      ([queue, seq]) => epoch !== position.epoch || (after[queue] ?? 0) < seq,
    );
    if (epoch) for (const [queue, head] of lost) view.lost(queue, head);
    if (!this.#isLevel || lost.length > 0) view.restore(position, snapshot);
    this.#isLevel = true;
    view.tells.identity(identity);
    view.tells.catchingUp(catchingUp);
    view.tells.state(state);
  }

  #tellLevel(): void {
    this.#post('level', this.#view.level);
  }

  #post<T extends keyof Said>(...said: [T, ...Parameters<Said[T]>]): void {
    if (!this.#leaving.signal.aborted) this.#channel.postMessage(said);
  }
}
