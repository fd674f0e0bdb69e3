# Generated from protos/kull_protos/common/request_target.py by `make contract`: do not edit.
"""Request targets that are whole addresses, as proxies send them (RFC 9112, 3.2.2). PURE."""

from __future__ import annotations

import re
from typing import Final

_ABSOLUTE: Final = re.compile(rb"[A-Za-z]+ (?i:https?)://([^/?# \r\n]*)([^# \r\n]*) ")
_HOST: Final = re.compile(rb"\r\nhost:[^\r\n]*", re.IGNORECASE)


def origin_form(head: bytes) -> bytes:
    """Return a request's head as if it had asked for a path: its Host is that of the address.

    `head` may or may not include the empty line at its end, and is returned as it is when it asks
    for a path already, or has not one Host (RFC 9112, 3.2).
    """
    found = _ABSOLUTE.match(head)
    if found is None or len(_HOST.findall(head)) != 1:  # who reads it next refuses others
        return head
    host, path = found[1].rpartition(b"@")[2], found[2]
    if not path.startswith(b"/"):
        path = b"/" + path
    line, _, _ = head.partition(b"\r\n")
    method, version = line.split(b" ", 1)[0], line[found.end() :]
    rest = _HOST.sub(b"", head[len(line) :])
    return b"%s %s %s\r\nHost: %s%s" % (method, path, version, host, rest)
