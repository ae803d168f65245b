"""The list in docs/health-checks.md is generated from their docstrings, so that it agrees with the code."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from csg_otel.health import checks
from csg_otel.health.parameters import OURS
from csg_otel.health.sources import Sources

DOC = Path(__file__).resolve().parents[2] / "docs" / "health-checks.md"
MARK = "<!-- made from the docstrings by `make golden` -->\n"


def document() -> str:
    """Return the list: one section per category, one paragraph per type."""
    return "".join(
        f"\n### {category.capitalize()}\n" + "".join(_paragraph(kind) for kind in kinds if kind not in checks._MODULES)
        for category, kinds in checks.BY_CATEGORY.items()
    )


def _paragraph(kind: str) -> str:
    check_class = checks.check_type(kind)
    return f"\n**`{kind}`** {_text(check_class)} {_parameters(check_class)}\n"


def _text(check_class: Any) -> str:
    """Return the docstring as Markdown, without its last sentence about the constructor's errors."""
    text = " ".join((inspect.getdoc(check_class) or "").split()).split(" Raises ValueError ")[0]
    text = re.sub(r"``([^`]*)``", r"`\1`", text)
    return re.sub(r"\*(\w+)\*", r"`\1`", text)


def _parameters(check_class: Any) -> str:
    supplied = {*OURS, "environ", *(each.name for each in dataclasses.fields(Sources))}
    shown = []
    for name, parameter in inspect.signature(check_class).parameters.items():
        if name not in supplied:
            required = parameter.default is inspect.Parameter.empty
            created = "factory" in repr(parameter.default) or "object at" in repr(parameter.default)
            default = (
                "required"
                if required
                else ""
                if created or parameter.default in (None, (), "")
                else repr(parameter.default)
            )
            shown.append(f"`{name}`" + (f" ({default})" if default else ""))
    return f"Parameters: {', '.join(shown)}." if shown else "No parameters."


def test_the_list_is_current(check_generated: Callable[..., None]) -> None:
    """It is that of the docstrings."""
    check_generated(DOC, document(), begin=MARK)


def test_every_type_has_a_category_and_a_module() -> None:
    """The tables agree with each other and with the folder."""
    assert set(checks.CATEGORIES) == set(checks.TYPES)
    for kind in checks.TYPES:
        assert callable(checks.check_type(kind))
