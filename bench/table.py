"""The results as tables: on the terminal and in Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from bench import yardstick
from bench.figures import COSTS
from bench.results import OURS, Figure, Goal, Results
from bench.rivals.ceiling import Ceiling
from bench.versions import machine

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
    in_units = list(yardstick.figures(results, COSTS, Ceiling.name))
    for load, figures in results.loads().items():
        main = [figure for figure in figures if not figure.kind.detail]
        rivals = list(
            dict.fromkeys(rival for figure in main for rival in figure.runs if rival != OURS)
        )
        rounds = {rival: _rounds(main, rival) for rival in (*rivals, OURS)}
        rows = [
            [
                f"{figure.kind.title} {ARROWS[figure.kind.better]}",
                *(_cell(figure, rival, rounds[rival]) for rival in rivals),
                _value(figure, OURS, rounds[OURS]),
            ]
            for figure in main
        ]
        title = f"{load}: ours / theirs, then their median (lowest to highest round)"
        found.append(Sheet(title, ["figure", *map(_head, rounds, rounds.values())], rows))
        units = [each for each in in_units if each.load == load]
        found.append(_plain(f"{load}: CPU per delivery, in {yardstick.UNIT}", units))
        found.append(_plain(f"{load}: by role", [each for each in figures if each.kind.detail]))
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
    for note in filter(None, [results.unfinished(), results.warning(), *results.notes]):
        console.print(f"- {note}", highlight=False)


def markdown(results: Results, goals: Sequence[Goal], command: str) -> str:
    """Return everything as a Markdown page."""
    lines = ["# Results of the bench", "", f"Written by `{command}`. {machine()}", ""]
    for warning in filter(None, [results.unfinished(), results.warning()]):
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


def _goals(results: Results, goals: Sequence[Goal]) -> Sheet:
    """Return a row for each goal whose load was run."""
    rows = []
    for goal in goals:
        if goal.load not in results.loads():
            continue
        figure = results.figures.get((goal.load, goal.figure))
        sign = "≥" if figure and figure.kind.better == "higher" else "≤"
        unit = f"× {goal.rival}" if goal.rival else figure.kind.unit if figure else ""
        row = [f"{goal.figure}, {goal.load}", f"{sign} {goal.limit:g} {unit}"]
        verdict = goal.judge(results)
        if verdict is None:
            rows.append([*row, "", "", "", "not measured"])
            continue
        spread = f"{_number(min(verdict.values))} to {_number(max(verdict.values))}"
        rounds = f"{verdict.rounds_met} of {len(verdict.values)}"
        met = "met" if verdict.met else "missed"
        rows.append([*row, _number(verdict.value), spread, rounds, met])
    columns = ["figure", "goal", "median", "lowest to highest round", "rounds that meet it", ""]
    return Sheet("goals", columns, rows)


def _plain(title: str, figures: Sequence[Figure]) -> Sheet:
    """Return figures without ratios."""
    rivals = list(dict.fromkeys(rival for figure in figures for rival in figure.runs))
    rounds = {rival: _rounds(figures, rival) for rival in rivals}
    rows = [
        [figure.kind.title, *(_value(figure, rival, rounds[rival]) for rival in rivals)]
        for figure in figures
    ]
    return Sheet(title, ["figure", *map(_head, rounds, rounds.values())], rows)


def _rounds(figures: Sequence[Figure], rival: str) -> int:
    """Return in how many rounds a rival was measured; some figures may be of fewer."""
    return max((len(figure.values(rival)) for figure in figures), default=0)


def _head(rival: str, rounds: int) -> str:
    return f"{rival}, {_times(rounds)}"


def _times(rounds: int) -> str:
    return f"{rounds} round{'s' if rounds != 1 else ''}"


def _cell(figure: Figure, rival: str, rounds: int) -> str:
    ratio = figure.ratio(rival)
    shown = "-" if math.isnan(ratio) else f"{ratio:.2f} ×"
    return f"{shown} {_value(figure, rival, rounds)}" if figure.runs.get(rival) else ""


def _value(figure: Figure, rival: str, rounds: int) -> str:
    """Return a rival's median and spread; of how many rounds, if not of all that it has."""
    runs = figure.values(rival)
    if not runs:
        return ""
    fewer = _times(len(runs)) if len(runs) < rounds else ""
    if len(runs) == 1:
        return f"{_number(runs[0])} ({fewer})" if fewer else _number(runs[0])
    spread = f"{_number(min(runs))} to {_number(max(runs))}"
    return f"{_number(figure.median(rival))} ({', '.join(filter(None, [spread, fewer]))})"


def _number(value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
