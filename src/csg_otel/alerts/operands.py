"""
The values and comparisons of a rule, read from the configuration: metrics, functions, formulas, groups and limits.

Pure. The rules: a function that does not fit the kind of its metric is a problem, and so is a label that the value does not
have any more. A value that a rule does not group has the labels job, instance and the attributes of its metric; in a formula of
events only job and instance; in a formula of gauges the attributes that all of them have, and none is filtered by.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from csg_otel.alerts import conditions, filters, formulas, quantities, units
from csg_otel.alerts.catalog import Catalog, Ref, UnknownMetricError
from csg_otel.alerts.model import BELOW, GROWING, Comparison, Formula, Operand
from csg_otel.errors import suggestion

if TYPE_CHECKING:
    from csg_otel.alerts.filters import Filter
    from csg_otel.alerts.model import Aggregation, Function, Term

_FUNCTION_CALL: Final = re.compile(
    r"(rate|increase|avg|min|max|changes|resets|delta|derivative|age|p\d{1,2}(?:\.\d+)?)\(\s*([^()\s]+)\s*\)"
)
_KEYS: Final = ("age", "changes", "resets", "delta", "derivative", "predict")
"""The keys of a rule that name a function."""

_GAUGES: Final = ("gauge", "up_down_counter")
_KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "rate": ("counter", "histogram"),
    "increase": ("counter", "histogram"),
    "quantile": ("histogram",),
    "avg": _GAUGES,
    "min": _GAUGES,
    "max": _GAUGES,
    "changes": (*_GAUGES, "counter"),
    "resets": ("counter", "histogram"),
    "delta": _GAUGES,
    "derivative": _GAUGES,
    "predict": _GAUGES,
    "age": _GAUGES,
}
_CURES: Final[Mapping[str, str]] = {
    "counter": "name it alone for its rate, or increase(...)",
    "histogram": "name it alone for its quantile, p99(...), or rate(...) for calls a second",
    "gauge": "name it alone for its value, or avg(...), min(...), max(...) over the window",
}
_SUMMED: Final = (*GROWING, "quantile", "resets")
"""The functions whose values are added up."""

_PLAIN: Final = Ref("promql", "gauge", "", "", open=True)
"""What stands for the metric of PromQL that a user wrote."""


class OperandReader:
    """Resolves the values of rules against a catalog, and reports what is wrong."""

    def __init__(self, catalog: Catalog, problem: Callable[[str, str], None], reserved: Collection[str] = ()) -> None:
        """*problem* receives a dotted key and a message; *reserved* are the labels that each alert has."""
        self._catalog = catalog
        self._problem = problem
        self.reserved = reserved

    def comparison(self, path: str, section: Any, rule: Any) -> Comparison | None:
        """
        Return the comparison at the dotted key *path*, or None after reporting why there is none.

        Args:
            path: its dotted key.
            section: the comparison in the configuration.
            rule: the rule that it belongs to, whose window and quantile it has by default.
        """
        reading = _Reading(self, path, section, rule)
        value = reading.value()
        return None if value is None else reading.compared(value)

    def with_threshold(self, path: str, comparison: Comparison, limit: float | str, *, percent: bool) -> Comparison:
        """
        Return *comparison* with another *limit*; a limit that does not fit is reported.

        Args:
            path: the dotted key of the limit.
            comparison: the comparison.
            limit: a number, or a text with a unit.
            percent: whether the value is in percent.
        """
        return replace(comparison, threshold=self.limit(path, limit, comparison.value, percent=percent))

    def limit(self, path: str, limit: float | str, value: Term, *, percent: bool) -> float:
        """Return *limit* in the unit of *value*, which may be in *percent*; report at *path* why that can't be."""
        try:
            share = isinstance(limit, str) and limit.endswith("%") and value.labels is None  # of PromQL
            return quantities.number(limit, "%" if percent else "1" if share else units.unit(value))
        except ValueError as error:
            self._problem(path, str(error))
            return 0.0

    def ref(self, path: str, name: str) -> Ref | None:
        """Return the metric *name*, or None after reporting at *path* that there is none."""
        try:
            return self._catalog.find(name)
        except UnknownMetricError as error:
            self._problem(path, str(error))
            return None

    def knows(self, name: str) -> bool:
        """Return whether *name* is the name of a metric."""
        return name in self._catalog

    def problem(self, path: str, message: str) -> None:
        """Report *message* about the dotted key *path*."""
        self._problem(path, message)

    def filters(self, path: str, values: Mapping[str, Any], ref: Ref) -> Iterator[Filter]:
        """Yield the filters of *values*; report at *path* those that the metric *ref* can't have."""
        for key, result in filters.resolve(values, ref, self._catalog.label):
            if isinstance(result, str):
                self._problem(f"{path}.{key}", result)
            else:
                yield result


@dataclass(frozen=True, slots=True)
class _Part:
    """One metric of a comparison: its dotted key, its section, and the name or function call that it is written as."""

    path: str
    section: Any
    text: str


