"""Settings of the `kull` command itself, from `KULL_*`; options on the command line win."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from platformdirs import user_state_path
from pydantic import Field

from kull_producers.event_modules import load
from kull_producers.events.catalogue import Catalogue
from kull_protos.settings import (
    BrokerSettings,
    EventsSettings,
    PageSettings,
    ServiceSettings,
    SigningSettings,
    TlsSettings,
)


class MeshSettings(
    TlsSettings, BrokerSettings, EventsSettings, ServiceSettings, PageSettings, SigningSettings
):
    """What the commands share. Every field names its unit where it has one."""

    home: Path = Field(
        default_factory=lambda: user_state_path("kull"),
        description="folder of the development secret and of `kull up`'s data",
    )
    gateway_routers: str = Field(
        "",
        description="routers whose state a gateway tells in its status and by which it signs "
        "out devices, host:port separated by commas; with TLS it needs a certificate of the role "
        "viewer",
    )
    web_edges: str = Field(
        "",
        description="edges that the page of a gateway connects to, wss://host/ws separated by "
        "commas; empty: a gateway serves no page",
    )
    url: str = Field("http://127.0.0.1:5000", description="where `kull send` finds `kull up`")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="least severe level that is logged"
    )
    log_format: Literal["auto", "console", "json"] = Field(
        "auto",
        description="log lines for people or machines; auto: by whether stderr is a terminal",
    )

    @property
    def events(self) -> Catalogue:
        """The event types of the deployment. Raises EventModuleError."""
        return load(self.events_modules)

    @property
    def keys_file(self) -> Path:
        """Where the service keys are."""
        return self.service_keys or self.home / "service-keys.json"
