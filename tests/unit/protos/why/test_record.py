"""Stories as plain values."""

from __future__ import annotations

import json

from kull_protos.why.evidence import Question, merge
from kull_protos.why.record import as_dict
from kull_protos.why.story import tell
from tests.unit.protos.why.answers import answer, known, trace


def test_a_story_is_json_with_what_was_said_and_who_did_not_answer() -> None:
    found = merge([answer(traces=[trace(known(cursor=7))])], {"r-2:1": "router r-2:1 is away"})

    told = json.loads(json.dumps(as_dict(tell(Question(event_id="e-1"), found), found)))

    (story,) = told["stories"]
    assert (story["title"], story["verdict"]) == ("X e-1 of s", "stored")
    assert story["lines"][0]["text"].startswith("stored as seq 7 of user:maya")
    assert [(one["user"], one["device"], one["verdict"]) for one in story["devices"]] == [
        ("maya", "mac", "acknowledged")
    ]
    assert told["silent"] == {"r-2:1": "router r-2:1 is away"}
    assert told["caveats"] == ["router r-2:1 is away: what it remembers is missing"]
