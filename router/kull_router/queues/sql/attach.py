"""Devices that begin to follow queues, by SQL: a few statements for all that wait.

Runs in the writer's thread, within its transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter, itemgetter
from typing import Final

from kull_router.errors import Fenced
from kull_router.queues import rules
from kull_router.queues.port import Attach, Attachment, DeviceInfo
from kull_router.queues.rules import Cursor, Figures
from kull_router.queues.sql import columns
from kull_router.queues.sql.db import Db
from kull_router.queues.sql.devices import info
from kull_router.queues.sql.rows import figures_of, figures_or_new
from kull_router.queues.sql.terms import fenced

_DEVICE: Final = columns.names(columns.DEVICE)
_DEVICES: Final = f"""
SELECT d.user_id, d.device_id, d.last_seen_ms, {_DEVICE}
FROM {{wanted}} CROSS JOIN devices AS d ON d.user_id = wanted.column1
AND d.device_id = wanted.column2"""  # noqa: S608 (no input)
# Without WHERE SQLite takes ON for that of a join.
_UPSERT_DEVICES: Final = f"""
INSERT INTO devices ({_DEVICE}, last_seen_ms, user_id, device_id)
SELECT * FROM {{wanted}} WHERE true ON CONFLICT (user_id, device_id)
DO UPDATE SET {columns.overwritten(columns.DEVICE)},
last_seen_ms = CASE WHEN devices.last_seen_ms > excluded.last_seen_ms
THEN devices.last_seen_ms ELSE excluded.last_seen_ms END"""  # noqa: S608 (no input)
_CURSORS = """
SELECT c.user_id, c.device_id, c.queue_id, c.seq, c.initial_head
FROM {wanted} CROSS JOIN cursors AS c ON c.user_id = wanted.column1
AND c.device_id = wanted.column2 AND c.queue_id = wanted.column3"""
_UPSERT_CURSORS = """
INSERT INTO cursors (user_id, device_id, queue_id, seq, initial_head)
SELECT * FROM {wanted} WHERE true ON CONFLICT (user_id, device_id, queue_id)
DO UPDATE SET seq = excluded.seq, initial_head = excluded.initial_head"""
_FIRST_OF_LAST: Final = """
SELECT seq FROM entries WHERE queue_id = ? ORDER BY seq DESC LIMIT 1 OFFSET ?"""
_values: Final = attrgetter(*columns.DEVICE)

_Place = tuple[str, str, int]  # user, device and row id of the queue
_Row = tuple[str, str]  # user, device
_Answer = list[Attachment] | Exception


@dataclass(frozen=True, slots=True, kw_only=True)
class Attaching:
    """A call of `Store.attach`."""

    wanted: Sequence[Attach]
    now_ms: int


def attach(db: Db, requests: Sequence[Attaching], *, seen_again_ms: int) -> list[_Answer]:
    """Do what several calls of `Store.attach` want; return what each is to return or raise."""
    answers: dict[int, _Answer] = {}
    unchanged = _unchanged(db, requests, seen_again_ms)
    reading = [place for place in unchanged if unchanged[place]]
    if reading:
        errors = _fenced(db, [requests[place] for place in reading], hold=False)
        for place, error in zip(reading, errors, strict=True):
            answers[place] = error or unchanged[place]
    writing = [place for place in range(len(requests)) if place not in answers]
    if writing:
        wanted = [requests[place] for place in writing]
        answers |= dict(zip(writing, _attach(db, wanted), strict=True))
    return [answers[place] for place in range(len(requests))]


def _fenced(db: Db, requests: Sequence[Attaching], *, hold: bool) -> list[Fenced | None]:
    claims = [(each.shard, each.term) for one in requests for each in one.wanted]
    errors = iter(fenced(db, claims, hold=hold))
    found = [[next(errors) for _ in one.wanted] for one in requests]
    return [next(filter(None, its), None) for its in found]


def _unchanged(
    db: Db, requests: Sequence[Attaching], seen_again_ms: int
) -> dict[int, list[Attachment]]:
    """Return the answers to those requests after which nothing would be stored that is not yet.

    Nothing is locked for that: what is current when the rows were read was so before.
    """
    noted = _noted(requests)
    kept = {
        (user, device): (info(user, device, values), seen_ms)
        for user, device, seen_ms, *values in db.look_up(_DEVICES, list(noted))
    }
    young = {
        row
        for row, (device, now_ms) in noted.items()
        if row in kept and kept[row][0] == device and now_ms - kept[row][1] < seen_again_ms
    }
    if not young:
        return {}
    asked = {
        place: one
        for place, one in enumerate(requests)
        if all((each.device.user, each.device.device) in young for each in one.wanted)
    }
    found: dict[int, list[Attachment]] = {}
    queues = figures_of(db, {each.address for one in asked.values() for each in one.wanted})
    cursors = _cursors(
        db,
        {
            _place(each, queues)
            for one in asked.values()
            for each in one.wanted
            if each.address in queues
        },
    )
    for place, one in asked.items():
        answers = []
        for each in one.wanted:
            if each.address not in queues:
                break
            known = cursors.get(_place(each, queues))
            attachment, cursor = rules.attach(queues[each.address][1], known, each.position)
            if cursor != known:
                break
            answers.append(attachment)
        else:
            found[place] = answers
    return found


def _attach(db: Db, requests: Sequence[Attaching]) -> list[_Answer]:
    refused = _fenced(db, requests, hold=True)
    taken = [each for each, error in zip(requests, refused, strict=True) if error is None]
    # First, so that a retention run that forgets a device comes before all of this or after it.
    _note_devices(db, taken)
    wanted = [each for one in taken for each in one.wanted]
    queues = figures_or_new(db, dict.fromkeys(each.address for each in wanted))
    cursors = _cursors(db, {_place(each, queues) for each in wanted})
    begins = _begins(db, wanted, queues, cursors)
    answers: list[_Answer] = []
    for one, error in zip(requests, refused, strict=True):
        if error is not None:
            answers.append(error)
            continue
        attachments = []
        for each in one.wanted:
            place = _place(each, queues)
            figures = queues[each.address][1]
            attachment, cursors[place] = rules.attach(
                figures,
                cursors.get(place),
                each.position,
                begin=begins.get((place[2], each.history)),
            )
            attachments.append(attachment)
        answers.append(attachments)
    db.write(
        _UPSERT_CURSORS,
        [(*place, cursor.seq, cursor.initial_head) for place, cursor in cursors.items()],
    )
    return answers


def _begins(
    db: Db,
    wanted: Sequence[Attach],
    queues: Mapping[str, tuple[int, Figures]],
    cursors: Mapping[_Place, Cursor],
) -> dict[tuple[int, int], int]:
    """Return the positions before the histories of newcomers, by row id of the queue and length."""
    asked = {
        (queues[each.address][0], each.history)
        for each in wanted
        if each.history and rules.is_newcomer(cursors.get(_place(each, queues)), each.position)
    }
    begins: dict[tuple[int, int], int] = {}
    for queue_id, history in sorted(asked):
        found = db.query(_FIRST_OF_LAST, (queue_id, history - 1))
        begins[queue_id, history] = found[0][0] - 1 if found else 0
    return begins


def _place(wanted: Attach, queues: Mapping[str, tuple[int, Figures]]) -> _Place:
    return (wanted.device.user, wanted.device.device, queues[wanted.address][0])


def _cursors(db: Db, places: set[_Place]) -> dict[_Place, Cursor]:
    return {
        (user, device, queue_id): Cursor(seq, initial_head)
        for user, device, queue_id, seq, initial_head in db.look_up(_CURSORS, places)
    }


def _noted(requests: Sequence[Attaching]) -> dict[_Row, tuple[DeviceInfo, int]]:
    """Return each device as it was described last, and when it was here."""
    noted: dict[_Row, tuple[DeviceInfo, int]] = {}
    for one in requests:
        for each in one.wanted:
            where = (each.device.user, each.device.device)
            _, seen_ms = noted.get(where, (each.device, 0))
            noted[where] = (each.device, max(one.now_ms, seen_ms))
    return noted


def _note_devices(db: Db, requests: Sequence[Attaching]) -> None:
    # Two routers that lock rows in the same order never wait for each other.
    db.write(
        _UPSERT_DEVICES,
        [
            (*_values(device), seen_ms, *where)
            for where, (device, seen_ms) in sorted(_noted(requests).items(), key=itemgetter(0))
        ],
    )
