"""
What a push changes: what is wanted against what is there, as creations, updates and removals; and how that is shown.

Pure. The rules: only what carries our marks is ever in *present*, so nothing else can be changed or removed; what is equal is
left alone; nothing is removed unless that is asked for.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from csg_otel.errors import CsgOtelError


class PushError(CsgOtelError):
    """A backend did not do what was asked; the message says which, what it was asked and what it answered."""


@dataclass(frozen=True, slots=True)
class Thing:
    """
    Something a backend has or shall have, by its *kind* and the *key* it keeps through changes.

    *mark* tells whether two are equal. *id* is the backend's own. *loud* is what of it makes people hear of it again when it
    changes while it fires.
    """

    kind: str
    key: str
    name: str
    mark: str
    body: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""
    loud: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to do: *wanted* is None for a removal, *present* is None for a creation."""

    action: Literal["create", "update", "remove"]
    wanted: Thing | None
    present: Thing | None

    @property
    def thing(self) -> Thing:
        """The thing it is about."""
        found = self.wanted or self.present
        assert found is not None  # noqa: S101 - one of them is there
        return found

    @property
    def again(self) -> bool:
        """Whether people are told again of what fires now."""
        if self.present is None or self.wanted is None:
            return False
        return self.present.loud != self.wanted.loud


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes in order, what stays as it is, and what would go if removals were asked for."""

    changes: tuple[Change, ...] = ()
    unchanged: int = 0
    kept: tuple[Thing, ...] = ()


def plan(wanted: Iterable[Thing], present: Iterable[Thing], *, prune: bool) -> Plan:
    """Return what makes *present* into *wanted*; removals, which come last, only with *prune*."""
    there: dict[tuple[str, str], list[Thing]] = {}
    for thing in present:
        there.setdefault((thing.kind, thing.key), []).append(thing)
    changes: list[Change] = []
    unchanged = 0
    for thing in wanted:
        found = there.get((thing.kind, thing.key), [])
        if not found:
            changes.append(Change("create", thing, None))
            continue
        before = found.pop(0)  # a second one of the same mark is left over, and goes with the others
        if before.mark == thing.mark:
            unchanged += 1
        else:
            changes.append(Change("update", thing, before))
    left = tuple(thing for things in there.values() for thing in things)
    if prune:
        changes += [Change("remove", None, thing) for thing in reversed(left)]
    return Plan(tuple(changes), unchanged, () if prune else left)


def describe(target: str, planned: Plan) -> list[str]:
    """Return *planned* in lines: a diff of each change, who is told again, and the sum."""
    lines: list[str] = []
    for change in planned.changes:
        sign = {"create": "+", "update": "~", "remove": "-"}[change.action]
        lines.append(f"{sign} {target} {change.thing.kind} {change.thing.name}")
        if change.action == "update" and change.present is not None and change.wanted is not None:
            lines += [f"    {line}" for line in _diff(change.present.body, change.wanted.body)]
        if change.again:
            lines.append("    notifies again if it fires now")
    lines += [
        f"? {target} {thing.kind} {thing.name} is no longer wanted (--prune removes it)" for thing in planned.kept
    ]
    count = {
        action: sum(change.action == action for change in planned.changes) for action in ("create", "update", "remove")
    }
    told = ", ".join(f"{number} to {action}" for action, number in count.items())
    return [*lines, f"{target}: {told}, {planned.unchanged} unchanged"]


def _diff(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return the lines that differ, of those the wanted thing speaks of."""
    old, new = (_lines(one, after) for one in (before, after))
    found = difflib.unified_diff(old, new, lineterm="", n=0)
    return [line for line in found if not line.startswith(("---", "+++", "@@"))]


def _lines(body: Mapping[str, Any], spoken: Mapping[str, Any]) -> list[str]:
    if "text" in spoken:
        return str(body["text"]).splitlines()
    return json.dumps(_said(body, spoken), indent=1, sort_keys=True, ensure_ascii=False).splitlines()


def _said(thing: Any, spoken: Any) -> Any:
    """Return of *thing* only what *spoken* speaks of; backends add fields of their own."""
    if isinstance(thing, Mapping) and isinstance(spoken, Mapping):
        return {key: _said(value, spoken[key]) for key, value in thing.items() if key in spoken}
    if isinstance(thing, list) and isinstance(spoken, list) and len(thing) == len(spoken):
        return [_said(one, other) for one, other in zip(thing, spoken, strict=True)]
    return thing


def mark(thing: Any, spoken: Any = None) -> str:
    """Return the text that tells whether two things are equal, in what *spoken* speaks of."""
    return json.dumps(_said(thing, thing if spoken is None else spoken), sort_keys=True, ensure_ascii=False)
