from kull_protos.mesh.v1 import attach_pb2 as _attach_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class UsersRequest(_message.Message):
    __slots__ = ("user_ids",)
    USER_IDS_FIELD_NUMBER: _ClassVar[int]
    user_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, user_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class UsersResponse(_message.Message):
    __slots__ = ("users",)
    USERS_FIELD_NUMBER: _ClassVar[int]
    users: _containers.RepeatedCompositeFieldContainer[UserPresence]
    def __init__(self, users: _Optional[_Iterable[_Union[UserPresence, _Mapping]]] = ...) -> None: ...

class UserPresence(_message.Message):
    __slots__ = ("status", "devices")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    status: _attach_pb2.UserStatus
    devices: _containers.RepeatedCompositeFieldContainer[_attach_pb2.Device]
    def __init__(self, status: _Optional[_Union[_attach_pb2.UserStatus, _Mapping]] = ..., devices: _Optional[_Iterable[_Union[_attach_pb2.Device, _Mapping]]] = ...) -> None: ...
