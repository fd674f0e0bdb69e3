/** What the events so far amount to: the newest progress of each shoot, the newest balance. PURE. */

import type { CreditUpdate, ShootProgress, SyncEvent } from './events.ts';

const MAX_SHOOTS = 200;

interface Stamped<T> {
  readonly data: Readonly<T>;
  readonly timestamp: number;
}

/** Can be cloned and stored. */
export interface Snapshot {
  /** The one with the newest news last. */
  readonly shoots: readonly Stamped<ShootProgress>[];
  readonly credits?: Stamped<CreditUpdate> | undefined;
}

/** Whether nothing more is to come for this shoot. */
export function isFinished(progress: ShootProgress | undefined): boolean {
  return progress?.status === 'completed' || progress?.status === 'failed';
}

export class Latest {
  readonly #shoots = new Map<string, Stamped<ShootProgress>>(); // the newest news last
  #credits: Stamped<CreditUpdate> | undefined;
  #list: readonly Readonly<ShootProgress>[] | undefined;

  constructor(snapshot: Snapshot = { shoots: [] }) {
    for (const each of snapshot.shoots) this.#shoots.set(each.data.shootId, each);
    this.#credits = snapshot.credits;
  }

  get snapshot(): Snapshot {
    return { shoots: [...this.#shoots.values()], credits: this.#credits };
  }

  get credits(): Readonly<CreditUpdate> | undefined {
    return this.#credits?.data;
  }

  shoot(shootId: string): Readonly<ShootProgress> | undefined {
    return this.#shoots.get(shootId)?.data;
  }

  /** The known shoots, the one with the newest news first; the same list until something changes. */
  get shoots(): readonly Readonly<ShootProgress>[] {
    this.#list ??= [...this.#shoots.values()].map((each) => each.data).reverse();
    return this.#list;
  }

  /** Take an event; returns whether something is different now. */
  note(event: SyncEvent): boolean {
    this.#list = undefined;
    switch (event.type) {
      case 'SHOOT_PROGRESS':
        return this.#progress(event.data, event.timestamp);
      case 'CREDIT_UPDATE':
        if (event.timestamp < (this.#credits?.timestamp ?? 0)) return false;
        this.#credits = { data: event.data, timestamp: event.timestamp };
        return true;
      case 'RECOVERY_LOST':
        return event.data.queue === 'user' && this.#forgetRunning();
      default:
        return false;
    }
  }

  /** A stale tick never replaces a newer one, nor a finished shoot. */
  #progress(data: Readonly<ShootProgress>, timestamp: number): boolean {
    const known = this.#shoots.get(data.shootId);
    if (known && timestamp < known.timestamp) return false;
    if (known && timestamp === known.timestamp && isFinished(known.data)) return false;
    this.#shoots.delete(data.shootId);
    this.#shoots.set(data.shootId, { data, timestamp });
    if (this.#shoots.size > MAX_SHOOTS) this.#shoots.delete([...this.#shoots.keys()][0] as string);
    return true;
  }

  /** What still runs is sent again after a loss; what has ended meanwhile would stay for ever. */
  #forgetRunning(): boolean {
    const before = this.#shoots.size;
    for (const [id, { data }] of this.#shoots) if (!isFinished(data)) this.#shoots.delete(id);
    return this.#shoots.size !== before;
  }
}
