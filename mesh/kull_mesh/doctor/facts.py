"""What was seen, as values. PURE. Times are seconds since the Unix epoch, sizes bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Rights = Mapping[str, str]  # configure, write and read, each a regular expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """What the settings say, as far as they may contradict each other.

    Attributes:
        role: router, edge, gateway, console, operator (who only asks), or up (all in one process).
        problems: settings that are wrong by themselves, each with its variable.
        signs, verifies: whether device tokens can be signed, and verified.
        secrets_alike: device and service tokens are signed with the same secret.
        tls: which of the three KULL_TLS_* are set.
        single_store: the store is a file, which only one router may use.
        preferred: the shards of KULL_PREFERRED_SHARDS.
        connections: that an edge takes; 0: this is none.
        operators: whether somebody could sign in to the console, or this is none.
    """

    role: str
    problems: Sequence[str] = ()
    routers: Sequence[str] = ()
    shard_count: int = 16
    verifies: bool = True
    two_key_sources: bool = False
    jwks_without_audience: bool = False
    plain_tokens: bool = False
    secrets_alike: bool = False
    tls: frozenset[str] = frozenset()
    single_store: bool = False
    has_broker: bool = False
    preferred: frozenset[int] = frozenset()
    any_origin: bool = False
    publish_timeout: float = 0.0
    answer_timeout: float = 0.0
    connections: int = 0
    operators: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSeen:
    """How far another clock is ahead of ours, give or take `within` seconds; a problem instead."""

    whose: str
    ahead: float = 0.0
    within: float = 0.0
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateSeen:
    """A PEM file. `identity`: role and name that it gives its owner, empty if it gives none."""

    variable: str
    path: str
    problem: str = ""
    expires: float = 0.0
    identity: tuple[str, str] = ("", "")
    is_pair: bool = True  # with the key beside it
    is_trusted: bool = True  # by the authority beside it
    exposed: bool = False  # others than its owner may read the key


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSeen:
    """The account of KULL_AMQP_URL.

    Attributes:
        role: of `kull_mesh.definitions.ROLES`.
        rights: None: nobody who may see them was asked.
        tags: what it may do in RabbitMQ's management.
        made: names outside its role's that it was able to create; they are gone again.
    """

    name: str
    role: str
    rights: Rights | None = None
    tags: Sequence[str] = ()
    made: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RabbitSeen:
    """What RabbitMQ holds. `problem`: it could not be asked at all.

    Attributes:
        missing, refused: names of the topology that are not there, or not ours to look at.
        unbound: routes that are missing; None: nobody who may see them was asked.
        waiting, consumers: messages, and who takes them, by queue.
        alarms: what it says that it is short of.
    """

    problem: str = ""
    missing: Sequence[str] = ()
    refused: Sequence[str] = ()
    unbound: Sequence[str] | None = None
    waiting: Mapping[str, int] = field(default_factory=dict)
    consumers: Mapping[str, int] = field(default_factory=dict)
    alarms: Sequence[str] = ()
    account: AccountSeen | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSeen:
    """The routers' store."""

    where: str
    problem: str = ""
    schema: int = 0
    pending: Sequence[str] = ()
    shard_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterSeen:
    """A router. `edges`: names of those that are attached to it."""

    target: str
    problem: str = ""
    name: str = ""
    version: str = ""
    epoch: str = ""
    shard_count: int = 0
    owned: Sequence[int] = ()
    has_broker: bool = True
    edges: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HopSeen:
    """Something that answers HTTP, or does not."""

    what: str
    url: str
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskSeen:
    """The disk that holds something of ours."""

    what: str
    path: str
    free: int = 0
    total: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that was seen. None, or empty: it was not looked at."""

    configured: Configured
    now: float
    version: str
    clocks: Sequence[ClockSeen] = ()
    certificates: Sequence[CertificateSeen] = ()
    rabbit: RabbitSeen | None = None
    store: StoreSeen | None = None
    routers: Sequence[RouterSeen] = ()
    hops: Sequence[HopSeen] = ()
    disks: Sequence[DiskSeen] = ()
    descriptors: int = 0  # that a process may have open; 0: no limit
