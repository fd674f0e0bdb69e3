/** The token for the next connection: fetched once for all who wait, used until it expires. */

export type Token = string | (() => string | Promise<string>);

const MARGIN = 30_000; // ms: a token that expires within it is not used for a new connection

/** What a JWT says about itself, unverified; nothing for other tokens. */
export function claims(token: string): { sub?: string; exp?: number } {
  const body = token.split('.')[1];
  if (!body) return {};
  try {
    return Object(JSON.parse(textOf(body))); // whatever else it is has no claims
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
  #token: string | undefined;
  #fetching: Promise<string> | undefined;

  constructor(source: Token) {
    this.#source = source;
  }

  get renewable(): boolean {
    return typeof this.#source !== 'string';
  }

  /** A token that is still good. Throws what the application's function throws. */
  get(): Promise<string> {
    const left = this.expiresIn;
    if (this.#token !== undefined && (left === undefined || left > MARGIN)) {
      return Promise.resolve(this.#token);
    }
    return this.renew();
  }

  /** A new one from the application. */
  renew(): Promise<string> {
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  /** Milliseconds that the last token is good for; undefined if it does not say. */
  get expiresIn(): number | undefined {
    const { exp } = claims(this.#token ?? '');
    return typeof exp === 'number' ? exp * 1000 - Date.now() : undefined;
  }

  /** The server does not take it any more. */
  drop(): void {
    this.#token = undefined;
  }

  async #fetch(): Promise<string> {
    const source = this.#source;
    this.#token = typeof source === 'string' ? source : await source();
    return this.#token;
  }
}
