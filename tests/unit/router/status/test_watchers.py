from __future__ import annotations

import random

from kull_router.delivery.session_key import SessionKey
from kull_router.status.watchers import Watchers

SHARDS = 3


def shard_of(user: str) -> int:
    return ord(user[0]) % SHARDS


def test_a_user_counts_once_per_stream() -> None:
    watchers = Watchers(shard_of)
    watchers.set(SessionKey(1, 1), ["anna", "bob"])
    watchers.set(SessionKey(1, 2), ["anna"])
    watchers.set(SessionKey(2, 1), ["anna"])
    assert sorted(watchers.streams("anna")) == [1, 2]
    assert len(watchers) == 2

    watchers.set(SessionKey(1, 1), ["bob"])
    assert sorted(watchers.streams("anna")) == [1, 2]
    watchers.set(SessionKey(1, 2), [])
    assert list(watchers.streams("anna")) == [2]


def test_whatever_happens_it_is_what_the_sessions_watch() -> None:
    rng = random.Random(7)
    watchers, model = Watchers(shard_of), dict[SessionKey, set[str]]()
    users = ["anna", "bob", "cleo", "dora", "emil"]
    for _ in range(2_000):
        match rng.randrange(4):
            case 0:
                stream = rng.randrange(3)
                watchers.remove_stream(stream)
                model = {key: kept for key, kept in model.items() if key.stream != stream}
            case 1:
                shard = rng.randrange(SHARDS)
                watchers.remove_shard(shard)
                for kept in model.values():
                    kept -= {user for user in users if shard_of(user) == shard}
            case _:
                key = SessionKey(rng.randrange(3), rng.randrange(4))
                wanted = rng.sample(users, rng.randrange(4))
                watchers.set(key, wanted)
                model[key] = set(wanted)
        for user in users:
            streams = {key.stream for key, kept in model.items() if user in kept}
            assert set(watchers.streams(user)) == streams
        assert len(watchers) == len(set().union(*model.values()))
        for shard in range(SHARDS):
            assert sorted(watchers.of_shard(shard)) == sorted(
                {user for kept in model.values() for user in kept if shard_of(user) == shard}
            )
