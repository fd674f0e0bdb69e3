"""The stories of an event or a device as plain values, for JSON. PURE."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kull_protos.why.evidence import Evidence
from kull_protos.why.story import Story, caveats


def as_dict(stories: Sequence[Story], evidence: Evidence) -> dict[str, Any]:
    """Return what was told: `stories` with `lines` and `devices`, `caveats`, and who is `silent`.

    Moments are milliseconds since the Unix epoch, 0: none.
    """
    return {
        "stories": [
            {
                "title": story.title,
                "verdict": story.verdict,
                "lines": [{"at": line.at, "text": line.text} for line in story.lines],
                "devices": [
                    {"user": one.user, "device": one.device, "verdict": one.code, "text": one.text}
                    for one in story.devices
                ],
            }
            for story in stories
        ],
        "caveats": caveats(evidence),
        "silent": evidence.silent,
    }
