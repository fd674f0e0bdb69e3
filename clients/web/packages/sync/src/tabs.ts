/**
 * One connection for all tabs of a user: a Web Lock makes one tab the leader, a BroadcastChannel
 * carries what its engine tells to the others. When the leader goes, the browser gives the lock to
 * the next tab, which goes on from what itself has handed out.
 */

import { type Engine, type Output, within } from './engine.ts';
import { NotConnected, Rejected } from './errors.ts';
import type { ShootProgress } from './events.ts';
import type { View } from './view.ts';

const ANSWER_WITHIN = 12_000; // ms; a little more than the leader's own patience
const SHARED = ['state', 'identity', 'catchingUp', 'event'] as const;
const ORDERS = ['start', 'wake', 'offline'] as const;

type Order = (typeof ORDERS)[number];

/** All that a tab needs to be level with the leader. */
type Level = View['level'];

type Message =
  | { kind: 'hello' | 'logout' }
  | { kind: 'level'; level: Level }
  | { kind: 'told'; what: (typeof SHARED)[number]; args: unknown[] }
  | { kind: 'order'; order: Order; arg?: boolean | undefined }
  | { kind: 'progress'; ref: string; progress: ShootProgress }
  | { kind: 'answer'; ref: string; id?: string; code?: string | undefined; message?: string };

/** Whether this is a page of a browser that can share. */
export function canShare(): boolean {
  if (typeof document === 'undefined' || typeof BroadcastChannel === 'undefined') return false;
  return typeof navigator !== 'undefined' && !!navigator.locks; // in secure contexts only
}

export class Tabs {
  readonly #view: View;
  readonly #channel: BroadcastChannel;
  readonly #calls = new Map<string, (answer: Extract<Message, { kind: 'answer' }>) => void>();
  readonly #logout: () => void;
  readonly #leaving = new AbortController();
  #engine: Engine | undefined;
  #isLevel = false;
  #release = () => {};

  /** `lead` is called when this tab is to connect; `logout` when another one has logged out. */
  constructor(
    key: string,
    view: View,
    lead: () => Promise<Engine | undefined>,
    logout: () => void,
  ) {
    this.#view = view;
    this.#logout = logout;
    const name = `kull-sync ${key}`;
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = ({ data }: MessageEvent<Message>) => this.#heard(data);
    this.#post({ kind: 'hello' });
    const held = async () => {
      this.#engine = await lead();
      if (!this.#engine || this.#leaving.signal.aborted) return;
      this.#tellLevel();
      await new Promise<void>((release) => {
        this.#release = release;
      });
    };
    navigator.locks
      .request(name, { signal: this.#leaving.signal }, held)
      .catch((error) => this.#leaving.signal.aborted || view.error(error));
  }

  /** An engine's output that reaches all tabs; handlers of the leader's own tab are waited for. */
  output(own: Output): Output {
    const shared = Object.fromEntries(
      SHARED.map((what) => [
        what,
        (...args: unknown[]) => {
          this.#post({ kind: 'told', what, args });
          return (own[what] as (...args: unknown[]) => unknown)(...args);
        },
      ]),
    );
    return { ...own, ...shared };
  }

  /** Ask the leader's engine, wherever it is. */
  order(order: Order, arg?: boolean): void {
    if (this.#engine) this.#engine[order](arg as never);
    else this.#post({ kind: 'order', order, arg });
  }

  /** The same as Engine.updateProgress. */
  updateProgress(progress: ShootProgress): Promise<string> {
    if (this.#engine) return this.#engine.updateProgress(progress);
    const ref = String(Math.random());
    const answered = new Promise<string>((resolve, reject) => {
      this.#calls.set(ref, ({ id, code, message = '' }) => {
        if (id !== undefined) resolve(id);
        else reject(code ? new Rejected(code, message) : new NotConnected(message));
      });
    });
    this.#post({ kind: 'progress', ref, progress });
    return within(answered, ANSWER_WITHIN, 'the answer').finally(() => this.#calls.delete(ref));
  }

  /** Let the other tabs log out too. */
  logout(): void {
    this.#post({ kind: 'logout' });
  }

  /** Leave the others; `last` is done before another tab can lead. */
  leave(last: () => void): void {
    this.#leaving.abort();
    this.#channel.close();
    last();
    this.#release();
  }

  #heard(message: Message): void {
    const engine = this.#engine;
    switch (message.kind) {
      case 'logout':
        return this.#logout();
      case 'hello':
        return engine && this.#tellLevel();
      case 'order':
        return engine?.[message.order](message.arg as never);
      case 'progress':
        if (engine) this.#answer(engine, message.ref, message.progress);
        return;
      case 'answer':
        return this.#calls.get(message.ref)?.(message);
      case 'level':
        if (!engine) this.#level(message.level);
        return;
      case 'told':
        // What comes before the first level is part of it.
        if (!engine && this.#isLevel) this.#told(message.what, message.args);
    }
  }

  #told(what: (typeof SHARED)[number], args: unknown[]): void {
    (this.#view.tells[what] as (...args: unknown[]) => unknown)(...args);
  }

  /** A tab that was away while the others went on lacks events: its application has to refetch. */
  #level({ instance, position, snapshot, state, identity, catchingUp }: Level): void {
    const view = this.#view;
    view.instance = instance;
    const { epoch, after } = view.position;
    const behind = (queue: string, seq: number) =>
      epoch !== position.epoch || (after[queue] ?? 0) < seq;
    const lost = Object.entries(position.after).filter(([queue, seq]) => behind(queue, seq));
    if (epoch) for (const [queue, head] of lost) view.lost(queue, head);
    if (!this.#isLevel || lost.length > 0) view.restore(position, snapshot);
    this.#isLevel = true;
    view.tells.identity(identity);
    view.tells.catchingUp(catchingUp);
    view.tells.state(state);
  }

  #tellLevel(): void {
    this.#post({ kind: 'level', level: this.#view.level });
  }

  #answer(engine: Engine, ref: string, progress: ShootProgress): void {
    engine.updateProgress(progress).then(
      (id) => this.#post({ kind: 'answer', ref, id }),
      (error) => {
        const code = error instanceof Rejected ? error.code : undefined;
        this.#post({ kind: 'answer', ref, code, message: String(error.message) });
      },
    );
  }

  #post(message: Message): void {
    if (!this.#leaving.signal.aborted) this.#channel.postMessage(message);
  }
}
