"""Every error of this package.

SyncError
├── SyncClosed      the server ended the session, and connecting again cannot help
├── Unauthorized    nobody is signed in, says the application's token function
├── InvalidMessage  what this device wants to say can never be right (a ValueError too)
├── GaveUp          no stable connection after so many attempts
├── NotConnected    there is no connection right now, or it was lost before the answer
├── Rejected        the server refused this device's message
└── BadMessage      the server sent something that cannot be read
"""

from __future__ import annotations

from kull_client import close_codes


class SyncError(Exception):
    """Root of this package's errors."""


class SyncClosed(SyncError):
    """The server ended the session, and connecting again cannot help.

    Attributes:
        code: the WebSocket close code, see `close_codes`; an HTTP status if the upgrade failed.
        reason: what the server said.
    """

    def __init__(self, code: int, reason: str) -> None:
        self.code, self.reason = code, reason
        known = close_codes.find(code)
        super().__init__(
            f"the server ended the session with {code}"
            + (f" ({known.label})" if known else "")
            + (f": {reason}" if reason else "")
        )


class GaveUp(SyncError):
    """No stable connection after so many attempts; the cause of the last one is `__cause__`."""

    def __init__(self, attempts: int, last: str) -> None:
        self.attempts = attempts
        times = "1 attempt" if attempts == 1 else f"{attempts} attempts"
        super().__init__(f"gave up after {times}; the last one: {last}")


class NotConnected(SyncError, ConnectionError):
    """There is no connection right now, or it was lost before the answer: send it again."""


class Unauthorized(SyncError):
    """Raise it from your token function when nobody is signed in: the client stops trying."""


class InvalidMessage(SyncError, ValueError):
    """What this device wants to say can never be right; the text names the field."""


class Rejected(SyncError):
    """The server refused this device's message. `code` is one of the protocol's error codes."""

    def __init__(self, code: str, message: str) -> None:
        self.code, self.message = code, message
        super().__init__(f"{message} ({code})")


class BadMessage(SyncError):
    """The server sent something that cannot be read; the text says what is wrong with it.

    Attributes:
        queue, seq: the stored event that is missing now: it was skipped, and acknowledged.
            `seq` is None if the message was none, or did not say which.
    """

    queue = ""
    seq: int | None = None
