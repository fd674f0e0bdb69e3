"""Which traces of devices are recorded. PURE.

Whoever begins a trace says whether it is recorded, and is believed if it may publish. A device is
not: tracing for itself would cost everybody. It keeps its trace's id, and we decide.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from kull_protos.common.tracing import is_sampled

_BYTES: Final = 8  # of what is compared with the ratio
_ID: Final = slice(3, 35)  # of a traceparent: its trace's id


class DeviceTraces:
    """Decides by a trace's id, so that all of a trace is recorded or nothing.

    Args:
        ratio: the share of them that are recorded, 0 to 1.
        secret: nobody else's, at most 64 bytes: devices choose ids, and must not choose this.
    """

    def __init__(self, *, ratio: float, secret: bytes) -> None:
        self._below = ratio * 2 ** (8 * _BYTES)
        self._secret = secret

    def followed(self, traceparent: str) -> str:
        """Return a device's traceparent; empty: its trace is not recorded, or cannot be read."""
        if not is_sampled(traceparent):  # not to be recorded is theirs to say
            return ""
        trace = traceparent[_ID].encode()
        digest = blake2b(trace, digest_size=_BYTES, key=self._secret).digest()
        return traceparent if int.from_bytes(digest) < self._below else ""
