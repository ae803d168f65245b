"""
The reference of all settings in Markdown: ``docs/configuration-reference.md``.

Generated from the declarations. The one rule: each setting is described in its declaration and nowhere else.
"""

from __future__ import annotations

import dataclasses
import typing
from typing import Any, Final, Literal

from csg_otel.config.convert import show
from csg_otel.config.root import ConfigRoot
from csg_otel.config.sections.fields import Setting, is_section, settings_of
from csg_otel.config.show import printable
from csg_otel.config.walk import Leaf, leaves, without_none

INTRODUCTION: Final = """\
# Configuration reference

Every setting of `monitoring_config.yaml`. How files, variables and code work together: [configuration.md](configuration.md).
This page is generated: change a setting's declaration, then run `python tests/config/regenerate.py`.

- A **key** is written with dots: `service.name` is `name` in the section `service`.
- `[]` in a key is an item of a list, `<name>` a name of your own.
- A setting without a **default** is off, or its meaning names the value that is used instead.
- The **variables** that set it come last; the first one wins.
"""
_HEAD: Final = "| key | default | unit | meaning | variables |\n|---|---|---|---|---|"


def document() -> str:
    """Return the whole page."""
    rows: dict[str, list[str]] = {}
    for leaf in leaves():
        rows.setdefault(leaf.key.partition(".")[0].partition("[")[0], []).append(_row(leaf))
    sections = [(key, declared) for key, _, declared in settings_of(ConfigRoot)]
    contents = "\n".join(f"- [{key}](#{key}): {declared.doc}" for key, declared in sections)
    tables = "\n\n".join(_table(key, declared, rows.get(key, [])) for key, declared in sections)
    return f"{INTRODUCTION}\n## Contents\n\n{contents}\n\n{tables}\n"


def _table(key: str, declared: Setting, rows: list[str]) -> str:
    head = f"## {key}\n\n{declared.doc}"
    if declared.no_effect:
        head += f"\n\n**Has {declared.no_effect}.**"
    return f"{head}\n\n{_HEAD}\n" + "\n".join(rows) if rows else head


def _row(leaf: Leaf) -> str:
    words = (
        leaf.setting.doc
        + _choices(leaf.kind)
        + (f" **Has {leaf.setting.no_effect}.**" if leaf.setting.no_effect else "")
    )
    variables = "<br>".join(f"`{name}`" for name in leaf.variables)
    cells = (f"`{leaf.key}`", _default(leaf.default), leaf.setting.unit, words, variables)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(value: Any) -> str:
    if value is dataclasses.MISSING:
        return "required"
    if value is None or value in ((), {}):
        return ""
    return f"`{printable(value)}`" if not is_section(type(value)) else show(value)


def _choices(kind: Any) -> str:
    """Return a sentence with the words a setting accepts, or an empty text."""
    kind = without_none(kind)
    if typing.get_origin(kind) is tuple:
        kind = typing.get_args(kind)[0]
    if typing.get_origin(kind) is not Literal:
        return ""
    return " One of " + ", ".join(f"`{word}`" for word in typing.get_args(kind)) + "."
