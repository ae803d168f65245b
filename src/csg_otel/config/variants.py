"""
Items of a list that are of several sections: the setting `type` of an item decides which.

The one rule: an item without a type, or with an unknown one, is a problem with a suggestion, and is left out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal

from csg_otel.config import convert
from csg_otel.config.sections.fields import Setting
from csg_otel.config.shown import shown
from csg_otel.config.walk import variants
from csg_otel.errors import suggestion

if TYPE_CHECKING:
    from csg_otel.config.tree import Node, Report

_TYPE: Final = Setting(
    doc="",
    noun="type",
    aliases={"mail": "email", "teams": "msteams", "microsoft_teams": "msteams", "splunk_on_call": "victorops"},
)


def chosen(kind: Any, node: Node, word: Node | None, report: Report) -> tuple[Any, Node]:
    """
    Return the section of the item at *node*, and the item with the type as the section has it; None after a problem.

    Args:
        kind: The type of the items; if it is no union of sections, it is returned.
        node: The item.
        word: Its type, with its variables replaced; None for none.
        report: Receives the problem.
    """
    sections = variants(kind)
    if not sections or not isinstance(node.value, dict):
        return (next(iter(sections.values())), node) if sections else (kind, node)
    choices = f"one of {', '.join(sections)}"
    if word is None or word.value is None:
        name = node.value.get("name")
        hint = suggestion(str(name.value), sections) if name is not None else ""
        report.problem(node, f"'type' is missing; add it: {choices}{hint}")
        return None, node
    try:
        words = Literal[tuple(sections)]  # type: ignore[valid-type] # built at run time
        name = convert.choice(word.value, words, _TYPE, word.raw, shown(word))
    except convert.MismatchError as mismatch:
        report.problem(word, str(mismatch))
        return None, node
    return sections[name], node.with_value({**node.value, "type": replace(word, value=name, raw=None)})
