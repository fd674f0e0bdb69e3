"""HTTP without a client that has to be opened and closed."""

from __future__ import annotations

import urllib.error
import urllib.request
from email.message import Message
from typing import NamedTuple


class Answer(NamedTuple):
    """What a server has answered, whatever it thinks of the request."""

    status: int
    headers: Message
    body: bytes


def ask(request: str | urllib.request.Request, *, seconds: float = 5) -> Answer:
    """Send a request, or get a URL. Raises OSError: there was no answer within `seconds`."""
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        with error:  # it is the answer; Python 3.14 warns of one that nobody has closed
            return Answer(error.code, error.headers, error.read())
