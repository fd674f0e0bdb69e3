"""Every error of the console.

ConsoleError
├── ConsoleConfigError  a setting is missing or contradicts another
├── RouterAway          no router answers, and none has done what was asked
│   └── OutcomeUnknown  one gave no answer, and may have done it
├── ProviderAway        the OpenID provider does not answer as one
├── RouterRefuses       a router does not do what was asked, and never will
└── Problem             an answer to whoever asked: an HTTP status, and what to do
"""

from __future__ import annotations

from http import HTTPStatus


class ConsoleError(Exception):
    """Root of the console's errors."""


class ConsoleConfigError(ConsoleError):
    """A setting is missing or contradicts another; the text names it."""


class RouterAway(ConsoleError):
    """No router answers; trying again may help."""


class OutcomeUnknown(RouterAway):
    """A router was asked and gave no answer: what was asked may be done, or be done yet."""


class ProviderAway(ConsoleError):
    """The OpenID provider does not answer, or not as one."""


class RouterRefuses(ConsoleError):
    """A router does not do what was asked; the text says why."""


class Problem(ConsoleError):
    """What a request is answered with."""

    def __init__(self, status: HTTPStatus, detail: str, *, wait: float = 0) -> None:
        self.status = status
        self.wait = wait  # seconds, of 429
        super().__init__(detail)
