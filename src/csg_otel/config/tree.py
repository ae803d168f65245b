"""
The tree of values that every source of settings is turned into; each value keeps its origin.

Independent of the list of settings. The one rule: a node never loses its origin, so every problem has a place and every
value a source.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from csg_otel.config.sections.fields import default_of, is_section, settings_of
from csg_otel.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_PLAIN: Final = re.compile(r"[^.\[\]\"]+")
_STEP: Final = re.compile(r'\.?([^.\[\]"]+)|\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]')

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_HALF: Final = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""Half a character. The others stand for bytes of a variable that are not UTF-8: they may belong to a path or a password."""


@dataclass(frozen=True)
class Origin:
    """The origin of a value: *where* is ``name:line:column`` of a file, or the name of a variable or an argument."""

    kind: Literal["file", "environment", "code", "default"]
    where: str = ""

    @property
    def label(self) -> str:
        """Return the origin as `config show --origin` prints it."""
        if self.kind == "file":
            return f"file {self.where.rpartition(':')[0]}"
        return f"{self.kind}: {self.where}" if self.where else self.kind

    @property
    def prefix(self) -> str:
        """Return the origin as the beginning of a problem."""
        words = {"file": self.where, "environment": f"variable {self.where}", "code": f"argument {self.where}"}
        return words.get(self.kind, self.kind)


DEFAULT: Final = Origin("default")


@dataclass(frozen=True)
class Node:
    """
    A value and its origin.

    Attributes:
        value: A dict of nodes, a list of nodes, or a scalar.
        origin: The origin of the value.
        path: The dotted key in the source of the value.
        raw: The text of a YAML scalar; None for other values.
        text: Whether the value is a text that may still become a number or a boolean.
        live: Whether the value is a text whose ``${...}`` is not substituted yet.
        source: The text before substitution; None if nothing was substituted.
        literal: Whether the value is written in a file.
    """

    value: Any
    origin: Origin
    path: str = ""
    raw: str | None = None
    text: bool = False
    live: bool = False
    source: str | None = None
    literal: bool = True

    def __post_init__(self) -> None:
        """Repair halves of characters, such as YAML's ``\\ud800``: no output could show them."""
        value, path = _whole(self.value), _whole(self.path)
        if isinstance(value, dict):
            value = {_whole(key): item for key, item in value.items()}
        for name, repaired in (("value", value), ("path", path), ("raw", _whole(self.raw))):
            object.__setattr__(self, name, repaired)

    def get(self, key: str) -> Node | None:
        """Return the child *key* of a mapping, or None."""
        return self.value.get(key) if isinstance(self.value, dict) else None

    def at(self, *keys: str) -> Node | None:
        """Return the descendant under *keys*, or None."""
        node: Node | None = self
        for key in keys:
            node = node.get(key) if node is not None else None
        return node

    def with_value(self, value: Any) -> Node:
        """Return a node with another value and the same origin."""
        return replace(self, value=value)


def _whole(value: Any) -> Any:
    """Return *value*, if it is a text with both halves of a character as one, and U+FFFD for a lone half."""
    if not isinstance(value, str) or value.isascii() or not _SURROGATE.search(value):
        return value
    joined = value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return _HALF.sub("\N{REPLACEMENT CHARACTER}", joined)


@dataclass
class Report:
    """Problems and warnings, each once, in the order of their discovery; a problem has the origin of its value, if any."""

    problems: dict[str, Origin | None] = field(default_factory=dict)
    warnings: dict[str, None] = field(default_factory=dict)

    def problem(self, node: Node, message: str) -> None:
        """Add a problem with the value of *node*."""
        self.problems[located(node, message)] = node.origin

    def warning(self, node: Node, message: str) -> None:
        """Add a warning about *node*; the configuration can be used."""
        self.warnings[located(node, message)] = None


def located(node: Node, message: str) -> str:
    """Return *message* after the place of *node*."""
    path = f"{node.path}: " if node.path and node.path != node.origin.where else ""
    return f"{node.origin.prefix}: {path}{message}"


