from kull_protos.mesh.v1 import attach_pb2 as _attach_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListNodesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListNodesResponse(_message.Message):
    __slots__ = ("router", "edges")
    ROUTER_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    router: RouterNode
    edges: _containers.RepeatedCompositeFieldContainer[EdgeNode]
    def __init__(self, router: _Optional[_Union[RouterNode, _Mapping]] = ..., edges: _Optional[_Iterable[_Union[EdgeNode, _Mapping]]] = ...) -> None: ...

class RouterNode(_message.Message):
    __slots__ = ("router_id", "version", "epoch", "shard_count", "owned", "broker_connected", "dead_letters")
    ROUTER_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SHARD_COUNT_FIELD_NUMBER: _ClassVar[int]
    OWNED_FIELD_NUMBER: _ClassVar[int]
    BROKER_CONNECTED_FIELD_NUMBER: _ClassVar[int]
    DEAD_LETTERS_FIELD_NUMBER: _ClassVar[int]
    router_id: str
    version: str
    epoch: str
    shard_count: int
    owned: _containers.RepeatedCompositeFieldContainer[_attach_pb2.ShardTerm]
    broker_connected: bool
    dead_letters: int
    def __init__(self, router_id: _Optional[str] = ..., version: _Optional[str] = ..., epoch: _Optional[str] = ..., shard_count: _Optional[int] = ..., owned: _Optional[_Iterable[_Union[_attach_pb2.ShardTerm, _Mapping]]] = ..., broker_connected: _Optional[bool] = ..., dead_letters: _Optional[int] = ...) -> None: ...

class EdgeNode(_message.Message):
    __slots__ = ("node_id", "version", "sessions", "send_queue_bytes", "attached_at")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    SEND_QUEUE_BYTES_FIELD_NUMBER: _ClassVar[int]
    ATTACHED_AT_FIELD_NUMBER: _ClassVar[int]
    node_id: str
    version: str
    sessions: int
    send_queue_bytes: int
    attached_at: int
    def __init__(self, node_id: _Optional[str] = ..., version: _Optional[str] = ..., sessions: _Optional[int] = ..., send_queue_bytes: _Optional[int] = ..., attached_at: _Optional[int] = ...) -> None: ...

