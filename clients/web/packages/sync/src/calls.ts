/** Waiting for others, and no longer than that makes sense. */

import { NotConnected, Rejected } from './errors.ts';
import type { Message } from './messages.ts';

/** The promise's outcome, or an error if that takes longer than `ms`. */
export function within<T>(promise: T | Promise<T>, ms: number, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout>;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} takes too long`)), ms);
  });
  return Promise.race([promise, timeout]).finally(() => clearTimeout(timer));
}

/** What stands for an answer when there is no connection, or it was lost. */
const LOST: Message = { type: 'ERROR', data: {} };

/** Messages that wait for an answer, found by their `ref`. */
export class Calls {
  readonly #waiting = new Map<unknown, (answer: Message) => void>();

  /** Send a message with this `ref`; returns its answer's `id`, '' if it has none. */
  ask(send: (ref: string) => void, ms: number): Promise<string> {
    const ref = String(Math.random());
    const answered = new Promise<string>((resolve, reject) => {
      this.#waiting.set(ref, ({ type, data: { id = '', code, message = '' } }) => {
        if (type !== 'ERROR') resolve(id as string);
        else reject(code ? new Rejected(code as string, message as string) : new NotConnected());
      });
      send(ref);
    });
    return within(answered, ms, 'the answer').finally(() => this.#waiting.delete(ref));
  }

  /** The server has said something, perhaps to one of them. */
  heard(message: Message): void {
    this.#waiting.get(message.data.ref)?.(message);
  }

  /** There is no connection any more. */
  drop(): void {
    for (const answer of this.#waiting.values()) answer(LOST);
  }
}
