"""RabbitMQ's accounts have the rights of their roles and no password in them."""

from __future__ import annotations

import base64
import hashlib
import re

from kull_mesh.definitions import ROLES, Account, document_of
from kull_producers.events import topology
from kull_producers.events.models import EVENTS

SALT = b"salt"
ACCOUNTS = [
    Account(name="kull-router", password="one", role="router"),
    Account(name="kull-producer", password="two", role="producer"),
    Account(name="root", password="three", role="administrator"),
]


def test_each_account_has_the_rights_of_its_role() -> None:
    made = document_of(ACCOUNTS, vhost="kull", randomness=lambda _: SALT)

    assert made["vhosts"] == [{"name": "kull"}]
    rights = {each.pop("user"): each for each in made["permissions"]}
    assert rights["kull-router"] == {"vhost": "kull", **ROLES["router"]}
    assert rights["kull-producer"] == {"vhost": "kull", **ROLES["producer"]}
    assert rights["root"] == {"vhost": "kull", "configure": ".*", "write": ".*", "read": ".*"}
    assert {each["name"]: each["tags"] for each in made["users"]} == {
        "kull-router": [],
        "kull-producer": [],
        "root": ["administrator"],
    }


def test_a_password_is_there_as_a_salted_hash_only() -> None:
    made = document_of(ACCOUNTS, randomness=lambda _: SALT)

    hashed = base64.b64decode(made["users"][0]["password_hash"])
    assert hashed == SALT + hashlib.sha256(SALT + b"one").digest()
    assert not any(account.password in repr(account) for account in ACCOUNTS)


def test_a_producer_writes_to_what_carries_events_and_to_nothing_else() -> None:
    may = re.compile(ROLES["producer"]["write"])

    assert all(may.search(exchange) for exchange in (*EVENTS.exchanges, topology.BURSTS))
    assert may.search(f"{topology.SHARDS}.16")  # it looks whether there is this mark
    others = {*topology.INTERNAL, "kull.credit.x", "kullXcredit", "kull.shards.16.x"}
    assert not any(may.search(name) for name in others - {topology.ROUTE, topology.BURSTS})


def test_a_consumer_reads_who_is_there_and_has_queues_of_its_own_and_nothing_else() -> None:
    rights = {what: re.compile(pattern) for what, pattern in ROLES["consumer"].items()}

    assert rights["read"].search(topology.PRESENCE)
    for may in rights.values():
        assert may.search("consumer.seen")
    others = {*EVENTS.exchanges, *topology.INTERNAL, "kull.router.00", "kull_presence", "consumer"}
    for what, may in rights.items():
        assert not any(
            may.search(n) for n in others - ({topology.PRESENCE} if what == "read" else set())
        )
