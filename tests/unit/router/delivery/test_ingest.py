"""Messages become events, or say why not, without a broker."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace

import pytest

from kull_producers.events import topology
from kull_producers.events.address import routing_key
from kull_producers.events.envelope import messages_of
from kull_producers.events.message import Message
from kull_producers.events.models import CreditUpdate, PromptChange, ShootProgress
from kull_producers.events.stamp import Stamp
from kull_protos.contract.event_types import RESERVED
from kull_protos.contract.limits import MAX_EVENT_BYTES
from kull_protos.contract.shard import shard_of
from kull_router.delivery.envelope import TEST
from kull_router.delivery.ingest import allowed_types, dead, is_well_addressed, read, readdress
from kull_router.errors import PoisonMessage
from kull_router.queues.entry import NO_PROGRESS, Contract, Event

NOW_MS = 1_700_000_000_000
AGE_MS = NOW_MS + 5_000  # the time that is stored
SHARDS = 4
SHARD = shard_of("user:maya", SHARDS)
STAMP = Stamp(id="e-1", timestamp_ms=NOW_MS - 10, run="run-1", version=7, app_id="billing")


def credit() -> Message:
    event = CreditUpdate(user_id="maya", new_balance=1, change=1, reason="x")
    [message] = messages_of(event, STAMP, shard_count=SHARDS)
    return message


def progress() -> Message:
    event = ShootProgress(
        shoot_id="s", status="completed", processed_count=2, total_count=2, provider="Local"
    )
    [message] = messages_of(event, STAMP, shard_count=SHARDS, user_id="maya", device_id="mac")
    return message


def taken(
    message: Message, shard: int = SHARD, allowed: Collection[str] | None = None
) -> Event | list[Message]:
    return read(
        message,
        shard=shard,
        shard_count=SHARDS,
        now_ms=NOW_MS,
        age_ms=AGE_MS,
        new_id=lambda: "new",
        allowed=allowed,
    )


def test_an_event_is_read_from_its_headers() -> None:
    event = taken(credit())
    assert isinstance(event, Event)
    assert (event.id, event.address, event.contract) == ("e-1", "user:maya", Contract.EVERY)
    assert (event.type, event.service) == ("CREDIT_UPDATE", "billing")
    assert (event.key, event.version, event.final) == ("", 0, False)
    assert event.created_ms == AGE_MS, "what is stored ages from its arrival"


def test_the_newest_of_a_key_brings_key_version_end_and_the_device_that_caused_it() -> None:
    event = taken(progress())
    assert isinstance(event, Event)
    assert (event.contract, event.key, event.version) == (Contract.LATEST, "shoot:s", 7)
    assert (event.run, event.progress, event.late) == ("run-1", 2, False)
    assert (event.final, event.exclude_device) == (True, "mac")


def test_a_version_without_a_run_was_a_clocks_and_does_not_count() -> None:
    old = {**progress().headers, topology.HEADER_VERSION: NOW_MS * 1000}
    for header in (topology.HEADER_RUN, topology.HEADER_PROGRESS):
        del old[header]
    event = taken(replace(progress(), headers=old))
    assert isinstance(event, Event)
    assert (event.run, event.version, event.progress) == ("", 0, NO_PROGRESS)


def test_what_an_outbox_says_of_waiting_is_read() -> None:
    waited = {**progress().headers, topology.HEADER_LATE: True}
    event = taken(replace(progress(), headers=waited))
    assert isinstance(event, Event)
    assert event.late


def test_what_only_counts_now_ages_from_when_it_happened() -> None:
    headers = {**credit().headers, topology.HEADER_CONTRACT: "ephemeral"}
    event = taken(replace(credit(), headers=headers))
    assert isinstance(event, Event)
    assert event.created_ms == NOW_MS - 10


@pytest.mark.parametrize(
    ("header", "value", "why"),
    [
        (topology.HEADER_ADDRESS, 7, "must be a text"),
        (topology.HEADER_ADDRESS, "nonsense", "nonsense"),
        (topology.HEADER_CONTRACT, "always", "kull-contract"),
        (topology.HEADER_KEY, "", "needs the header kull-key"),
        (topology.HEADER_VERSION, -1, "whole number"),
        (topology.HEADER_VERSION, 2**63, "whole number"),
        (topology.HEADER_VERSION, "7", "whole number"),
        (topology.HEADER_VERSION, True, "whole number"),
        (topology.HEADER_PROGRESS, -1, "whole number"),
        (topology.HEADER_PROGRESS, True, "whole number"),
        (topology.HEADER_RUN, 7, "must be a text"),
        (topology.HEADER_RUN, "r" * 65, "more than 64"),
    ],
)
def test_a_wrong_header_is_named(header: str, value: str | int, why: str) -> None:
    with pytest.raises(PoisonMessage, match=why):
        taken(replace(progress(), headers={**progress().headers, header: value}))


def test_a_body_or_an_id_beyond_the_bounds_is_poison() -> None:
    with pytest.raises(PoisonMessage, match="bytes"):
        taken(replace(credit(), body=b" " * (MAX_EVENT_BYTES + 1)))
    with pytest.raises(PoisonMessage, match="id must have"):
        taken(replace(credit(), message_id="x" * 129))


@pytest.mark.parametrize("name", [*sorted(RESERVED), "credit_update", "A" * 65, "A-B", "A\n", "É"])
def test_what_is_called_like_a_word_of_the_protocol_is_poison(name: str) -> None:
    body = credit().body.replace(b'"CREDIT_UPDATE"', json.dumps(name).encode())
    assert body != credit().body
    with pytest.raises(PoisonMessage, match="word of the protocol"):
        taken(replace(credit(), body=body))


def test_typing_is_only_said_now() -> None:
    headers = {**credit().headers, topology.HEADER_CONTRACT: "ephemeral"}
    body = credit().body.replace(b"CREDIT_UPDATE", b"TYPING")
    assert isinstance(taken(replace(credit(), headers=headers, body=body)), Event)


@pytest.mark.parametrize("name", ["A", "NEW_TYPE_2", "A" * 64])
def test_a_type_that_this_version_does_not_know_is_an_event(name: str) -> None:
    event = taken(replace(credit(), body=credit().body.replace(b"CREDIT_UPDATE", name.encode())))
    assert isinstance(event, Event)
    assert event.type == name


def test_an_event_in_the_wrong_shard_is_sent_on_once() -> None:
    other = (SHARD + 1) % SHARDS
    fixed = taken(credit(), other)
    assert isinstance(fixed, list)
    [message] = fixed
    assert message.routing_key == credit().routing_key
    assert message.headers[topology.HEADER_HOPS] == 1
    with pytest.raises(PoisonMessage, match="re-addressed before"):
        taken(message, other)


def test_nothing_is_sent_on_to_an_exchange_that_carries_no_events() -> None:
    with pytest.raises(PoisonMessage, match="which carries no events"):
        taken(replace(credit(), exchange="somebody.else"), shard=(SHARD + 1) % SHARDS)


def test_a_message_without_headers_is_rebuilt_from_its_body() -> None:
    [fixed] = readdress(
        replace(credit(), headers={}, routing_key="wrong"),
        shard_count=SHARDS,
        now_ms=NOW_MS,
        new_id=lambda: "new",
    )
    assert fixed.routing_key == credit().routing_key
    assert fixed.headers[topology.HEADER_ADDRESS] == "user:maya"


def test_an_event_for_a_room_never_goes_to_anybody_else_however_it_came_to_no_queue() -> None:
    event = PromptChange(prompt_id="p", action="updated")
    [message] = messages_of(event, STAMP, shard_count=32, room="lab")

    def fixed(**changed: object) -> Message:
        [found] = readdress(
            replace(message, **changed),  # type: ignore[arg-type]
            shard_count=SHARDS,
            now_ms=NOW_MS,
            new_id=lambda: "new",
        )
        return found

    key = routing_key("room:lab", SHARDS, "PROMPT_CHANGE")
    assert fixed(routing_key="31.room.lab.prompt_change").routing_key == key
    assert fixed(routing_key="31").headers[topology.HEADER_ADDRESS] == "room:lab"
    with pytest.raises(PoisonMessage):
        fixed(headers={**message.headers, topology.HEADER_ADDRESS: "nobody"})


def test_a_record_of_a_batch_that_does_not_say_what_it_is_is_poison() -> None:
    with pytest.raises(PoisonMessage, match="a record of a batch"):
        taken(Message(exchange=topology.BURSTS, routing_key="", body=credit().body, message_id=""))


def test_a_dead_letter_is_the_message_as_it_came_and_why() -> None:
    letter = dead(credit(), "x" * 1000)
    assert (letter.exchange, letter.body) == (topology.DEAD, credit().body)
    assert letter.headers == {
        **credit().headers,
        topology.HEADER_REASON: "x" * 500,
        topology.HEADER_EXCHANGE: credit().exchange,
    }


def test_only_an_event_that_bears_the_shard_of_its_address_is_well_addressed() -> None:
    message = credit()
    elsewhere = f"{(SHARD + 1) % SHARDS:02d}.{message.routing_key.partition('.')[2]}"

    def well(**changed: object) -> bool:
        return is_well_addressed(replace(message, **changed), SHARDS)  # type: ignore[arg-type]

    assert well()
    assert not well(routing_key=elsewhere)
    assert not well(exchange="somebody.else")
    assert not well(headers={**message.headers, topology.HEADER_ADDRESS: 7})
    assert not well(headers={**message.headers, topology.HEADER_ADDRESS: "nobody"})


def own(type_: str = "COLLECTION_SHARED") -> Message:
    body = json.dumps(json.loads(credit().body) | {"type": type_}).encode()
    return replace(credit(), body=body, type=type_, exchange=topology.OWN)


def test_any_type_is_an_event_unless_the_deployment_is_strict() -> None:
    event = taken(own())

    assert isinstance(event, Event)
    assert event.type == "COLLECTION_SHARED"


@pytest.mark.parametrize("type_", ["COLLECTION_SHARED", "CREDIT_UPDATE", TEST])
def test_a_strict_deployment_takes_kulls_types_and_those_that_it_names(type_: str) -> None:
    event = taken(own(type_), allowed=allowed_types(["COLLECTION_SHARED"]))

    assert isinstance(event, Event)


def test_a_strict_deployment_buries_other_types_and_says_what_to_do() -> None:
    with pytest.raises(PoisonMessage, match=r"'COLLECTION_HIDDEN' is not declared.*KULL_EVENT_TY"):
        taken(own("COLLECTION_HIDDEN"), allowed=allowed_types(["COLLECTION_SHARED"]))
