"""
The plan of a push: the changes that turn the actual resources of a backend into the desired ones, and their text for people.

Pure. The rules: a caller passes only actual resources that this package created, so nothing else is ever changed or removed. A
resource that is equal stays unchanged. Nothing is removed unless removals are requested.
"""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from csg_otel.display import clean
from csg_otel.errors import CsgOtelError


class PushError(CsgOtelError):
    """A request to a backend failed; the message names the request and the answer."""


@dataclass(frozen=True, slots=True)
class Resource:
    """
    A resource of a backend, desired or actual, identified by its *kind* and *key*.

    Two resources with the same *fingerprint* are equal. *id* is the backend's identifier. *notified_by* is the part of the
    resource that identifies a firing alert: if it changes, the backend notifies again.
    """

    kind: str
    key: str
    name: str
    fingerprint: str
    body: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""
    notified_by: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """
    One change: *desired* is None for a removal, *actual* is None for a creation.

    A file that is equal, but with which its server does not run, changes by "reload".
    """

    action: Literal["create", "update", "remove", "reload"]
    desired: Resource | None
    actual: Resource | None

    @property
    def resource(self) -> Resource:
        """The resource that changes."""
        resource = self.desired or self.actual
        assert resource is not None  # noqa: S101 - one of them is set
        return resource

    @property
    def notifies_again(self) -> bool:
        """Whether the backend notifies again of an alert that fires now."""
        if self.actual is None or self.desired is None:
            return False
        return self.actual.notified_by != self.desired.notified_by


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes in order, the number of equal resources, and the resources that stay although they are no longer desired."""

    changes: tuple[Change, ...] = ()
    unchanged: int = 0
    kept: tuple[Resource, ...] = ()


def plan(desired: Iterable[Resource], actual: Iterable[Resource], *, prune: bool) -> Plan:
    """Return the changes that turn *actual* into *desired*; removals come last, and only with *prune*."""
    remaining: dict[tuple[str, str], list[Resource]] = {}
    for resource in actual:
        remaining.setdefault((resource.kind, resource.key), []).append(resource)
    changes: list[Change] = []
    unchanged = 0
    for resource in desired:
        same_key = remaining.get((resource.kind, resource.key), [])
        if not same_key:
            changes.append(Change("create", resource, None))
            continue
        before = same_key.pop(0)  # a second resource with this key stays in `remaining`, and is removed with the others
        if before.fingerprint == resource.fingerprint:
            unchanged += 1
        else:
            changes.append(Change("update", resource, before))
    undesired = tuple(resource for resources in remaining.values() for resource in resources)
    if prune:
        changes += [Change("remove", None, resource) for resource in reversed(undesired)]
    return Plan(tuple(changes), unchanged, () if prune else undesired)


def describe(target: str, planned: Plan) -> list[str]:
    """Return *planned* in lines: each change with its differences, whether it notifies again, and the totals."""
    lines: list[str] = []
    for change in planned.changes:
        sign = {"create": "+", "update": "~", "remove": "-", "reload": "~"}[change.action]
        lines.append(f"{sign} {target} {change.resource.kind} {change.resource.name}")
        if change.action == "update" and change.actual is not None and change.desired is not None:
            lines += [f"    {line}" for line in _diff(change.actual.body, change.desired.body)]
        if change.action == "reload":
            lines.append("    is equal, but the server does not run with it and reads it again")
        if change.notifies_again:
            lines.append("    notifies again if it fires now")
    lines += [
        f"? {target} {resource.kind} {resource.name} is no longer in the configuration (--prune removes it)"
        for resource in planned.kept
    ]
    counts = Counter(change.action for change in planned.changes)
    actions = ("create", "update", "remove", *(("reload",) if counts["reload"] else ()))
    totals = ", ".join(f"{counts[action]} to {action}" for action in actions)
    return [clean(line) for line in (*lines, f"{target}: {totals}, {planned.unchanged} unchanged")]


def _diff(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return the lines that differ; only fields that the desired body sets are compared."""
    old, new = (_lines(body, after) for body in (before, after))
    lines = difflib.unified_diff(old, new, lineterm="", n=0)
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


def _lines(body: Mapping[str, Any], template: Mapping[str, Any]) -> list[str]:
    if "text" in template:
        return str(body["text"]).splitlines()
    return json.dumps(_restricted(body, template), indent=1, sort_keys=True, ensure_ascii=False).splitlines()


def _restricted(content: Any, template: Any) -> Any:
    """Return the fields of *content* that *template* has, too, because backends add fields of their own."""
    if isinstance(content, Mapping) and isinstance(template, Mapping):
        return {key: _restricted(value, template[key]) for key, value in content.items() if key in template}
    if isinstance(content, list) and isinstance(template, list) and len(content) == len(template):
        return [_restricted(item, other) for item, other in zip(content, template, strict=True)]
    return content


def fingerprint(content: Any, template: Any = None) -> str:
    """Return a text that is the same for equal contents; with *template*, only the fields of *template* count."""
    restricted = _restricted(content, content if template is None else template)
    return json.dumps(restricted, sort_keys=True, ensure_ascii=False)
