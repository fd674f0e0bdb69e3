from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AttachRequests(_message.Message):
    __slots__ = ("frames", "sent")
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    SENT_FIELD_NUMBER: _ClassVar[int]
    frames: _containers.RepeatedCompositeFieldContainer[AttachRequest]
    sent: int
    def __init__(self, frames: _Optional[_Iterable[_Union[AttachRequest, _Mapping]]] = ..., sent: _Optional[int] = ...) -> None: ...

class AttachResponses(_message.Message):
    __slots__ = ("frames", "sent_us")
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    SENT_US_FIELD_NUMBER: _ClassVar[int]
    frames: _containers.RepeatedCompositeFieldContainer[AttachResponse]
    sent_us: int
    def __init__(self, frames: _Optional[_Iterable[_Union[AttachResponse, _Mapping]]] = ..., sent_us: _Optional[int] = ...) -> None: ...

class AttachRequest(_message.Message):
    __slots__ = ("hello", "subscribe", "unsubscribe", "acks", "fetch", "publish", "refresh", "logout", "recalled", "sign_out", "set_state", "watch")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBE_FIELD_NUMBER: _ClassVar[int]
    UNSUBSCRIBE_FIELD_NUMBER: _ClassVar[int]
    ACKS_FIELD_NUMBER: _ClassVar[int]
    FETCH_FIELD_NUMBER: _ClassVar[int]
    PUBLISH_FIELD_NUMBER: _ClassVar[int]
    REFRESH_FIELD_NUMBER: _ClassVar[int]
    LOGOUT_FIELD_NUMBER: _ClassVar[int]
    RECALLED_FIELD_NUMBER: _ClassVar[int]
    SIGN_OUT_FIELD_NUMBER: _ClassVar[int]
    SET_STATE_FIELD_NUMBER: _ClassVar[int]
    WATCH_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    subscribe: Subscribe
    unsubscribe: Unsubscribe
    acks: Acks
    fetch: Fetch
    publish: Publish
    refresh: Refresh
    logout: Logout
    recalled: Recalled
    sign_out: SignOut
    set_state: SetState
    watch: Watch
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ..., subscribe: _Optional[_Union[Subscribe, _Mapping]] = ..., unsubscribe: _Optional[_Union[Unsubscribe, _Mapping]] = ..., acks: _Optional[_Union[Acks, _Mapping]] = ..., fetch: _Optional[_Union[Fetch, _Mapping]] = ..., publish: _Optional[_Union[Publish, _Mapping]] = ..., refresh: _Optional[_Union[Refresh, _Mapping]] = ..., logout: _Optional[_Union[Logout, _Mapping]] = ..., recalled: _Optional[_Union[Recalled, _Mapping]] = ..., sign_out: _Optional[_Union[SignOut, _Mapping]] = ..., set_state: _Optional[_Union[SetState, _Mapping]] = ..., watch: _Optional[_Union[Watch, _Mapping]] = ...) -> None: ...