def sorted_problems(problems: Iterable[str]) -> tuple[str, ...]:
    """Return *problems* sorted by source, and those of a file by line and column."""

    def place(problem: str) -> tuple[str, int, int]:
        if match := re.match(r"(.+?):(\d+):(\d+): ", problem):
            return match[1], int(match[2]), int(match[3])
        return problem.partition(":")[0], 0, 0

    return tuple(sorted(problems, key=place))


def join(path: str, key: str | int) -> str:
    """Return *path* with *key* appended: ``a.b``, ``a[0]``, or ``a["x.y"]`` for a key with dots."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    if not _PLAIN.fullmatch(key):
        escaped = key.replace("\\", "\\\\").replace('"', '\\"')
        return f'{path}["{escaped}"]'
    return f"{path}.{key}" if path else key


def split(path: str) -> tuple[str | int, ...]:
    """Return the steps of a dotted key; raises `ConfigError` for a key with a wrong syntax."""
    steps: list[str | int] = []
    end = 0
    while end < len(path):
        match = _STEP.match(path, end)
        if match is None or (end == 0 and match[0].startswith(".")):
            raise ConfigError([f"argument {path}: not a key; write it like alerting.rules[0].threshold"])
        if match[2] is not None:
            steps.append(int(match[2]))
        else:
            quoted = match[3]
            steps.append(match[1] if quoted is None else re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL))
        end = match.end()
    return tuple(steps)


def from_plain(value: Any, origin: Origin, path: str = "", *, live: bool = False) -> Node:
    """
    Turn a plain value into nodes.

    Args:
        value: Mappings, sections, sequences and scalars.
        origin: The origin of all nodes.
        path: The dotted key of *value*; by default empty, for the root.
        live: Whether ``${...}`` in texts is to be substituted; by default not.
    """
    if is_section(type(value)):
        value = _plain_section(value)
    if hasattr(value, "items"):
        children = {str(key): from_plain(item, origin, join(path, str(key)), live=live) for key, item in value.items()}
        return Node(children, origin, path)
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value, key=str) if isinstance(value, (set, frozenset)) else value
        return Node(
            [from_plain(item, origin, join(path, at), live=live) for at, item in enumerate(items)], origin, path
        )
    return Node(value, origin, path, live=live and isinstance(value, str), literal=False)


def _plain_section(section: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for key, item, declared in settings_of(type(section)):
        value = getattr(section, item.name)
        if declared.no_effect and value == default_of(item):
            continue  # a section has a value for every setting; only a value other than the default was set on purpose
        plain.update(value if declared.free == "names" else {key: value})
    return plain


def from_dotted(values: Mapping[str, Any], origins: Mapping[str, Origin]) -> Node:
    """Turn ``{"a.b[0]": value}`` into nodes; a list built from indexes replaces the whole list."""
    root: dict[str, Any] = {}
    for dotted, value in values.items():
        steps = split(dotted)
        place: Any = root
        for step in steps[:-1]:
            place = place.setdefault(step, {})
            if isinstance(place, Node):
                raise ConfigError(
                    [f"argument {dotted}: another argument sets a key above or below it; keep one of the two"]
                )
        place[steps[-1]] = value if isinstance(value, Node) else from_plain(value, origins[dotted], dotted)
    return _close(root, DEFAULT, "")


def _close(value: Any, origin: Origin, path: str) -> Node:
    if isinstance(value, Node):
        return value
    inner = {key: _close(item, origin, join(path, key)) for key, item in value.items()}
    first = next(iter(inner.values())).origin if inner else origin
    if inner and all(isinstance(key, int) for key in inner):
        return Node([inner[key] for key in sorted(inner)], first, path)
    return Node({str(key): item for key, item in inner.items()}, first, path)


def merge(base: Node | None, over: Node | None) -> Node | None:
    """Return *over* merged onto *base*: mappings key by key, other values as a whole."""
    if base is None or over is None:
        return base if over is None else over
    if not (isinstance(base.value, dict) and isinstance(over.value, dict)):
        return over
    keys = [*base.value, *(key for key in over.value if key not in base.value)]
    return over.with_value({key: merge(base.get(key), over.get(key)) for key in keys})
