from __future__ import annotations

import asyncio

from kull_mesh.expected import expected
from kull_router.errors import StoreUnavailable


def test_only_a_group_of_expected_errors_is_expected() -> None:
    known, fault = StoreUnavailable("the disk is full"), ZeroDivisionError()

    assert expected(ExceptionGroup("", [ExceptionGroup("", [known])])) is known
    assert expected(ExceptionGroup("", [known, fault])) is None
    assert expected(asyncio.CancelledError()) is None
