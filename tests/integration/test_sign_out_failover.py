"""Signing out a device through the death of the router that did it, or was about to."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from kull_edge.link.channels import Channels
from kull_mesh.device_calls import RouterSignOut
from tests.support.device import device, token
from tests.support.mesh import Mesh

pytestmark = [pytest.mark.rabbitmq, pytest.mark.postgres]


async def test_who_was_signed_out_stays_so_at_the_next_router_and_may_be_signed_out_again(
    amqp_url: str, database_url: str, tmp_path: Path
) -> None:
    with Mesh(amqp_url, tmp_path, routers=2, database_url=database_url) as mesh:
        mesh.start()
        active = await mesh.active_router()
        phones, macs = token("maya", "phone"), token("maya", "mac")
        async with (
            device(mesh.url(0), macs) as mac,
            device(mesh.url(1), phones) as phone,
            Channels(None) as channels,
        ):
            sign_out = RouterSignOut(mesh.grpc.split(",")[::-1], channels)
            await sign_out(macs, "phone")
            assert (await phone.close_code())[0] == 4507

            mesh.routers[active].send(signal.SIGKILL)
            assert await mesh.active_router() == 1 - active
            await sign_out(macs, "phone")

            async with device(mesh.url(1), phones, welcome=False) as again:
                assert (await again.close_code())[0] == 4507
            await mac.socket.ping()
