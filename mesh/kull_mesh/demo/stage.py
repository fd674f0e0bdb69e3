"""The demo's devices, its services, and what happens to them."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kull_client import Event, SyncClient
from kull_gateway import service_token
from kull_mesh import secrets
from kull_mesh.demo.ledger import EXAMPLES
from kull_mesh.demo.view import PlainView, View, Watched
from kull_mesh.errors import MeshError
from kull_mesh.play.mesh import PlayMesh

SHOOT: Final = "morning-shoot"
CREDITS: Final = 100
PATIENCE: Final = 60.0  # seconds for the devices to be level once the worker is done
SUFFIXES: Final = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp", ".gif")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How slowly things happen, in seconds."""

    photo: float
    tunnel: float  # how long the tablet is offline


class Stage:
    """The devices, the services, and what happens to them."""

    def __init__(self, mesh: PlayMesh, folder: Path, url: str) -> None:
        one, two = (edge.url for edge in mesh.edges)
        self.devices = [
            watched("maya", "Maya's Mac", "mac-1", "macos", one),
            watched("maya", "Maya's tablet", "tablet-1", "ios", two),
            watched("maya", "Browser tab", "", "web", two),
            watched("otto", "Otto's Mac", "mac-2", "macos", one),
        ]
        self.charged = 0
        self._keys = keys = mesh.keys
        self._folder = folder
        self._view: View = PlainView()
        self._watching: dict[str, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self._services = {
            **os.environ,
            "KULL_SERVICE_TOKEN": service_token(keys.service, service="demo"),
        }
        self._url = url.rstrip("/")

    @asynccontextmanager
    async def watched(self, view: View) -> AsyncIterator[None]:
        """Show the devices while the body runs; they are connected when it starts."""
        self._view = view
        with view:
            for device in self.devices:
                self._connect(device)
            await self._until(lambda: all(device.connected for device in self.devices))
            yield

    async def painted(self) -> Path:
        """Paint a small shoot and return its folder."""
        photos = self._folder / "photos"
        await self._service("make_photos.py", str(photos))
        return photos

    async def play(self, photos: Path, pace: Pace) -> None:
        """Buy credits, process the shoot, charge each keeper. The tablet passes a tunnel."""
        self._view.say("billing service: Maya buys credits, and so does Otto")
        await self._bill("purchase", "maya", str(CREDITS), "--id", "order-1")
        await self._bill("purchase", "otto", "5", "--id", "order-2")
        self._view.say(f"processing worker: looks at {count(photos)} photographs")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._process(photos, pace), name="worker")
            tasks.create_task(self._tunnel(self.devices[1], pace), name="tunnel")
        self._view.say("the shoot is done; waiting until every device is level")
        await self._until(self._level)

    def _level(self) -> bool:
        mine = [device for device in self.devices if device.user == "maya"]
        complete = all(each.finished and each.credits == self.charged + 1 for each in mine)
        return complete and len({each.balance for each in mine}) == 1

    async def stop_watching(self) -> None:
        """Disconnect the devices."""
        for task in self._watching.values():
            task.cancel()
        await asyncio.gather(*self._watching.values(), return_exceptions=True)

    # Devices

    def _connect(self, device: Watched) -> None:
        token = secrets.device_token(
            self._keys,
            user=device.user,
            device=device.id,
            ttl=600,
            name=device.name,
            platform=device.platform,
        )
        self._watching[device.name] = asyncio.create_task(
            self._watch(device, token), name=f"device-{device.name}"
        )

    async def _watch(self, device: Watched, token: str) -> None:
        async with SyncClient(device.url, token) as client:
            device.connected = True
            self._update(device)
            async for event in client:
                device.note(event)
                self._update(device)

    def _update(self, device: Watched) -> None:
        self._view.update(device)
        self._changed.set()

    async def _tunnel(self, tablet: Watched, pace: Pace) -> None:
        await self._until(lambda: tablet.done >= 3)
        self._watching[tablet.name].cancel()
        tablet.connected = False
        self._update(tablet)
        self._view.say(f"{tablet.name} is in a tunnel")
        await asyncio.sleep(pace.tunnel)
        self._view.say(f"{tablet.name} is back, and gets the newest state and every credit")
        self._connect(tablet)

    async def _until(self, condition: Callable[[], bool]) -> None:
        """Wait for the devices; a device that fails ends the demo."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise MeshError(f"the devices were not level after {PATIENCE:.0f} s") from None

    # Services, each a process of its own

    async def _bill(self, *arguments: str) -> None:
        ledger = str(self._folder / "ledger.db")
        await self._service(
            "billing_service.py", *arguments, "--ledger", ledger, "--url", self._url
        )

    async def _process(self, photos: Path, pace: Pace) -> None:
        """Run the worker, with the billing service at the other end of its pipe."""
        worker_end, billing_end = os.pipe()
        async with AsyncExitStack() as running:
            try:
                billing = await running.enter_async_context(
                    self._running(
                        "billing_service.py",
                        *("follow", "maya", "--ledger", str(self._folder / "ledger.db")),
                        *("--url", self._url),
                        stdin=worker_end,
                        stdout=asyncio.subprocess.PIPE,
                    )
                )
                worker = await running.enter_async_context(
                    self._running(
                        "processing_worker.py",
                        *(str(photos), "--user", "maya", "--shoot", SHOOT),
                        *("--pace", str(pace.photo), "--url", self._url),
                        stdout=billing_end,
                    )
                )
            finally:
                os.close(worker_end)
                os.close(billing_end)
            assert billing.stdout
            async for line in billing.stdout:
                self.charged += b"(Keeper " in line  # and not what was bought on the page
            for process, name in ((worker, "processing worker"), (billing, "billing service")):
                if await process.wait():
                    raise MeshError(f"the {name} failed: {self._last_words()}")

    async def _service(self, program: str, *arguments: str) -> None:
        stdout = asyncio.subprocess.DEVNULL
        async with self._running(program, *arguments, stdout=stdout) as process:
            if await process.wait():
                raise MeshError(f"{program} failed: {self._last_words()}")

    def _last_words(self) -> str:
        said = (self._folder / "services.log").read_text().splitlines()
        return said[-1] if said else "it said nothing"

    @asynccontextmanager
    async def _running(
        self,
        program: str,
        *arguments: str,
        stdout: int,
        stdin: int = asyncio.subprocess.DEVNULL,
    ) -> AsyncIterator[asyncio.subprocess.Process]:
        """Start a service; what still runs of it afterwards is killed."""
        with (self._folder / "services.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                str(EXAMPLES / program),
                *arguments,
                env=self._services,
                stdin=stdin,
                stdout=stdout,
                stderr=log,
            )
        try:
            yield process
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
            await process.communicate()  # to its pipe's end: an open one outlives the loop


def count(photos: Path) -> int:
    """Return how many photographs lie below a folder."""
    return sum(path.suffix.lower() in SUFFIXES for path in photos.rglob("*"))


def watched(user: str, name: str, device: str, platform: str, url: str) -> Watched:
    """Return a device that counts what the demo's own services send."""
    return Watched(user=user, name=name, id=device, platform=platform, url=url, counts=_is_ours)


def _is_ours(event: Event) -> bool:
    """Whether it is of this shoot, and not of what somebody does on the page meanwhile."""
    if event.type == "SHOOT_PROGRESS":
        return bool(event.data["shootId"] == SHOOT)
    return event.id.startswith(("order-", "keeper:"))
