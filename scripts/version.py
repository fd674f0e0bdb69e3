"""The version of everything, which stands in the root's pyproject.toml.

Prints it; with a version as argument sets it everywhere; `--check` fails where another one stands.
Each member is built from its own folder alone, so that each manifest has to say it.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parent.parent
SOURCE: Final = ROOT / "pyproject.toml"
NUMBER: Final = re.compile(r"\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?")
PINS: Final = ("dependencies", "devDependencies", "peerDependencies")


def current() -> str:
    """Return the version of the workspace."""
    version: str = tomllib.loads(SOURCE.read_text())["project"]["version"]
    return version


def manifests() -> list[Path]:
    """Return every file that says the version."""
    web = ROOT / "clients/web"
    return [
        SOURCE,
        *sorted(path for path in ROOT.glob("*/pyproject.toml")),
        ROOT / "clients/python/pyproject.toml",
        *sorted(
            path for part in ("packages", "apps") for path in web.glob(f"{part}/*/package.json")
        ),
        web / "package-lock.json",
    ]


def with_version(path: Path, version: str) -> str:
    """Return a manifest's text with this version, also in its pins on other members."""
    text = path.read_text()
    if path.suffix == ".toml":
        text = re.sub(r'(?m)^version = ".*"$', f'version = "{version}"', text, count=1)
        return re.sub(r'"(kull-[a-z]+)==[^"]*"', rf'"\1=={version}"', text)
    said = json.loads(text)
    # A lock file says it for each member of the workspace, a manifest for itself.
    members = (
        [each for name, each in said["packages"].items() if name.startswith(("packages/", "apps/"))]
        if "packages" in said
        else [said]
    )
    for member in members:
        _set(member, version)
    return json.dumps(said, indent=2, ensure_ascii=False) + "\n"


def _set(member: dict[str, Any], version: str) -> None:
    member["version"] = version
    for pins in PINS:
        for name in member.get(pins, {}):
            if name.startswith("@kull/"):
                member[pins][name] = version


def main() -> None:
    """Print, check or set the version."""
    match sys.argv[1:]:
        case []:
            print(current())
        case ["--check"]:
            version = current()
            others = [
                path.relative_to(ROOT).as_posix()
                for path in manifests()
                if with_version(path, version) != path.read_text()
            ]
            if others:
                files = ", ".join(others)
                sys.exit(f"not {version} everywhere, run `scripts/version.py {version}`: {files}")
        case [version] if NUMBER.fullmatch(version):
            for path in manifests():
                path.write_text(with_version(path, version))
        case _:
            sys.exit(
                f"{' '.join(sys.argv[1:])!r} is no version: write for example 1.2.0 or 1.2.0rc1"
            )


if __name__ == "__main__":
    main()
