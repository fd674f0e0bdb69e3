"""What a flood of REFRESH costs a router: no signature is looked at for what comes too often."""

from __future__ import annotations

import pytest

from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.access.tokens import Claims, TokenVerifier
from kull_router.clock import Clock
from tests.unit.router.rigs import running
from tests.unit.router.tokens import SECRET, Wall, refresh, subscribe, token

DEVICES = 30


class CountingVerifier(TokenVerifier):
    """Counts the tokens that it is asked about."""

    asked = 0

    def verify(self, token: str, now_ms: int, *, grace_ms: int = 0) -> Claims:
        self.asked += 1
        return super().verify(token, now_ms, grace_ms=grace_ms)


async def test_thirty_devices_of_one_user_have_few_signatures_looked_at_and_others_all() -> None:
    wall, verifier = Wall(), CountingVerifier(SECRET, allow_plain=False)
    seconds = 0.0
    clock = Clock(wall_ms=wall, monotonic=lambda: 1000 + seconds)
    async with running(
        verifier=verifier, clock=clock, refreshes_per_user=2, refreshes_per_user_burst=40
    ) as rig:
        for session in range(DEVICES):
            await subscribe(rig, session, token(wall), device=f"web-{session}")
        await subscribe(rig, 99, token(wall, "otto"), address="user:otto")
        before = verifier.asked

        async def flood(rounds: int) -> int:
            refused = 0
            for n in range(rounds):
                for session in range(DEVICES):
                    forged = f"{token(wall)[:-4]}{n:04}"
                    answer = await refresh(rig, session, forged)
                    assert answer.error_code in {"bad_token", "rate_limited"}
                    refused += answer.error_code == "rate_limited"
            return refused

        assert await flood(10) == 10 * DEVICES - 40
        assert verifier.asked - before == 40
        assert (await refresh(rig, 99, token(wall, "otto", ttl=90))).error_code == ""
        seconds = 3.0
        assert await flood(1) == DEVICES - 6
        seconds = 60.0
        assert (await refresh(rig, 1, token(wall, ttl=90))).error_code == ""


@pytest.mark.parametrize("session", [7, 2**40])
async def test_a_refresh_of_a_session_that_is_not_here_costs_no_signature(session: int) -> None:
    wall, verifier = Wall(), CountingVerifier(SECRET, allow_plain=False)
    async with running(verifier=verifier, clock=Clock(wall_ms=wall)) as rig:
        request = pb.Refresh(session_id=session, token=token(wall))
        await rig.core.receive(rig.edge, pb.AttachRequest(refresh=request))
        assert (await rig.frame("refreshed")).error_code == "bad_token"
        assert verifier.asked == 0
