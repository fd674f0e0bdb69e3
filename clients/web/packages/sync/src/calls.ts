/** Waiting for others, and no longer than that makes sense. */

/** The promise's outcome, or an error if that takes longer than `ms`. */
export function within<T>(promise: T | Promise<T>, ms: number, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout>;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} takes too long`)), ms);
  });
  return Promise.race([promise, timeout]).finally(() => clearTimeout(timer));
}

/** Messages that wait for an answer, found by their `ref`. */
export class Calls {
  readonly #waiting = new Map<string, (answer: string | Error) => void>();

  /** Send a message with this `ref` and return its answer. Rejects with what `send` throws. */
  ask(send: (ref: string) => void, ms: number): Promise<string> {
    const ref = String(Math.random());
    const answered = new Promise<string>((resolve, reject) => {
      this.#waiting.set(ref, (answer) =>
        typeof answer === 'string' ? resolve(answer) : reject(answer),
      );
      send(ref);
    });
    return within(answered, ms, 'the answer').finally(() => this.#waiting.delete(ref));
  }

  /** Returns whether somebody waits for it. */
  answer(ref: string, answer: string | Error): boolean {
    this.#waiting.get(ref)?.(answer);
    return this.#waiting.has(ref);
  }

  /** Nobody will be answered any more. */
  drop(why: Error): void {
    for (const answer of this.#waiting.values()) answer(why);
  }
}
