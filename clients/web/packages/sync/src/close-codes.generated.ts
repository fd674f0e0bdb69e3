// Generated from protos/kull_protos/contract/close_codes.py by `make contract`: do not edit.

/** The name of each close code. */
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

export const RECONNECT = 4000;
export const ATTACH_TIMEOUT = 4001;
export const OVERLOADED = 4002;
export const HELLO_TIMEOUT = 4003;
export const RESUBSCRIBE = 4004;
export const TOO_MANY_ATTEMPTS = 4005;
export const BAD_TOKEN = 4500;
export const TOKEN_EXPIRED = 4501;
export const NO_TOKEN = 4502;
export const REPLACED = 4503;
export const DISCONNECTED = 4504;
export const TOO_MANY_ERRORS = 4505;
export const TOO_MANY_DEVICES = 4506;
export const REVOKED = 4507;

export const FIRST = 4000;
export const FIRST_STOP = 4500;
export const LAST = 4999;
export const STANDARD_STOP = [1000, 1002, 1003, 1007, 1008, 1009, 1010];
