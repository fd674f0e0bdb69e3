"""What the demo shows: a panel per device on a terminal, a line per event elsewhere."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from kull_client import Event
from kull_mesh.output import line_of
from kull_mesh.terminal import shown

LAST = 5  # events in a panel


@dataclass(slots=True, kw_only=True)
class Watched:
    """A device of the demo and what it has seen.

    `counts` says which shoots and credits the verdict is about; broadcasts never are.
    """

    user: str
    name: str
    id: str  # empty: a browser tab, the edge makes an id
    platform: str
    url: str
    counts: Callable[[Event], bool] = lambda event: True
    connected: bool = False
    balance: float | None = None
    credits: int = 0  # credit updates seen
    done: int = 0
    total: int = 0
    image: str = ""
    eta: float | None = None
    status: str = "idle"
    note_text: str = ""
    ids: set[str] = field(default_factory=set)
    repeats: int = 0
    disordered: int = 0
    strangers: int = 0  # events of another user: must stay 0
    last: deque[str] = field(default_factory=lambda: deque(maxlen=LAST))
    _seq: int = 0

    @property
    def finished(self) -> bool:
        """Whether this device knows that the shoot is over."""
        return self.status == "completed"

    def note(self, event: Event) -> None:
        """Take in an event."""
        if event.queue == "user" and not self._take(event):
            return
        kind = event.type.lower().replace("_", " ")
        self.last.append(shown(f"{kind}: {line_of(event.type, dict(event.data))}"))

    def _take(self, event: Event) -> bool:
        """Take in an event of the user's own queue; return whether it is new."""
        if event.user_id not in {self.user, ""}:
            self.strangers += 1
        if event.id in self.ids:
            self.repeats += 1
            return False
        self.ids.add(event.id)
        if event.seq is not None:
            self.disordered += event.seq <= self._seq
            self._seq = event.seq
        if event.type == "CREDIT_UPDATE":
            self.balance = event.data["newBalance"]
            self.credits += self.counts(event)
        elif event.type == "SHOOT_PROGRESS" and self.counts(event):
            self.done, self.total = event.data["processedCount"], event.data["totalCount"]
            self.image = event.data.get("currentImage", "")
            self.eta = event.data.get("eta")
            self.status = event.data["status"]
            self.note_text = event.data.get("errorMessage", "")
        return True


class View(Protocol):
    """Where the demo is shown. A context manager."""

    def update(self, device: Watched) -> None:
        """A device has changed."""
        ...

    def say(self, text: str) -> None:
        """Tell what happens next."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class PlainView:
    """One line per event, for pipes and logs."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True)
        self._told: dict[str, tuple[bool, int]] = {}

    def update(self, device: Watched) -> None:
        """See View."""
        now = (device.connected, len(device.ids))
        before, self._told[device.name] = self._told.get(device.name), now
        if before is None or before[0] != device.connected:
            state = "connected" if device.connected else "offline"
            self._console.print(f"{device.name:<13} {state}")
        elif before != now and device.last:
            self._console.print(f"{device.name:<13} {device.last[-1]}")

    def say(self, text: str) -> None:
        """See View."""
        self._console.print(f"— {text}")

    def __enter__(self) -> Self:
        """Nothing to open."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing to close."""


class LiveView:
    """A panel per device, redrawn a few times a second; `address` of the page is below them."""

    def __init__(self, devices: Sequence[Watched], address: str = "") -> None:
        self._devices = devices
        self._address = address
        self._said = ""
        self._console = Console()
        self._live = Live(console=self._console, get_renderable=self._draw, refresh_per_second=10)

    def update(self, device: Watched) -> None:
        """See View: the next redraw shows it."""

    def say(self, text: str) -> None:
        """See View."""
        self._said = text

    def __enter__(self) -> Self:
        """Start drawing."""
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Draw once more and stop."""
        self._said = ""
        self._live.stop()

    def _draw(self) -> RenderableType:
        width = max(30, self._console.width // 2 - 1)
        panels = [panel(device, width) for device in self._devices]
        below = Text(f" {self._said}", style="bold")
        if self._address:
            below.append(f"\n The page: {self._address}", style="not bold cyan")
        return Group(Columns(panels, width=width), below)


def panel(device: Watched, width: int) -> Panel:
    """Return what one device shows."""
    dot = Text("● ", style="green" if device.connected else "red")
    edge = device.url.split("/")[2]
    head = Text.assemble(dot, "connected to " if device.connected else "offline, was on ", edge)
    balance = "-" if device.balance is None else f"{device.balance:g}"
    bar = ProgressBar(total=device.total or 1, completed=device.done, width=width - 4)
    shoot = f"{device.status}"
    if device.total:
        shoot += f"  {device.done}/{device.total}  {100 * device.done // device.total}%"
    if device.eta is not None:
        shoot += f"  {device.eta:.0f} s to go"
    events = [Text(line, style="dim", no_wrap=True, overflow="ellipsis") for line in device.last]
    blank = [Text("")] * (LAST - len(events))
    body = Group(
        head,
        Text(f"credits  {balance}"),
        Text(f"shoot    {shoot}", no_wrap=True, overflow="ellipsis"),
        Padding(bar, 0),  # a bar alone does not end its line
        Text(device.image or device.note_text, style="italic", no_wrap=True, overflow="ellipsis"),
        *events,
        *blank,
    )
    colour = "cyan" if device.user == "maya" else "magenta"
    return Panel(body, title=f"{device.name} ({device.user})", border_style=colour, width=width)


def promise_kept(devices: Sequence[Watched], *, charged: int) -> bool:
    """Whether Maya's devices agree on everything, in order, and Otto's saw his purchase alone.

    charged: keepers that were paid for. Each is a credit update, as is Maya's purchase before them.
    """
    mine = [device for device in devices if device.user == "maya"]
    others = [device for device in devices if device.user != "maya"]
    return (
        len({device.balance for device in mine}) == 1
        and all(device.finished and device.credits == charged + 1 for device in mine)
        and all(len(device.ids) == device.credits == 1 for device in others)
        and not any(device.strangers or device.disordered for device in devices)
    )


def summary(devices: Sequence[Watched], *, charged: int) -> int:
    """Print the table of what came where; return 0 if it is what was promised, else 1."""
    console = Console(highlight=False)
    table = Table(title="What each device saw")
    columns = ("device", "events", "credits", "balance", "shoot", "disorder", "of others")
    for column in columns:
        left = column in {"device", "shoot"}
        table.add_column(column, justify="left" if left else "right", no_wrap=True)
    for each in devices:
        balance = "-" if each.balance is None else f"{each.balance:g}"
        row = (each.name, len(each.ids), each.credits, balance, each.status)
        table.add_row(*map(str, row), str(each.disordered), str(each.strangers))
    console.print(table)
    right = promise_kept(devices, charged=charged)
    console.print(
        f"{charged} keepers were charged. Maya's devices agree, and Otto saw nothing of hers."
        if right
        else "NOT as promised: see the table.",
        soft_wrap=True,
    )
    return 0 if right else 1
