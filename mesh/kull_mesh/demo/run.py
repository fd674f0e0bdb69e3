"""`kull demo`: a shoot runs, every device of its user sees it, and nobody else does.

A page shows it too, if it was built. The worker and the billing service are processes of their own,
the same programs that `examples/` shows. It ends with a table, and with 0 only if all was as
promised; on a terminal the page then stays until Ctrl+C.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from kull_mesh import log, signals
from kull_mesh.demo.browser import on_terminal, show
from kull_mesh.demo.ledger import EXAMPLES, LedgerPurse
from kull_mesh.demo.stage import SHOOT, Pace, Stage
from kull_mesh.demo.view import LiveView, PlainView, View, summary
from kull_mesh.errors import MeshError
from kull_mesh.play import page
from kull_mesh.play.serve import Playing, playing
from kull_mesh.settings import MeshSettings

OPENS_WITHIN: Final = 10.0  # seconds that the shoot waits for the browser to show the page
STOPPED: Final = 130  # the exit code of a program that Ctrl+C has ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What `kull demo` is told. `photos`: None: some are painted."""

    photos: Path | None
    pace: Pace
    port: int | None
    browser: bool


def main(*, photos: Path | None, fast: bool, port: int | None, browser: bool) -> int:
    """Run the demo and return its exit code. Raises MeshError."""
    if not EXAMPLES.is_dir():
        raise MeshError("the demo needs a checkout of the repository: its workers are in examples/")
    if photos is not None and not photos.is_dir():
        raise MeshError(f"there is no folder {photos}")
    log.configure(MeshSettings(log_level="error"))  # the devices are what is to be seen
    pace = Pace(photo=0.1, tunnel=0.3) if fast else Pace(photo=0.9, tunnel=4.0)
    options = Options(photos=photos, pace=pace, port=port, browser=browser)
    codes: list[int] = []
    with tempfile.TemporaryDirectory(prefix="kull-demo-") as folder:
        signals.run(signals.until_signalled(_run(Path(folder), options, codes)))
    return codes[0] if codes else STOPPED


async def _run(folder: Path, options: Options, codes: list[int]) -> None:
    purse = LedgerPurse(folder / "ledger.db")
    files = page.built()
    say = Console(highlight=False, soft_wrap=True).print
    try:
        async with playing(folder / "data", files=files, port=options.port, purse=purse) as play:
            address = play.url if files else ""
            say(f"The page: {address}" if files else "There is no page: it was not built.")
            if address and play.console[0]:
                say("The console: {} (sign in with {})".format(*play.console))
            if options.browser and address and show(address):
                await play.opened(within=OPENS_WITHIN)
            code = await _job(folder, options, play, address)
            codes.append(code)
            if address and on_terminal() and not code:
                say(f"The page stays until you press Ctrl+C: {address}")
                await play.wait()
    finally:
        purse.close()


async def _job(folder: Path, options: Options, play: Playing, address: str) -> int:
    stage = Stage(play.mesh, folder, play.url)
    play.business.titles[SHOOT] = (
        options.photos.resolve().name if options.photos else "Morning shoot"
    )
    view: View = LiveView(stage.devices, address) if sys.stdout.isatty() else PlainView()
    async with stage.watched(view):
        await stage.play(options.photos or await stage.painted(), options.pace)
        await stage.stop_watching()
    return summary(stage.devices, charged=stage.charged)
