"""
Turn a tree of located values into the configuration's dataclasses.

Reads declarations, never lists settings. Every problem goes to the report and the setting keeps its default, so one
pass finds all. The one rule: without *substitute* nothing outside the tree is looked at, and ``${...}`` is skipped.
"""

from __future__ import annotations

import dataclasses
import re
import typing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal

from csg_otel.config import convert
from csg_otel.config.sections.fields import Setting, default_of, is_section, settings_of
from csg_otel.config.sections.health_monitoring import CheckDefinition, Target
from csg_otel.config.sections.secret import Secret
from csg_otel.config.sources.substitute import Substitution, SubstitutionError, has_form, is_literal, unescape
from csg_otel.config.tree import Node, Report, join
from csg_otel.config.walk import kinds, without_none
from csg_otel.errors import suggestion

if TYPE_CHECKING:
    from collections.abc import Mapping

_SENSITIVE: Final = re.compile(r"auth|key|token|secret|passw|pwd|cookie|credential|bearer|dsn", re.IGNORECASE)
_HARMLESS: Final = re.compile(r"(file|path|name|ca|cert|_key_?file|author)$", re.IGNORECASE)
URL_PASSWORD: Final = re.compile(r"(://[^/:@\s]*:)[^@/\s]+@")
_SKIPPED: Final = object()


def sensitive(name: str) -> bool:
    """Tell whether a header or parameter called *name* holds a credential."""
    return bool(_SENSITIVE.search(name)) and not _HARMLESS.search(name)


