"""The public API is one list, and every name in it exists."""

from __future__ import annotations

import ast
import doctest
from collections.abc import Callable
from typing import Any

import csg_otel


def test_public_names_change_on_purpose(golden: Callable[[str, str], None]) -> None:
    """The public names are sorted, and those of the golden list."""
    assert sorted(csg_otel.__all__) == csg_otel.__all__

    golden("public_names.txt", "\n".join(csg_otel.__all__) + "\n")


def test_every_public_name_can_be_imported() -> None:
    """Each name of `__all__` is found in the module that is said to hold it."""
    values = {name: getattr(csg_otel, name) for name in csg_otel.__all__}

    assert [name for name, value in values.items() if value is None] == []


def test_type_checkers_see_the_same_names(package: list[Any]) -> None:
    """What is imported lazily at run time is what type checkers are shown."""
    (init,) = (source.tree for source in package if source.path == "src/csg_otel/__init__.py")
    shown = {
        alias.asname or alias.name
        for block in init.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    assert sorted(shown) == csg_otel.__all__


def test_the_example_in_the_docstring_is_true() -> None:
    """What the package's docstring shows is what happens."""
    failed, attempted = doctest.testmod(csg_otel)

    assert (failed, attempted > 0) == (0, True)
