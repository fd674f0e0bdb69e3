/** What the events so far amount to: the newest progress of each shoot, the newest balance. PURE. */

import {
  type CreditUpdate,
  isLoss,
  type ShootProgress,
  type SyncEvent,
  USER_QUEUE,
} from './events.ts';

const MAX_SHOOTS = 200;

/** Can be cloned and stored. */
export interface Snapshot {
  /** The one with the newest news last. */
  readonly shoots: readonly Readonly<ShootProgress>[];
  readonly credits?: Readonly<CreditUpdate> | undefined;
}

/** Whether nothing more is to come for this shoot. */
export function isFinished(progress: ShootProgress | undefined): boolean {
  return progress?.status === 'completed' || progress?.status === 'failed';
}

/** Takes events in the order of their queue. Publishers' clocks differ, so time stamps say nothing. */
export class Latest {
  credits: Readonly<CreditUpdate> | undefined;
  readonly #shoots = new Map<string, Readonly<ShootProgress>>(); // the newest news last
  #list: readonly Readonly<ShootProgress>[] | undefined;

  constructor({ shoots, credits }: Snapshot = { shoots: [] }) {
    for (const each of shoots) this.#shoots.set(each.shootId, each);
    this.credits = credits;
  }

  get snapshot(): Snapshot {
    return { shoots: [...this.#shoots.values()], credits: this.credits };
  }

  shoot(shootId: string): Readonly<ShootProgress> | undefined {
    return this.#shoots.get(shootId);
  }

  /** The known shoots, the one with the newest news first; the same list until something changes. */
  get shoots(): readonly Readonly<ShootProgress>[] {
    this.#list ??= [...this.#shoots.values()].reverse();
    return this.#list;
  }

  /** Take an event; returns whether something may be different now. */
  note(event: SyncEvent): boolean {
    if (event.type === 'SHOOT_PROGRESS') this.#progress(event.data);
    else if (event.type === 'CREDIT_UPDATE') this.credits = event.data;
    else if (isLoss(event) && event.data.queue === USER_QUEUE) this.#forgetRunning();
    else return false;
    this.#list = undefined;
    return true;
  }

  #progress(data: Readonly<ShootProgress>): void {
    this.#shoots.delete(data.shootId);
    this.#shoots.set(data.shootId, data);
    if (this.#shoots.size > MAX_SHOOTS) this.#shoots.delete([...this.#shoots.keys()][0] as string);
  }

  /** What still runs is sent again after a loss; what has ended meanwhile would stay for ever. */
  #forgetRunning(): void {
    for (const [id, data] of this.#shoots) if (!isFinished(data)) this.#shoots.delete(id);
  }
}
