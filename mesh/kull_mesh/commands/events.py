"""`kull events`: what follows from event types, for those who take them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from kull_mesh.errors import MeshError
from kull_mesh.event_types import typescript
from kull_mesh.event_types.asyncapi import document
from kull_mesh.settings import MeshSettings
from kull_producers.event_modules import load, names_in
from kull_producers.events.catalogue import Catalogue
from kull_producers.events.models import EVENTS
from kull_producers.events.schema import DRAFT, Schema, data_schema

Modules = Annotated[
    list[str] | None,
    typer.Option(
        "--module",
        show_default="KULL_EVENTS_MODULES",
        help="A Python module with event types of your own; may be repeated.",
    ),
]


def events(
    module: Modules = None,
    typescript_file: Annotated[
        Path | None,
        typer.Option("--typescript", metavar="FILE", help="Types for @kull/sync of your own."),
    ] = None,
    json_schema: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE|FOLDER",
            help="JSON Schema 2020-12 of your own: one .json file, or a file for each in a folder.",
        ),
    ] = None,
    asyncapi: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="AsyncAPI 3 of all channels, Kull's and your own."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail if a file is not as it would be.")
    ] = False,
) -> None:
    """Show the event types of a deployment, or generate what follows from them."""
    modules = ",".join(module) if module else MeshSettings().events_modules
    known, names = load(modules), names_in(modules)
    files: dict[Path, str] = {}
    if typescript_file or json_schema:
        own = _own(known)
        if typescript_file:
            files[typescript_file] = typescript.augmentation(own, modules=names)
        if json_schema:
            files |= _schemas(json_schema, own, names)
    if asyncapi:
        files[asyncapi] = _json(document(known))
    if not files:
        _show(known)
        return
    _compare(files) if check else _write(files)


def _own(known: Catalogue) -> dict[str, Schema]:
    own = {name: data_schema(model) for name, model in known.items() if name not in EVENTS}
    if not own:
        raise MeshError(
            "name a module with event types of your own: --module our.events, or "
            "KULL_EVENTS_MODULES. Those of Kull are in @kull/sync already"
        )
    return own


def _schemas(place: Path, own: dict[str, Schema], modules: list[str]) -> dict[Path, str]:
    if place.suffix != ".json":
        return {
            place / f"{known_as}.json": _json({"$schema": DRAFT, **schema})
            for name, schema in own.items()
            for known_as in [name.lower().replace("_", "-")]
        }
    title = f"The data of the events of {', '.join(modules)}, by their type"
    return {place: _json({"$schema": DRAFT, "title": title, "$defs": own})}


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _write(files: dict[Path, str]) -> None:
    for path, text in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise MeshError(f"cannot write {path}: {error.strerror}") from error
        typer.echo(f"{path} is written")


def _compare(files: dict[Path, str]) -> None:
    differing = [
        str(path)
        for path, text in files.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    if differing:
        raise MeshError(
            f"not as the event types say: {', '.join(differing)}. Run this without --check"
        )


def _show(known: Catalogue) -> None:
    table = Table(box=None, pad_edge=False)
    for column in ("type", "kept", "scope", "exchange", "what"):
        table.add_column(column, overflow="fold", no_wrap=column in {"type", "scope"})
    for name, model in known.items():
        kind = model.event_type
        table.add_row(name, kind.contract.name, kind.scope, kind.exchange, kind.summary)
    Console(highlight=False).print(table)
    own = [name for name in known if name not in EVENTS]
    if own:
        typer.echo(f"For strict routers: KULL_EVENT_TYPES={','.join(own)}")
