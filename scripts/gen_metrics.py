"""Generate docs/metrics.md from the metrics that are declared in the code; `--check`: drift."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from kull_mesh.metrics_catalogue import ROLES, Role
from kull_producers import measures as copied
from kull_protos.common.measures import Metric

ROOT: Final = Path(__file__).parent.parent
DOCUMENT: Final = "docs/metrics.md"
SHOWN: Final = 12  # values of a label that are listed; of more only how many there are
BEGIN: Final = "<!-- metrics: written by `make metrics` -->\n"
END: Final = "<!-- end of metrics -->\n"


def document() -> str:
    """Return the document with its tables; raises ValueError when their marks are gone."""
    before, rest = (ROOT / DOCUMENT).read_text().split(BEGIN)
    _, after = rest.split(END)
    return "".join([before, BEGIN, "\n".join(map(_section, ROLES)), END, after])


def _section(role: Role) -> str:
    metrics = role.metrics
    series = sum(each.series for each in metrics)
    lines = [
        f"## {role.name}\n",
        f"Where: {role.where}. At most {series:,} series.\n",
        "| metric | type | labels | meaning |",
        "|---|---|---|---|",
        *(f"| `{each.name}` | {each.kind} | {_labels(each)} | {each.text} |" for each in metrics),
    ]
    return "\n".join(lines) + "\n"


def _labels(metric: Metric | copied.Metric) -> str:
    parts = []
    for name, values in metric.labels.items():
        listed = ", ".join(values) if len(values) <= SHOWN else f"{len(values)} values"
        parts.append(f"`{name}`: {listed}")
    return "; ".join(parts)


def main() -> None:
    """Write the document, or compare it with what is committed."""
    path, text = ROOT / DOCUMENT, document()
    if path.read_text() == text:
        return
    if "--check" in sys.argv:
        sys.exit(f"{DOCUMENT} has drifted, run `make metrics`")
    path.write_text(text)


if __name__ == "__main__":
    main()
