"""The repository's language: words of the field, plain English, names that say what they hold."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

import pytest

DIALECT = re.compile(r"\b(nought|anew|told|somebody|nobody|whoever|books)\b", re.IGNORECASE)
"""Words that a reader has to translate: 0, again, sent or logged, a person or a process, counts."""

READ_BY_USERS = ("src/", "docs/", "collector-config/", "examples/", "README.md", "CONTRIBUTING.md", "Makefile", ".ci/")
SPOKEN = tuple(f"examples/snapshot_generator/{name}" for name in ("samples/", "stopwords.txt", "rules.py"))
"""The example's transcripts and the patterns that match them: people say these words in meetings."""

NAMES = {
    *("adding", "around", "attempts", "books", "entry", "exchange", "handles", "happening", "known", "lane", "lanes"),
    *("outcome", "parts", "repair", "sharing", "siblings", "site", "tap", "thing", "told", "ending"),
}
"""Names of classes and modules that say nothing, or that mean something else in the field."""
ALLOWED = {"src/csg_otel/sdk/parts.py"}

VARIABLES = {"found", "given", "told", "made", "asked", "known", "said"}
"""Variables named for how a value came about; a variable is named for the value it holds."""


def _lines(tracked: dict[str, str]) -> Iterator[tuple[str, int, str]]:
    for path, text in tracked.items():
        if path.startswith(READ_BY_USERS) and not path.startswith(SPOKEN):
            yield from ((path, number, line) for number, line in enumerate(text.splitlines(), 1))


def test_no_text_uses_a_private_dialect(tracked: dict[str, str]) -> None:
    """The words of the table in `DIALECT` occur nowhere that a user or a newcomer reads."""
    lines = [f"{path}:{number} {line.strip()}" for path, number, line in _lines(tracked) if DIALECT.search(line)]

    assert lines == []


def test_classes_and_modules_have_names_of_the_field(package: list[Any]) -> None:
    """No class, and no file of the package, has a name from `NAMES`."""
    classes = [
        f"{source.path}:{node.lineno} class {node.name}"
        for source in package
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef) and node.name.strip("_").lower() in NAMES
    ]
    modules = [
        source.path for source in package if source.dotted.rsplit(".", 1)[-1] in NAMES and source.path not in ALLOWED
    ]

    assert classes + modules == []


@pytest.mark.parametrize("kind", ["variables", "parameters"])
def test_variables_are_named_for_what_they_hold(package: list[Any], kind: str) -> None:
    """No variable and no parameter of the package has a name from `VARIABLES`."""
    node_type: Any = ast.Name if kind == "variables" else ast.arg
    names = [
        f"{source.path}:{node.lineno} {name}"
        for source in package
        for node in ast.walk(source.tree)
        if isinstance(node, node_type)
        and (name := getattr(node, "id", getattr(node, "arg", ""))) in VARIABLES
        and (kind == "parameters" or isinstance(node.ctx, ast.Store))
    ]

    assert names == []


@pytest.mark.parametrize("bare", ["put", "_put", "_send"])
def test_no_method_hides_under_a_bare_name(package: list[Any], bare: str) -> None:
    """No object keeps a callable in an attribute that a reader cannot search for; a typed protocol has one name."""
    kept = [
        f"{source.path}:{node.lineno}"
        for source in package
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute) and node.attr == bare and isinstance(node.ctx, ast.Store)
    ]

    assert kept == []
