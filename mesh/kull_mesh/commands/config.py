"""`kull config`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer
from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings
from rich.console import Console
from rich.table import Table

from kull_console import ConsoleSettings
from kull_edge.settings import EdgeSettings
from kull_gateway import GatewaySettings
from kull_mesh.settings import MeshSettings
from kull_router.settings import RouterSettings

GROUPS: dict[str, type[BaseSettings]] = {
    "kull": MeshSettings,
    "router": RouterSettings,
    "edge": EdgeSettings,
    "gateway": GatewaySettings,
    "console": ConsoleSettings,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting as it stands."""

    role: str
    name: str
    value: str
    set: bool
    description: str


def config(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON list.")] = False,
) -> None:
    """Print every setting: its KULL_* variable, its value here, and what it means."""
    settings = list(current())
    if as_json:
        typer.echo(json.dumps([asdict(each) for each in settings], indent=2))
        return
    console = Console(highlight=False)
    for role in GROUPS:
        table = Table(title=f"{role}", title_justify="left", box=None, pad_edge=False)
        for column in ("variable", "value", "meaning"):
            table.add_column(column, overflow="fold", no_wrap=column == "variable")
        for each in settings:
            if each.role == role:
                value = f"[bold]{each.value}[/bold]" if each.set else each.value
                table.add_row(each.name, value, each.description)
        console.print(table)
        console.print()
    console.print("Bold values come from the environment, all others are defaults.")


def current() -> Iterator[Setting]:
    """Yield every setting; one that several roles read is told once, at the first."""
    told: set[str] = set()
    for role, kind in GROUPS.items():
        settings, required = _read(kind)
        for field, info in kind.model_fields.items():
            name = variable_of(kind, field, info)
            if name not in told:
                told.add(name)
                yield Setting(
                    role=role,
                    name=name,
                    value="required" if field in required else _shown(getattr(settings, field)),
                    set=field in settings.model_fields_set - required,
                    description=info.description or "",
                )


def problem(error: ValidationError) -> str:
    """Return one line about settings that are wrong, with the names of their variables."""
    kinds = {kind.__name__: kind for kind in GROUPS.values()}
    kind = kinds.get(error.title)
    told: list[str] = []
    for each in error.errors(include_url=False, include_input=False):
        field = ".".join(str(part) for part in each["loc"])
        if kind is not None and field in kind.model_fields:
            field = variable_of(kind, field, kind.model_fields[field])
        told.append(f"{field}: {each['msg']}")
    return f"wrong settings: {'; '.join(told)} (see `kull config`)"


def _read(kind: type[BaseSettings]) -> tuple[BaseSettings, set[str]]:
    """Return the settings, and which of them would have to be set for this role."""
    try:
        return kind(), set()
    except ValidationError as error:
        told = {str(each["loc"][0]) for each in error.errors() if each["type"] == "missing"}
        missing = {
            field
            for field, info in kind.model_fields.items()
            if not told.isdisjoint({field, variable_of(kind, field, info)})
        }
        # Only to read the others; it is never shown.
        fake: dict[str, Any] = dict.fromkeys(missing, "x" * 64)
        return kind(**fake), missing


def variable_of(kind: type[BaseSettings], field: str, info: FieldInfo) -> str:
    """Return the environment variable of a setting."""
    if isinstance(info.validation_alias, str):
        return info.validation_alias
    return f"{kind.model_config.get('env_prefix', '')}{field}".upper()


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, SecretStr):
        return "********"
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)
