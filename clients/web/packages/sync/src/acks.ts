/**
 * When to acknowledge: lazily, but long before the server's window of frames is full. PURE.
 *
 * Its window of bytes is not counted: should few large frames fill it, it opens after the delay.
 */

export const MAX_FRAMES = 16;
export const MAX_DELAY = 50; // ms

/** Collects what was processed. Times are in milliseconds of any one clock. */
export class LazyAcks {
  /** When `take` is due; undefined while there is nothing to acknowledge. */
  at: number | undefined;
  #maxFrames = MAX_FRAMES;
  #seqs = new Map<string, number>();
  #frames = 0;

  /** Start with a new connection, whose server stops after `window` open frames. */
  opened(window: number): void {
    this.#maxFrames = Math.max(1, Math.min(MAX_FRAMES, Math.floor(window / 2)));
    this.take();
  }

  /** Note that a frame was processed. */
  add(queue: string, seq: number, now: number): void {
    this.#seqs.set(queue, Math.max(seq, this.#seqs.get(queue) ?? 0));
    this.#frames += 1;
    const wait = this.#frames < this.#maxFrames ? MAX_DELAY : 0;
    this.at = Math.min(this.at ?? Number.POSITIVE_INFINITY, now + wait);
  }

  /** Per queue the seq to acknowledge; starts anew. */
  take(): Map<string, number> {
    const seqs = this.#seqs;
    this.#seqs = new Map();
    this.#frames = 0;
    this.at = undefined;
    return seqs;
  }
}
