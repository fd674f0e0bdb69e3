"""The event types of a deployment: Kull's, and those that modules of its own declare."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

from kull_producers.errors import EventModuleError
from kull_producers.events.catalogue import Catalogue
from kull_producers.events.delivery_contract import Latest
from kull_producers.events.event import Event
from kull_producers.events.models import EVENTS


def load(modules: str) -> Catalogue:
    """Return Kull's event types and those of modules, in the order of the modules.

    Args:
        modules: names as `import` has them, separated by commas. They are looked for where Python
            looks, and in the working directory.

    Raises:
        EventModuleError: a module is not there, does not load, declares no type, or a wrong one.
    """
    names = names_in(modules)
    if not names:
        return EVENTS
    found = dict.fromkeys(model for name in names for model in types_in(_imported(name)))
    for model in found:
        _check_place(model)
    try:
        return Catalogue(*EVENTS.values(), *found)
    except TypeError as error:
        raise EventModuleError(f"{error} (in {', '.join(names)}; see docs/events.md)") from error


def names_in(modules: str) -> list[str]:
    """Return the names of a list of modules."""
    return [each.strip() for each in modules.split(",") if each.strip()]


def types_in(module: ModuleType) -> list[type[Event]]:
    """Return the event types that a module declares or takes from others, but for Kull's.

    Raises EventModuleError: there is none.
    """
    found = [
        each
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Event) and "event_type" in vars(each)
    ]
    if own := [each for each in found if each not in EVENTS.values()]:
        return own
    raise EventModuleError(
        f"the module {module.__name__} declares no event type: no class derives from Event and has "
        "an `event_type` (see docs/events.md)"
    )


def _imported(name: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:  # an installed command does not look there
        sys.path.append(here)
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if missing and f"{name}.".startswith(f"{missing}."):
            raise EventModuleError(
                f"there is no module {name!r} with event types (KULL_EVENTS_MODULES): install it, "
                f"put its folder on PYTHONPATH, or start in that folder; looked from {here}"
            ) from error
        raise EventModuleError(f"the module {name} does not load: {error}") from error
    except Exception as error:
        raise EventModuleError(
            f"the module {name} does not load: {type(error).__name__}: {error}"
        ) from error


def _check_place(model: type[Event]) -> None:
    """Raise EventModuleError if a type needs what routers do not make, or takes Kull's keys."""
    kind = model.event_type
    if kind.exchange not in EVENTS.exchanges:
        raise EventModuleError(
            f"event type {model.__name__}: no router makes its exchange {kind.exchange!r}: leave "
            f"`exchange` out, or take one of {', '.join(EVENTS.exchanges)}"
        )
    if not isinstance(kind.contract, Latest):
        return
    word = _word(kind.contract)
    for other in EVENTS.values():
        if (
            isinstance(other.event_type.contract, Latest)
            and _word(other.event_type.contract) == word
        ):
            raise EventModuleError(
                f"event type {model.__name__}: its key begins with {word!r} as that of "
                f"{other.event_type.name}, which it would replace: take another word"
            )


def _word(contract: Latest) -> str:
    return contract.key.partition(":")[0]
