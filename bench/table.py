"""The results as tables: on the terminal and in Markdown."""

from __future__ import annotations

import math
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import interpreter
from bench.results import OURS, Figure, Goal, Results

ARROWS = {"lower": "↓", "higher": "↑"}  # which way is better


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table: its title, its columns, and rows of texts."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def sheets(results: Results, goals: Sequence[Goal]) -> list[Sheet]:
    """Return the goals first, then each load, then where the CPU time goes."""
    found = [_goals(results, goals)]
    for load, figures in results.loads().items():
        main = [figure for figure in figures if not figure.kind.detail]
        rivals = list(
            dict.fromkeys(rival for figure in main for rival in figure.runs if rival != OURS)
        )
        rows = [
            [
                f"{figure.kind.title} {ARROWS[figure.kind.better]}",
                *(_cell(figure, rival) for rival in rivals),
                _value(figure, OURS),
            ]
            for figure in main
        ]
        title = f"{load}: ours / theirs, then their median (lowest to highest run)"
        found.append(Sheet(title, ["figure", *rivals, OURS], rows))
        found.append(_roles(load, figures))
    return [sheet for sheet in found if sheet.rows]


def show(results: Results, goals: Sequence[Goal], console: Console) -> None:
    """Print everything."""
    console.print(machine(), highlight=False)
    for sheet in sheets(results, goals):
        console.print(f"\n{sheet.title}", highlight=False)
        table = Table(*sheet.columns)
        for row in sheet.rows:
            table.add_row(*row)
        console.print(table, highlight=False)
    for note in filter(None, [results.warning(), *results.notes]):
        console.print(f"- {note}", highlight=False)


def markdown(results: Results, goals: Sequence[Goal], command: str) -> str:
    """Return everything as a Markdown page."""
    lines = ["# Results of the bench", "", f"Written by `{command}`. {machine()}", ""]
    if warning := results.warning():
        lines += [f"**{warning}**", ""]
    for sheet in sheets(results, goals):
        lines += [f"## {sheet.title[0].upper()}{sheet.title[1:]}", ""]
        lines += ["| " + " | ".join(sheet.columns) + " |"]
        lines += ["|" + " --- |" * len(sheet.columns)]
        lines += ["| " + " | ".join(row) + " |" for row in sheet.rows]
        lines += [""]
    if results.notes:
        lines += ["## Before you believe it", "", *(f"- {note}" for note in results.notes), ""]
    return "\n".join(lines)


def machine() -> str:
    """Return what it ran on: date, processor, versions."""
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores ({_processor()}), "
        f"{platform.system()} {platform.release()}, servers' Python {interpreter.version()}, "
        f"RabbitMQ {_package('rabbitmq-server')}, aio-pika {version('aio-pika')}, "
        f"websockets {version('websockets')}"
    )


def _goals(results: Results, goals: Sequence[Goal]) -> Sheet:
    rows = []
    for goal in goals:
        judged = goal.judge(results)
        if judged is None:
            continue
        value, enough = judged
        kind = results.figures[(goal.load, goal.figure)].kind
        sign = "≤" if kind.better == "lower" else "≥"
        unit = f"× {goal.rival}" if goal.rival else kind.unit
        rows.append(
            [
                f"{goal.figure}, {goal.load}",
                f"{sign} {goal.limit:g} {unit}",
                f"{value:.3g}",
                "met" if enough else "missed",
            ]
        )
    return Sheet("goals", ["figure", "goal", "measured", ""], rows)


def _roles(load: str, figures: Sequence[Figure]) -> Sheet:
    detail = [figure for figure in figures if figure.kind.detail]
    rivals = list(dict.fromkeys(rival for figure in detail for rival in figure.runs))
    rows = [[figure.kind.title, *(_value(figure, rival) for rival in rivals)] for figure in detail]
    return Sheet(f"{load}: by role", ["figure", *rivals], rows)


def _cell(figure: Figure, rival: str) -> str:
    ratio = figure.ratio(rival)
    shown = "-" if math.isnan(ratio) else f"{ratio:.2f} ×"
    return f"{shown} {_value(figure, rival)}" if figure.runs.get(rival) else ""


def _value(figure: Figure, rival: str) -> str:
    runs = figure.runs.get(rival)
    if not runs:
        return ""
    if len(runs) == 1:
        return _number(runs[0])
    return f"{_number(figure.median(rival))} ({_number(min(runs))} to {_number(max(runs))})"


def _number(value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _package(name: str) -> str:
    done = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Version}", name],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout or "of unknown version"
