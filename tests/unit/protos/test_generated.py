"""The generated code fits the .proto files, and the requirements fit the generated code."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
GENERATED = ROOT / "protos/kull_protos/mesh/v1"


def required(package: str) -> tuple[int, ...]:
    """Return the lowest version that kull-protos asks for."""
    project = tomllib.loads((ROOT / "protos/pyproject.toml").read_text())["project"]
    lines = [line for line in project["dependencies"] if line.startswith(f"{package}>=")]
    return version(lines[0].partition(">=")[2].partition(",")[0])


def version(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


@pytest.mark.parametrize("name", ["attach", "admin"])
def test_the_required_protobuf_is_no_older_than_the_generator(name: str) -> None:
    code = (GENERATED / f"{name}_pb2.py").read_text()
    match = re.search(r"ValidateProtobufRuntimeVersion\(\s*\S+,\s*(\d+),\s*(\d+),\s*(\d+),", code)
    assert match

    assert required("protobuf") >= tuple(map(int, match.groups()))


@pytest.mark.parametrize("name", ["attach", "admin"])
def test_the_required_grpcio_is_no_older_than_the_generator(name: str) -> None:
    code = (GENERATED / f"{name}_pb2_grpc.py").read_text()
    match = re.search(r"GRPC_GENERATED_VERSION = '([\d.]+)'", code)
    assert match

    assert required("grpcio") >= version(match[1])


def test_the_generated_code_is_that_of_the_proto_files() -> None:
    result = subprocess.run(
        [sys.executable, ROOT / "scripts/gen_protos.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", ["attach", "admin"])
def test_every_field_has_a_comment_or_a_plain_name(name: str) -> None:
    text = (GENERATED / f"{name}.proto").read_text()
    messages = re.findall(r"message (\w+) \{\n(.*?)\n\}", text, re.DOTALL)
    bare = [
        f"{message}: {line.strip()}"
        for message, body in messages
        for line in body.splitlines()
        if re.search(r"= \d+;$", line)
    ]
    # Names that the file has explained elsewhere, or that say it all.
    known = r" (\w*_id|epoch|address|shard|term|seq|session_id|version|node_id|device|router"
    known += r"|\w*s|owned|entries|broker_connected|connected|frame|head|shard_count"
    known += r"|close_code|reason|user_id) = "

    assert [line for line in bare if not re.search(known, line)] == []
