from __future__ import annotations

import pytest

from kull_mesh.doctor.findings import Findings, exit_code


@pytest.mark.parametrize(
    ("kinds", "code"),
    [
        ((), 0),
        (("skipped",), 0),
        (("fine", "skipped"), 0),
        (("fine", "warning"), 1),
        (("error", "warning", "fine"), 2),
    ],
)
def test_the_worst_finding_is_the_exit_code(kinds: tuple[str, ...], code: int) -> None:
    found = Findings("store")
    for kind in kinds:
        say = getattr(found, kind)
        say("what", "do") if kind in {"warning", "error"} else say("what")

    assert exit_code(found.all) == code
    assert {each.check for each in found.all} <= {"store"}
