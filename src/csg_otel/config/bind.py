"""
Turn a tree of located values into the configuration's dataclasses.

The settings come from their declarations. Every problem goes to the report and the setting keeps its default, so one
pass finds all problems. The one rule: without *substitute* only the tree is read, and ``${...}`` is skipped.
"""

from __future__ import annotations

import dataclasses
import typing
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal

from csg_otel.config import convert, credentials, misplaced, secret_values, variants
from csg_otel.config.sections.alerting import SEVERITIES, Severity
from csg_otel.config.sections.concealed import hidden_parameter
from csg_otel.config.sections.fields import Setting, default_of, is_section, settings_of
from csg_otel.config.sections.health_monitoring import Target
from csg_otel.config.sections.secret import Address, Secret, SecretUrl, UnsetSecret
from csg_otel.config.shown import shown
from csg_otel.config.sources.substitute import Substitution, SubstitutionError, has_form, is_literal, unescape
from csg_otel.config.tree import Node, Report, join
from csg_otel.config.walk import has_required, is_union, kinds, shaped
from csg_otel.net import addresses

if TYPE_CHECKING:
    from collections.abc import Mapping

_SKIPPED: Final = object()


class Binder:
    """
    Binds trees to sections, and keeps the node of every setting in `nodes` by dotted key.

    A binder either binds the merged tree, or checks the tree of a single source.
    """

    def __init__(
        self,
        report: Report,
        substitute: Substitution | None = None,
        *,
        strict: bool = False,
        unset: bool = False,
        severities: tuple[str, ...] = SEVERITIES,
    ) -> None:
        """
        Bind trees with these options.

        Args:
            report: Receives the problems and warnings.
            substitute: Resolves ``${...}`` in the merged tree, in which required settings must be present. By default None, for
                the tree of a single source: ``${...}`` is skipped, and settings may be missing.
            strict: Secrets that are written in a file are problems; by default they are warnings.
            unset: Keep ``${NAME}`` as the value of a secret whose variable is not set; by default that is a problem.
            severities: The words that a severity may be. By default the four.
        """
        self.report = report
        self._substitute = substitute
        self._strict = strict
        self._unset = unset
        self._severity: Any = Literal[severities]
        self._lists = 0
        self._disabled = 0
        self.nodes: dict[str, Node] = {}

    def section(self, cls: type, node: Node | None, path: str) -> Any:
        """Return an instance of the section *cls*, or None where a required setting is missing or wrong."""
        if node is None or node.value is None:
            return cls() if not has_required(cls) else None
        self.nodes[path] = node
        if not isinstance(node.value, dict):
            self.report.problem(
                node, f"{shown(node, cls)} is not a mapping of settings; write its settings below it, indented"
            )
            return cls() if not has_required(cls) else None
        settings = {key: (item, declared) for key, item, declared in settings_of(cls) if declared.free != "names"}
        open_fields = [item.name for _, item, declared in settings_of(cls) if declared.free in {"names", "extra"}]
        values: dict[str, Any] = {}
        rest: dict[str, Node] = {}
        disabled = self._is_disabled(settings, node)
        self._disabled += disabled
        for key, child in node.value.items():
            if key not in settings:
                rest[key] = child
                continue
            item, declared = settings[key]
            value = self._field(kinds(cls)[item.name], declared, child, join(path, key))
            if value is not _SKIPPED:
                values[item.name] = value
        if open_fields:
            name = open_fields[0]
            values[name] = {**values.get(name, {}), **self._open(typing.get_args(kinds(cls)[name])[1], rest, path)}
        else:
            for key, child in rest.items():
                is_flood = len(self.report.problems) >= misplaced.MOST_HINTS
                others = (other for _, declared in settings.values() for other in declared.also)
                hint = "" if is_flood else misplaced.hint(key, child, settings, others)
                self.report.problem(child, f"unknown setting{hint}")
        built = self._build(cls, node, settings, values)
        self._disabled -= disabled
        return built

    def _is_disabled(self, settings: Mapping[str, Any], node: Node) -> bool:
        """Return whether a section is switched off: then what it needs when it is on may be missing."""
        if self._substitute is None or "enabled" not in settings:
            return False
        child = node.get("enabled")
        if child is None or child.value is None:
            return default_of(settings["enabled"][0]) is False
        with suppress(convert.MismatchError, SubstitutionError):
            value = child.value
            return not convert.boolean(self._substitute(value) if child.live and isinstance(value, str) else value, "")
        return False

    def _build(self, cls: type, node: Node, settings: Mapping[str, Any], values: dict[str, Any]) -> Any:
        """
        Return an instance of *cls*, or None where a required setting is missing.

        Args:
            cls: The section.
            node: The section's place, for problems.
            settings: The section's settings by key, each with its field and declaration.
            values: The values by field name.
        """
        names = {item.name for item in dataclasses.fields(cls)}
        if "location" in names:
            values["location"] = node.origin.where
        missing = [key for key, (item, _) in settings.items() if default_of(item) is dataclasses.MISSING]
        missing = [key for key in missing if settings[key][0].name not in values]
        is_needed = (self._substitute is not None or self._lists) and not self._disabled
        for key in missing if is_needed else ():
            if (child := node.get(key)) is None or child.value is None:
                self.report.problem(node, misplaced.missing(cls, node, key))
            elif isinstance(child.value, str) and self._is_empty(child):
                self.report.problem(child, "has no text, and it can't be left out; write one")
        return None if missing else cls(**values)

    def _is_empty(self, node: Node) -> bool:
        """Return whether the text at *node* is empty, or stands for a variable that is."""
        return node.value == "" or (node.live and not self._unresolved(node.value) and self._resolved(node).value == "")

    def _field(self, kind: Any, declared: Setting, node: Node, path: str) -> Any:
        """
        Return the value of a section's field, or `_SKIPPED` where the default holds; a setting without effect warns.

        Args:
            kind: The setting's type.
            declared: The setting's declaration.
            node: The value.
            path: The setting's dotted key.
        """
        if node.value is None or node.value == "" or declared.free == "environments":
            return _SKIPPED  # an empty text is a placeholder: "set by a variable"
        if declared.no_effect:
            self.report.warning(node, f"has {declared.no_effect}")
        return self._value(kind, declared, node, path)

    def _open(self, kind: Any, rest: Mapping[str, Node], path: str) -> dict[str, Any]:
        """Return the values of keys without a declaration: names that the user chose, or parameters of a check."""
        values: dict[str, Any] = {}
        for key, child in rest.items():
            where = join(path, key)
            value = self.section(kind, child, where) if is_section(kind) else self._guarded(key, child, where)
            if child.value is not None and value is not None and value is not _SKIPPED:
                values[key] = value
        return values

    def _value(self, kind: Any, declared: Setting, node: Node, path: str) -> Any:
        """
        Return the value of *kind* at *node*, or `_SKIPPED` where the default holds.

        Args:
            kind: The setting's type.
            declared: The setting's declaration.
            node: The value.
            path: The setting's dotted key.
        """
        self.nodes[path] = node
        kind = shaped(kind, node.value)
        if is_section(kind):
            section = self.section(kind, node, path)
            return _SKIPPED if section is None else section
        origin = typing.get_origin(kind)
        if origin is tuple:
            return self._items(typing.get_args(kind)[0], declared, node, path)
        if isinstance(origin, type) and issubclass(origin, typing.Mapping):
            return self._mapping(typing.get_args(kind)[1], declared, node, path)
        return self._scalar(kind, declared, node)

    def _items(self, kind: Any, declared: Setting, node: Node, path: str) -> Any:
        """
        Return the tuple of *kind* at *node*, or `_SKIPPED` where it is no list.

        Args:
            kind: The type of the items.
            declared: The setting's declaration.
            node: The list, or a text with commas from a variable.
            path: The setting's dotted key.
        """
        node = self._resolved(node)
        if isinstance(node.value, str) and node.text:
            parts = [part.strip() for part in node.value.split(",")]
            node = node.with_value([replace(node, value=part) for part in parts if part])
        if node.value is _SKIPPED:
            return _SKIPPED
        if not isinstance(node.value, list):
            self.report.problem(
                node, f"{shown(node, kind)} is not a list; write [a, b], or one item per line after '- '"
            )
            return _SKIPPED
        values: list[Any] = []
        self._lists += 1
        for item in node.value:
            where = join(path, len(values))  # its place among the values: a later check looks for its node there
            if item.value is None:
                self.report.problem(item, "has nothing behind its '-'; write a value, or remove the line")
                continue
            value = self._guarded("", item, where) if kind == Target else self._item(kind, declared, item, where)
            if value is not _SKIPPED:
                values.append(value)
            else:
                self.nodes = {key: one for key, one in self.nodes.items() if not key.startswith(where)}
        self._lists -= 1
        return tuple(values)

    def _item(self, kind: Any, declared: Setting, node: Node, path: str) -> Any:
        """Return the item *node* of a list, whose section depends on its type if *kind* has several; see `_value`."""
        word = node.get("type")
        if word is not None and (word := self._resolved(word)).value is _SKIPPED:
            return _SKIPPED
        section, node = variants.chosen(kind, node, word, self.report)
        return _SKIPPED if section is None else self._value(section, declared, node, path)

    def _mapping(self, kind: Any, declared: Setting, node: Node, path: str) -> Any:
        """
        Return the mapping at *node* with values of *kind*, or `_SKIPPED` where it is no mapping.

        Args:
            kind: The type of the values.
            declared: The setting's declaration.
            node: The mapping.
            path: The setting's dotted key.
        """
        if not isinstance(node.value, dict):
            self.report.problem(node, f"{shown(node, kind)} is not a mapping; write name: value")
            return _SKIPPED
        values: dict[str, Any] = {}
        for key, item in node.value.items():
            where = join(path, key)
            if kind is Any or kind == (str | Secret):
                value = self._guarded(
                    key, item, where, guard=declared.free == "extra" or kind is not Any, as_text=kind is not Any
                )
            else:
                value = self._value(kind, declared, item, where)
            if value is not _SKIPPED and item.value is not None:
                values[key] = value
            elif type(None) in typing.get_args(kind):
                values[key] = None
        return values

    def _scalar(self, kind: Any, declared: Setting, node: Node) -> Any:
        if isinstance(node.value, (dict, list)):
            self.report.problem(node, f"{shown(node)} is not one value; {declared.several or 'write a single value'}")
            return _SKIPPED
        if kind is Secret or (kind == (str | Secret) and secret_values.is_secret("", node, is_address=True)):
            return self._secret(node, declared)
        if kind == Address:
            return self._address(node, declared)
        kind = str if kind == (str | Secret) else self._severity if kind is Severity else kind
        node = self._resolved(node)
        if node.value is _SKIPPED or (node.text and node.value == ""):
            return _SKIPPED
        alternatives = list(typing.get_args(kind)) if is_union(kind) else [kind]
        problems = []
        for alternative in alternatives:
            try:
                return convert.scalar(alternative, node.value, declared, raw=node.raw, shown=shown(node))
            except convert.MismatchError as mismatch:
                problems.append(str(mismatch))
        self.report.problem(node, self._either(alternatives, node) or problems[-1])
        return _SKIPPED

    def _either(self, alternatives: list[Any], node: Node) -> str:
        words = [word for part in alternatives if typing.get_origin(part) is Literal for word in typing.get_args(part)]
        if len(alternatives) == 1 or not words:
            return ""
        return f"{shown(node)} is not one of true, false, {', '.join(words)}"

    def _secret(self, node: Node, declared: Setting) -> Any:
        if isinstance(node.value, Secret):
            return self._sendable(node, node.value.reveal(), type(node.value))
        text = node.raw if node.raw is not None else node.value
        if not isinstance(text, str):
            self.report.problem(node, "a secret must be text; write it in quotes")
            return _SKIPPED
        is_written = bool(text) and node.literal and is_literal(text)
        if is_written and self._refuses_literal(node, declared, always=credentials.has_password(text)):
            return _SKIPPED
        if self._unset and node.live and (reason := self._unresolved(text)):
            return UnsetSecret(text, reason)
        resolved = self._resolved(node.with_value(text), is_secret=True)
        return _SKIPPED if resolved.value is _SKIPPED else self._sendable(node, resolved.value)

    def _sendable(self, node: Node, text: str, kind: type[Secret] = Secret) -> Any:
        """Return the secret *text* without line breaks at its end; `_SKIPPED` if it is empty or cannot be sent."""
        value = text.rstrip("\r\n")
        if credentials.is_sendable(value):
            return kind(value) if value else _SKIPPED
        self.report.problem(node, "the secret has a line break or another control character in it; remove that")
        return _SKIPPED

    def _refuses_literal(self, node: Node, declared: Setting, *, always: bool = False) -> bool:
        """Report a secret that is written in a file, and return whether that is a problem: if strict, or *always*."""
        better = credentials.better(node.path, declared)
        if refused := self._strict or always:
            self.report.problem(node, f"a secret must not be written in the file; {better}")
        else:
            self.report.warning(node, f"a secret stands in the file, where others may read it; {better}")
        return refused

    def _address(self, node: Node, declared: Setting) -> Any:
        """Return the address at *node*: a `SecretUrl` if it holds a secret, or if its path comes from a variable."""
        if isinstance(node.value, Secret):
            return self._sendable(node, node.value.reveal(), type(node.value))
        text = self._scalar(str, declared, node)
        if not isinstance(text, str):
            return text
        source = node.value if node.live else ""
        if not (addresses.holds_secret(text) or has_form(source.partition("://")[2].partition("/")[2])):
            return text
        if node.literal and is_literal(source) and credentials.in_text(source):
            self._refuses_literal(node, declared)
        return SecretUrl(text)

    def _unresolved(self, text: str) -> str:
        """Return why a secret can't be resolved; empty if it can be."""
        try:
            if self._substitute is not None:
                self._substitute(text)
        except SubstitutionError as error:
            return error.printable
        return ""

    def _guarded(self, key: str, node: Node, path: str, *, guard: bool = True, as_text: bool = False) -> Any:
        """
        Return a value of any type; a credential, by its key or as a URL's password, becomes a `Secret`.

        Args:
            key: The last part of the setting's key.
            node: The value.
            path: The setting's dotted key.
            guard: Look for credentials; by default yes.
            as_text: Turn a scalar into text; by default it keeps its type.
        """
        self.nodes[path] = node
        if isinstance(node.value, dict):
            values = {k: self._guarded(k, item, join(path, k), guard=guard) for k, item in node.value.items()}
            return {k: value for k, value in values.items() if value is not _SKIPPED}
        if isinstance(node.value, list):
            listed = [self._guarded(key, item, join(path, at), guard=guard) for at, item in enumerate(node.value)]
            return tuple(value for value in listed if value is not _SKIPPED)
        if (guard or not isinstance(node.value, str)) and secret_values.is_secret(key, node):
            return self._secret(node, Setting(doc=""))
        if as_text:
            return self._scalar(str, Setting(doc=""), node)
        resolved = self._resolved(node)
        # If a request's body or a URL's query has a variable, the user kept its value out of the file: it counts as a secret.
        source = resolved.source or ""
        filled = has_form(source if key == "body" else source.partition("?")[2])
        if guard and isinstance(resolved.value, str):
            return hidden_parameter(resolved.value, is_secret=filled)
        return resolved.value

    def _resolved(self, node: Node, *, is_secret: bool = False) -> Node:
        """Return *node* with its text substituted; its value is `_SKIPPED` if that failed, or happens in another pass."""
        if not node.live or not isinstance(node.value, str):
            return node
        if not has_form(node.value):
            return replace(node, value=unescape(node.value), live=False)
        if self._substitute is None:
            return node.with_value(_SKIPPED)
        try:
            value = self._substitute(node.value)
        except SubstitutionError as error:
            if not self._disabled:
                self.report.problem(node, error.printable if is_secret else str(error))
            return node.with_value(_SKIPPED)
        return replace(node, value=value, raw=None, text=True, live=False, literal=False, source=node.value)
