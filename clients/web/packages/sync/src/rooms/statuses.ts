/** Whether users are online, as STATUS tells it. PURE. */

import { generationOf, type Json, part, read } from '../messages.ts';

/** Whether a user has a connected device. */
export interface UserStatus {
  readonly userId: string;
  readonly online: boolean;
  /** When it was last seen, in ms since the Unix epoch; undefined: not known. */
  readonly lastSeen?: number;
}

/** Can be cloned. */
export type StatusLevel = readonly (readonly [UserStatus, number])[];

/** Takes messages in any order: what is not newer than what it knows is ignored. */
export class Statuses {
  readonly #known = new Map<string, readonly [UserStatus, number]>();

  /** What is known of a user; the same object until it changes. */
  of(userId: string): UserStatus | undefined {
    return this.#known.get(userId)?.[0];
  }

  get level(): StatusLevel {
    return [...this.#known.values()];
  }

  /** Add what another tab knows. */
  restore(level: StatusLevel): void {
    for (const [status, generation] of level) this.#note(status, generation);
  }

  /** The connection is lost: what the next one answers counts, whatever it is. */
  lost(): void {
    for (const [userId, [status]] of this.#known) this.#known.set(userId, [status, -1]);
  }

  /** Forget those that nobody watches any more. */
  keep(userIds: ReadonlySet<string>): void {
    for (const userId of this.#known.keys()) if (!userIds.has(userId)) this.#known.delete(userId);
  }

  /** Take the data of a STATUS; returns whether something is different. Throws BadMessage. */
  take(data: Json): boolean {
    let changed = false;
    for (const each of (data.users ?? []) as unknown[]) {
      const user = part({ user: each }, 'user');
      const { userId, lastSeen } = read(user, { userId: '', lastSeen: 0 });
      const status = { userId, online: user.online === true, ...(lastSeen > 0 && { lastSeen }) };
      changed = this.#note(status, generationOf(user)) || changed;
    }
    return changed;
  }

  #note(status: UserStatus, generation: number): boolean {
    if (generation <= (this.#known.get(status.userId)?.[1] ?? -1)) return false;
    this.#known.set(status.userId, [status, generation]);
    return true;
  }
}
