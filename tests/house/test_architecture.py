"""docs/architecture.md shows the rows that the import contract holds, and a path that a newcomer can read in an hour."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "csg_otel"
PAGE = ROOT / "docs" / "architecture.md"
BEGIN = "<!-- rows: written by `make golden` from the contract in pyproject.toml -->\n"
END = "<!-- end of the rows -->\n"
MOST_LINES = 600
"""Forty minutes at 15 lines a minute: what a newcomer reads before the first change."""


def _rows() -> list[list[str]]:
    """Return the modules of each row of the contract, the top row first."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (layers,) = (contract["layers"] for contract in contracts if contract["id"] == "rows")
    return [[name.strip(" ()") for name in layer.split("|")] for layer in layers]


def _first_sentence(path: Path) -> str:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    sentence = re.split(r"(?<=[.])\s", " ".join(docstring.split()), maxsplit=1)[0].rstrip(".")
    return sentence.replace("``", "`").replace("|", "\\|")


def _table() -> str:
    """Return the rows as a Markdown table: one line for each module of the package that exists."""
    lines = ["| row | module | purpose |\n|---|---|---|\n"]
    rows = _rows()
    for number, row in zip(range(len(rows), 0, -1), rows, strict=True):
        for name in row:
            folder, module = PACKAGE / name / "__init__.py", PACKAGE / f"{name}.py"
            if folder.is_file():
                lines.append(f"| {number} | `{name}/` | {_first_sentence(folder)} |\n")
            elif module.is_file():
                lines.append(f"| {number} | `{name}` | {_first_sentence(module)} |\n")
    return "".join(lines)


def test_the_rows_are_those_of_the_contract(check_generated: Callable[..., None]) -> None:
    """An edit by hand, or a module without a row, fails here."""
    check_generated(PAGE, _table(), begin=BEGIN, end=END)


def test_every_module_of_the_package_is_in_a_row(package: list[Any]) -> None:
    """The contract places each module and folder directly below the package."""
    members = {source.member for source in package} - {"__init__", "__main__"}

    assert members - {name for row in _rows() for name in row} == set()


def test_the_data_flow_names_modules_that_exist() -> None:
    """Each word in `code` style in the pages about structure that looks like a module of ours is one."""
    page = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"`src/csg_otel/([\w/]+\.py)`", page))

    assert named
    assert {name for name in named if not (PACKAGE / name).is_file()} == set()


def test_a_newcomer_reads_600_lines() -> None:
    """The files of the newcomer's path are short enough to be read in one sitting."""
    _, _, section = PAGE.read_text(encoding="utf-8").partition("## A newcomer's path\n")
    path = re.findall(r"`src/csg_otel/([\w/]+\.py)`", section)
    lines = {name: (PACKAGE / name).read_text(encoding="utf-8").count("\n") for name in path}

    assert [name.split("/")[0].removesuffix(".py") for name in path] == [
        "__init__", "sdk", "config", "providers", "exporters", "health", "status"
    ]  # fmt: skip
    assert sum(lines.values()) <= MOST_LINES, lines