class AttachResponse(_message.Message):
    __slots__ = ("welcome", "shards", "subscribed", "refused", "deliver", "batch", "gap", "evict", "published", "drain", "drain_order", "refreshed", "recall", "roster", "statuses")
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    SHARDS_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    DELIVER_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    GAP_FIELD_NUMBER: _ClassVar[int]
    EVICT_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_FIELD_NUMBER: _ClassVar[int]
    DRAIN_FIELD_NUMBER: _ClassVar[int]
    DRAIN_ORDER_FIELD_NUMBER: _ClassVar[int]
    REFRESHED_FIELD_NUMBER: _ClassVar[int]
    RECALL_FIELD_NUMBER: _ClassVar[int]
    ROSTER_FIELD_NUMBER: _ClassVar[int]
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    welcome: Welcome
    shards: OwnedShards
    subscribed: Subscribed
    refused: Refused
    deliver: Deliver
    batch: Batch
    gap: Gap
    evict: Evict
    published: Published
    drain: Drain
    drain_order: DrainOrder
    refreshed: Refreshed
    recall: Recall
    roster: Roster
    statuses: Statuses
    def __init__(self, welcome: _Optional[_Union[Welcome, _Mapping]] = ..., shards: _Optional[_Union[OwnedShards, _Mapping]] = ..., subscribed: _Optional[_Union[Subscribed, _Mapping]] = ..., refused: _Optional[_Union[Refused, _Mapping]] = ..., deliver: _Optional[_Union[Deliver, _Mapping]] = ..., batch: _Optional[_Union[Batch, _Mapping]] = ..., gap: _Optional[_Union[Gap, _Mapping]] = ..., evict: _Optional[_Union[Evict, _Mapping]] = ..., published: _Optional[_Union[Published, _Mapping]] = ..., drain: _Optional[_Union[Drain, _Mapping]] = ..., drain_order: _Optional[_Union[DrainOrder, _Mapping]] = ..., refreshed: _Optional[_Union[Refreshed, _Mapping]] = ..., recall: _Optional[_Union[Recall, _Mapping]] = ..., roster: _Optional[_Union[Roster, _Mapping]] = ..., statuses: _Optional[_Union[Statuses, _Mapping]] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("node_id", "version")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    node_id: str
    version: str
    def __init__(self, node_id: _Optional[str] = ..., version: _Optional[str] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("router_id", "version", "shard_count", "epoch", "fetch_credits")
    ROUTER_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SHARD_COUNT_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    FETCH_CREDITS_FIELD_NUMBER: _ClassVar[int]
    router_id: str
    version: str
    shard_count: int
    epoch: str
    fetch_credits: int
    def __init__(self, router_id: _Optional[str] = ..., version: _Optional[str] = ..., shard_count: _Optional[int] = ..., epoch: _Optional[str] = ..., fetch_credits: _Optional[int] = ...) -> None: ...

class OwnedShards(_message.Message):
    __slots__ = ("shards", "standby")
    SHARDS_FIELD_NUMBER: _ClassVar[int]
    STANDBY_FIELD_NUMBER: _ClassVar[int]
    shards: _containers.RepeatedCompositeFieldContainer[ShardTerm]
    standby: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, shards: _Optional[_Iterable[_Union[ShardTerm, _Mapping]]] = ..., standby: _Optional[_Iterable[int]] = ...) -> None: ...

class ShardTerm(_message.Message):
    __slots__ = ("shard", "term")
    SHARD_FIELD_NUMBER: _ClassVar[int]
    TERM_FIELD_NUMBER: _ClassVar[int]
    shard: int
    term: int
    def __init__(self, shard: _Optional[int] = ..., term: _Optional[int] = ...) -> None: ...

class Position(_message.Message):
    __slots__ = ("epoch", "seq")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    epoch: str
    seq: int
    def __init__(self, epoch: _Optional[str] = ..., seq: _Optional[int] = ...) -> None: ...

class Generation(_message.Message):
    __slots__ = ("term", "counter")
    TERM_FIELD_NUMBER: _ClassVar[int]
    COUNTER_FIELD_NUMBER: _ClassVar[int]
    term: int
    counter: int
    def __init__(self, term: _Optional[int] = ..., counter: _Optional[int] = ...) -> None: ...

class Device(_message.Message):
    __slots__ = ("device_id", "name", "platform", "connected_at", "ephemeral", "generation", "instance")
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PLATFORM_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_AT_FIELD_NUMBER: _ClassVar[int]
    EPHEMERAL_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    device_id: str
    name: str
    platform: str
    connected_at: int
    ephemeral: bool
    generation: Generation
    instance: str
    def __init__(self, device_id: _Optional[str] = ..., name: _Optional[str] = ..., platform: _Optional[str] = ..., connected_at: _Optional[int] = ..., ephemeral: _Optional[bool] = ..., generation: _Optional[_Union[Generation, _Mapping]] = ..., instance: _Optional[str] = ...) -> None: ...

class Subscribe(_message.Message):
    __slots__ = ("session_id", "address", "token", "device", "position", "generation", "opened", "also", "place", "history")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    OPENED_FIELD_NUMBER: _ClassVar[int]
    ALSO_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    session_id: int
    address: str
    token: str
    device: Device
    position: Position
    generation: Generation
    opened: int
    also: Also
    place: Place
    history: int
    def __init__(self, session_id: _Optional[int] = ..., address: _Optional[str] = ..., token: _Optional[str] = ..., device: _Optional[_Union[Device, _Mapping]] = ..., position: _Optional[_Union[Position, _Mapping]] = ..., generation: _Optional[_Union[Generation, _Mapping]] = ..., opened: _Optional[int] = ..., also: _Optional[_Union[Also, _Mapping]] = ..., place: _Optional[_Union[Place, _Mapping]] = ..., history: _Optional[int] = ...) -> None: ...

class Also(_message.Message):
    __slots__ = ("address", "position")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    address: str
    position: Position
    def __init__(self, address: _Optional[str] = ..., position: _Optional[_Union[Position, _Mapping]] = ...) -> None: ...

class Unsubscribe(_message.Message):
    __slots__ = ("session_id", "address", "left")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    session_id: int
    address: str
    left: bool
    def __init__(self, session_id: _Optional[int] = ..., address: _Optional[str] = ..., left: _Optional[bool] = ...) -> None: ...

class Place(_message.Message):
    __slots__ = ("since", "state", "stated")
    SINCE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STATED_FIELD_NUMBER: _ClassVar[int]
    since: int
    state: bytes
    stated: int
    def __init__(self, since: _Optional[int] = ..., state: _Optional[bytes] = ..., stated: _Optional[int] = ...) -> None: ...

class SetState(_message.Message):
    __slots__ = ("session_id", "address", "state", "stated")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STATED_FIELD_NUMBER: _ClassVar[int]
    session_id: int
    address: str
    state: bytes
    stated: int
    def __init__(self, session_id: _Optional[int] = ..., address: _Optional[str] = ..., state: _Optional[bytes] = ..., stated: _Optional[int] = ...) -> None: ...

class Membership(_message.Message):
    __slots__ = ("since", "sees", "number")
    SINCE_FIELD_NUMBER: _ClassVar[int]
    SEES_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    since: int
    sees: bool
    number: int
    def __init__(self, since: _Optional[int] = ..., sees: _Optional[bool] = ..., number: _Optional[int] = ...) -> None: ...

class Roster(_message.Message):
    __slots__ = ("address", "shard", "term", "number", "snapshot", "partial", "count", "joined", "updated", "left", "quiet", "neighbours", "seeing", "blind")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    SHARD_FIELD_NUMBER: _ClassVar[int]
    TERM_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    PARTIAL_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    JOINED_FIELD_NUMBER: _ClassVar[int]
    UPDATED_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    QUIET_FIELD_NUMBER: _ClassVar[int]
    NEIGHBOURS_FIELD_NUMBER: _ClassVar[int]
    SEEING_FIELD_NUMBER: _ClassVar[int]
    BLIND_FIELD_NUMBER: _ClassVar[int]
    address: str
    shard: int
    term: int
    number: int
    snapshot: bool
    partial: bool
    count: int
    joined: _containers.RepeatedCompositeFieldContainer[Member]
    updated: _containers.RepeatedCompositeFieldContainer[Member]
    left: _containers.RepeatedScalarFieldContainer[str]
    quiet: bool
    neighbours: _containers.RepeatedCompositeFieldContainer[Neighbours]
    seeing: _containers.RepeatedScalarFieldContainer[int]
    blind: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, address: _Optional[str] = ..., shard: _Optional[int] = ..., term: _Optional[int] = ..., number: _Optional[int] = ..., snapshot: _Optional[bool] = ..., partial: _Optional[bool] = ..., count: _Optional[int] = ..., joined: _Optional[_Iterable[_Union[Member, _Mapping]]] = ..., updated: _Optional[_Iterable[_Union[Member, _Mapping]]] = ..., left: _Optional[_Iterable[str]] = ..., quiet: _Optional[bool] = ..., neighbours: _Optional[_Iterable[_Union[Neighbours, _Mapping]]] = ..., seeing: _Optional[_Iterable[int]] = ..., blind: _Optional[_Iterable[int]] = ...) -> None: ...

