"""What a worker gets from `pip install kull-producers`: the SDK and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

from tests.support.members import MEMBERS

ROOT = Path(__file__).parents[3]


def build(folder: str | Path, target: Path) -> zipfile.ZipFile:
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(target)]
    done = subprocess.run(
        [*command, str(ROOT / folder)], capture_output=True, text=True, check=False, timeout=50
    )
    assert done.returncode == 0, done.stdout + done.stderr
    [wheel] = target.glob("*.whl")
    return zipfile.ZipFile(wheel)


def requirements(wheel: zipfile.ZipFile) -> list[str]:
    [name] = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    return message_from_bytes(wheel.read(name)).get_all("Requires-Dist", [])


@pytest.mark.parametrize(("folder", "package"), MEMBERS.items())
def test_a_wheel_holds_its_one_package(folder: str, package: str, tmp_path: Path) -> None:
    with build(folder, tmp_path) as wheel:
        names = wheel.namelist()

    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {package}
    assert f"{package}/py.typed" in names


def test_the_wheel_of_the_mesh_carries_the_page_that_was_built(tmp_path: Path) -> None:
    mesh = tmp_path / "mesh"
    shutil.copytree(ROOT / "mesh", mesh, ignore=shutil.ignore_patterns("pages", "__pycache__"))
    shutil.copy(ROOT / ".gitignore", tmp_path)
    assets = mesh / "kull_mesh/play/pages/assets"
    assets.mkdir(parents=True)
    (assets.parent / "index.html").write_text("<p>the page</p>")
    (assets / "index.js").write_text("1")

    with build(mesh, tmp_path / "wheel") as wheel:
        names = wheel.namelist()

    assert {"kull_mesh/play/pages/index.html", "kull_mesh/play/pages/assets/index.js"} <= set(names)


def test_the_producers_need_neither_grpc_nor_anything_of_ours(tmp_path: Path) -> None:
    with build("producers", tmp_path) as wheel:
        needed = [line for line in requirements(wheel) if "extra ==" not in line]

    assert sorted(line.split(">")[0].split("<")[0] for line in needed) == ["aio-pika", "pydantic"]


def test_importing_the_sdk_loads_no_web_framework() -> None:
    code = (
        "import sys, kull_producers\n"
        "heavy = {'fastapi', 'uvicorn', 'structlog', 'jwt', 'pydantic_settings', 'grpc'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=50
    )

    assert done.stdout.strip() == "[]"
