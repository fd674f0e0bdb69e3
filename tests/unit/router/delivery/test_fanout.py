from __future__ import annotations

from tests.unit.router.rigs import Rig, balances


async def test_an_event_is_pushed_once_to_an_edge_with_many_sessions(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.subscribe(2, "maya:phone")
    await rig.pushed(2)  # two devices came

    await rig.credit("maya", 500)

    assert balances(await rig.pushed(1)) == [(3, 500)]