class Member(_message.Message):
    __slots__ = ("user_id", "since", "devices", "state")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    since: int
    devices: _containers.RepeatedCompositeFieldContainer[Device]
    state: bytes
    def __init__(self, user_id: _Optional[str] = ..., since: _Optional[int] = ..., devices: _Optional[_Iterable[_Union[Device, _Mapping]]] = ..., state: _Optional[bytes] = ...) -> None: ...

class Neighbours(_message.Message):
    __slots__ = ("sessions", "members")
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    sessions: _containers.RepeatedScalarFieldContainer[int]
    members: _containers.RepeatedCompositeFieldContainer[Member]
    def __init__(self, sessions: _Optional[_Iterable[int]] = ..., members: _Optional[_Iterable[_Union[Member, _Mapping]]] = ...) -> None: ...

class Acks(_message.Message):
    __slots__ = ("acks",)
    ACKS_FIELD_NUMBER: _ClassVar[int]
    acks: _containers.RepeatedCompositeFieldContainer[Ack]
    def __init__(self, acks: _Optional[_Iterable[_Union[Ack, _Mapping]]] = ...) -> None: ...

class Ack(_message.Message):
    __slots__ = ("session_id", "address", "seq")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    session_id: int
    address: str
    seq: int
    def __init__(self, session_id: _Optional[int] = ..., address: _Optional[str] = ..., seq: _Optional[int] = ...) -> None: ...

