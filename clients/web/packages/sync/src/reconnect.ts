/** When to connect again, and when to give up. PURE. Times are in milliseconds. */

/** How long a connection must have lasted to count as a success. */
export const STABLE_AFTER = 10_000;
const YOUNG = 300_000;
const REPLACED_AGAIN = 60_000;
const BASE = 1_000;
const CAP = 30_000;

/** How a connection, or the attempt to make one, ended. */
export interface Ended {
  /** Since WELCOME; 0 if it never came. */
  readonly lasted: number;
  /** How long the server wants this device to stay away, if it said so. */
  readonly asked?: number | undefined;
  /** The browser knows of no network: such a failure is nobody's fault and is not counted. */
  readonly offline?: boolean;
}

/** Counts attempts since the last stable connection. */
export class Reconnecting {
  attempts = 0;
  #replacedAt = Number.NEGATIVE_INFINITY;
  readonly #max: number;
  readonly #random: () => number;

  constructor(max: number, random: () => number) {
    this.#max = max;
    this.#random = random;
  }

  /**
   * Whether "the same device has connected again" is the end. What takes the place of a young
   * connection may be an older one of this very device, held up on its way, so that is tried once.
   */
  believesReplaced(lasted: number, now: number): boolean {
    const again = now - this.#replacedAt < REPLACED_AGAIN;
    this.#replacedAt = now;
    return again || lasted >= YOUNG;
  }

  /** The pause before the next attempt, or undefined: give up. */
  after({ lasted, asked, offline }: Ended): number | undefined {
    if (lasted >= STABLE_AFTER) this.attempts = 0;
    else if (!offline && ++this.attempts >= this.#max) return undefined;
    if (offline) return (CAP * (1 + this.#random())) / 2;
    if (asked !== undefined && this.attempts <= 1) return asked;
    // Full jitter: from 0 to min(30 s, 2^attempts s).
    return Math.max(asked ?? 0, this.#random() * Math.min(CAP, BASE * 2 ** this.attempts));
  }
}
