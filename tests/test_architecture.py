"""The rules of the tree that no linter knows: cores import no effects, packages explain themselves, files are short."""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CORES = ("agenda", "billing", "lobby", "notify", "sfu", "signalling", "store")
FILE_LINES, FUNCTION_LINES = 300, 50


def tracked(*endings: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return [
        ROOT / name for name in listed if name.endswith(endings) and "/vendor/" not in name and (ROOT / name).exists()
    ]


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("package", CORES)
def test_a_packages_core_imports_no_io(package: str) -> None:
    for path in (ROOT / package).glob("*.py"):
        found = [name for name in imports(path) if ".io" in f".{name}."[:-1] and ".io." in f"{name}."]
        assert found == [], path.relative_to(ROOT)


def test_a_package_explains_itself_in_one_sentence_and_holds_nothing_else() -> None:
    for path in tracked("__init__.py"):
        body = ast.parse(path.read_text()).body
        assert len(body) == 1, path.relative_to(ROOT)
        assert isinstance(body[0], ast.Expr), path.relative_to(ROOT)


def test_files_stay_below_300_lines_or_say_why_not() -> None:
    long = {}
    for path in tracked(".py", ".js", ".c", ".h", ".css"):
        lines = path.read_text().splitlines()
        if len(lines) > FILE_LINES and "over 300 lines" not in lines[0].lower():
            long[str(path.relative_to(ROOT))] = len(lines)
    assert long == {}


def test_functions_stay_below_50_lines() -> None:
    long = {}
    for path in tracked(".py"):
        if "tests" in path.relative_to(ROOT).parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                size = (node.end_lineno or node.lineno) - node.lineno + 1
                if size > FUNCTION_LINES:
                    long[f"{path.relative_to(ROOT)}:{node.name}"] = size
    assert long == {}
