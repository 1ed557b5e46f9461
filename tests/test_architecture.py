"""The direction of every import: what a reader may rely on when they move code."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = (
    "protocol", "agent", "launch", "operators", "sessions", "monitoring", "avatary", "benchmarks", "standins", "art",
)  # fmt: skip
MAY_IMPORT = {
    "protocol": set[str](),
    "agent": {"protocol"},
    "launch": set[str](),
    "operators": set[str](),
    "sessions": {"protocol", "operators"},
    "monitoring": {"protocol", "operators", "sessions"},
    "avatary": {"protocol", "operators", "sessions", "monitoring"},
    "benchmarks": {"protocol", "agent", "launch", "tests"},
    "standins": {"protocol"},
    "art": {"agent"},
}
FOREIGN = {
    "protocol": {"django", "livekit", "celery"},
    "agent": {"django", "celery"},
    "launch": {"django", "livekit"},
    "standins": {"django", "celery"},
}


def imports_of(file: Path) -> set[str]:
    """Top-level names of the modules that a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def test_what_is_imported_is_found_wherever_it_stands(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text("import os.path, tests.stack\n\ndef late() -> None:\n    from agent.job import steps\n")
    assert imports_of(file) == {"os", "tests", "agent"}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_what_its_place_allows(package: str) -> None:
    files = list((ROOT / package).rglob("*.py"))
    assert files
    forbidden = ({*PACKAGES, "tests"} - MAY_IMPORT[package] - {package}) | FOREIGN.get(package, set())
    wrong = {str(file.relative_to(ROOT)): bad for file in files if (bad := imports_of(file) & forbidden)}
    assert wrong == {}
