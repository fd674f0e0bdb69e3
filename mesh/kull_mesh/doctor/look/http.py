"""Asks over HTTP, and never raises for what answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import httpx

WITHIN: Final = 5.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """What was answered. `problem`: why there is no answer. `date`: the Date header."""

    status: int = 0
    body: Any = None
    date: str = ""
    problem: str = ""


def get(url: str, *, auth: tuple[str, str] | None = None) -> Got:
    """Ask for JSON, or for a status. Never by a proxy: these are nodes of ours."""
    try:
        with httpx.Client(timeout=WITHIN, trust_env=False) as client:
            answer = client.get(url, auth=auth)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        return Got(problem=str(error) or type(error).__name__)
    try:
        body = answer.json()
    except ValueError:
        body = None
    return Got(status=answer.status_code, body=body, date=answer.headers.get("date", ""))
