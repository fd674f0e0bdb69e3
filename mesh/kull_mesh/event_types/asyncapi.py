"""An AsyncAPI 3 document of all channels: RabbitMQ for publishers, WebSockets for devices. PURE."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from kull_mesh.event_types.websocket import EVENT_ID, Json, device_schema, message, server_schema
from kull_producers.events import topology
from kull_producers.events.audience import OwnUser, whom_in
from kull_producers.events.catalogue import Catalogue
from kull_producers.events.delivery_contract import Latest
from kull_producers.events.envelope import messages_of
from kull_producers.events.event import Event
from kull_producers.events.message import EVENT_CONTENT
from kull_producers.events.schema import data_schema, first_line, resolved
from kull_producers.events.stamp import Stamp
from kull_protos.contract.shard import DEFAULT_SHARD_COUNT
from kull_protos.contract.subprotocols import V2

VERSION: Final = V2.rpartition(".")[2]
AMQP: Final = "0.3.0"  # version of the bindings
WEBSOCKET: Final = "0.1.0"
STAMP: Final = Stamp(id="0197-a1", timestamp_ms=1_760_000_000_000, app_id="billing")
TEXT: Final[Json] = {"type": "string"}
COUNT: Final[Json] = {"type": "integer", "minimum": 0}
SERVERS: Final[Json] = {
    "rabbitmq": {
        "host": "rabbitmq.example.org",
        "protocol": "amqps",
        "protocolVersion": "0-9-1",
        "description": "accounts with no more rights than they need: `kull definitions`",
        "security": [{"type": "userPassword"}],
    },
    "edge": {
        "host": "sync.example.org",
        "protocol": "wss",
        "description": "an edge, or what stands before several",
        "security": [
            {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "a device token: in the query, the subprotocol or HELLO",
            }
        ],
    },
}
ADDRESS: Final[Json] = {
    "shard": {
        "description": "where the event's queue is: crc32 of the address, modulo the shards; two "
        "digits. A router mends a wrong one",
        "examples": ["07"],
    },
    "kind": {"description": "whom the event is for"},
    "id": {
        "description": "of the user or room, what is not A-Z, a-z, 0-9, _ or - as %XX; or `all`",
        "examples": ["user_123"],
    },
}
CONNECTING: Final[Json] = {
    "type": "object",
    "properties": {
        "token": {
            **TEXT,
            "description": "the device token, unless the subprotocol or HELLO has it",
        },
        "epoch": {**TEXT, "description": "of the positions in `after`"},
        "after": {**TEXT, "description": "what is processed: user:12,all:7"},
        "instance": {**TEXT, "description": "names this run of the client"},
        "deviceId": {**TEXT, "description": "the id that the token names"},
    },
}


def document(events: Catalogue) -> Json:
    """Return the document of a deployment that knows these event types."""
    said = _parts(device_schema())
    got = _parts(server_schema(events))
    published = {f"event.{name}": _published(model) for name, model in events.items()}
    for_rooms = [
        f"event.{name}"
        for name, model in events.items()
        if not isinstance(model.event_type.audience, OwnUser)
    ]
    devices = {f"say.{name}": _of_devices(name, spec) for name, spec in said.items()}
    devices |= {f"get.{name}": _of_devices(name, spec) for name, spec in got.items()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Kull Sync",
            "version": VERSION,
            "description": "Events for all devices of a user. Services publish them to RabbitMQ "
            "(or by HTTP, see the gateway's /openapi.json), devices get them over a WebSocket.",
        },
        "defaultContentType": EVENT_CONTENT,
        "servers": SERVERS,
        "channels": {
            **{name: _channel(events[name]) for name in events},
            "rooms": _rooms(for_rooms),
            "devices": _devices(devices),
        },
        "operations": dict(_operations(events, for_rooms, devices)),
        "components": {"messages": {**published, **devices}},
    }


def _parts(schema: Json) -> dict[str, Json]:
    """Return the schema of each message, without references."""
    alone = {each["$ref"].rpartition("/")[2]: each for each in schema["oneOf"]}
    parts: dict[str, Json] = resolved({"$defs": schema["$defs"], "properties": alone})["properties"]
    return parts


def _published(model: type[Event]) -> Json:
    kind = model.event_type
    return {
        "name": kind.name,
        "title": kind.title,
        "summary": kind.summary,
        "description": f"Kept as contract `{kind.contract.name}` says.",
        "contentType": EVENT_CONTENT,
        "headers": _headers(model),
        "payload": _draft_7(message(kind.name, data_schema(model), {"id": EVENT_ID})),
        "bindings": {"amqp": {"messageType": kind.name, "bindingVersion": AMQP}},
        "examples": [_example(model, what) for what in kind.examples],
    }


def _example(model: type[Event], what: str) -> Json:
    kind = model.event_type
    fields = dict(kind.examples[what])
    whom = whom_in(kind.audience, kind.title, fields)
    made = messages_of(
        model.from_data(fields), STAMP, shard_count=DEFAULT_SHARD_COUNT, **whom._asdict()
    )
    return {"name": what, "headers": made[0].headers, "payload": json.loads(made[0].body)}


def _headers(model: type[Event]) -> Json:
    contract = model.event_type.contract
    properties: Json = {
        topology.HEADER_ADDRESS: {**TEXT, "description": "user:<id>, room:<name> or all"},
        topology.HEADER_CONTRACT: {"const": contract.name},
        topology.HEADER_EXCLUDE: {**TEXT, "description": "the device that caused it"},
        topology.HEADER_TRACEPARENT: {**TEXT, "description": "W3C Trace Context"},
    }
    required = [topology.HEADER_ADDRESS, topology.HEADER_CONTRACT]
    if isinstance(contract, Latest):
        properties |= {
            topology.HEADER_KEY: {
                **TEXT,
                "description": f"which replace each other: {contract.key}",
            },
            topology.HEADER_FINAL: {"type": "boolean", "description": "nothing more is to come"},
            topology.HEADER_RUN: {**TEXT, "description": "names one run of the publisher"},
            topology.HEADER_VERSION: {**COUNT, "description": "grows with what the run says"},
            topology.HEADER_LATE: {"type": "boolean", "description": "it waited in an outbox"},
        }
        required.append(topology.HEADER_KEY)
    if isinstance(contract, Latest) and contract.progress:
        properties[topology.HEADER_PROGRESS] = {**COUNT, "description": "how far it is"}
    return {"type": "object", "properties": properties, "required": required}


def _channel(model: type[Event]) -> Json:
    kind = model.event_type
    all_too = kind.audience.takes_everybody or not kind.audience.knows_user
    of = {**ADDRESS, "kind": {**ADDRESS["kind"], "enum": ["user", "all"] if all_too else ["user"]}}
    return {
        "address": f"{{shard}}.{{kind}}.{{id}}.{kind.name.lower()}",
        "title": f"{kind.title}: for users",
        "description": first_line(model),
        "servers": [{"$ref": "#/servers/rabbitmq"}],
        "parameters": of,
        "messages": _named([f"event.{kind.name}"]),
        "bindings": _exchange(kind.exchange),
    }


def _rooms(names: list[str]) -> Json:
    event = {"description": "the event's type in lower case", "examples": ["prompt_change"]}
    return {
        "address": "{shard}.room.{id}.{event}",
        "title": "events for those who follow a room",
        "servers": [{"$ref": "#/servers/rabbitmq"}],
        "parameters": {"shard": ADDRESS["shard"], "id": ADDRESS["id"], "event": event},
        "messages": _named(names),
        "bindings": _exchange(topology.ROOM),
    }


def _devices(messages: Json) -> Json:
    return {
        "address": "/ws",
        "title": "one connection of a device",
        "description": f"Subprotocol {V2}; docs/protocol.md is normative.",
        "servers": [{"$ref": "#/servers/edge"}],
        "messages": _named(list(messages)),
        "bindings": {
            "ws": {"method": "GET", "query": CONNECTING, "bindingVersion": WEBSOCKET},
        },
    }


def _of_devices(name: str, spec: Json) -> Json:
    return {
        "name": name,
        "title": name,
        "summary": spec["description"],
        "contentType": EVENT_CONTENT,
        "payload": _draft_7(spec),
    }


def _operations(
    events: Catalogue, for_rooms: list[str], devices: Json
) -> Iterator[tuple[str, Json]]:
    """Return what Kull does: it receives what others send."""
    confirmed = {"amqp": {"deliveryMode": 2, "mandatory": True, "bindingVersion": AMQP}}
    for name, model in events.items():
        took = _operation("receive", name, [f"event.{name}"], model.event_type.summary)
        yield f"take.{name}", {**took, "bindings": confirmed}
    took = _operation("receive", "rooms", for_rooms, "Tell those who follow a room.")
    yield "take.rooms", {**took, "bindings": confirmed}
    for prefix, action, summary in (
        ("say", "receive", "What devices say."),
        ("get", "send", "What devices get."),
    ):
        names = [name for name in devices if name.startswith(f"{prefix}.")]
        yield f"devices.{prefix}", _operation(action, "devices", names, summary)


def _operation(action: str, channel: str, names: list[str], summary: str) -> Json:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in names],
    }


def _named(names: list[str]) -> Json:
    return {name: {"$ref": f"#/components/messages/{name}"} for name in names}


def _exchange(name: str) -> Json:
    exchange = {
        "name": name,
        "type": "topic",
        "durable": True,
        "autoDelete": False,
        "vhost": "/",
    }
    return {"amqp": {"is": "routingKey", "exchange": exchange, "bindingVersion": AMQP}}


def _draft_7(spec: Any) -> Any:
    """Return a schema as AsyncAPI's own kind has it: lists of fixed parts are said otherwise."""
    if isinstance(spec, list):
        return [_draft_7(each) for each in spec]
    if not isinstance(spec, dict):
        return spec
    made = {name: _draft_7(each) for name, each in spec.items()}
    if isinstance(made.get("prefixItems"), list):
        made["items"] = made.pop("prefixItems")
    return made
