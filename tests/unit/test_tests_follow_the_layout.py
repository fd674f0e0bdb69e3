"""A module's unit tests are found by its name, and what is tested elsewhere says where.

`tests/unit/<member>/<folder>/test_<module>.py` tests `<folder>/<module>.py` of the member's
package; a large module may have more files, `test_<module>_<aspect>.py`. The file `layout.toml`
beside them names the exceptions:

    [elsewhere]                       # modules without a file of their name: who tests them
    "rpc/server.py" = "tests/integration/test_mutual_tls.py"
    "sessions/port.py" = ""           # nothing to test: only names, types or values

    [also]                            # test files that belong to no one module, and why
    "test_start.py" = "what all roles do at the start"

Every member has that file, an empty one when there are no exceptions.
"""

from __future__ import annotations

import ast
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.members import MEMBERS

ROOT = Path(__file__).parents[2]
LAYOUT = "layout.toml"
# The folder of a member's tests bears the name of its package.
PACKAGES = {
    package.removeprefix("kull_"): f"{folder}/{package}" for folder, package in MEMBERS.items()
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A package, its unit tests, and what its `layout.toml` says."""

    package: Path
    tests: Path
    elsewhere: dict[str, str]
    also: dict[str, str]

    @property
    def modules(self) -> set[str]:
        """Hand-written modules, relative to the package."""
        found = (path.relative_to(self.package) for path in self.package.rglob("*.py"))
        return {
            path.as_posix()
            for path in found
            if path.name != "__init__.py" and not path.stem.endswith(("_pb2", "_pb2_grpc"))
        }

    @property
    def test_files(self) -> set[str]:
        """Relative to the tests' folder."""
        return {path.relative_to(self.tests).as_posix() for path in self.tests.rglob("test_*.py")}

    def untested(self) -> set[str]:
        """Modules with neither a test file of their name nor a line."""
        return self.modules - set(self.elsewhere) - {self._module(each) for each in self.test_files}

    def homeless(self) -> set[str]:
        """Test files that name no module and have no line."""
        return {each for each in self.test_files - set(self.also) if self._module(each) is None}

    def stale(self) -> set[str]:
        """Lines about what does not exist, or has a test file of its name by now."""
        tested = {self._module(each) for each in self.test_files}
        return (
            (set(self.elsewhere) - self.modules)
            | (set(self.elsewhere) & {each for each in tested if each})
            | (set(self.also) - self.test_files)
            | {each for each in self.also if self._module(each)}
        )

    def _module(self, test_file: str) -> str | None:
        path = Path(test_file)
        words = path.stem.removeprefix("test_").split("_")
        for count in range(len(words), 0, -1):
            module = (path.parent / f"{'_'.join(words[:count])}.py").as_posix()
            if module in self.modules:
                return module
        return None


def member(name: str) -> Member:
    tests = ROOT / "tests/unit" / name
    lines = tomllib.loads((tests / LAYOUT).read_text())
    return Member(
        package=ROOT / PACKAGES[name],
        tests=tests,
        elsewhere=lines.get("elsewhere", {}),
        also=lines.get("also", {}),
    )


def only_declares(module: Path) -> bool:
    """Whether a module holds no code to run: no function with more in it than a docstring."""
    return not any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and not all(isinstance(each, ast.Expr) for each in node.body)
        for node in ast.walk(ast.parse(module.read_text()))
    )


@pytest.mark.parametrize("name", PACKAGES)
def test_every_module_has_tests_of_its_name_or_says_where_they_are(name: str) -> None:
    assert member(name).untested() == set()


@pytest.mark.parametrize("name", PACKAGES)
def test_every_test_file_names_a_module_or_says_what_it_is_about(name: str) -> None:
    assert member(name).homeless() == set()


@pytest.mark.parametrize("name", PACKAGES)
def test_no_line_outlives_its_reason(name: str) -> None:
    assert member(name).stale() == set()


@pytest.mark.parametrize("name", PACKAGES)
def test_what_is_tested_elsewhere_is_tested_there(name: str) -> None:
    found = member(name)
    for module, where in found.elsewhere.items():
        if where:
            assert (ROOT / where).is_file(), (module, where)
        else:
            assert only_declares(found.package / module), f"{module} has code, and no test"


def test_the_rules_tell_right_from_wrong(tmp_path: Path) -> None:
    package, tests = tmp_path / "package", tmp_path / "tests"
    for path in ("core.py", "deep/send_queue.py", "deep/port.py", "deep/__init__.py", "x_pb2.py"):
        (package / path).parent.mkdir(parents=True, exist_ok=True)
        (package / path).write_text("")
    for path in ("test_core_faults.py", "deep/test_send_queue.py", "deep/test_queue.py"):
        (tests / path).parent.mkdir(parents=True, exist_ok=True)
        (tests / path).write_text("")

    wrong = Member(package=package, tests=tests, elsewhere={"core.py": "", "gone.py": ""}, also={})

    assert wrong.untested() == {"deep/port.py"}
    assert wrong.homeless() == {"deep/test_queue.py"}
    assert wrong.stale() == {"core.py", "gone.py"}


def test_a_module_with_code_is_told_from_one_of_names(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("class Port:\n    def call(self) -> int:\n        '''Say.'''\n        ...\n")
    assert only_declares(module)
    module.write_text("def call() -> int:\n    return 1\n")
    assert not only_declares(module)
