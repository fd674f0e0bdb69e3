"""Every error of the edge.

EdgeError
├── BadMessage     a device sent something that is not part of the protocol; told to the device
├── BadToken       a token that cannot be read; told to the device
├── CannotListen   the port is in use or not ours
├── BadCertificate the files of the edge's certificate cannot be used
└── ComponentDied  a part of the edge ended although it must not
"""

from __future__ import annotations

from kull_protos.contract.error_codes import ErrorCode


class EdgeError(Exception):
    """Root of the edge's errors."""


class BadMessage(EdgeError):
    """A device's message was wrong; the text is fit for the device.

    `ref` is the message's own reference, if any.
    """

    def __init__(self, code: ErrorCode, message: str, ref: str | int | None = None) -> None:
        self.code, self.ref = code, ref
        super().__init__(message)


class BadToken(EdgeError):
    """A token that cannot be read; the text is fit for the device and does not repeat the token."""


class CannotListen(EdgeError):
    """The edge could not open its port; the text says which and what to do."""


class ComponentDied(EdgeError):
    """A part of the edge ended although it must run as long as the edge; see `__cause__`."""


class BadCertificate(EdgeError):
    """The files of the edge's certificate cannot be used; the text names them."""
