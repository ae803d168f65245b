"""The public API is one list, and every name in it exists."""

from __future__ import annotations

import ast
import doctest
from collections.abc import Callable
from pathlib import Path

import csg_otel


def test_public_names_change_on_purpose(golden: Callable[[str, str], None]) -> None:
    """The public names are sorted, and those of the golden list."""
    assert sorted(csg_otel.__all__) == csg_otel.__all__

    golden("public_names.txt", "\n".join(csg_otel.__all__) + "\n")


def test_every_public_name_can_be_imported() -> None:
    """Each name of `__all__` is found in the module that is said to hold it."""
    values = {name: getattr(csg_otel, name) for name in csg_otel.__all__}

    assert [name for name, value in values.items() if value is None] == []


def test_type_checkers_see_the_same_names(root: Path) -> None:
    """The stub beside `__init__.py` imports each public name from the module that holds it at run time."""
    stub = ast.parse((root / "src/csg_otel/__init__.pyi").read_text(encoding="utf-8"))
    shown = {
        alias.asname: f"{node.module}.{alias.name}"
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    assert sorted(filter(None, shown)) == csg_otel.__all__
    assert {name: f"csg_otel.{module}.{name}" for name, module in vars(csg_otel)["_MODULE_OF"].items()} == shown


def test_the_example_in_the_docstring_is_true() -> None:
    """What the package's docstring shows is what happens."""
    failed, attempted = doctest.testmod(csg_otel)

    assert (failed, attempted > 0) == (0, True)
