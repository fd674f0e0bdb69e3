/** When to acknowledge: lazily, but long before the server's window is full. PURE. */

export const MAX_FRAMES = 16;
export const MAX_CHARS = 32_768;
export const MAX_DELAY = 50; // ms

/** Collects what was processed. Times are in milliseconds of any one clock. */
export class LazyAcks {
  /** When `take` is due; undefined while there is nothing to acknowledge. */
  at: number | undefined;
  #maxFrames = MAX_FRAMES;
  #seqs = new Map<string, number>();
  #frames = 0;
  #chars = 0;

  /** Start with a new connection, whose server stops after `window` open frames. */
  opened(window: number): void {
    this.#maxFrames = Math.max(1, Math.min(MAX_FRAMES, Math.floor(window / 2)));
    this.take();
  }

  /** Note that a frame of `size` characters was processed. */
  add(queue: string, seq: number, size: number, now: number): void {
    this.#seqs.set(queue, Math.max(seq, this.#seqs.get(queue) ?? 0));
    this.#frames += 1;
    this.#chars += size;
    const full = this.#frames >= this.#maxFrames || this.#chars >= MAX_CHARS;
    this.at = Math.min(this.at ?? Number.POSITIVE_INFINITY, full ? now : now + MAX_DELAY);
  }

  /** Per queue the seq to acknowledge; starts anew. */
  take(): Map<string, number> {
    const seqs = this.#seqs;
    this.#seqs = new Map();
    this.#frames = this.#chars = 0;
    this.at = undefined;
    return seqs;
  }
}
