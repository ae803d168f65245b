"""The list of checks in docs/health.md is made from their docstrings, so that it says what the code does."""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from csg_otel.health import checks
from csg_otel.health.parameters import OURS
from csg_otel.health.sources import Sources

DOC = Path(__file__).resolve().parents[2] / "docs" / "health.md"
MARK = "<!-- made from the docstrings by `make golden` -->\n"


def document() -> str:
    """Return the list: a section a category, a paragraph a type."""
    return "".join(
        f"\n### {category.capitalize()}\n" + "".join(_paragraph(kind) for kind in kinds if kind not in checks._MODULES)
        for category, kinds in checks.BY_CATEGORY.items()
    )


def _paragraph(kind: str) -> str:
    made = checks.check_type(kind)
    return f"\n**`{kind}`** {_text(made)}\n\n{_parameters(made)}\n"


def _text(made: Any) -> str:
    text = " ".join((inspect.getdoc(made) or "").split())
    text = re.sub(r"``([^`]*)``", r"`\1`", text)
    return re.sub(r"\*(\w+)\*", r"`\1`", text)


def _parameters(made: Any) -> str:
    ours = {*OURS, "environ", *(one.name for one in dataclasses.fields(Sources))}
    shown = []
    for name, parameter in inspect.signature(made).parameters.items():
        if name not in ours:
            missing = parameter.default is inspect.Parameter.empty
            made_anew = "factory" in repr(parameter.default) or "object at" in repr(parameter.default)
            default = (
                "required"
                if missing
                else ""
                if made_anew or parameter.default in (None, (), "")
                else repr(parameter.default)
            )
            shown.append(f"`{name}`" + (f" ({default})" if default else ""))
    return f"Parameters: {', '.join(shown)}." if shown else "No parameters."


def test_the_list_is_current(request: pytest.FixtureRequest) -> None:
    """`make golden` writes it; nobody edits it by hand."""
    head, _, tail = DOC.read_text(encoding="utf-8").partition(MARK)
    if request.config.getoption("--update-golden"):
        tail = document()
        DOC.write_text(head + MARK + tail, encoding="utf-8")

    assert tail == document()


def test_every_type_has_a_category_and_a_module() -> None:
    """The tables agree with each other and with the folder."""
    assert set(checks.CATEGORIES) == set(checks.TYPES)
    for kind in checks.TYPES:
        assert callable(checks.check_type(kind))
