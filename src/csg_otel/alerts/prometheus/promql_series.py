"""
Input series for the unit tests of a rule with PromQL: one for each selector, with a number that says how its samples go.

Pure. The number is a level, a growth or a slope per second, an age in seconds, or the bound of the only bucket with
measurements; None for a series without samples. The same numbers are evaluated here and written for promtool. The rule: only
what is steady has a test, so that the values here are those at every evaluation there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from csg_otel.alerts.evaluate import Evaluator, Scrape, UnevaluableError
from csg_otel.alerts.expr import Absent, Age, Aggregate, Binary, Expr, Growth, Matcher, Over, Select, UserPromql
from csg_otel.alerts.prometheus import label_values
from csg_otel.alerts.prometheus.label_values import SCRAPED, UntestableError
from csg_otel.alerts.queries import expressions
from csg_otel.alerts.text import number

if TYPE_CHECKING:
    from csg_otel.alerts.evaluate import Labels, Series
    from csg_otel.alerts.prometheus.cases import Sampled

_SLOPES: Final = ("deriv", "delta")
_STEADY: Final = ("avg_over_time", "min_over_time", "max_over_time", "last_over_time", "predict_linear")
_COUNT: Final = 10.0
"""The growth of each bucket of a histogram per second."""

Numbers = tuple[float | None, ...]
"""The number of each series; None for no samples."""


@dataclass(frozen=True, slots=True)
class Input:
    """The series called *name* with *labels*, whose samples go as *shape* says."""

    name: str
    labels: Labels
    shape: str

    def can_be(self, value: float) -> bool:
        """Return whether *value* can be its number: a counter never falls, and a bucket with measurements has a width."""
        return value > 0 if self.shape == "bucket" else value >= 0 if self.shape == "events" else True

    def samples(self, value: float | None) -> Iterator[tuple[Labels, float, float]]:
        """Yield the labels and the values at 0 and 1 second of its series with the number *value*."""
        if value is None:
            return
        if self.shape == "bucket":
            yield from (((*self.labels, ("le", bound)), 0.0, _COUNT) for bound in (number(value), "+Inf"))
        elif self.shape in ("events", "slope"):
            yield self.labels, 0.0, value
        else:
            level = -value if self.shape == "age" else value
            yield self.labels, level, level

    def written(self, value: float | None, step_s: float, count: int) -> Iterator[Sampled]:
        """Yield the same series for promtool, with *count* samples every *step_s* seconds."""
        for labels, first, second in self.samples(value):
            slope = 1.0 if self.shape == "age" else second - first
            yield self.name, dict(sorted(labels)), f"{number(first)}{slope * step_s:+.17g}x{count}"


@dataclass(frozen=True)
class Inputs:
    """The input series of the expression *expr*; *windows_s* are its windows in seconds."""

    expr: Expr
    series: tuple[Input, ...]
    windows_s: tuple[float, ...]
    is_exact: bool
    """Whether a computed value is that of a series, so that a limit is met exactly."""
    has_absent: bool
    """Whether a series that is missing may make the rule fire."""

    @classmethod
    def of(cls, expr: Expr) -> Inputs:
        """Return the series of *expr*. Raises UntestableError for what has no steady values."""
        try:
            leaves = list(_leaves(expr, ""))
        except UnevaluableError as error:
            raise UntestableError(str(error)) from None
        every = list(_every(expr))
        names = {label for one in every for label in _mentioned(one)}
        own = [names.union(*(_taken(one, leaf) for one in every)) for leaf, _ in leaves]
        pairs = zip(leaves, own, strict=True)
        series = tuple(dict.fromkeys(_input(leaf, shape, leaves, labels) for (leaf, shape), labels in pairs))
        shapes = {one.name: one.shape for one in series}
        if any(shapes[one.name] != one.shape for one in series):
            raise UntestableError("two functions of one metric need different samples")
        return cls(
            expr,
            series,
            tuple(one.window_s for one in every if isinstance(one, (Over, Growth, Absent)) and one.window_s),
            all(isinstance(one, (Select, Aggregate, Absent)) or _compares(one) for one in every),
            any(isinstance(one, Absent) or (isinstance(one, Binary) and one.operator == "unless") for one in every),
        )

    def evaluated(self, numbers: Sequence[float | None]) -> Series:
        """Return the series of the expression with these *numbers*."""
        before, now = Scrape(0.0), Scrape(1.0)
        for one, value in zip(self.series, numbers, strict=True):
            for labels, first, second in one.samples(value):
                before.samples.setdefault(one.name, {})[tuple(sorted(labels))] = first  # type: ignore[attr-defined] # a dict
                now.samples.setdefault(one.name, {})[tuple(sorted(labels))] = second  # type: ignore[attr-defined] # a dict
        return Evaluator(before, now, {})(self.expr)


def _compares(expr: Expr) -> bool:
    return isinstance(expr, Binary) and expr.operator not in ("+", "-", "*", "/")


def _children(expr: Expr) -> tuple[Expr, ...]:
    if isinstance(expr, UserPromql):
        try:
            return (expressions.read(expr.promql),)
        except expressions.UnreadableError as error:
            raise UntestableError(str(error)) from None
    if isinstance(expr, Binary):
        return tuple(side for side in (expr.left, expr.right) if not isinstance(side, (int, float)))
    of = getattr(expr, "of", None)
    return () if of is None else (of,)


def _every(expr: Expr) -> Iterator[Expr]:
    if not isinstance(expr, UserPromql):
        yield expr
    for child in _children(expr):
        yield from _every(child)


def _mentioned(expr: Expr) -> tuple[str, ...]:
    """Return the labels by which *expr* groups or pairs series."""
    if isinstance(expr, Aggregate) and not expr.without:
        return tuple(label for label in expr.by if label != "le")
    return expr.on or () if isinstance(expr, Binary) and not expr.ignoring else ()


def _taken(expr: Expr, leaf: Select) -> tuple[str, ...]:
    """Return the labels that another side of the operator *expr* takes from *leaf*."""
    if not (isinstance(expr, Binary) and expr.included):
        return ()
    one = expr.left if expr.more == "right" else expr.right
    taken = not isinstance(one, (int, float)) and any(each is leaf for each in _every(one))
    return expr.included if taken else ()


def _leaves(expr: Expr, shape: str) -> Iterator[tuple[Select, str]]:
    """Yield the selectors of *expr*, each with the shape of its samples; *shape* is what the expressions around it want."""
    if isinstance(expr, Select):
        if expr.offset_s:
            raise UntestableError("it compares values of the past")
        yield expr, shape or "level"
        return
    if isinstance(expr, (Over, Growth)):
        if shape == "age" or not (isinstance(expr, Growth) or expr.function in (*_SLOPES, *_STEADY)):
            raise UntestableError(f"it contains {expr}, whose values are not steady")
        buckets = isinstance(expr, Growth) and expr.of.names[0].endswith("_bucket")
        bounded = any(matcher.label == "le" for matcher in expr.of.matchers)
        if isinstance(expr, Growth):
            shape = "bucket" if buckets and not bounded else "events"
        else:
            shape = "slope" if expr.function in _SLOPES else "level"
    elif isinstance(expr, Age):
        shape = "age"
    for child in _children(expr):
        yield from _leaves(child, shape)


def _input(leaf: Select, shape: str, leaves: Sequence[tuple[Select, str]], names: set[str]) -> Input:
    """
    Return the series of one selector: it meets its matchers, and none of other selectors of its name that it may miss.

    Args:
        leaf: the selector.
        shape: the shape of its samples.
        leaves: all selectors.
        names: labels that the series has besides those of matchers.
    """
    alike = [one for one, _ in leaves if one.names == leaf.names]
    labels = dict(SCRAPED)
    for label in sorted({*names, *SCRAPED, *(matcher.label for one in alike for matcher in one.matchers)}):
        own = [matcher for matcher in leaf.matchers if matcher.label == label]
        others = [matcher for one in alike for matcher in one.matchers if matcher.label == label]
        joined = next((one.matchers for one, _ in leaves if any(each.label == label for each in one.matchers)), ())
        if own:
            labels[label] = _meeting(label, own)
        elif joined and not others:  # pairs with the series of another metric
            labels[label] = _meeting(label, [one for one in joined if one.label == label])
        elif label not in labels or others:
            labels[label] = label_values.other(
                lambda text, label=label, others=others: any(one.matches({label: text}) for one in others)  # type: ignore[misc] # its types are those of the variables
            )
    return Input(leaf.names[0], tuple(sorted((name, value) for name, value in labels.items() if value)), shape)


def _meeting(label: str, matchers: Sequence[Matcher]) -> str:
    return label_values.meeting(
        lambda text: all(one.matches({label: text}) for one in matchers),
        equal=[one.value for one in matchers if one.operator == "="],
        patterns=[one.value for one in matchers if one.operator == "=~"],
        written=" and ".join(map(str, matchers)),
    )
