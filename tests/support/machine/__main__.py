"""Find or install what tests need, and say what became of it."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from tests.support.machine import THINGS, provide, table


def main() -> int:
    """Provide the named things, or all; 0 when all are there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("things", nargs="*", metavar="THING", help=", ".join(THINGS))
    parser.add_argument("--json", action="store_true", help="print an object, by name")
    options = parser.parse_args()
    unknown = set(options.things) - set(THINGS)
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    outcomes = provide(options.things or THINGS)
    if options.json:
        told = {name: {**asdict(each), "line": each.line()} for name, each in outcomes.items()}
        sys.stdout.write(f"{json.dumps(told)}\n")
    else:
        sys.stdout.write("\n".join([*table(outcomes.values()), ""]))
    return 0 if all(outcome.there for outcome in outcomes.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