class ListSessionsRequest(_message.Message):
    __slots__ = ("user_id", "limit")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    limit: int
    def __init__(self, user_id: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class ListSessionsResponse(_message.Message):
    __slots__ = ("sessions",)
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    sessions: _containers.RepeatedCompositeFieldContainer[Session]
    def __init__(self, sessions: _Optional[_Iterable[_Union[Session, _Mapping]]] = ...) -> None: ...

class Session(_message.Message):
    __slots__ = ("node_id", "session_id", "user_id", "device")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    node_id: str
    session_id: int
    user_id: str
    device: _attach_pb2.Device
    def __init__(self, node_id: _Optional[str] = ..., session_id: _Optional[int] = ..., user_id: _Optional[str] = ..., device: _Optional[_Union[_attach_pb2.Device, _Mapping]] = ...) -> None: ...

class ListQueuesRequest(_message.Message):
    __slots__ = ("address", "after", "limit")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    address: str
    after: str
    limit: int
    def __init__(self, address: _Optional[str] = ..., after: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class ListQueuesResponse(_message.Message):
    __slots__ = ("queues",)
    QUEUES_FIELD_NUMBER: _ClassVar[int]
    queues: _containers.RepeatedCompositeFieldContainer[Queue]
    def __init__(self, queues: _Optional[_Iterable[_Union[Queue, _Mapping]]] = ...) -> None: ...

class Queue(_message.Message):
    __slots__ = ("address", "shard", "head", "floor", "entries")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    SHARD_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    FLOOR_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    address: str
    shard: int
    head: int
    floor: int
    entries: int
    def __init__(self, address: _Optional[str] = ..., shard: _Optional[int] = ..., head: _Optional[int] = ..., floor: _Optional[int] = ..., entries: _Optional[int] = ...) -> None: ...

class ListDevicesRequest(_message.Message):
    __slots__ = ("user_id",)
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    def __init__(self, user_id: _Optional[str] = ...) -> None: ...

class ListDevicesResponse(_message.Message):
    __slots__ = ("devices",)
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    devices: _containers.RepeatedCompositeFieldContainer[KnownDevice]
    def __init__(self, devices: _Optional[_Iterable[_Union[KnownDevice, _Mapping]]] = ...) -> None: ...

class KnownDevice(_message.Message):
    __slots__ = ("device", "connected", "cursor", "last_seen", "initial_head", "follows", "behind_since")
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_FIELD_NUMBER: _ClassVar[int]
    INITIAL_HEAD_FIELD_NUMBER: _ClassVar[int]
    FOLLOWS_FIELD_NUMBER: _ClassVar[int]
    BEHIND_SINCE_FIELD_NUMBER: _ClassVar[int]
    device: _attach_pb2.Device
    connected: bool
    cursor: int
    last_seen: int
    initial_head: int
    follows: bool
    behind_since: int
    def __init__(self, device: _Optional[_Union[_attach_pb2.Device, _Mapping]] = ..., connected: _Optional[bool] = ..., cursor: _Optional[int] = ..., last_seen: _Optional[int] = ..., initial_head: _Optional[int] = ..., follows: _Optional[bool] = ..., behind_since: _Optional[int] = ...) -> None: ...

class DisconnectRequest(_message.Message):
    __slots__ = ("user_id", "device_id", "reason")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    device_id: str
    reason: str
    def __init__(self, user_id: _Optional[str] = ..., device_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class DisconnectResponse(_message.Message):
    __slots__ = ("sessions",)
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    sessions: int
    def __init__(self, sessions: _Optional[int] = ...) -> None: ...

class RevokeRequest(_message.Message):
    __slots__ = ("user_id", "device_id", "token_id", "issued_before")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    ISSUED_BEFORE_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    device_id: str
    token_id: str
    issued_before: int
    def __init__(self, user_id: _Optional[str] = ..., device_id: _Optional[str] = ..., token_id: _Optional[str] = ..., issued_before: _Optional[int] = ...) -> None: ...

class RevokeResponse(_message.Message):
    __slots__ = ("sessions",)
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    sessions: int
    def __init__(self, sessions: _Optional[int] = ...) -> None: ...

class DrainRequest(_message.Message):
    __slots__ = ("node_id", "reason")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    node_id: str
    reason: str
    def __init__(self, node_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class DrainResponse(_message.Message):
    __slots__ = ("sessions",)
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    sessions: int
    def __init__(self, sessions: _Optional[int] = ...) -> None: ...

class ExplainRequest(_message.Message):
    __slots__ = ("event_id", "user_id", "device_id")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    user_id: str
    device_id: str
    def __init__(self, event_id: _Optional[str] = ..., user_id: _Optional[str] = ..., device_id: _Optional[str] = ...) -> None: ...

class ExplainResponse(_message.Message):
    __slots__ = ("router", "now", "traces", "devices", "facts", "following", "silent_edges", "remembers_since", "store_error", "queue", "more_traces", "shifts")
    class ShiftsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    ROUTER_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    TRACES_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    FOLLOWING_FIELD_NUMBER: _ClassVar[int]
    SILENT_EDGES_FIELD_NUMBER: _ClassVar[int]
    REMEMBERS_SINCE_FIELD_NUMBER: _ClassVar[int]
    STORE_ERROR_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    MORE_TRACES_FIELD_NUMBER: _ClassVar[int]
    SHIFTS_FIELD_NUMBER: _ClassVar[int]
    router: RouterNode
    now: int
    traces: _containers.RepeatedCompositeFieldContainer[Trace]
    devices: _containers.RepeatedCompositeFieldContainer[KnownDevice]
    facts: _containers.RepeatedCompositeFieldContainer[_attach_pb2.Fact]
    following: _containers.RepeatedCompositeFieldContainer[_attach_pb2.Following]
    silent_edges: _containers.RepeatedScalarFieldContainer[str]
    remembers_since: int
    store_error: str
    queue: Queue
    more_traces: int
    shifts: _containers.ScalarMap[str, int]
    def __init__(self, router: _Optional[_Union[RouterNode, _Mapping]] = ..., now: _Optional[int] = ..., traces: _Optional[_Iterable[_Union[Trace, _Mapping]]] = ..., devices: _Optional[_Iterable[_Union[KnownDevice, _Mapping]]] = ..., facts: _Optional[_Iterable[_Union[_attach_pb2.Fact, _Mapping]]] = ..., following: _Optional[_Iterable[_Union[_attach_pb2.Following, _Mapping]]] = ..., silent_edges: _Optional[_Iterable[str]] = ..., remembers_since: _Optional[int] = ..., store_error: _Optional[str] = ..., queue: _Optional[_Union[Queue, _Mapping]] = ..., more_traces: _Optional[int] = ..., shifts: _Optional[_Mapping[str, int]] = ...) -> None: ...

class Trace(_message.Message):
    __slots__ = ("address", "shard", "seq", "type", "service", "stored_at", "kept", "contract", "key", "exclude_device_id", "published_at", "queue", "devices", "final")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    SHARD_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    STORED_AT_FIELD_NUMBER: _ClassVar[int]
    KEPT_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_AT_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    address: str
    shard: int
    seq: int
    type: str
    service: str
    stored_at: int
    kept: bool
    contract: str
    key: str
    exclude_device_id: str
    published_at: int
    queue: Queue
    devices: _containers.RepeatedCompositeFieldContainer[KnownDevice]
    final: bool
    def __init__(self, address: _Optional[str] = ..., shard: _Optional[int] = ..., seq: _Optional[int] = ..., type: _Optional[str] = ..., service: _Optional[str] = ..., stored_at: _Optional[int] = ..., kept: _Optional[bool] = ..., contract: _Optional[str] = ..., key: _Optional[str] = ..., exclude_device_id: _Optional[str] = ..., published_at: _Optional[int] = ..., queue: _Optional[_Union[Queue, _Mapping]] = ..., devices: _Optional[_Iterable[_Union[KnownDevice, _Mapping]]] = ..., final: _Optional[bool] = ...) -> None: ...

class OverviewRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class OverviewResponse(_message.Message):
    __slots__ = ("router", "edges", "now", "started_at", "sessions", "counters", "store", "broker", "backlog", "dead_waiting", "unrouted_waiting")
    ROUTER_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    COUNTERS_FIELD_NUMBER: _ClassVar[int]
    STORE_FIELD_NUMBER: _ClassVar[int]
    BROKER_FIELD_NUMBER: _ClassVar[int]
    BACKLOG_FIELD_NUMBER: _ClassVar[int]
    DEAD_WAITING_FIELD_NUMBER: _ClassVar[int]
    UNROUTED_WAITING_FIELD_NUMBER: _ClassVar[int]
    router: RouterNode
    edges: _containers.RepeatedCompositeFieldContainer[EdgeNode]
    now: int
    started_at: int
    sessions: int
    counters: Counters
    store: Health
    broker: Health
    backlog: Backlog
    dead_waiting: int
    unrouted_waiting: int
    def __init__(self, router: _Optional[_Union[RouterNode, _Mapping]] = ..., edges: _Optional[_Iterable[_Union[EdgeNode, _Mapping]]] = ..., now: _Optional[int] = ..., started_at: _Optional[int] = ..., sessions: _Optional[int] = ..., counters: _Optional[_Union[Counters, _Mapping]] = ..., store: _Optional[_Union[Health, _Mapping]] = ..., broker: _Optional[_Union[Health, _Mapping]] = ..., backlog: _Optional[_Union[Backlog, _Mapping]] = ..., dead_waiting: _Optional[int] = ..., unrouted_waiting: _Optional[int] = ...) -> None: ...

class Counters(_message.Message):
    __slots__ = ("stored", "duplicates", "stale", "pushes", "gaps", "dead_letters", "readdressed", "refused", "evicted", "unaddressed")
    class RefusedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: int
        value: int
        def __init__(self, key: _Optional[int] = ..., value: _Optional[int] = ...) -> None: ...
    class EvictedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: int
        value: int
        def __init__(self, key: _Optional[int] = ..., value: _Optional[int] = ...) -> None: ...
    class UnaddressedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    STORED_FIELD_NUMBER: _ClassVar[int]
    DUPLICATES_FIELD_NUMBER: _ClassVar[int]
    STALE_FIELD_NUMBER: _ClassVar[int]
    PUSHES_FIELD_NUMBER: _ClassVar[int]
    GAPS_FIELD_NUMBER: _ClassVar[int]
    DEAD_LETTERS_FIELD_NUMBER: _ClassVar[int]
    READDRESSED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    EVICTED_FIELD_NUMBER: _ClassVar[int]
    UNADDRESSED_FIELD_NUMBER: _ClassVar[int]
    stored: int
    duplicates: int
    stale: int
    pushes: int
    gaps: int
    dead_letters: int
    readdressed: int
    refused: _containers.ScalarMap[int, int]
    evicted: _containers.ScalarMap[int, int]
    unaddressed: _containers.ScalarMap[str, int]
    def __init__(self, stored: _Optional[int] = ..., duplicates: _Optional[int] = ..., stale: _Optional[int] = ..., pushes: _Optional[int] = ..., gaps: _Optional[int] = ..., dead_letters: _Optional[int] = ..., readdressed: _Optional[int] = ..., refused: _Optional[_Mapping[int, int]] = ..., evicted: _Optional[_Mapping[int, int]] = ..., unaddressed: _Optional[_Mapping[str, int]] = ...) -> None: ...

class Health(_message.Message):
    __slots__ = ("ok", "problem", "micros", "blocked")
    OK_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    MICROS_FIELD_NUMBER: _ClassVar[int]
    BLOCKED_FIELD_NUMBER: _ClassVar[int]
    ok: bool
    problem: str
    micros: int
    blocked: bool
    def __init__(self, ok: _Optional[bool] = ..., problem: _Optional[str] = ..., micros: _Optional[int] = ..., blocked: _Optional[bool] = ...) -> None: ...

class Backlog(_message.Message):
    __slots__ = ("devices", "positions", "partial")
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    PARTIAL_FIELD_NUMBER: _ClassVar[int]
    devices: int
    positions: int
    partial: bool
    def __init__(self, devices: _Optional[int] = ..., positions: _Optional[int] = ..., partial: _Optional[bool] = ...) -> None: ...

class ListUsersRequest(_message.Message):
    __slots__ = ("prefix", "after", "limit")
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    prefix: str
    after: str
    limit: int
    def __init__(self, prefix: _Optional[str] = ..., after: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class ListUsersResponse(_message.Message):
    __slots__ = ("user_ids",)
    USER_IDS_FIELD_NUMBER: _ClassVar[int]
    user_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, user_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class ListEntriesRequest(_message.Message):
    __slots__ = ("address", "after", "limit")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    address: str
    after: int
    limit: int
    def __init__(self, address: _Optional[str] = ..., after: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class ListEntriesResponse(_message.Message):
    __slots__ = ("queue", "entries", "through", "devices")
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    THROUGH_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    queue: Queue
    entries: _containers.RepeatedCompositeFieldContainer[QueueEntry]
    through: int
    devices: _containers.RepeatedCompositeFieldContainer[KnownDevice]
    def __init__(self, queue: _Optional[_Union[Queue, _Mapping]] = ..., entries: _Optional[_Iterable[_Union[QueueEntry, _Mapping]]] = ..., through: _Optional[int] = ..., devices: _Optional[_Iterable[_Union[KnownDevice, _Mapping]]] = ...) -> None: ...

class QueueEntry(_message.Message):
    __slots__ = ("seq", "event_id", "type", "service", "contract", "key", "final", "stored_at", "size", "exclude_device_id")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    STORED_AT_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    seq: int
    event_id: str
    type: str
    service: str
    contract: str
    key: str
    final: bool
    stored_at: int
    size: int
    exclude_device_id: str
    def __init__(self, seq: _Optional[int] = ..., event_id: _Optional[str] = ..., type: _Optional[str] = ..., service: _Optional[str] = ..., contract: _Optional[str] = ..., key: _Optional[str] = ..., final: _Optional[bool] = ..., stored_at: _Optional[int] = ..., size: _Optional[int] = ..., exclude_device_id: _Optional[str] = ...) -> None: ...

class ListBehindRequest(_message.Message):
    __slots__ = ("limit",)
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    limit: int
    def __init__(self, limit: _Optional[int] = ...) -> None: ...

class ListBehindResponse(_message.Message):
    __slots__ = ("all", "devices")
    ALL_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    all: Backlog
    devices: _containers.RepeatedCompositeFieldContainer[BehindDevice]
    def __init__(self, all: _Optional[_Union[Backlog, _Mapping]] = ..., devices: _Optional[_Iterable[_Union[BehindDevice, _Mapping]]] = ...) -> None: ...

class BehindDevice(_message.Message):
    __slots__ = ("user_id", "device", "behind", "since")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    BEHIND_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    device: KnownDevice
    behind: int
    since: int
    def __init__(self, user_id: _Optional[str] = ..., device: _Optional[_Union[KnownDevice, _Mapping]] = ..., behind: _Optional[int] = ..., since: _Optional[int] = ...) -> None: ...

class ListRoomsRequest(_message.Message):
    __slots__ = ("after", "limit")
    AFTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    after: str
    limit: int
    def __init__(self, after: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class ListRoomsResponse(_message.Message):
    __slots__ = ("rooms",)
    ROOMS_FIELD_NUMBER: _ClassVar[int]
    rooms: _containers.RepeatedCompositeFieldContainer[Room]
    def __init__(self, rooms: _Optional[_Iterable[_Union[Room, _Mapping]]] = ...) -> None: ...

class Room(_message.Message):
    __slots__ = ("address", "sessions", "members")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    address: str
    sessions: int
    members: int
    def __init__(self, address: _Optional[str] = ..., sessions: _Optional[int] = ..., members: _Optional[int] = ...) -> None: ...

class ListFollowersRequest(_message.Message):
    __slots__ = ("address", "limit")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    address: str
    limit: int
    def __init__(self, address: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class ListFollowersResponse(_message.Message):
    __slots__ = ("sessions", "all")
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    ALL_FIELD_NUMBER: _ClassVar[int]
    sessions: _containers.RepeatedCompositeFieldContainer[Session]
    all: int
    def __init__(self, sessions: _Optional[_Iterable[_Union[Session, _Mapping]]] = ..., all: _Optional[int] = ...) -> None: ...

class ListDeadLettersRequest(_message.Message):
    __slots__ = ("skip", "limit", "bodies")
    SKIP_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    BODIES_FIELD_NUMBER: _ClassVar[int]
    skip: int
    limit: int
    bodies: bool
    def __init__(self, skip: _Optional[int] = ..., limit: _Optional[int] = ..., bodies: _Optional[bool] = ...) -> None: ...

class ListDeadLettersResponse(_message.Message):
    __slots__ = ("letters", "all")
    LETTERS_FIELD_NUMBER: _ClassVar[int]
    ALL_FIELD_NUMBER: _ClassVar[int]
    letters: _containers.RepeatedCompositeFieldContainer[DeadLetter]
    all: int
    def __init__(self, letters: _Optional[_Iterable[_Union[DeadLetter, _Mapping]]] = ..., all: _Optional[int] = ...) -> None: ...

class DeadLetter(_message.Message):
    __slots__ = ("id", "event_id", "type", "app_id", "address", "routing_key", "reason", "body", "size", "lost")
    ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    APP_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    ROUTING_KEY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    LOST_FIELD_NUMBER: _ClassVar[int]
    id: str
    event_id: str
    type: str
    app_id: str
    address: str
    routing_key: str
    reason: str
    body: bytes
    size: int
    lost: str
    def __init__(self, id: _Optional[str] = ..., event_id: _Optional[str] = ..., type: _Optional[str] = ..., app_id: _Optional[str] = ..., address: _Optional[str] = ..., routing_key: _Optional[str] = ..., reason: _Optional[str] = ..., body: _Optional[bytes] = ..., size: _Optional[int] = ..., lost: _Optional[str] = ...) -> None: ...

class ResolveDeadLettersRequest(_message.Message):
    __slots__ = ("ids", "republish")
    IDS_FIELD_NUMBER: _ClassVar[int]
    REPUBLISH_FIELD_NUMBER: _ClassVar[int]
    ids: _containers.RepeatedScalarFieldContainer[str]
    republish: bool
    def __init__(self, ids: _Optional[_Iterable[str]] = ..., republish: _Optional[bool] = ...) -> None: ...

class ResolveDeadLettersResponse(_message.Message):
    __slots__ = ("resolved", "failed")
    class FailedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    RESOLVED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    resolved: int
    failed: _containers.ScalarMap[str, str]
    def __init__(self, resolved: _Optional[int] = ..., failed: _Optional[_Mapping[str, str]] = ...) -> None: ...

class ForgetDeviceRequest(_message.Message):
    __slots__ = ("user_id", "device_id")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    device_id: str
    def __init__(self, user_id: _Optional[str] = ..., device_id: _Optional[str] = ...) -> None: ...

class ForgetDeviceResponse(_message.Message):
    __slots__ = ("sessions",)
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    sessions: int
    def __init__(self, sessions: _Optional[int] = ...) -> None: ...

class SignOutDeviceRequest(_message.Message):
    __slots__ = ("user_id", "device_id")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    device_id: str
    def __init__(self, user_id: _Optional[str] = ..., device_id: _Optional[str] = ...) -> None: ...

class SignOutDeviceResponse(_message.Message):
    __slots__ = ("sessions", "event_id")
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    sessions: int
    event_id: str
    def __init__(self, sessions: _Optional[int] = ..., event_id: _Optional[str] = ...) -> None: ...

class SendTestEventRequest(_message.Message):
    __slots__ = ("user_id", "event_id")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    event_id: str
    def __init__(self, user_id: _Optional[str] = ..., event_id: _Optional[str] = ...) -> None: ...

class SendTestEventResponse(_message.Message):
    __slots__ = ("event_id",)
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    def __init__(self, event_id: _Optional[str] = ...) -> None: ...

class Action(_message.Message):
    __slots__ = ("number", "at", "operator", "name", "target", "result")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    number: int
    at: int
    operator: str
    name: str
    target: str
    result: str
    def __init__(self, number: _Optional[int] = ..., at: _Optional[int] = ..., operator: _Optional[str] = ..., name: _Optional[str] = ..., target: _Optional[str] = ..., result: _Optional[str] = ...) -> None: ...

class NoteActionRequest(_message.Message):
    __slots__ = ("number", "operator", "name", "target", "result", "key")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    number: int
    operator: str
    name: str
    target: str
    result: str
    key: str
    def __init__(self, number: _Optional[int] = ..., operator: _Optional[str] = ..., name: _Optional[str] = ..., target: _Optional[str] = ..., result: _Optional[str] = ..., key: _Optional[str] = ...) -> None: ...

class NoteActionResponse(_message.Message):
    __slots__ = ("number",)
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    number: int
    def __init__(self, number: _Optional[int] = ...) -> None: ...

class ListActionsRequest(_message.Message):
    __slots__ = ("before", "limit")
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    before: int
    limit: int
    def __init__(self, before: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class ListActionsResponse(_message.Message):
    __slots__ = ("actions",)
    ACTIONS_FIELD_NUMBER: _ClassVar[int]
    actions: _containers.RepeatedCompositeFieldContainer[Action]
    def __init__(self, actions: _Optional[_Iterable[_Union[Action, _Mapping]]] = ...) -> None: ...
