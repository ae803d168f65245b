"""
The reference of all settings in Markdown: ``docs/configuration-reference.md``.

Generated from the declarations. The one rule: each setting is described in its declaration and nowhere else.
"""

from __future__ import annotations

import dataclasses
import typing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal

from csg_otel.config.convert import show
from csg_otel.config.root import ConfigRoot
from csg_otel.config.sections.alerting import SEVERITIES, Severity
from csg_otel.config.sections.fields import Setting, is_section, settings_of
from csg_otel.config.show import printable
from csg_otel.config.walk import Leaf, leaves, without_none

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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
    for leaf in _merged(leaves()):
        rows.setdefault(leaf.key.partition(".")[0].partition("[")[0], []).append(_row(leaf))
    sections = [(key, declared) for key, _, declared in settings_of(ConfigRoot)]
    contents = "\n".join(f"- [{key}](#{key}): {declared.doc}" for key, declared in sections)
    tables = "\n\n".join(_table(key, declared, rows.get(key, [])) for key, declared in sections)
    return f"{INTRODUCTION}\n## Contents\n\n{contents}\n\n{tables}\n"


def _merged(every: Iterable[Leaf]) -> Iterator[Leaf]:
    """Yield *every* leaf; a setting that several kinds of items have alike is one, and its variant lists those kinds."""
    alike: dict[tuple[str, str], list[Leaf]] = {}
    for leaf in every:
        alike.setdefault((leaf.key, "" if leaf.name == "type" else f"{leaf.setting.doc}{leaf.default}"), []).append(
            leaf
        )
    most = max(map(len, alike.values()))
    for group in alike.values():
        first, words = group[0], tuple(leaf.variant for leaf in group if leaf.variant)
        if len(words) == most and first.name == "type":
            first = replace(first, kind=Literal[words], default=dataclasses.MISSING)
        yield replace(first, variant=", ".join(f"`{word}`" for word in words) if len(words) < most else "")


def _table(key: str, declared: Setting, rows: list[str]) -> str:
    head = f"## {key}\n\n{declared.doc}"
    if declared.no_effect:
        head += f"\n\n**Has {declared.no_effect}.**"
    return f"{head}\n\n{_HEAD}\n" + "\n".join(rows) if rows else head


def _row(leaf: Leaf) -> str:
    words = (
        (f"({leaf.variant}) " if leaf.variant else "")
        + leaf.setting.doc
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
    if kind is Severity:
        return " One of " + ", ".join(f"`{word}`" for word in SEVERITIES) + ", or of `alerting.severities`."
    if typing.get_origin(kind) is not Literal:
        return ""
    return " One of " + ", ".join(f"`{word}`" for word in typing.get_args(kind)) + "."
