"""Settings of an edge."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from kull_edge.placement.config import HubConfig
from kull_edge.protocol.handshake import Handshake
from kull_edge.session.subscription import Window
from kull_edge.settings import EdgeSettings
from kull_edge.socket.config import AdmissionConfig, ConnectionConfig
from tests.unit.edge.hubs import make_hub, written


async def test_a_bad_router_address_is_named() -> None:
    with pytest.raises(ValueError, match=r"'nowhere' is not host:port"):
        EdgeSettings(routers="router-1:7400,nowhere")


@pytest.mark.parametrize("value", ["nonsense", "10.0.0.1/8", "10.0.0.0/33"])
def test_a_network_that_is_none_is_refused_at_start(value: str) -> None:
    with pytest.raises(ValueError, match="is no network"):
        EdgeSettings(trusted_proxies=value)


PARTS = (HubConfig, ConnectionConfig, AdmissionConfig)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_without_settings_has_the_limits_of_an_edge_with_them(part: type[BaseModel]) -> None:
    for name, field in part.model_fields.items():
        if not field.is_required():
            assert EdgeSettings.model_fields[name].default == field.default, name


def test_every_limit_is_a_variable_of_the_edge(monkeypatch: pytest.MonkeyPatch) -> None:
    for part in PARTS:
        for name in set(part.model_fields) - {"allow_plain_tokens", "node_id"}:
            value = getattr(EdgeSettings(), name)
            if isinstance(value, bool):
                wanted: object = not value
            elif isinstance(value, str):
                wanted = "192.0.2.0/24"
            else:
                wanted = value + 1
            monkeypatch.setenv(f"KULL_EDGE_{name.upper()}", str(wanted))
            assert getattr(EdgeSettings(), name) == wanted, name


def test_the_window_is_the_one_that_is_set() -> None:
    assert EdgeSettings(window_messages=3, window_bytes=7).window == Window(messages=3, bytes=7)


def test_a_text_that_names_a_setting_takes_its_value() -> None:
    hub = make_hub(hello_timeout=1.5)
    hub.connected(1, Handshake(v2=True), 0.0)

    (told,) = written(hub.due(1.5), 1)

    assert told["data"]["message"] == "send HELLO within 1.5 s"
