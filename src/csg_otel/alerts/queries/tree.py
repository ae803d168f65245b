"""
PromQL as a tree of values, read by the package ``promql-parser`` (extra ``alerts``).

Pure. Covers all of PromQL that the parser accepts. Parentheses are left out of the tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from csg_otel.alerts.expr import Matcher
from csg_otel.errors import MissingExtraError

_WRITTEN: Final = 90
"""Characters of a query that a message quotes at most."""

COMPARISONS: Final = frozenset(["==", "!=", ">", "<", ">=", "<="])
SETS: Final = frozenset(["and", "or", "unless"])


class SyntaxMistakeError(ValueError):
    """A text is not PromQL; the message says where it ends to be."""


@dataclass(frozen=True, slots=True)
class Series:
    """The series called *name* (empty if only *matchers* select them) that meet *matchers*; *window_s* is that of a range."""

    name: str
    matchers: tuple[Matcher, ...]
    offset_s: float = 0.0
    window_s: float | None = None
    written: str = field(default="", compare=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The names that it selects, as far as these are whole names: its own, or those of a list for ``__name__``."""
        if self.name:
            return (self.name,)
        texts = [matcher.value for matcher in self.matchers if matcher.label == "__name__" and matcher.operator != "!="]
        names = [name for text in texts for name in text.split("|")]
        return tuple(name for name in names if name.replace("_", "a").replace(":", "a").isalnum())


@dataclass(frozen=True, slots=True)
class Subquery:
    """The values of *of* every *step_s* seconds (0: the interval of evaluations) over *window_s* seconds."""

    of: Node
    window_s: float
    step_s: float
    offset_s: float
    written: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Number:
    """A number."""

    value: float
    written: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Text:
    """A text, as an argument of a function."""

    value: str
    written: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function of *arguments*; a minus in front of an expression is the function ``-``."""

    function: str
    arguments: tuple[Node, ...]
    written: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Aggregation:
    """One value per combination of *labels* (of all others if *without*); *parameter* is that of ``topk`` and the like."""

    how: str
    of: Node
    labels: tuple[str, ...]
    without: bool = False
    parameter: Node | None = None
    written: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Pairing:
    """
    How an operator pairs series: by all labels but *labels*, or with *on* by these alone.

    *many* is the side that may have several series per pair; *included* are labels of the other side that the result gets.
    """

    on: bool = False
    labels: tuple[str, ...] = ()
    many: Literal["left", "right", ""] = ""
    included: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator between two sides; with *returns_bool* a comparison returns 0 or 1 instead of leaving series out."""

    operator: str
    left: Node
    right: Node
    pairing: Pairing = Pairing()
    returns_bool: bool = False
    written: str = field(default="", compare=False)


Node = Series | Subquery | Number | Text | Call | Aggregation | Operation


def parse(promql: str) -> Node:
    """Return the tree of *promql*. Raises SyntaxMistakeError, and MissingExtraError without the package ``promql-parser``."""
    try:
        import promql_parser
    except ImportError:
        raise MissingExtraError("a check of PromQL expressions", "alerts") from None
    try:
        return _node(promql_parser.parse(promql))
    except ValueError as error:
        raise SyntaxMistakeError(str(error)) from None


def children(node: Node) -> tuple[Node, ...]:
    """Return the parts of *node*, from left to right."""
    if isinstance(node, (Subquery, Aggregation)):
        parameter = node.parameter if isinstance(node, Aggregation) else None
        return (node.of,) if parameter is None else (parameter, node.of)
    if isinstance(node, Operation):
        return (node.left, node.right)
    return node.arguments if isinstance(node, Call) else ()


def every(node: Node) -> Iterator[Node]:
    """Yield *node* and everything in it, outermost first."""
    yield node
    for child in children(node):
        yield from every(child)


def quoted(node: Node) -> str:
    """Return *node* as a message quotes it: one line, shortened."""
    text = " ".join(node.written.replace("{}", "").split())
    return f"`{text}`" if len(text) <= _WRITTEN else f"`{text[: _WRITTEN - 3]}...`"


# -- the parser's objects ---------------------------------------------------------------------------------------------


def _node(raw: Any) -> Node:  # noqa: PLR0911 - one return for each kind of node
    kind = type(raw).__name__
    written = str(raw)
    if kind == "ParenExpr":
        return _node(raw.expr)
    if kind == "NumberLiteral":
        return Number(float(raw.val), written)
    if kind == "StringLiteral":
        return Text(raw.val, written)
    if kind == "VectorSelector":
        return _series(raw, None, written)
    if kind == "MatrixSelector":
        return _series(raw.vector_selector, raw.range.total_seconds(), written)
    if kind == "SubqueryExpr":
        step_s, offset_s = (value.total_seconds() if value else 0.0 for value in (raw.step, raw.offset))
        return Subquery(_node(raw.expr), raw.range.total_seconds(), step_s, offset_s, written)
    if kind == "UnaryExpr":
        of = _node(raw.expr)
        return Number(-of.value, written) if isinstance(of, Number) else Call("-", (of,), written)
    if kind == "Call":
        return Call(raw.func.name, tuple(_node(argument) for argument in raw.args), written)
    return _aggregation(raw, written) if kind == "AggregateExpr" else _operation(raw, written)


def _series(raw: Any, window_s: float | None, written: str) -> Series:
    operators: dict[str, Literal["=", "!=", "=~", "!~"]]
    operators = {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}
    matchers = tuple(
        Matcher(matcher.name, operators[str(matcher.op).rpartition(".")[2]], matcher.value)
        for matcher in raw.matchers.matchers
    )
    name = raw.name or next(
        (matcher.value for matcher in matchers if (matcher.label, matcher.operator) == ("__name__", "=")), ""
    )
    offset_s = raw.offset.total_seconds() if raw.offset else 0.0
    return Series(name, matchers, offset_s, window_s, written)


def _aggregation(raw: Any, written: str) -> Aggregation:
    modifier = raw.modifier
    labels = tuple(modifier.labels) if modifier else ()
    without = modifier is not None and str(modifier.type).endswith("Without")
    parameter = None if raw.param is None else _node(raw.param)
    return Aggregation(str(raw.op), _node(raw.expr), labels, without, parameter, written)


def _operation(raw: Any, written: str) -> Operation:
    sides: dict[str, Literal["left", "right"]] = {"ManyToOne": "left", "OneToMany": "right"}
    modifier, pairing = raw.modifier, Pairing()
    if modifier is not None:
        matching = modifier.matching
        pairing = Pairing(
            on=matching is not None and str(matching.type).endswith("Include"),
            labels=tuple(matching.labels) if matching else (),
            many=sides.get(str(modifier.card).rpartition(".")[2], ""),
            included=tuple(modifier.group_labels or ()),
        )
    returns_bool = modifier is not None and modifier.return_bool
    return Operation(str(raw.op), _node(raw.lhs), _node(raw.rhs), pairing, returns_bool, written)
