/** Root of this package's errors. */
export class SyncError extends Error {
  override name = 'SyncError';
}

/** There is no connection right now, or it was lost before the answer: send it again. */
export class NotConnected extends SyncError {
  override name = 'NotConnected';

  constructor(message = 'not connected') {
    super(message);
  }
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

/** The server sent something that cannot be read; the text says what is wrong with it. */
export class BadMessage extends SyncError {
  override name = 'BadMessage';
  /** The stored event that is missing now, if it was one: it was skipped, and acknowledged. */
  declare readonly seq?: number;
  declare readonly queue?: string;
}

/** Throw it from your token function when nobody is signed in: the client stops trying. */
export class Unauthorized extends SyncError {
  override name = 'Unauthorized';
}
