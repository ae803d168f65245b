"""
The reference of all settings as Markdown tables, for ``docs/configuration.md``.

Generated from the declarations, between two markers; the words around it are written by hand. The one rule: nothing
about a single setting is written anywhere else.
"""

from __future__ import annotations

import dataclasses
import typing
from typing import TYPE_CHECKING, Any, Final, Literal

from csg_otel.config.convert import show
from csg_otel.config.model import Config
from csg_otel.config.sections.fields import is_section, settings_of
from csg_otel.config.show import printable
from csg_otel.config.walk import Leaf, leaves, without_none

if TYPE_CHECKING:
    from collections.abc import Iterator

BEGIN: Final = "<!-- generated from the dataclasses: begin -->"
END: Final = "<!-- generated from the dataclasses: end -->"
_HEAD: Final = "| key | default | unit | meaning | variable |\n|---|---|---|---|---|"


def reference() -> str:
    """Return one section with a table for every section of the file."""
    rows: dict[str, list[str]] = {}
    for leaf in leaves():
        rows.setdefault(leaf.key.partition(".")[0].partition("[")[0], []).append(_row(leaf))
    return "\n\n".join(_table(key, doc, rows.get(key, [])) for key, doc in _sections())


def between(document: str) -> str:
    """Return what stands between the markers of *document*."""
    return document.partition(BEGIN)[2].partition(END)[0].strip("\n")


def updated(document: str) -> str:
    """Return *document* with what stands between the markers made anew."""
    before, _, rest = document.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{reference()}\n\n{END}{rest.partition(END)[2]}"


def _sections() -> Iterator[tuple[str, str]]:
    for key, _, known in settings_of(Config):
        yield key, known.doc


def _table(key: str, doc: str, rows: list[str]) -> str:
    head = f"### {key}\n\n{doc}"
    return f"{head}\n\n{_HEAD}\n" + "\n".join(rows) if rows else head


def _row(leaf: Leaf) -> str:
    default = _default(leaf.default)
    words = leaf.setting.doc + _words(leaf.kind) + (f" **{leaf.setting.warn}.**" if leaf.setting.warn else "")
    variables = "<br>".join(f"`{name}`" for name in leaf.variables)
    cells = (f"`{leaf.key}`", default, leaf.setting.unit, words, variables)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(value: Any) -> str:
    if value is dataclasses.MISSING:
        return "required"
    if value is None or value in ((), {}):
        return ""
    return f"`{printable(value)}`" if not is_section(type(value)) else show(value)


def _words(kind: Any) -> str:
    """Return the words a setting may have, as part of its meaning."""
    kind = without_none(kind)
    if typing.get_origin(kind) is tuple:
        kind = typing.get_args(kind)[0]
    if typing.get_origin(kind) is not Literal:
        return ""
    return " One of " + ", ".join(f"`{word}`" for word in typing.get_args(kind)) + "."
