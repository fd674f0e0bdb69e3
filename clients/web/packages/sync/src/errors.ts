/** Root of this package's errors. */
export class SyncError extends Error {
  override name = 'SyncError';
}

/** There is no connection right now, or it was lost before the answer: send it again. */
export class NotConnected extends SyncError {
  override name = 'NotConnected';
}

/** The server refused this device's message. `code` is one of the protocol's error codes. */
export class Rejected extends SyncError {
  override name = 'Rejected';
  readonly code: string;

  constructor(code: string, message: string) {
    super(`${message} (${code})`);
    this.code = code;
  }
}

/** The server sent something that is not kull.sync.v2; the text says what. */
export class BadMessage extends SyncError {
  override name = 'BadMessage';
}

/** Throw it from your token function when nobody is signed in: the client stops trying. */
export class Unauthorized extends SyncError {
  override name = 'Unauthorized';
}