class Binder:
    """
    Binds trees to sections; fills *origins* and *nodes* by dotted key as it goes.

    With *substitute* it resolves ``${...}`` and wants every required setting; without, it checks one layer of several.
    *literals* accepts secrets written in a file; *unset* leaves a secret nobody has set as its form, ``${NAME}``.
    """

    def __init__(
        self, report: Report, substitute: Substitution | None = None, *, literals: bool = False, unset: bool = False
    ) -> None:
        self.report = report
        self._substitute = substitute
        self._literals = literals
        self._unset = unset
        self._lists = 0
        self.nodes: dict[str, Node] = {}

    def section(self, cls: type, node: Node | None, path: str) -> Any:
        """Return an instance of the section *cls*, or None where a required setting is missing or wrong."""
        if node is None or node.value is None:
            return cls() if not _required(cls) else None
        self.nodes[path] = node
        if not isinstance(node.value, dict):
            self.report.problem(node, f"{self._shown(node)} is not a mapping of settings")
            return cls() if not _required(cls) else None
        known = {key: (item, about) for key, item, about in settings_of(cls) if about.free != "names"}
        open_ends = [item.name for _, item, about in settings_of(cls) if about.free in {"names", "extra"}]
        values: dict[str, Any] = {}
        rest: dict[str, Node] = {}
        for key, child in node.value.items():
            if key not in known:
                rest[key] = child
                continue
            item, about = known[key]
            value = self._field(kinds(cls)[item.name], about, child, join(path, key))
            if value is not _SKIPPED:
                values[item.name] = value
        if open_ends:
            name = open_ends[0]
            values[name] = {**values.get(name, {}), **self._open(typing.get_args(kinds(cls)[name])[1], rest, path)}
        else:
            for key, child in rest.items():
                self.report.problem(child, f"unknown key{suggestion(key, tuple(known)) or _known(known)}")
        return self._build(cls, node, known, values)

    def _build(self, cls: type, node: Node, known: Mapping[str, Any], values: dict[str, Any]) -> Any:
        names = {item.name for item in dataclasses.fields(cls)}
        if "location" in names:
            values["location"] = node.origin.where
        missing = [key for key, (item, _) in known.items() if default_of(item) is dataclasses.MISSING]
        missing = [key for key in missing if known[key][0].name not in values]
        for key in missing if self._substitute is not None or self._lists else ():
            if (given := node.get(key)) is None or given.value is None:
                self.report.problem(node, self._missing(cls, node, key))
        return None if missing else cls(**values)

    def _missing(self, cls: type, node: Node, key: str) -> str:
        if cls is CheckDefinition and key == "type":
            name = node.path.rpartition(".")[2]
            built_in = ("system_resources", "application", "dependencies", "performance")
            return f"a check of your own needs 'type'{suggestion(name, built_in)}"
        return f"{key!r} is missing"

    def _field(self, kind: Any, about: Setting, node: Node, path: str) -> Any:
        if node.value is None or about.free == "environments":
            return _SKIPPED
        if about.no_effect:
            self.report.warning(node, f"has {about.no_effect}")
        return self._value(kind, about, node, path)

    def _open(self, kind: Any, rest: Mapping[str, Node], path: str) -> dict[str, Any]:
        """Return the values of keys that aren't declared: the user's own names, or a check's parameters."""
        made: dict[str, Any] = {}
        for key, child in rest.items():
            where = join(path, key)
            value = self.section(kind, child, where) if is_section(kind) else self._guarded(key, child, where)
            if child.value is not None and value is not None and value is not _SKIPPED:
                made[key] = value
        return made

    def _value(self, kind: Any, about: Setting, node: Node, path: str) -> Any:
        """Return the value of *kind* at *node*, or `_SKIPPED` when there is none to use."""
        self.nodes[path] = node
        kind = without_none(kind)
        if is_section(kind):
            made = self.section(kind, node, path)
            return _SKIPPED if made is None else made
        origin = typing.get_origin(kind)
        if origin is tuple:
            return self._items(typing.get_args(kind)[0], about, node, path)
        if isinstance(origin, type) and issubclass(origin, typing.Mapping):
            return self._mapping(typing.get_args(kind)[1], about, node, path)
        return self._scalar(kind, about, node)

    def _items(self, kind: Any, about: Setting, node: Node, path: str) -> Any:
        node = self._resolved(node)
        if isinstance(node.value, str) and node.text:
            parts = [part.strip() for part in node.value.split(",")]
            node = node.with_value([replace(node, value=part) for part in parts if part])
        if node.value is _SKIPPED:
            return _SKIPPED
        if not isinstance(node.value, list):
            self.report.problem(node, f"{self._shown(node)} is not a list")
            return _SKIPPED
        made = []
        self._lists += 1
        for at, item in enumerate(node.value):
            where = join(path, at)
            value = self._guarded("", item, where) if kind == Target else self._value(kind, about, item, where)
            if value is not _SKIPPED and item.value is not None:
                made.append(value)
        self._lists -= 1
        return tuple(made)

    def _mapping(self, kind: Any, about: Setting, node: Node, path: str) -> Any:
        if not isinstance(node.value, dict):
            self.report.problem(node, f"{self._shown(node)} is not a mapping (name: value)")
            return _SKIPPED
        made: dict[str, Any] = {}
        for key, item in node.value.items():
            where = join(path, key)
            if kind is Any or kind == (str | Secret):
                value = self._guarded(
                    key, item, where, guard=about.free == "extra" or kind is not Any, as_text=kind is not Any
                )
            else:
                value = self._value(kind, about, item, where)
            if value is not _SKIPPED and item.value is not None:
                made[key] = value
        return made

    def _scalar(self, kind: Any, about: Setting, node: Node) -> Any:
        if isinstance(node.value, (dict, list)):
            what = "a mapping" if isinstance(node.value, dict) else "a list"
            self.report.problem(node, f"{what} where one value is wanted")
            return _SKIPPED
        if kind is Secret:
            return self._secret(node, about)
        node = self._resolved(node)
        if node.value is _SKIPPED or (node.text and node.value == ""):
            return _SKIPPED
        alternatives = list(typing.get_args(kind)) if _is_union(kind) else [kind]
        problems = []
        for alternative in alternatives:
            try:
                return convert.scalar(
                    alternative, node.value, about, raw=node.raw, text_given=node.text, shown=self._shown(node)
                )
            except convert.MismatchError as mismatch:
                problems.append(str(mismatch))
        self.report.problem(node, self._either(alternatives, node) or problems[0])
        return _SKIPPED

    def _either(self, alternatives: list[Any], node: Node) -> str:
        if len(alternatives) == 1:
            return ""
        words = [word for part in alternatives if typing.get_origin(part) is Literal for word in typing.get_args(part)]
        return f"{self._shown(node)} is not one of true, false, {', '.join(words)}"

    def _secret(self, node: Node, about: Setting) -> Any:
        if isinstance(node.value, Secret):
            return node.value
        written = node.raw if node.raw is not None else node.value
        if not isinstance(written, str):
            self.report.problem(node, "a secret is text")
            return _SKIPPED
        if node.literal and not self._literals and is_literal(written):
            self.report.problem(node, _no_literal(node, about))
            return _SKIPPED
        if self._unset and node.live and not self._can_be_resolved(written):
            return Secret(written)
        resolved = self._resolved(node.with_value(written))
        return _SKIPPED if resolved.value in {_SKIPPED, ""} else Secret(resolved.value)

    def _can_be_resolved(self, written: str) -> bool:
        if self._substitute is None:
            return True
        try:
            self._substitute(written)
        except SubstitutionError:
            return False
        return True

    def _guarded(self, key: str, node: Node, path: str, *, guard: bool = True, as_text: bool = False) -> Any:
        """Return a free value; what looks like a credential, by its key or as a URL's password, becomes a `Secret`."""
        self.nodes[path] = node
        if isinstance(node.value, dict):
            made = {k: self._guarded(k, item, join(path, k), guard=guard) for k, item in node.value.items()}
            return {k: value for k, value in made.items() if value is not _SKIPPED}
        if isinstance(node.value, list):
            listed = [self._guarded(key, item, join(path, at), guard=guard) for at, item in enumerate(node.value)]
            return tuple(value for value in listed if value is not _SKIPPED)
        if guard and isinstance(node.value, str) and (sensitive(key) or URL_PASSWORD.search(node.value)):
            return self._secret(node, Setting(doc=""))
        if as_text:
            return self._scalar(str, Setting(doc=""), node)
        resolved = self._resolved(node)
        # What the environment puts into a request's body or a URL's query is kept out of the file for a reason.
        source = resolved.source or ""
        filled = has_form(source if key == "body" else source.partition("?")[2])
        if guard and isinstance(resolved.value, str) and (filled or URL_PASSWORD.search(resolved.value)):
            return Secret(resolved.value)
        return resolved.value

    def _resolved(self, node: Node) -> Node:
        """Return *node* with its text substituted; its value is `_SKIPPED` when that must or can't be done."""
        if not node.live or not isinstance(node.value, str):
            return node
        if not has_form(node.value):
            return replace(node, value=unescape(node.value), live=False)
        if self._substitute is None:
            return node.with_value(_SKIPPED)
        try:
            value = self._substitute(node.value)
        except SubstitutionError as error:
            self.report.problem(node, str(error))
            return node.with_value(_SKIPPED)
        return replace(node, value=value, raw=None, text=True, live=False, literal=False, source=node.value)

    def _shown(self, node: Node) -> str:
        """Return what a message may show of *node*: what was written, never what a variable or file held."""
        if isinstance(node.value, (dict, list)):
            return "a mapping" if isinstance(node.value, dict) else "a list"
        if node.source is not None:
            return f"the value of {convert.show(node.source)}"
        if node.raw is not None and not isinstance(node.value, str):
            return node.raw
        return URL_PASSWORD.sub(r"\1***@", convert.show(node.value))


def _required(cls: type) -> bool:
    return any(default_of(item) is dataclasses.MISSING for _, item, _ in settings_of(cls))


def _known(known: Mapping[str, Any]) -> str:
    return f" (known: {', '.join(sorted(known))})"


def _is_union(kind: Any) -> bool:
    return len(typing.get_args(kind)) > 1 and typing.get_origin(kind) is not Literal


def _no_literal(node: Node, about: Setting) -> str:
    last = re.sub(r"\W+", "_", node.path.rpartition(".")[2]).strip("_")
    name = about.env[0] if about.env else last.upper()
    return (
        f"a secret must not stand in the file; write ${{{name}}} and set that variable,"
        f" or ${{file:/run/secrets/{last.lower()}}}"
        " (--allow-literal-secrets accepts it on a laptop)"
    )