class Fetch(_message.Message):
    __slots__ = ("request_id", "session_id", "address", "after", "limit", "max_bytes")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    MAX_BYTES_FIELD_NUMBER: _ClassVar[int]
    request_id: int
    session_id: int
    address: str
    after: int
    limit: int
    max_bytes: int
    def __init__(self, request_id: _Optional[int] = ..., session_id: _Optional[int] = ..., address: _Optional[str] = ..., after: _Optional[int] = ..., limit: _Optional[int] = ..., max_bytes: _Optional[int] = ...) -> None: ...

class Publish(_message.Message):
    __slots__ = ("request_id", "session_id", "type", "payload", "traceparent", "address", "event")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    request_id: int
    session_id: int
    type: str
    payload: bytes
    traceparent: str
    address: str
    event: str
    def __init__(self, request_id: _Optional[int] = ..., session_id: _Optional[int] = ..., type: _Optional[str] = ..., payload: _Optional[bytes] = ..., traceparent: _Optional[str] = ..., address: _Optional[str] = ..., event: _Optional[str] = ...) -> None: ...

class Subscribed(_message.Message):
    __slots__ = ("session_id", "address", "shard", "term", "epoch", "head", "after", "recovered", "generation", "devices", "user_id", "device", "expires_at", "closes_at", "first", "now", "also", "membership")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    SHARD_FIELD_NUMBER: _ClassVar[int]
    TERM_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    RECOVERED_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    CLOSES_AT_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    ALSO_FIELD_NUMBER: _ClassVar[int]
    MEMBERSHIP_FIELD_NUMBER: _ClassVar[int]
    session_id: int
    address: str
    shard: int
    term: int
    epoch: str
    head: int
    after: int
    recovered: bool
    generation: Generation
    devices: _containers.RepeatedCompositeFieldContainer[Device]
    user_id: str
    device: Device
    expires_at: int
    closes_at: int
    first: bool
    now: int
    also: Subscribed
    membership: Membership
    def __init__(self, session_id: _Optional[int] = ..., address: _Optional[str] = ..., shard: _Optional[int] = ..., term: _Optional[int] = ..., epoch: _Optional[str] = ..., head: _Optional[int] = ..., after: _Optional[int] = ..., recovered: _Optional[bool] = ..., generation: _Optional[_Union[Generation, _Mapping]] = ..., devices: _Optional[_Iterable[_Union[Device, _Mapping]]] = ..., user_id: _Optional[str] = ..., device: _Optional[_Union[Device, _Mapping]] = ..., expires_at: _Optional[int] = ..., closes_at: _Optional[int] = ..., first: _Optional[bool] = ..., now: _Optional[int] = ..., also: _Optional[_Union[Subscribed, _Mapping]] = ..., membership: _Optional[_Union[Membership, _Mapping]] = ...) -> None: ...

class Refused(_message.Message):
    __slots__ = ("session_id", "address", "close_code", "reason", "keep_session")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    CLOSE_CODE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    KEEP_SESSION_FIELD_NUMBER: _ClassVar[int]
    session_id: int
    address: str
    close_code: int
    reason: str
    keep_session: bool
    def __init__(self, session_id: _Optional[int] = ..., address: _Optional[str] = ..., close_code: _Optional[int] = ..., reason: _Optional[str] = ..., keep_session: _Optional[bool] = ...) -> None: ...

class Entry(_message.Message):
    __slots__ = ("seq", "message", "exclude_device_id", "type", "traceparent", "age_ms")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    AGE_MS_FIELD_NUMBER: _ClassVar[int]
    seq: int
    message: bytes
    exclude_device_id: str
    type: str
    traceparent: str
    age_ms: int
    def __init__(self, seq: _Optional[int] = ..., message: _Optional[bytes] = ..., exclude_device_id: _Optional[str] = ..., type: _Optional[str] = ..., traceparent: _Optional[str] = ..., age_ms: _Optional[int] = ...) -> None: ...

