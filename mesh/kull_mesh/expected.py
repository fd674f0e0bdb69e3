"""Which errors are told in one line, and which are a fault of ours."""

from __future__ import annotations


def expected(error: BaseException) -> BaseException | None:
    """Return what is to be told about an error without a fault of ours, None if it is one.

    Of a group of expected errors the first one is told.
    """
    if not isinstance(error, BaseExceptionGroup):
        return error if isinstance(error, _kinds()) else None
    told = [expected(each) for each in error.exceptions]
    return None if None in told else told[0]


def _kinds() -> tuple[type[BaseException], ...]:
    """Return the roles' own errors, loaded only when there is an error: no process needs all."""
    from kull_client import SyncError  # noqa: PLC0415
    from kull_console.errors import ConsoleError  # noqa: PLC0415
    from kull_edge.errors import EdgeError  # noqa: PLC0415
    from kull_mesh.errors import MeshError  # noqa: PLC0415
    from kull_producers.errors import KullError  # noqa: PLC0415
    from kull_router.errors import RouterError  # noqa: PLC0415

    return MeshError, RouterError, EdgeError, KullError, SyncError, ConsoleError, OSError
