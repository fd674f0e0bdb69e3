"""The router's settings, read once from `KULL_*` and passed down."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Final

from pydantic import Field, SecretStr, field_validator

from kull_protos.common import flight_recorder
from kull_protos.contract.event_types import is_event_type
from kull_protos.settings import (
    ROUTER_PORT,
    BrokerSettings,
    DeviceTokenSettings,
    PlainTokenSettings,
    TlsSettings,
    TracesSettings,
)
from kull_router.queues.retention import Retention, parse_kinds

KEPT: Final = Retention()  # unless set otherwise


def parse_shards(text: str) -> frozenset[int]:
    """Return the shards of a list like `0-7,12`. Raises ValueError."""
    shards: set[int] = set()
    for part in filter(None, text.replace(" ", "").split(",")):
        first, dash, last = part.partition("-")
        last = last if dash else first
        if not first.isdigit() or not last.isdigit() or int(last) < int(first):
            raise ValueError(f"{part!r} is no shard or range of shards: write for example 0-7,12")
        shards.update(range(int(first), int(last) + 1))
    return frozenset(shards)


def parse_types(text: str) -> frozenset[str]:
    """Return the event types in a list, `COLLECTION_SHARED,PHOTO_VIEWED`. Raises ValueError."""
    types = frozenset(each.strip() for each in text.split(",") if each.strip())
    for each in sorted(types):
        if not is_event_type(each):
            raise ValueError(
                f"{each!r} is no event type: up to 64 of A-Z, 0-9, _, no word of the protocol"
            )
    return types


class RouterSettings(
    TlsSettings, BrokerSettings, DeviceTokenSettings, PlainTokenSettings, TracesSettings
):
    """Settings of one router. Every field names its unit."""

    router_id: str = Field(
        default_factory=lambda: f"router-{platform.node()}",
        description="name of this router in logs and admin views",
    )
    grpc_host: str = Field("127.0.0.1", description="address that edges attach to")
    grpc_port: int = Field(
        ROUTER_PORT, ge=0, le=65535, description="port that edges attach to; 0: any free"
    )
    database_url: SecretStr | None = Field(
        None,
        description="PostgreSQL of the store, postgresql://user:password@host/database; "
        "unset: SQLite in KULL_DATA, for one router only",
    )
    data: Path = Field(Path(".kull"), description="folder of the SQLite store")
    token_keys: Path | None = Field(
        None,
        description="file with the public keys of device tokens, RSA (RS256) or Ed25519 (EdDSA): "
        "PEM, or a JSON Web Key Set",
    )
    token_jwks_url: str = Field(
        "",
        description="URL of a JSON Web Key Set with those keys; looked at again now and then",
    )
    token_grace: float = Field(
        30.0,
        ge=0,
        description="seconds that a connection outlives its token, for the device to refresh it",
    )
    revocation_poll: float = Field(
        0.25, gt=0, description="seconds between looks for tokens that other routers revoked"
    )

    metrics_port: int = Field(0, ge=0, le=65535, description="port of /metrics; 0: none")
    preferred_shards: str = Field(
        "",
        description="shards this router serves when several run, e.g. 0-7,12; "
        "others only while nobody else does; empty: all",
    )
    standby_delay: float = Field(
        5.0, ge=0, description="seconds that a shard of another router is left to it first"
    )
    prefetch: int = Field(512, ge=1, le=2000, description="unacknowledged messages per shard")
    prefetch_bytes: int = Field(
        64 * 2**20,
        ge=32 * 2**20,
        description="bytes of unacknowledged messages, all shards together; above it nothing is "
        "read from RabbitMQ",
    )
    strict_events: bool = Field(
        False,
        description="events of types that neither Kull nor KULL_EVENT_TYPES names become dead "
        "letters",
    )
    event_types: str = Field(
        "",
        description="event types of your own, names separated by commas, e.g. COLLECTION_SHARED; "
        "read with KULL_STRICT_EVENTS only, and `kull up` adds those of KULL_EVENTS_MODULES",
    )
    batch: int = Field(256, ge=1, description="events per append")
    presence_grace: float = Field(
        5.0, ge=0, description="seconds without a session before a device counts as disconnected"
    )
    presence_members: int = Field(
        200,
        ge=0,
        description="members of a room up to which its devices are told who they are; of a larger "
        "one they are told how many",
    )
    presence_events: bool = Field(
        False,
        description="whether kull.presence is told of users and devices that come and go; costs "
        "two writes to the store for each batch of them",
    )
    devices_per_user: int = Field(32, ge=1, description="connected devices per user")
    attempts_per_user: float = Field(
        2.0, ge=0, description="connections per second of one user; 0: no limit"
    )
    attempts_per_user_burst: float = Field(
        64.0, ge=1, description="connections at once of one user, above that rate"
    )
    refreshes_per_user: float = Field(
        2.0, ge=0, description="new tokens per second of all devices of one user; 0: no limit"
    )
    refreshes_per_user_burst: float = Field(
        64.0, ge=1, description="of those at once, above that rate"
    )
    cursor_flush: float = Field(1.0, gt=0, description="seconds between writes of cursors")
    probe_interval: float = Field(
        1.0, gt=0, description="seconds between claim probes to shards of other routers"
    )
    topology_interval: float = Field(
        5.0, gt=0, description="seconds between looks whether RabbitMQ still holds all it should"
    )
    trim_interval: float = Field(60.0, gt=0, description="seconds between retention sweeps")
    flight_recorder_bytes: int = Field(
        flight_recorder.DEFAULT_BYTES,
        ge=flight_recorder.MIN_BYTES,
        description="bytes of what `kull why` is told of the last minutes",
    )
    send_queue_bytes: int = Field(
        16 * 2**20, ge=2**16, description="bytes waiting per edge before pushes are dropped"
    )
    fetch_credits: int = Field(64, ge=1, description="unanswered fetches per edge")
    subscribes_in_flight: int = Field(256, ge=1, description="unanswered subscribes per edge")
    publishes_in_flight: int = Field(128, ge=1, description="unanswered device messages per edge")
    publish_timeout: float = Field(
        5.0, gt=0, description="seconds for RabbitMQ to confirm a message"
    )

    keep_every_entries: int = Field(
        KEPT.every_entries, ge=1, description="entries of contract 'every' per queue"
    )
    keep_latest_entries: int = Field(
        KEPT.latest_entries, ge=1, description="entries of contract 'latest' per queue"
    )
    keep_entries_for: float = Field(KEPT.entry_age, gt=0, description="seconds an entry is kept")
    keep_ids_for: float = Field(
        KEPT.dedupe_age, gt=0, description="seconds an event id is remembered"
    )
    keep_devices_for: float = Field(
        KEPT.device_age, gt=0, description="seconds a device's cursor outlives its last connection"
    )
    keep_ephemeral_devices_for: float = Field(
        KEPT.ephemeral_device_age,
        gt=0,
        description="the same for generated device ids (browser tabs), in seconds",
    )

    keep_actions_for: float = Field(
        KEPT.action_age, gt=0, description="seconds that what operators did in the console is kept"
    )
    room_kinds: str = Field(
        '{"shoot": {"keep_for": 2592000, "history": true},'
        ' "team": {"keep_for": 7776000, "history": true}}',
        description="what differs in rooms of a kind (their names up to the first `:`), in JSON: "
        "keep_for (seconds), keep_every_entries, keep_latest_entries, and history (whether "
        "newcomers may ask for the last entries)",
    )

    @field_validator("preferred_shards")
    @classmethod
    def _check_shards(cls, value: str) -> str:
        parse_shards(value)
        return value

    @field_validator("event_types")
    @classmethod
    def _check_types(cls, value: str) -> str:
        parse_types(value)
        return value

    @field_validator("token_jwks_url")
    @classmethod
    def _check_url(cls, value: str) -> str:
        if value and not value.startswith(("https://", "http://")):
            raise ValueError("must begin with https:// (or http:// inside a private network)")
        return value

    @field_validator("room_kinds")
    @classmethod
    def _check_kinds(cls, value: str) -> str:
        parse_kinds(value)
        return value

    @property
    def types(self) -> frozenset[str]:
        """The event types that this deployment brings itself."""
        return parse_types(self.event_types)

    @property
    def preference(self) -> frozenset[int]:
        """The shards that this router is meant to serve when several run; empty: all."""
        return parse_shards(self.preferred_shards)

    @property
    def retention(self) -> Retention:
        """The store's part of the settings."""
        return Retention(
            every_entries=self.keep_every_entries,
            latest_entries=self.keep_latest_entries,
            entry_age=self.keep_entries_for,
            dedupe_age=self.keep_ids_for,
            device_age=self.keep_devices_for,
            ephemeral_device_age=self.keep_ephemeral_devices_for,
            action_age=self.keep_actions_for,
            kinds=parse_kinds(self.room_kinds),
        )
