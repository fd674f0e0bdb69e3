"""Generate the code of every .proto file beside it; `--check` fails when it has drifted."""

from __future__ import annotations

import filecmp
import shutil
import sys
import tempfile
from importlib import resources
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).parent.parent / "protos"


def generate(into: Path) -> list[Path]:
    """Run protoc for every .proto file below ROOT and return the files it wrote."""
    sources = sorted(str(path) for path in ROOT.rglob("*.proto"))
    include = resources.files("grpc_tools") / "_proto"
    arguments = [f"-I{ROOT}", f"-I{include}"]
    arguments += [f"--{kind}={into}" for kind in ("python_out", "pyi_out", "grpc_python_out")]
    if protoc.main(["protoc", *arguments, *sources]):
        sys.exit("protoc failed, see above")
    return sorted(path for path in into.rglob("*_pb2*.py*") if path.is_file())


def main() -> None:
    """Write the generated code, or compare it with what is committed."""
    with tempfile.TemporaryDirectory() as directory:
        into = Path(directory)
        fresh = {path.relative_to(into): path for path in generate(into)}
        committed = {
            path.relative_to(ROOT)
            for path in ROOT.rglob("*_pb2*")
            if path.suffix in {".py", ".pyi"}
        }
        if "--check" not in sys.argv:
            for name, path in fresh.items():
                shutil.copy(path, ROOT / name)
            return
        drifted = [
            str(name)
            for name in sorted(fresh.keys() | committed)
            if name not in fresh
            or name not in committed
            or not filecmp.cmp(fresh[name], ROOT / name, shallow=False)
        ]
    if drifted:
        sys.exit(f"generated code has drifted, run `make protos`: {', '.join(drifted)}")


if __name__ == "__main__":
    main()
