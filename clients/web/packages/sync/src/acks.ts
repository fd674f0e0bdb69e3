/**
 * When to acknowledge: lazily, but long before the server's window of frames is full. PURE.
 *
 * Its window of bytes is not counted: should few large frames fill it, it opens after the delay.
 */

export const MAX_FRAMES = 16;
/** How long an acknowledgement may wait for others, in ms. */
export const MAX_DELAY = 50;

/** Collects what was processed. */
export class LazyAcks {
  /** How many frames wait to be acknowledged. */
  frames = 0;
  #most = MAX_FRAMES;
  #seqs = new Map<string, number>();

  /** Whether to acknowledge now rather than after the delay. */
  get isUrgent(): boolean {
    return this.frames >= this.#most;
  }

  /** Start with a new connection, whose server stops after `window` open frames. */
  opened(window: number): void {
    this.#most = Math.max(1, Math.min(MAX_FRAMES, window >> 1));
    this.take();
  }

  /** Note that a frame was processed. */
  add(queue: string, seq: number): void {
    this.#seqs.set(queue, Math.max(seq, this.#seqs.get(queue) ?? 0));
    this.frames++;
  }

  /** Per queue the seq to acknowledge; starts anew. */
  take(): Map<string, number> {
    const seqs = this.#seqs;
    this.#seqs = new Map();
    this.frames = 0;
    return seqs;
  }
}