class Deliver(_message.Message):
    __slots__ = ("pushes",)
    PUSHES_FIELD_NUMBER: _ClassVar[int]
    pushes: _containers.RepeatedCompositeFieldContainer[Push]
    def __init__(self, pushes: _Optional[_Iterable[_Union[Push, _Mapping]]] = ...) -> None: ...

class Push(_message.Message):
    __slots__ = ("address", "shard", "term", "entries", "waited_us")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    SHARD_FIELD_NUMBER: _ClassVar[int]
    TERM_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    WAITED_US_FIELD_NUMBER: _ClassVar[int]
    address: str
    shard: int
    term: int
    entries: _containers.RepeatedCompositeFieldContainer[Entry]
    waited_us: int
    def __init__(self, address: _Optional[str] = ..., shard: _Optional[int] = ..., term: _Optional[int] = ..., entries: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ..., waited_us: _Optional[int] = ...) -> None: ...

class Batch(_message.Message):
    __slots__ = ("request_id", "session_id", "address", "shard", "term", "entries", "through", "head", "lost", "error")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    SHARD_FIELD_NUMBER: _ClassVar[int]
    TERM_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    THROUGH_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    LOST_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    request_id: int
    session_id: int
    address: str
    shard: int
    term: int
    entries: _containers.RepeatedCompositeFieldContainer[Entry]
    through: int
    head: int
    lost: bool
    error: str
    def __init__(self, request_id: _Optional[int] = ..., session_id: _Optional[int] = ..., address: _Optional[str] = ..., shard: _Optional[int] = ..., term: _Optional[int] = ..., entries: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ..., through: _Optional[int] = ..., head: _Optional[int] = ..., lost: _Optional[bool] = ..., error: _Optional[str] = ...) -> None: ...

class Gap(_message.Message):
    __slots__ = ("address", "shard", "term")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    SHARD_FIELD_NUMBER: _ClassVar[int]
    TERM_FIELD_NUMBER: _ClassVar[int]
    address: str
    shard: int
    term: int
    def __init__(self, address: _Optional[str] = ..., shard: _Optional[int] = ..., term: _Optional[int] = ...) -> None: ...

