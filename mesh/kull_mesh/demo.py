"""`kull demo`: a shoot runs, every device of its user sees it, and nobody else does.

The mesh runs in this process; the worker and the billing service are processes of their own, the
same programs that `examples/` shows. It ends with a table, and with 0 only if all was as promised.
"""

from __future__ import annotations

import asyncio
import os
import secrets as randomness
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kull_client import SyncClient
from kull_mesh import log as logs
from kull_mesh import secrets
from kull_mesh.demo_view import LiveView, PlainView, View, Watched, summary
from kull_mesh.errors import MeshError
from kull_mesh.secrets import Keys
from kull_mesh.settings import MeshSettings
from kull_mesh.up import LocalMesh, UpOptions
from kull_producers.gateway import service_token

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
SHOOT: Final = "morning-shoot"
CREDITS: Final = 100
PATIENCE: Final = 60.0  # seconds for the devices to be level once the worker is done
SUFFIXES: Final = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp", ".gif")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How slowly things happen, in seconds."""

    photo: float
    tunnel: float  # how long the phone is offline


def main(*, photos: Path | None, fast: bool) -> int:
    """Run the demo and return its exit code. Raises MeshError."""
    if not EXAMPLES.is_dir():
        raise MeshError("the demo needs a checkout of the repository: its workers are in examples/")
    if photos is not None and not photos.is_dir():
        raise MeshError(f"there is no folder {photos}")
    logs.configure(MeshSettings(log_level="error"))  # the devices are what is to be seen
    pace = Pace(photo=0.1, tunnel=0.3) if fast else Pace(photo=0.9, tunnel=4.0)
    with tempfile.TemporaryDirectory(prefix="kull-demo-") as folder:
        return asyncio.run(_run(Path(folder), photos, pace))


async def _run(folder: Path, photos: Path | None, pace: Pace) -> int:
    keys = Keys(randomness.token_urlsafe(48), randomness.token_urlsafe(48))
    options = UpOptions(keys=keys, data=folder / "data", port=0, edges=2)
    async with LocalMesh(options) as mesh:
        stage = Stage(mesh, keys, folder)
        view: View = LiveView(stage.devices) if sys.stdout.isatty() else PlainView()
        async with stage.watched(view):
            await stage.play(photos or await stage.painted(), pace)
            await stage.stop_watching()
        return summary(stage.devices, charged=stage.charged)


class Stage:
    """The devices, the services, and what happens to them."""

    def __init__(self, mesh: LocalMesh, keys: Keys, folder: Path) -> None:
        one, two = (edge.url for edge in mesh.edges)
        self.devices = [
            Watched(user="maya", name="Maya's Mac", id="mac-1", platform="macos", url=one),
            Watched(user="maya", name="Maya's phone", id="phone-1", platform="ios", url=two),
            Watched(user="maya", name="Browser tab", id="", platform="web", url=two),
            Watched(user="otto", name="Otto's Mac", id="mac-2", platform="macos", url=one),
        ]
        self.charged = 0
        self._keys = keys
        self._folder = folder
        self._view: View = PlainView()
        self._watching: dict[str, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self._services = {
            **os.environ,
            "KULL_SERVICE_TOKEN": service_token(keys.service, service="demo"),
        }
        self._url = mesh.http_url

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
        """Buy credits, process the shoot, charge each keeper. The phone passes a tunnel."""
        self._view.say("billing service: Maya buys credits, and so does Otto")
        await self._bill("purchase", "maya", str(CREDITS), "--id", "order-1")
        await self._bill("purchase", "otto", "5", "--id", "order-2")
        self._view.say(f"processing worker: looks at {count(photos)} photographs")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._process(photos, pace), name="worker")
            tasks.create_task(self._tunnel(self.devices[1], pace), name="tunnel")
        self._view.say("the shoot is done; waiting until every device is level")
        mine = [device for device in self.devices if device.user == "maya"]
        await self._until(lambda: all(d.finished and d.credits == self.charged + 1 for d in mine))

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

    async def _tunnel(self, phone: Watched, pace: Pace) -> None:
        await self._until(lambda: phone.done >= 3)
        self._watching[phone.name].cancel()
        phone.connected = False
        self._update(phone)
        self._view.say(f"{phone.name} is in a tunnel")
        await asyncio.sleep(pace.tunnel)
        self._view.say(f"{phone.name} is back, and gets the newest state and every credit")
        self._connect(phone)

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
        try:
            billing = await self._start(
                "billing_service.py",
                *("follow", "maya", "--ledger", str(self._folder / "ledger.db")),
                *("--url", self._url),
                stdin=worker_end,
                stdout=asyncio.subprocess.PIPE,
            )
            worker = await self._start(
                "processing_worker.py",
                *(str(photos), "--user", "maya", "--shoot", SHOOT),
                *("--pace", str(pace.photo), "--url", self._url),
                stdout=billing_end,
            )
        finally:
            os.close(worker_end)
            os.close(billing_end)
        assert billing.stdout
        async for _ in billing.stdout:
            self.charged += 1  # one line per keeper that was paid for
        for process, name in ((worker, "processing worker"), (billing, "billing service")):
            if await process.wait():
                raise MeshError(f"the {name} failed: {self._last_words()}")

    async def _service(self, program: str, *arguments: str) -> None:
        process = await self._start(program, *arguments, stdout=asyncio.subprocess.DEVNULL)
        if await process.wait():
            raise MeshError(f"{program} failed: {self._last_words()}")

    def _last_words(self) -> str:
        said = (self._folder / "services.log").read_text().splitlines()
        return said[-1] if said else "it said nothing"

    async def _start(
        self,
        program: str,
        *arguments: str,
        stdout: int,
        stdin: int = asyncio.subprocess.DEVNULL,
    ) -> asyncio.subprocess.Process:
        with (self._folder / "services.log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                str(EXAMPLES / program),
                *arguments,
                env=self._services,
                stdin=stdin,
                stdout=stdout,
                stderr=log,
            )


def count(photos: Path) -> int:
    """Return how many photographs lie below a folder."""
    return sum(path.suffix.lower() in SUFFIXES for path in photos.rglob("*"))
