"""
Read YAML text into located nodes.

Only plain data is read: no tags, no Python objects. Size, depth and expansion of aliases are limited, and a key that
stands twice is an error with both places. The one rule: a hostile file results in a message, and the process goes on.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final

import yaml

from csg_otel import regular_file
from csg_otel.config import credentials
from csg_otel.config.tree import Node, Origin, Report, join

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES: Final = 1024 * 1024
MAX_NODES: Final = 20_000
MAX_DEPTH: Final = 64
_MOST_TWICE: Final = 100
_TAG: Final = "tag:yaml.org,2002:"
_OCTAL: Final = re.compile(r"[+-]?0[0-9_]+")
_PLAIN: Final = frozenset({"map", "seq", "str", "null", "bool", "int", "float", "timestamp", "value", "merge"})


def read_file(path: Path, name: str, report: Report) -> Node | None:
    """Return the nodes of the file *path*, called *name* in messages; None with a problem in *report* if that fails."""
    try:
        data = regular_file.read(path, MAX_BYTES)
    except FileNotFoundError:
        shown = credentials.printable_text(name)  # an address, by mistake
        report.problems[f"{shown}: {'a link that leads nowhere' if path.is_symlink() else 'no such file'}"] = None
        return None
    except OSError as error:
        report.problems[f"{name}: can't be read: {error.strerror}"] = None
        return None
    try:
        return parse(data.decode("utf-8-sig"), name, report)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        report.problem(Node(None, Origin("file", f"{name}:{line}:1")), "not UTF-8 text; save the file as UTF-8")
        return None


def parse(text: str, name: str, report: Report) -> Node | None:
    """Return the nodes of the YAML *text*, called *name* in messages; None if it is empty or has a problem."""
    try:
        root = yaml.compose(text, Loader=_Loader)
        if root is None:
            return None
        node = _Reader(name, report).node(root, root.start_mark, "", 0)
    except yaml.MarkedYAMLError as error:
        refused = _not_yaml(error, text, name)
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())[:200]
        refused = _RefusedError(f"not YAML: {reason}", Origin("file", f"{name}:1:1"))
    except RecursionError:
        refused = _RefusedError("nested too deeply; a configuration needs a few levels", Origin("file", f"{name}:1:1"))
    except _RefusedError as error:
        refused = error
    else:
        if node.value is None or isinstance(node.value, dict):
            return node
        refused = _RefusedError("a configuration is a mapping (section: {key: value})", node.origin)
    report.problem(Node(None, refused.origin), str(refused))
    return None


def _not_yaml(error: yaml.MarkedYAMLError, text: str, name: str) -> _RefusedError:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    reason = error.problem or error.context or "not YAML"
    if any("${" in row for row in text.split("\n")[line - 1 : line]):
        reason += ' (inside {...} and [...] quote it: "${NAME}")'
    words = reason if reason == _too_many() else f"not YAML: {reason}"
    return _RefusedError(words, Origin("file", f"{name}:{line}:{column}"))


class _RefusedError(ValueError):
    def __init__(self, message: str, origin: Origin) -> None:
        super().__init__(message)
        self.origin = origin


class _Loader(yaml.SafeLoader):
    """Reads values until there are `MAX_NODES`: the rest of a hostile file would take many seconds."""

    values = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Return the next node. Raises MarkedYAMLError beyond `MAX_NODES` values, keys not counted."""
        self.values += not (isinstance(parent, yaml.MappingNode) and index is None)
        if self.values > MAX_NODES:
            raise yaml.MarkedYAMLError(problem=_too_many(), problem_mark=self.peek_event().start_mark)  # type: ignore[no-untyped-call]
        return super().compose_node(parent, index)


def _too_many() -> str:
    return f"more than {MAX_NODES} values; aliases that multiply are refused"


class _Reader:
    """Turns nodes of the YAML library into `Node`, and counts them against `MAX_NODES`."""

    def __init__(self, name: str, report: Report) -> None:
        self._name = name
        self._report = report
        self._count = 0
        self._twice = 0
        self._scalars = yaml.constructor.SafeConstructor()

    def node(self, source: yaml.Node, mark: yaml.Mark, path: str, depth: int) -> Node:
        """
        Return *source* as a node.

        Args:
            source: The node of the YAML library.
            mark: Its place, or the place of its key.
            path: Its dotted key.
            depth: The number of mappings and sequences around it.
        """
        origin = self._origin(mark)
        self._count += 1
        if self._count > MAX_NODES:
            raise _RefusedError(_too_many(), origin)
        if depth > MAX_DEPTH:
            raise _RefusedError(f"nested deeper than {MAX_DEPTH}, or an alias that contains itself", origin)
        if source.tag.removeprefix(_TAG) not in _PLAIN:
            self._report.problem(
                Node(None, origin, path), f"the tag {source.tag!r} is refused; remove it, only plain values are read"
            )
            return Node(None, origin, path)
        if isinstance(source, yaml.MappingNode):
            return Node(self._mapping(source, path, depth), origin, path)
        if isinstance(source, yaml.SequenceNode):
            items = [
                self.node(item, item.start_mark, join(path, at), depth + 1) for at, item in enumerate(source.value)
            ]
            return Node(items, origin, path)
        return self._scalar(source, origin, path)

    def _origin(self, mark: yaml.Mark) -> Origin:
        return Origin("file", f"{self._name}:{mark.line + 1}:{mark.column + 1}")

    def _mapping(self, source: yaml.MappingNode, path: str, depth: int) -> dict[str, Node]:
        own: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        for key, value in source.value:
            if not isinstance(key, yaml.ScalarNode):
                self._report.problem(Node(None, self._origin(key.start_mark), path), "a key must be one plain word")
            elif key.tag == f"{_TAG}merge":
                for node in self._bases(value, path, depth):
                    merged = {**node, **merged}
            elif key.value in own:
                first = own[key.value].origin.where.split(":")
                place = Node(None, self._origin(key.start_mark), join(path, key.value))
                self._twice += 1
                if self._twice > _MOST_TWICE:
                    raise _RefusedError(f"more than {_MOST_TWICE} keys are given twice", place.origin)
                self._report.problem(place, f"given twice (first at line {first[-2]}, column {first[-1]}); remove one")
            else:
                own[key.value] = self.node(value, key.start_mark, join(path, key.value), depth + 1)
        return {**merged, **own}

    def _bases(self, value: yaml.Node, path: str, depth: int) -> list[dict[str, Node]]:
        bases = value.value if isinstance(value, yaml.SequenceNode) else [value]
        read = [self.node(base, base.start_mark, path, depth + 1) for base in bases]
        if not all(isinstance(node.value, dict) for node in read):
            raise _RefusedError("'<<' merges mappings only", self._origin(value.start_mark))
        return [node.value for node in read]

    def _scalar(self, source: yaml.Node, origin: Origin, path: str) -> Node:
        kind = source.tag.removeprefix(_TAG)
        value: Any = source.value
        if kind in {"int", "float"} and (_OCTAL.fullmatch(value) or ":" in value):
            # YAML 1.1 reads 010 as 8 and 1:30 as 90. As text, the first is the number 10, and the second is no number.
            kind = "str"
        if kind in {"null", "bool", "int", "float"}:
            try:
                value = getattr(self._scalars, f"construct_yaml_{kind}")(source)
            except (ValueError, KeyError, IndexError, OverflowError):
                value = source.value
        if isinstance(value, float) and not math.isfinite(value):
            value = source.value
        return Node(value, origin, path, raw=source.value, live=isinstance(value, str))
