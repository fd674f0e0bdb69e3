"""Which errors are told in one line, and which are a fault of ours."""

from __future__ import annotations

from kull_client import SyncError
from kull_edge.errors import EdgeError
from kull_mesh.errors import MeshError
from kull_producers import KullError
from kull_router.errors import RouterError

_EXPECTED = (MeshError, RouterError, EdgeError, KullError, SyncError, OSError)


def expected(error: BaseException) -> BaseException | None:
    """Return what is to be told about an error without a fault of ours, None if it is one.

    Of a group of expected errors the first one is told.
    """
    if not isinstance(error, BaseExceptionGroup):
        return error if isinstance(error, _EXPECTED) else None
    told = [expected(each) for each in error.exceptions]
    return None if None in told else told[0]
