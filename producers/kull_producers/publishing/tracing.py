# Generated from protos/kull_protos/common/tracing.py by `make contract`: do not edit.
"""Steps of a distributed trace, as the parts of Kull see them. PURE.

A traceparent (W3C Trace Context, version 00, https://www.w3.org/TR/trace-context/) names a step and
says whether its trace is recorded. Whoever begins a trace decides that (head sampling); the others
follow.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal, Protocol

TRACEPARENT: Final = "traceparent"  # name of the header and of the messages' field
_FORM: Final = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_SAMPLED: Final = 0x01

Attributes = Mapping[str, str | int]


# What a step is to the others of its trace: it hands something over and does not wait for what
# becomes of it; takes that; hands something over and waits until it is done; none of these.
Part = Literal["producer", "consumer", "client", "internal"]


class Span(Protocol):
    """One step that has begun."""

    @property
    def traceparent(self) -> str:
        """Names it, for the steps after it."""

    def link(self, traceparent: str) -> None:
        """Say that it has to do with a step of perhaps another trace."""

    def end(self, error: str = "") -> None:
        """It is over. Not empty `error`: and has failed. Never raises or waits; twice is once."""


class Tracer(Protocol):
    """Begins steps. It never raises, never waits, and keeps a bounded amount."""

    def start(
        self,
        name: str,
        part: Part,
        *,
        parent: str = "",
        links: Sequence[str] = (),
        attributes: Attributes | None = None,
    ) -> Span | None:
        """Begin a step, or return None: its trace is not recorded.

        Args:
            name: what is done, from a small set.
            part: what it is to the others.
            parent: the traceparent of the step before it; empty: what the calling task does, or
                a trace of its own.
            links: traceparents of further steps that it has to do with.
            attributes: what else is known of it.
        """


class NoTracer:
    """Records nothing."""

    def start(
        self,
        name: str,
        part: Part,
        *,
        parent: str = "",
        links: Sequence[str] = (),
        attributes: Attributes | None = None,
    ) -> None:
        """See Tracer."""


NO_TRACER: Final = NoTracer()


def is_traceparent(text: str) -> bool:
    """Tell whether this is a traceparent."""
    return _FORM.fullmatch(text) is not None


def is_sampled(text: str) -> bool:
    """Tell whether this is a traceparent, and of a trace that is recorded."""
    return is_traceparent(text) and bool(int(text[-2:], 16) & _SAMPLED)
