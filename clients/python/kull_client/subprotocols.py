# Generated from protos/kull_protos/contract/subprotocols.py by `make contract`: do not edit.
"""What a device offers when its WebSocket opens. PURE."""

from __future__ import annotations

from typing import Final

V2: Final = "kull.sync.v2"
TOKEN_PREFIX: Final = "kull.token."  # noqa: S105 - a prefix, not a secret
