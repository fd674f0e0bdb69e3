/** When to acknowledge: lazily, but long before the server's window is full. PURE. */

const MAX_CHARS = 32_768; // of messages; a server's window of bytes is several times that

/** Collects what was processed. */
export class LazyAcks {
  /** How many events wait to be acknowledged. */
  events = 0;
  /** How long an acknowledgement may wait for others, in ms. */
  delay = 0;
  #most = 0;
  #chars = 0;
  #seqs = new Map<string, number>();

  /** Whether to acknowledge now rather than after the delay. */
  get isUrgent(): boolean {
    return this.events >= this.#most || this.#chars > MAX_CHARS;
  }

  /** Start with a new connection, whose server stops after `window` open events. */
  opened(window: number, delay: number): void {
    this.#most = window >> 1 || 1;
    this.delay = delay;
    this.take();
  }

  /** Note that an event of so many characters was processed. */
  add(queue: string, seq: number, chars: number): void {
    this.#chars += chars;
    this.#seqs.set(queue, Math.max(seq, this.#seqs.get(queue) ?? 0));
    this.events++;
  }

  /** The queue is not followed any more, and not to be acknowledged. */
  forget(queue: string): void {
    this.#seqs.delete(queue);
  }

  /** Per queue the seq to acknowledge; starts anew. */
  take(): Map<string, number> {
    const seqs = this.#seqs;
    this.#seqs = new Map();
    this.events = this.#chars = 0;
    return seqs;
  }
}
