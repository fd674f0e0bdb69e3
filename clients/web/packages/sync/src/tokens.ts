/** The token for the next connection: fetched once for all who wait, used until it expires. */

import { within } from './calls.ts';
import { now } from './clock.ts';
import { MAX_TOKEN_CHARS } from './limits.generated.ts';
import { checkText } from './messages.ts';

export type Token = string | (() => string | Promise<string>);

const MARGIN = 30_000; // ms: a token that expires within it is not used for a new connection

/** What a JWT says about itself, unverified; nothing for other tokens. */
export function claims(token: string): { sub?: string; iat?: number; exp?: number } {
  try {
    // Whatever else it is has no claims.
    return Object(JSON.parse(textOf(token.split('.')[1] as string)));
  } catch {
    return {};
  }
}

/** The text in base64url. React Native has no `TextDecoder`; every engine has `escape`. */
function textOf(base64: string): string {
  return decodeURIComponent(escape(atob(base64.replace(/-/g, '+').replace(/_/g, '/'))));
}

export class Tokens {
  readonly #source: Token;
  readonly #patience: number;
  #token: string | undefined;
  #usableUntil = 0; // by clock.ts; NaN: for ever
  #fetching: Promise<string> | undefined;

  /** `patience`: ms that the application's function may take. */
  constructor(source: Token, patience: number) {
    this.#source = source;
    this.#patience = patience;
  }

  get renewable(): boolean {
    return typeof this.#source !== 'string';
  }

  /**
   * A token that is still good. Throws what the application's function throws, and SyncError for a
   * token that the server would refuse for ever.
   */
  async get(): Promise<string> {
    return !this.#token || now() >= this.#usableUntil ? this.renew() : this.#token;
  }

  /** A new one from the application. */
  renew(): Promise<string> {
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  /** The server has told how long the last token lives, in ms; NaN: for ever. */
  lives(ms: number): void {
    this.#usableUntil = now() + ms - MARGIN;
  }

  /** The server does not take it any more. */
  drop(): void {
    this.#token = undefined;
  }

  async #fetch(): Promise<string> {
    const source = this.#source;
    const asked = typeof source === 'string' ? source : source();
    const token = checkText(
      'token',
      await within(asked, this.#patience, 'a token'),
      MAX_TOKEN_CHARS,
      1,
    );
    const { iat, exp } = claims(token);
    // Both are by the clock of whoever issued it, just now. The device's own says nothing of it.
    this.lives(((exp as number) - (iat as number)) * 1000);
    this.#token = token;
    return token;
  }
}
