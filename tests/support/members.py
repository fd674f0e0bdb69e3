"""The members of the workspace: the folder of each, and the package in it."""

from __future__ import annotations

from typing import Final

MEMBERS: Final = {
    "protos": "kull_protos",
    "producers": "kull_producers",
    "gateway": "kull_gateway",
    "router": "kull_router",
    "edge": "kull_edge",
    "console": "kull_console",
    "mesh": "kull_mesh",
    "clients/python": "kull_client",
}
