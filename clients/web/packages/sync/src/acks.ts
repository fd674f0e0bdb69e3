/**
 * When to acknowledge: lazily, but long before the server's window of events is full. PURE.
 *
 * Its window of bytes is not counted: should few large events fill it, it opens after the delay.
 */

export const MAX_EVENTS = 16;
/** How long an acknowledgement may wait for others, in ms. */
export const MAX_DELAY = 50;

/** Collects what was processed. */
export class LazyAcks {
  /** How many events wait to be acknowledged. */
  events = 0;
  #most = MAX_EVENTS;
  #seqs = new Map<string, number>();

  /** Whether to acknowledge now rather than after the delay. */
  get isUrgent(): boolean {
    return this.events >= this.#most;
  }

  /** Start with a new connection, whose server stops after `window` open events. */
  opened(window: number): void {
    this.#most = Math.max(1, Math.min(MAX_EVENTS, window >> 1));
    this.take();
  }

  /** Note that an event was processed. */
  add(queue: string, seq: number): void {
    this.#seqs.set(queue, Math.max(seq, this.#seqs.get(queue) ?? 0));
    this.events++;
  }

  /** Per queue the seq to acknowledge; starts anew. */
  take(): Map<string, number> {
    const seqs = this.#seqs;
    this.#seqs = new Map();
    this.events = 0;
    return seqs;
  }
}
