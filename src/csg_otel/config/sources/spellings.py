"""
Other spellings of keys, which the monitoring guide's users know, become the keys of the declarations.

Pure; each source is settled before sources are merged. The one rule: a key that no declaration lists stays as it is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from csg_otel.config.sections.fields import is_section, settings_of
from csg_otel.config.tree import Node, join
from csg_otel.config.walk import inner_section, kinds

if TYPE_CHECKING:
    from csg_otel.config.tree import Report


def settle(section: type, node: Node | None, report: Report) -> Node | None:
    """Return *node* with the declared keys of *section* at every level; a key that is given twice is a problem."""
    if node is None:
        return None
    if isinstance(node.value, list) and is_switches(section):
        return node.with_value(_switched(section, node))
    if not isinstance(node.value, dict):
        return node
    declared = {key: (item, one) for key, item, one in settings_of(section)}
    others: dict[Any, str] = {other: key for key, (_, one) in declared.items() for other in one.also}
    settled: dict[str, Node] = {}
    for written, child in node.value.items():
        key = others.get(written, str(written))
        if written in declared and declared[written][1].free == "environments" and isinstance(child.value, dict):
            blocks = {name: settle(section, block, report) or block for name, block in child.value.items()}
            settled[written] = child.with_value(blocks)
            continue
        if key in settled:
            report.problem(child, f"says the same as {key!r}; keep one of the two")
        elif key in declared:
            settled[key] = _below(kinds(section)[declared[key][0].name], child, report)
        else:
            settled[key] = child
    return node.with_value(settled)


def _below(kind: object, node: Node, report: Report) -> Node:
    inside = inner_section(kind)
    if inside is None:
        return node
    section, suffix = inside
    if not suffix:
        return settle(section, node, report) or node
    if suffix == "[]" and isinstance(node.value, list):
        return node.with_value([settle(section, item, report) or item for item in node.value])
    return node


def is_switches(section: type) -> bool:
    """Return whether *section* consists of switches, so that a list of their names will do."""
    return is_section(section) and set(kinds(section).values()) == {bool}


def _switched(section: type, node: Node) -> dict[str, Node]:
    """Return a list of names as a mapping: what it names is on, everything else off."""
    keys = {spelling: key for key, _, one in settings_of(section) for spelling in (key, *one.also)}
    named = {
        keys.get(str(item.value), str(item.value)): replace(item, value=True, path=join(node.path, str(item.value)))
        for item in node.value
    }
    off = {key: Node(value=False, origin=node.origin, path=join(node.path, key)) for key in keys.values()}
    return {**off, **named}
