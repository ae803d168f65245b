"""
An evaluator of expressions on two scrapes of a ``/metrics`` page, so that a preview needs no backend.

Pure. A rate is computed over the time between the two scrapes, not over the window of the rule, so a preview shows the present.
"""

from __future__ import annotations

import math
import operator
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from csg_otel.alerts.expr import (
    Absent,
    Age,
    Aggregate,
    Binary,
    Constant,
    Expr,
    Growth,
    Over,
    Quantile,
    Rate,
    Relabel,
    Select,
    UserPromql,
)
from csg_otel.alerts.queries import expressions
from csg_otel.alerts.text import duration
from csg_otel.points import quantile

Labels = tuple[tuple[str, str], ...]
"""Labels and their values, sorted; labels with an empty value are left out."""

Series = dict[Labels, float]

_NAME: Final = re.compile(r"[\w:]*")
_SAMPLE: Final = re.compile(r"^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: \d+)?$")
_LABEL: Final = re.compile(r'([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"')
_ESCAPES: Final = {r"\\": "\\", r"\"": '"', r"\n": "\n"}
_COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
_ARITHMETIC: Final[Mapping[str, Callable[[float, float], float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda left, right: left / right if right else left * math.inf,  # of 0 it is NaN, as in PromQL
}
_COMBINED: Final[Mapping[str, Callable[[list[float]], float]]] = {
    "sum": sum,
    "min": lambda values: min(_numbers(values)),
    "max": lambda values: max(_numbers(values)),
    "avg": lambda values: sum(values) / len(values),
    "count": lambda values: float(len(values)),
}


def _numbers(values: list[float]) -> list[float]:
    """Return *values* without NaN, unless there is nothing else, as PromQL does for the least and the greatest."""
    return [value for value in values if not math.isnan(value)] or values


class UnevaluableError(ValueError):
    """An expression needs more than two scrapes; the message says what."""


@dataclass(frozen=True, slots=True)
class Scrape:
    """The samples of one scrape, by name, and its time: in monotonic seconds, and in Unix seconds for ages."""

    at_s: float
    samples: Mapping[str, Series] = field(default_factory=dict)
    unix_s: float = 0.0


def parse(
    text: str,
    at_s: float,
    scraped: Mapping[str, str] | None = None,
    names: Container[str] | None = None,
    unix_s: float = 0.0,
) -> Scrape:
    """
    Return the samples of an exposition.

    Args:
        text: the exposition, in format 0.0.4.
        at_s: time of the scrape in monotonic seconds.
        scraped: labels that the scrape adds to every series, such as the job; by default none.
        names: the names of the samples to return, see :func:`selected`; by default all.
        unix_s: time of the scrape in Unix seconds, from which ages are computed.
    """
    samples: defaultdict[str, Series] = defaultdict(dict)
    for line in text.split("\n"):  # a label may contain other ends of lines
        if line.startswith("#") or (names is not None and _NAME.match(line)[0] not in names):  # type: ignore[index] # always matches
            continue
        if sample := _SAMPLE.fullmatch(line):
            labels = {name: _unescaped(value) for name, value in _LABEL.findall(sample[2] or "")}
            samples[sample[1]][_labels({**labels, **(scraped or {})}.items())] = float(sample[3])
    return Scrape(at_s, dict(samples), unix_s)


def _unescaped(value: str) -> str:
    return re.sub(r"\\.", lambda escape: _ESCAPES.get(escape[0], escape[0]), value)


def _labels(pairs: Iterable[tuple[str, str]]) -> Labels:
    return tuple(sorted((name, value) for name, value in pairs if value))


Recorded = Mapping[str, Iterable[tuple[Expr, Labels]]]
"""Recording rules by their names: expressions, each with the labels that the rule adds."""


def selected(expr: Expr | float, recorded: Recorded) -> set[str]:
    """Return the names of all samples that *expr* selects, those of the recording rules *recorded* included."""
    if isinstance(expr, Binary):
        return selected(expr.left, recorded) | selected(expr.right, recorded)
    if isinstance(expr, UserPromql):
        try:
            return selected(_read(expr), recorded)
        except UnevaluableError:
            return set()
    if not isinstance(expr, Select):
        return set() if isinstance(expr, (int, float, Constant)) else selected(expr.of, recorded)
    parts = [part for name in expr.names for part, _ in recorded.get(name, ())]
    return set(expr.names).union(*(selected(part, recorded) for part in parts))


def _read(expr: UserPromql) -> Expr:
    """Return PromQL of a user as an expression. Raises UnevaluableError."""
    try:
        return expressions.read(expr.promql)
    except expressions.UnreadableError as error:
        raise UnevaluableError(str(error)) from None


class Evaluator:
    """Evaluates expressions on two scrapes."""

    def __init__(self, before: Scrape, now: Scrape, recorded: Recorded, *, whole_window: bool = True) -> None:
        """
        Prepare the evaluation.

        Args:
            before: The first scrape.
            now: The second scrape.
            recorded: The recording rules.
            whole_window: Whether an increase is that of the rule's whole window, if counters go on to grow as between the two
                scrapes; else it is what they grew between the two, if that is a shorter time. Default True.
        """
        self._scrapes = {-1: before, 0: now}
        self._recorded = recorded
        self._whole_window = whole_window
        self._elapsed_s = max(now.at_s - before.at_s, 1e-9)

    def __call__(self, expr: Expr) -> Series:
        """Return the series of *expr* now. Raises UnevaluableError for what only a backend evaluates."""
        return self._at(expr, 0)

    def _at(self, expr: Expr, moment: int) -> Series:
        if isinstance(expr, Select):
            return self._select(expr, moment)
        if isinstance(expr, (Over, Growth)):
            return self._over(expr)
        if isinstance(expr, Binary):
            return self._binary(expr, moment)
        if isinstance(expr, Constant):
            return {(): expr.value}
        if isinstance(expr, UserPromql):
            return self._at(_read(expr), moment)
        if isinstance(expr, Rate):
            raise UnevaluableError("its window is a variable of a dashboard")
        return self._changed(expr, self._at(expr.of, moment), moment)

    def _changed(self, expr: Absent | Age | Aggregate | Relabel | Quantile, of: Series, moment: int) -> Series:
        """
        Return the series of an expression over one other.

        Args:
            expr: the expression.
            of: the series of the other one.
            moment: which of the scrapes.
        """
        if isinstance(expr, Age):
            now_s = self._scrapes[moment].unix_s
            return {labels: now_s - value for labels, value in of.items()}
        if isinstance(expr, Absent):
            recent = of or (self._at(expr.of, -1) if expr.window_s else {})
            return {} if recent else {_selecting(expr.of): 1.0}
        if isinstance(expr, Aggregate):
            return _aggregate(expr, of)
        return _relabelled(expr, of) if isinstance(expr, Relabel) else _quantile(expr, of)

    def _select(self, expr: Select, moment: int) -> Series:
        if expr.offset_s:
            raise UnevaluableError(f"it compares values of {duration(expr.offset_s)} ago")
        series: Series = {}
        for name in expr.names:
            series.update(self._scrapes[moment].samples.get(name, {}))
            for part, labels in self._recorded.get(name, ()):
                series.update((_labels((*own, *labels)), value) for own, value in self._at(part, moment).items())
        return {labels: value for labels, value in series.items() if _meets(expr, dict(labels))}

    def _over(self, expr: Over | Growth) -> Series:
        now, before = self._select(expr.of, 0), self._select(expr.of, -1)
        if isinstance(expr, Growth):
            window_s = expr.window_s if self._whole_window else min(expr.window_s, self._elapsed_s)
            seconds = 1.0 if expr.function == "rate" else window_s
            if not expr.has_first:  # PromQL's own function needs two samples
                now = {labels: value for labels, value in now.items() if labels in before}
            growths = {labels: _growth(value, before.get(labels)) for labels, value in now.items()}
            share = seconds / self._elapsed_s  # exactly 1 if they are equal, so that counts stay whole
            return {labels: growth * share for labels, growth in growths.items()}
        both = {labels: (before.get(labels, value), value) for labels, value in now.items()}
        return {labels: self._between(expr, *pair) for labels, pair in both.items()}

    def _between(self, expr: Over, before: float, now: float) -> float:
        """
        Return the value of a function over time from two samples.

        Args:
            expr: the function.
            before: the first sample.
            now: the second one.
        """
        per_second = (now - before) / self._elapsed_s
        window_s = expr.window_s if self._whole_window else min(expr.window_s, self._elapsed_s)
        functions = {
            "changes": float(now != before),
            "resets": float(now < before),
            "deriv": per_second,
            "delta": per_second * window_s,
            "predict_linear": now + per_second * expr.ahead_s,
            "last_over_time": now,
        }
        if expr.function in functions:
            return functions[expr.function]
        return _COMBINED[expr.function.removesuffix("_over_time")]([before, now])

    def _binary(self, expr: Binary, moment: int) -> Series:
        if isinstance(expr.left, (int, float)):
            scalar = float(expr.left)
            assert not isinstance(expr.right, (int, float))  # noqa: S101 - no expression has numbers on both sides
            series = self._at(expr.right, moment)
            return {labels: _ARITHMETIC[expr.operator](scalar, value) for labels, value in series.items()}
        left, right = self._at(expr.left, moment), expr.right
        if isinstance(right, (int, float)):
            return _combined(expr, {labels: (value, float(right)) for labels, value in left.items()})
        return _matched(expr, left, self._at(right, moment))


def _matched(expr: Binary, left: Series, right: Series) -> Series:
    """Return the series of *expr*, whose sides are *left* and *right*, paired by the labels that it names."""

    def key(labels: Labels) -> Labels:
        return labels if expr.on is None else _kept(labels, expr.on, without=expr.ignoring)

    mine, theirs = ({key(labels): labels for labels in side} for side in (left, right))
    if expr.operator == "or":
        return {**{labels: value for labels, value in right.items() if key(labels) not in mine}, **left}
    if expr.operator in ("and", "unless"):
        return {labels: value for labels, value in left.items() if (key(labels) in theirs) == (expr.operator == "and")}
    many, one = (right, mine) if expr.more == "right" else (left, theirs)
    pairs = {}
    for labels in many:
        if (partner := one.get(key(labels))) is None:
            continue
        own = labels if expr.more else key(labels)
        if expr.included:
            own = _labels((*_kept(labels, expr.included, without=True), *_kept(partner, expr.included)))
        pairs[own] = (left[partner], right[labels]) if expr.more == "right" else (left[labels], right[partner])
    return _combined(expr, pairs)


def _kept(labels: Labels, names: Collection[str], *, without: bool = False) -> Labels:
    """Return those of *labels* whose names are among *names*; with *without* the others."""
    return tuple(pair for pair in labels if (pair[0] in names) != without)


def _combined(expr: Binary, pairs: Mapping[Labels, tuple[float, float]]) -> Series:
    if (compare := _COMPARISONS.get(expr.operator)) is not None:
        return {labels: pair[0] for labels, pair in pairs.items() if compare(*pair)}
    return {labels: _ARITHMETIC[expr.operator](*pair) for labels, pair in pairs.items()}


def _growth(now: float, before: float | None) -> float:
    """Return the growth of a counter; a counter that is new or was reset grew from 0."""
    return now if before is None or now < before else now - before


def _meets(expr: Select, labels: Mapping[str, str]) -> bool:
    return all(matcher.matches(labels) for matcher in expr.matchers)


def _aggregate(expr: Aggregate, of: Series) -> Series:
    groups: defaultdict[Labels, list[float]] = defaultdict(list)
    for labels, value in of.items():
        groups[_kept(labels, expr.by, without=expr.without)].append(value)
    return {labels: _COMBINED[expr.how](values) for labels, values in groups.items()}


def _selecting(expr: Expr) -> Labels:
    """Return the labels that a selector asks for, which an ``absent`` of it has."""
    matchers = expr.matchers if isinstance(expr, Select) else ()
    names = [matcher.label for matcher in matchers]
    equal = [one for one in matchers if one.operator == "=" and names.count(one.label) == 1]
    return _labels((one.label, one.value) for one in equal)


def _relabelled(expr: Relabel, of: Series) -> Series:
    return {
        _labels([*_kept(labels, (expr.target,), without=True), (expr.target, dict(labels).get(expr.source, ""))]): value
        for labels, value in of.items()
    }


def _quantile(expr: Quantile, of: Series) -> Series:
    groups: defaultdict[Labels, dict[float, float]] = defaultdict(dict)
    for labels, value in of.items():
        bound = float(dict(labels).get("le", "nan"))
        groups[_kept(labels, ("le",), without=True)][bound] = value
    quantiles: Series = {}
    for labels, cumulative in groups.items():
        bounds = sorted(cumulative)
        edges = (min(0.0, bounds[0]), *bounds)
        counts = [cumulative[bound] - (cumulative[bounds[at - 1]] if at else 0.0) for at, bound in enumerate(bounds)]
        highest = bounds[-2] if len(bounds) > 1 else math.nan
        estimate = quantile(zip(edges, bounds, counts, strict=False), expr.share)
        if sum(counts) > 0:  # for a quantile above the highest bound, PromQL returns that bound
            quantiles[labels] = highest if estimate is None else estimate
    return quantiles