class Evict(_message.Message):
    __slots__ = ("session_id", "close_code", "reason")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    CLOSE_CODE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    session_id: int
    close_code: int
    reason: str
    def __init__(self, session_id: _Optional[int] = ..., close_code: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class Published(_message.Message):
    __slots__ = ("request_id", "session_id", "event_id", "error_code", "error")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    request_id: int
    session_id: int
    event_id: str
    error_code: str
    error: str
    def __init__(self, request_id: _Optional[int] = ..., session_id: _Optional[int] = ..., event_id: _Optional[str] = ..., error_code: _Optional[str] = ..., error: _Optional[str] = ...) -> None: ...

class Refresh(_message.Message):
    __slots__ = ("session_id", "token")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    session_id: int
    token: str
    def __init__(self, session_id: _Optional[int] = ..., token: _Optional[str] = ...) -> None: ...

class Refreshed(_message.Message):
    __slots__ = ("session_id", "expires_at", "closes_at", "error_code", "error", "now")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    CLOSES_AT_FIELD_NUMBER: _ClassVar[int]
    ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    session_id: int
    expires_at: int
    closes_at: int
    error_code: str
    error: str
    now: int
    def __init__(self, session_id: _Optional[int] = ..., expires_at: _Optional[int] = ..., closes_at: _Optional[int] = ..., error_code: _Optional[str] = ..., error: _Optional[str] = ..., now: _Optional[int] = ...) -> None: ...

class Watch(_message.Message):
    __slots__ = ("request_id", "session_id", "token", "device_id", "user_ids")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    USER_IDS_FIELD_NUMBER: _ClassVar[int]
    request_id: int
    session_id: int
    token: str
    device_id: str
    user_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, request_id: _Optional[int] = ..., session_id: _Optional[int] = ..., token: _Optional[str] = ..., device_id: _Optional[str] = ..., user_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class Statuses(_message.Message):
    __slots__ = ("request_id", "session_id", "users", "forbidden", "error")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    USERS_FIELD_NUMBER: _ClassVar[int]
    FORBIDDEN_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    request_id: int
    session_id: int
    users: _containers.RepeatedCompositeFieldContainer[UserStatus]
    forbidden: _containers.RepeatedScalarFieldContainer[str]
    error: str
    def __init__(self, request_id: _Optional[int] = ..., session_id: _Optional[int] = ..., users: _Optional[_Iterable[_Union[UserStatus, _Mapping]]] = ..., forbidden: _Optional[_Iterable[str]] = ..., error: _Optional[str] = ...) -> None: ...

class UserStatus(_message.Message):
    __slots__ = ("user_id", "online", "last_seen", "generation")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    ONLINE_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    online: bool
    last_seen: int
    generation: Generation
    def __init__(self, user_id: _Optional[str] = ..., online: _Optional[bool] = ..., last_seen: _Optional[int] = ..., generation: _Optional[_Union[Generation, _Mapping]] = ...) -> None: ...

class Logout(_message.Message):
    __slots__ = ("request_id", "session_id")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    request_id: int
    session_id: int
    def __init__(self, request_id: _Optional[int] = ..., session_id: _Optional[int] = ...) -> None: ...

class SignOut(_message.Message):
    __slots__ = ("request_id", "session_id", "device_id")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    request_id: int
    session_id: int
    device_id: str
    def __init__(self, request_id: _Optional[int] = ..., session_id: _Optional[int] = ..., device_id: _Optional[str] = ...) -> None: ...

class DrainOrder(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...

class Drain(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Recall(_message.Message):
    __slots__ = ("request_id", "address", "seq", "user_id", "device_id")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    request_id: int
    address: str
    seq: int
    user_id: str
    device_id: str
    def __init__(self, request_id: _Optional[int] = ..., address: _Optional[str] = ..., seq: _Optional[int] = ..., user_id: _Optional[str] = ..., device_id: _Optional[str] = ...) -> None: ...

class Recalled(_message.Message):
    __slots__ = ("request_id", "facts", "following", "since", "now")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    FOLLOWING_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    NOW_FIELD_NUMBER: _ClassVar[int]
    request_id: int
    facts: _containers.RepeatedCompositeFieldContainer[Fact]
    following: _containers.RepeatedCompositeFieldContainer[Following]
    since: int
    now: int
    def __init__(self, request_id: _Optional[int] = ..., facts: _Optional[_Iterable[_Union[Fact, _Mapping]]] = ..., following: _Optional[_Iterable[_Union[Following, _Mapping]]] = ..., since: _Optional[int] = ..., now: _Optional[int] = ...) -> None: ...

class Fact(_message.Message):
    __slots__ = ("at", "node", "kind", "address", "user_id", "device_id", "event_id", "first", "last", "term", "code", "text")
    AT_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    TERM_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    at: int
    node: str
    kind: str
    address: str
    user_id: str
    device_id: str
    event_id: str
    first: int
    last: int
    term: int
    code: int
    text: str
    def __init__(self, at: _Optional[int] = ..., node: _Optional[str] = ..., kind: _Optional[str] = ..., address: _Optional[str] = ..., user_id: _Optional[str] = ..., device_id: _Optional[str] = ..., event_id: _Optional[str] = ..., first: _Optional[int] = ..., last: _Optional[int] = ..., term: _Optional[int] = ..., code: _Optional[int] = ..., text: _Optional[str] = ...) -> None: ...

class Following(_message.Message):
    __slots__ = ("node", "session_id", "user_id", "device_id", "address", "mode", "through", "acked", "unacknowledged", "writable")
    NODE_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    THROUGH_FIELD_NUMBER: _ClassVar[int]
    ACKED_FIELD_NUMBER: _ClassVar[int]
    UNACKNOWLEDGED_FIELD_NUMBER: _ClassVar[int]
    WRITABLE_FIELD_NUMBER: _ClassVar[int]
    node: str
    session_id: int
    user_id: str
    device_id: str
    address: str
    mode: str
    through: int
    acked: int
    unacknowledged: int
    writable: bool
    def __init__(self, node: _Optional[str] = ..., session_id: _Optional[int] = ..., user_id: _Optional[str] = ..., device_id: _Optional[str] = ..., address: _Optional[str] = ..., mode: _Optional[str] = ..., through: _Optional[int] = ..., acked: _Optional[int] = ..., unacknowledged: _Optional[int] = ..., writable: _Optional[bool] = ...) -> None: ...
