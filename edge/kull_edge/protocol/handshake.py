"""Reads what the upgrade request says about the device. PURE."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, urlsplit

from kull_edge.errors import BadMessage
from kull_edge.protocol.messages import parse_after
from kull_protos.contract.limits import MAX_DEVICE_ID_CHARS, MAX_REF_CHARS
from kull_protos.contract.subprotocols import TOKEN_PREFIX, V2

_MAX_FIELDS: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """What the upgrade request said.

    Attributes:
        v2: whether the subprotocol `kull.sync.v2` was chosen.
        token: from the query or the subprotocols; None: none given.
        epoch, after: the device's positions by queue name.
        instance: the client's run, if it names one.
        device_id: what the device calls itself, if it does.
        problem: what was wrong with the query, if anything.
    """

    v2: bool
    token: str | None = field(default=None, repr=False)
    epoch: str = ""
    after: Mapping[str, int] = field(default_factory=dict)
    instance: str = ""
    device_id: str = ""
    problem: str = ""


def read(target: str, offered: Sequence[str]) -> Handshake:
    """Return the handshake in a request target and the offered subprotocols.

    A mistake is not raised but kept as `problem`: the device learns it on the open socket.
    """
    v2 = V2 in offered
    in_subprotocol = next(
        (name.removeprefix(TOKEN_PREFIX) for name in offered if name.startswith(TOKEN_PREFIX)), None
    )
    try:
        # Most of our SDKs' devices say everything in HELLO.
        query = (
            parse_qs(urlsplit(target).query, max_num_fields=_MAX_FIELDS) if "?" in target else {}
        )
        epoch = query.get("epoch", [""])[0]
        instance = query.get("instance", [""])[0]
        device_id = query.get("deviceId", [""])[0]
        after = parse_after(query.get("after", [""])[0])
    except BadMessage as error:
        return Handshake(v2=v2, problem=str(error))
    except ValueError:
        return Handshake(v2=v2, problem=f"the query is malformed or has over {_MAX_FIELDS} fields")
    if (after and not epoch) or len(epoch) > MAX_REF_CHARS:
        return Handshake(v2=v2, problem="epoch: must come with `after`, as WELCOME told it")
    if len(instance) > MAX_REF_CHARS:
        return Handshake(v2=v2, problem=f"instance: at most {MAX_REF_CHARS} characters")
    if len(device_id) > MAX_DEVICE_ID_CHARS:
        return Handshake(v2=v2, problem=f"deviceId: at most {MAX_DEVICE_ID_CHARS} characters")
    token = in_subprotocol if v2 and in_subprotocol else query.get("token", [None])[0]
    return Handshake(
        v2=v2, token=token, epoch=epoch, after=after, instance=instance, device_id=device_id
    )