class _Reading:
    """The reading of one comparison."""

    def __init__(self, reader: OperandReader, path: str, section: Any, rule: Any) -> None:
        self._reader = reader
        self._path = path
        self._section = section
        self._rule = rule

    def value(self) -> Term | None:
        section, reader = self._section, self._reader
        if promql := getattr(section, "promql", ""):
            return Operand(_PLAIN, "promql", section.window, promql=promql)
        if section.ratio is not None:
            sides = [
                self._operand(_Part(f"{self._path}.ratio.{key}", part, part.metric))
                for key, part in (("of", section.ratio.of), ("to", section.ratio.to))
            ]
            tree: Any = None if None in sides else Formula("/", sides[0], sides[1])  # type: ignore[arg-type]
        elif reader.knows(section.metric) or not formulas.is_formula(section.metric):
            tree = self._operand(_Part(self._path, section, section.metric))
            for name in section.parts:
                reader.problem(f"{self._path}.parts.{name}", "is not in 'metric', which is no formula; remove it")
        else:
            tree = self._formula(section.metric)
        if tree is None:
            return None
        tree = self._grouped(tree)
        return Formula("*", 100.0, tree) if section.percent else tree

    def _formula(self, text: str) -> Term | None:
        """Return the formula *text* with its metrics, or None after reporting what is wrong."""
        path = f"{self._path}.metric"
        try:
            parsed = formulas.parse(text)
        except ValueError as error:
            self._reader.problem(path, f"the formula {text!r} {error}")
            return None
        used: set[str] = set()
        tree = self._tree(parsed, used)
        for name in sorted(set(self._section.parts) - used):
            self._reader.problem(f"{self._path}.parts.{name}", f"is not in the formula {text!r}; remove it")
        if isinstance(tree, float):
            self._reader.problem(path, f"the formula {text!r} names no metric")
            return None
        return tree

    def _tree(self, tree: formulas.Tree, used: set[str]) -> Term | float | None:
        if isinstance(tree, float):
            return tree
        if isinstance(tree, formulas.Name):
            used.add(tree.text)
            return self._named(tree.text)
        left, right = self._tree(tree.left, used), self._tree(tree.right, used)
        if left is None or right is None:
            return None
        if isinstance(left, float) and isinstance(right, float):
            return _calculated(tree.operator, left, right)
        return Formula(tree.operator, left, right)

    def _named(self, name: str) -> Operand | None:
        """Return the part or the metric *name* of a formula, or None after reporting that there is none."""
        part = self._section.parts.get(name)
        if part is not None:
            return self._operand(_Part(f"{self._path}.parts.{name}", part, part.metric))
        names = suggestion(name, self._section.parts) if self._section.parts else ""
        if names and not self._reader.knows(name):
            self._reader.problem(f"{self._path}.metric", f"{name!r} is not one of 'parts'{names}")
            return None
        return self._operand(_Part(self._path, self._section, name))

    def _operand(self, part: _Part) -> Operand | None:
        """Return the value of one metric, not yet grouped, or None after reporting why its metric does not fit."""
        section = part.section
        call = _FUNCTION_CALL.fullmatch(part.text)
        function, name = (call[1], call[2]) if call else ("", part.text)
        ref = self._reader.ref(f"{part.path}.metric", name)
        if ref is None:
            return None
        quantile = section.quantile if section.quantile is not None else self._rule.quantile
        if re.fullmatch(r"p\d.*", function):
            function, quantile = "quantile", float(function[1:]) / 100
        keys = [key for key in _KEYS if getattr(section, key)]
        if keys and function:
            message = f"has no effect on {part.text!r}, which has a function already; remove one of them"
            self._reader.problem(f"{part.path}.{keys[0]}", message)
        chosen = function or (keys[0] if keys else {"counter": "rate", "histogram": "quantile"}.get(ref.kind, "value"))
        if ref.kind not in _KINDS.get(chosen, (ref.kind,)) and not ref.is_untyped:
            kind = "gauge" if ref.kind == "up_down_counter" else ref.kind
            self._reader.problem(f"{part.path}.metric", f"{name!r} is a {kind}, which has no {chosen}; {_CURES[kind]}")
            return None
        operand = Operand(
            ref,
            chosen,  # type: ignore[arg-type] # one of the words above
            section.window if section.window is not None else self._rule.window,
            quantile,
            tuple(self._filters(part, ref)),
            offset_s=section.offset or 0.0,
            ahead_s=section.predict or 0.0,
        )
        return self._own_groups(part, operand)

    def _filters(self, part: _Part, ref: Ref) -> Iterator[Filter]:
        """Yield the filters of a metric; without any, its default filters."""
        yield from self._reader.filters(f"{part.path}.filters", part.section.filters, ref)
        if not part.section.filters:  # a rule with a filter for one CPU must not be restricted to the total
            yield from (filters.Filter(key, key, (value,)) for key, value in ref.defaults)

    # -- groups ---------------------------------------------------------------------------------------------------------

    def _own_groups(self, part: _Part, operand: Operand) -> Operand:
        """Return *operand* with the aggregation and the labels that its section sets, else with those of the rule."""
        own = part.section if _groups(part.section) else self._section
        path = part.path if own is part.section else self._path
        aggregate = own.aggregate or self._default(operand.function)
        if operand.function == "quantile" and aggregate != "sum":
            message = "a quantile is computed from the sum of the buckets; remove it, or compare rate(...)"
            self._reader.problem(f"{path}.aggregate", message)
        by = conditions.identity(operand.ref, operand.filters)
        if own.by is not None:
            by = tuple(self._label(f"{path}.by", name, operand.ref) for name in own.by)
        elif own.without:
            removed = {self._label(f"{path}.without", name, operand.ref) for name in own.without}
            by = tuple(label for label in by if label not in removed)
        elif own.aggregate is not None:
            by = ()
        merges = bool(set(conditions.identity(operand.ref, operand.filters)) - set(by))
        worst = merges and own.aggregate is None and operand.function not in _SUMMED
        reserved = [label for label in by if label in self._reader.reserved]
        renamed = tuple((f"exported_{label}", label) for label in reserved)
        named = {source: target for target, source in renamed}
        by = tuple(named.get(label, label) for label in by)
        return replace(operand, aggregate=aggregate, by=by, is_worst=worst, renamed=renamed)

    def _default(self, function: Function) -> Aggregation:
        """Return the aggregation of values whose rule names none: the sum of events, the worst of others."""
        if function in _SUMMED:
            return "sum"
        below = self._section.condition in BELOW
        return "min" if below != (function == "age") else "max"

    def _label(self, path: str, name: str, ref: Ref) -> str:
        """Return the label of the attribute *name*; another name is that of a label that the scrape adds."""
        if attribute := ref.attribute(name):
            return attribute[1]
        if hint := suggestion(name, [key for key, _ in ref.attributes]) if not ref.open else "":
            self._reader.problem(path, f"{ref.name!r} has no attribute {name!r}{hint}")
        elif not re.fullmatch(r"[A-Za-z_]\w*", name):
            self._reader.problem(path, f"{ref.name!r} has no attribute {name!r}, and it is no name of a label")
        return name

    def _grouped(self, tree: Term) -> Term:
        """Return *tree*, whose metrics have the labels that they have in common, unless the rule groups them."""
        operands = tree.operands
        parts = [self._section, *self._section.parts.values()]
        if self._section.ratio is not None:
            parts += [self._section.ratio.of, self._section.ratio.to]
        if len(operands) == 1 or any(_groups(part) for part in parts):
            return tree
        counts = any(operand.function in (*GROWING, "quantile") for operand in operands)
        return _with_labels(tree, conditions.SCRAPED if counts else _common(operands))

    # -- limits ---------------------------------------------------------------------------------------------------------

    def compared(self, value: Term) -> Comparison | None:
        """Return *value* with the condition and the limits of the section."""
        section = self._section
        threshold = section.threshold
        for condition in ("outside", "between"):
            if limits := getattr(section, condition):
                lower, upper = (self._limit(f"{condition}[{at}]", limit, value) for at, limit in enumerate(limits))
                if lower >= upper:
                    self._reader.problem(f"{self._path}.{condition}", f"{lower:g} is not below {upper:g}; swap them")
                return Comparison(value, condition, lower, upper)
        if section.condition is None or threshold is None:
            return Comparison(value, section.condition or "")
        if isinstance(threshold, (int, float, str)):
            return Comparison(value, section.condition, self._limit("threshold", threshold, value))
        other = self._operand(_Part(f"{self._path}.threshold", threshold, threshold.metric))
        if other is None:
            return None
        if not (_groups(threshold) or _groups(section)):
            both = (*value.operands, other)
            by = conditions.SCRAPED if any(one.function in GROWING for one in both) else _common(both)
            value, other = _with_labels(value, by), replace(other, by=by)
        return Comparison(value, section.condition, other)

    def _limit(self, key: str, limit: float | str, value: Term) -> float:
        return self._reader.limit(f"{self._path}.{key}", limit, value, percent=self._section.percent)


def _groups(section: Any) -> bool:
    return bool(section.by is not None or section.without or section.aggregate)


def _common(operands: Iterable[Operand]) -> tuple[str, ...]:
    """Return the labels that all *operands* have and none is filtered by; labels of the scrape always."""
    every = tuple(operands)
    filtered = {each.label for operand in every for each in operand.filters}
    shared = set.intersection(*(set(operand.by) for operand in every)) - filtered
    return tuple(label for label in every[0].by if label in shared | set(conditions.SCRAPED))


def _with_labels(tree: Term, by: tuple[str, ...]) -> Term:
    if isinstance(tree, Operand):
        return replace(tree, by=by)
    sides = [side if isinstance(side, (int, float)) else _with_labels(side, by) for side in (tree.left, tree.right)]
    return Formula(tree.operator, *sides)


def _calculated(operator: str, left: float, right: float) -> float:
    if operator == "/":
        return left / right if right else 0.0
    return {"+": left + right, "-": left - right, "*": left * right}[operator]
