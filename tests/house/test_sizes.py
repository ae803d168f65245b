"""Nothing outgrows the house."""

from __future__ import annotations

import ast
from typing import Any


def test_modules_stay_readable(package: list[Any]) -> None:
    """No module is longer than 400 lines."""
    lines = {source.path: source.text.count("\n") for source in package}

    assert {path: count for path, count in lines.items() if count > 400} == {}


def test_functions_stay_readable(package: list[Any]) -> None:
    """No function is longer than 50 lines."""
    functions = {
        f"{source.path}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for source in package
        for node in ast.walk(source.tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }

    assert {name: count for name, count in functions.items() if count > 50} == {}
