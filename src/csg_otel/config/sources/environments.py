"""
The blocks under `environments`: settings that hold in one environment, such as production.

Pure. The one rule: one block is picked, by the environment's name, and merged over the rest of the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from csg_otel.config.sources.substitute import Substitution, SubstitutionError
from csg_otel.config.tree import Node, Origin
from csg_otel.errors import suggestion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from csg_otel.config.tree import Report


def split(tree: Node | None, report: Report) -> tuple[Node | None, dict[str, Node]]:
    """Return the file's *tree* without `environments`, and the blocks by name; problems go to *report*."""
    if tree is None or not isinstance(tree.value, dict):
        return None, {}
    base = tree.with_value({key: node for key, node in tree.value.items() if key != "environments"})
    blocks = tree.get("environments")
    if blocks is None or blocks.value is None:
        return base, {}
    if not isinstance(blocks.value, dict):
        report.problem(blocks, "is not a mapping of environments; write production: {section: {key: value}}")
        return base, {}
    for block in blocks.value.values():
        if (nested := block.get("environments")) is not None:
            report.problem(nested, "an environment can't hold environments; move its settings up one level")
    return base, {name: block for name, block in blocks.value.items() if block.value is not None}


def name(layers: tuple[Node | None, ...], substitute: Substitution) -> str | None:
    """Return the environment's name from the first of *layers* that has `service.environment`, or None."""
    for tree in layers:
        node = tree.at("service", "environment") if tree is not None else None
        if node is None or node.value is None:
            continue
        try:
            text = str(node.raw if node.raw is not None and not isinstance(node.value, str) else node.value)
            return (substitute(text) if node.live else text) or None
        except SubstitutionError:
            return None  # binding the setting reports it
    return None


def picked(blocks: Mapping[str, Node], variables: Mapping[str, str]) -> Node | None:
    """
    Return the settings that ``ENVIRONMENT`` or ``ENV`` give: the environment's name, if one of *blocks* has it; else None.

    Other programs use these variables, too, and POSIX shells take ``ENV`` as the name of a file.
    """
    for variable in ("ENVIRONMENT", "ENV"):
        if (value := variables.get(variable)) in blocks:
            origin = Origin("environment", variable)
            section = {"environment": Node(value, origin, variable, literal=False)}
            return Node({"service": Node(section, origin, variable)}, origin, variable)
    return None


def warn_of_misspelt(chosen: str | None, blocks: Mapping[str, Node], report: Report) -> None:
    """Add a warning to *report* where no block is called *chosen* but one has nearly that name."""
    if chosen and chosen not in blocks and (hint := suggestion(chosen, tuple(blocks))):
        report.warnings[f"service.environment: environments has no {chosen!r}{hint}"] = None
