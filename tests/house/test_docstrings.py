"""Everything public says what it is for, and every test says what it promises."""

from __future__ import annotations

import ast
from typing import Any

FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


def test_every_test_states_its_promise(test_files: list[Any]) -> None:
    """Each test has a docstring."""
    silent = [
        f"{source.path}:{node.lineno} {node.name}"
        for source in test_files
        for node in ast.walk(source.tree)
        if isinstance(node, FUNCTION) and node.name.startswith("test_") and not ast.get_docstring(node)
    ]

    assert silent == []


def test_every_module_says_what_it_is_for(package: list[Any]) -> None:
    """Each module of the package begins with a docstring."""
    assert [source.path for source in package if not ast.get_docstring(source.tree)] == []


def test_everything_public_is_described(package: list[Any]) -> None:
    """Each public function and class of a module has a docstring."""
    silent = [
        f"{source.path}:{node.lineno} {node.name}"
        for source in package
        for node in source.tree.body
        if isinstance(node, (*FUNCTION, ast.ClassDef))
        if not node.name.startswith("_") and not ast.get_docstring(node) and not overload(node)
    ]

    assert silent == []


def overload(node: Any) -> bool:
    """Tell whether *node* is one of several signatures; the one that does the work is described."""
    return any(getattr(decorator, "id", "") == "overload" for decorator in node.decorator_list)
