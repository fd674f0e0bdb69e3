from __future__ import annotations

from tests.unit.router.rigs import Rig, balances


async def test_a_fault_in_one_request_is_answered_and_disturbs_nobody(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.pushed(1)
    rig.store.broken = True
    assert (await rig.fetch(1, "user:maya", 0)).error
    refused = await rig.subscribe(2, "otto:mac")
    assert (refused.close_code, refused.session_id) == (0, 2)
    rig.store.broken = False

    await rig.credit("maya", 1)

    assert balances(await rig.pushed(1)) == [(2, 1)]
    assert not rig.edge.closed
