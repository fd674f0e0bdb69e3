"""`kull router`."""

from __future__ import annotations

from kull_mesh import signals
from kull_router.serve import serve
from kull_router.settings import RouterSettings


def router() -> None:
    """Run one router. Needs KULL_AMQP_URL and KULL_TOKEN_SECRET; see `kull config`."""
    signals.run_role(serve(RouterSettings()))
