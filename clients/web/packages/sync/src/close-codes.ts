/** What to do after a close code. The ranges decide, not the names: a newer server may use more. */

export const CLOSE_CODES: Readonly<Record<number, string>> = {
  4000: 'reconnect',
  4001: 'attach_timeout',
  4002: 'overloaded',
  4003: 'hello_timeout',
  4004: 'resubscribe',
  4005: 'too_many_attempts',
  4500: 'bad_token',
  4501: 'token_expired',
  4502: 'no_token',
  4503: 'replaced',
  4504: 'disconnected',
  4505: 'too_many_errors',
  4506: 'too_many_devices',
  4507: 'revoked',
};

export const BAD_TOKEN = 4500;
export const TOKEN_EXPIRED = 4501;
export const NO_TOKEN = 4502;
export const REPLACED = 4503;
export const REVOKED = 4507;

const STANDARD_STOP = [1000, 1002, 1003, 1007, 1008, 1009, 1010];

/** Whether connecting again after this close code makes sense. */
export function mayReconnect(code: number): boolean {
  if (code >= 4000 && code <= 4999) return code < 4500;
  return !STANDARD_STOP.includes(code);
}
