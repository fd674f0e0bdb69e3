/** What the connection is doing, as applications see it. PURE. */

import { BAD_TOKEN, NO_TOKEN, REVOKED } from './close-codes.ts';

export type StateName =
  | 'idle'
  | 'connecting'
  | 'connected'
  | 'reconnecting'
  | 'disconnected'
  | 'failed';

/** What a person can do about `failed`. */
export type Action = 'sign-in' | 'retry';

export interface ConnectionState {
  /** `disconnected`: the application wanted it; `failed`: connecting again by itself cannot help. */
  readonly name: StateName;
  readonly previous: StateName;
  /** The close code that led here, if one did. */
  readonly code?: number | undefined;
  /** Why, for people; may be empty. */
  readonly reason: string;
  /** When the next attempt is due, in ms since the Unix epoch; absent during an attempt. */
  readonly retryAt?: number | undefined;
  /** With `connected`: the server itself has had no news since then; ms since the Unix epoch. */
  readonly staleSince?: number | undefined;
  /** It waits, and the browser says that this device has no network. */
  readonly offline?: boolean | undefined;
  /** Failed attempts since the last stable connection. */
  readonly attempt: number;
  /** With `failed`. */
  readonly action?: Action | undefined;
}

export const IDLE: ConnectionState = { name: 'idle', previous: 'idle', reason: '', attempt: 0 };

export function actionFor(code: number): Action {
  return (code >= BAD_TOKEN && code <= NO_TOKEN) || code === REVOKED ? 'sign-in' : 'retry';
}

/** A state as the engine tells it; `previous` is added by whoever shows it. */
export type Told = Omit<ConnectionState, 'previous'>;
