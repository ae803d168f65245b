"""
Input series of a rule's unit test: series that give the values of the rule, and numbers at which its conditions hold or not.

Pure. Each metric of a rule has one series, with labels that meet its own filters and, where that can be, no filter of another
metric of the rule. The number of a series is what a function makes of it: events per second, a level, a slope. The rule: a test
is written only for numbers that were computed back to the intended value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from csg_otel.alerts import conditions
from csg_otel.alerts.model import GROWING, Operand
from csg_otel.alerts.prometheus import label_values
from csg_otel.alerts.prometheus.label_values import SCRAPED, UntestableError

if TYPE_CHECKING:
    from csg_otel.alerts.filters import Filter
    from csg_otel.alerts.model import Comparison, Rule, Term

_LEVELS: Final = ("value", "avg", "min", "max")
_WHOLE: Final = ("changes", "resets", "count")
"""The shapes whose numbers are whole."""

_MOST: Final = 1000
"""Largest whole number that is tried."""

_SMALLEST, _LARGEST = 1e-12, 1e15
_STEPS: Final = 300
"""Most halvings of an interval; after these, the ends of any interval of floats are neighbours."""

_CLOSE: Final = 1e-9
_SHARE: Final = 0.4


@dataclass(frozen=True, slots=True)
class Series:
    """The input series of one *operand*: its *name*, its *labels*, and the *shape* of its samples."""

    operand: Operand
    name: str
    labels: tuple[tuple[str, str], ...]
    shape: str

    def is_selected(self, operand: Operand) -> bool:
        """Return whether *operand* reads this series."""
        labels = dict(self.labels)
        return name_of(operand) == self.name and all(
            each.is_met(labels.get(each.label, "")) for each in operand.filters
        )


@dataclass(frozen=True, slots=True)
class Variable:
    """The number of the series *at* in the list, as an operand with the offset *offset_s* reads it."""

    at: int
    offset_s: float


@dataclass
class World:
    """The series of a rule and their numbers."""

    rule: Rule
    series: list[Series] = field(default_factory=list)
    numbers: dict[Variable, float] = field(default_factory=dict)

    @classmethod
    def of(cls, rule: Rule) -> World:
        """Return a series for each metric of *rule*. Raises UntestableError for a form without a test."""
        world, limit = cls(rule), rule.limits[0] if rule.limits else 0.0
        # Not 1, which hides an operator, and no small part of the limit, which rounding hides.
        usual = max(7.0, _SHARE * abs(limit))
        for operand in rule.operands:
            own = replace(operand, offset_s=0.0, window_s=0.0, by=(), aggregate="sum")
            earlier = [replace(one.operand, offset_s=0.0, window_s=0.0, by=(), aggregate="sum") for one in world.series]
            if own not in earlier:
                world.series.append(_series(operand, rule))
            for at, one in enumerate(world.series):
                if one.is_selected(operand):
                    if one.shape != _shape(operand):
                        raise UntestableError("two functions of one metric need different samples")
                    world.numbers.setdefault(Variable(at, operand.offset_s), usual)
        return world

    def value(self, term: Term | float) -> float | None:
        """Return the value of *term* for the first metric's series; None if there is none."""
        if isinstance(term, (int, float)):
            return float(term)
        if isinstance(term, Operand):
            return self._operand(term)
        left, right = self.value(term.left), self.value(term.right)
        if left is None or right is None or (term.operator == "/" and right == 0):
            return None
        return {"+": left + right, "-": left - right, "*": left * right, "/": left / (right or 1.0)}[term.operator]

    def _operand(self, operand: Operand) -> float | None:
        read = self._read(operand)
        if operand.aggregate == "count":
            return sum(self.numbers[variable] for variable in read) or None
        numbers = [self.numbers[variable] for variable in read]
        if operand.function == "increase":
            numbers = [number * operand.window_s for number in numbers]
        if not numbers:
            return None
        total = sum(numbers)
        return {"sum": total, "avg": total / len(numbers), "max": max(numbers), "min": min(numbers)}[operand.aggregate]

    def _read(self, operand: Operand) -> list[Variable]:
        """Return the numbers that *operand* reads: those of series in the same group as the first one, by their labels."""
        first = dict(self.series[0].labels)
        joined = set(operand.by).intersection(self.rule.compared.value.labels or ())
        return [
            Variable(at, operand.offset_s)
            for at, one in enumerate(self.series)
            if one.is_selected(operand) and all(dict(one.labels).get(label) == first.get(label) for label in joined)
        ]

    def holds(self, comparison: Comparison) -> bool:
        """Return whether *comparison* holds."""
        value = self.value(comparison.value)
        limit = self.value(comparison.threshold)
        return value is not None and limit is not None and _holds(comparison, value, limit)

    def solve(self, term: Term, wanted: float, taken: tuple[Variable, ...] = ()) -> Variable | None:
        """Set one number, none of *taken*, so that *term* has the value *wanted*, and return which; None if no number does."""
        read = [variable for operand in term.operands for variable in self._read(operand) if variable not in taken]
        for others in (None, abs(wanted) * _SHARE / 8):  # a sum can't be less than the part of the others
            before = dict(self.numbers)
            self.numbers.update(dict.fromkeys(read, others) if others is not None else {})
            for variable in read:
                if self._solved(term, wanted, variable):
                    return variable
            self.numbers = before
        return None

    def _solved(self, term: Term, wanted: float, variable: Variable) -> bool:
        before = self.numbers[variable]
        for number in self._candidates(term, wanted, variable):
            self.numbers[variable] = number
            if _is_close(self.value(term), wanted):
                return True
        self.numbers[variable] = before
        return False

    def _candidates(self, term: Term, wanted: float, variable: Variable) -> Iterator[float]:
        """Yield numbers for *variable*: the wanted value itself, the only one for a plain rule, then that of a search."""
        shape = self.series[variable.at].shape
        if shape in _WHOLE:
            yield from map(float, range(1 if shape == "count" else 0, _MOST))
            return
        if shape not in ("events", "quantile") or wanted >= 0:
            operand = term if isinstance(term, Operand) else None
            seconds = operand.window_s if operand is not None and operand.function == "increase" else 1.0
            yield wanted / seconds
        positive = shape in ("events", "quantile")
        yield self._searched(term, wanted, variable, (_SMALLEST, _LARGEST))
        if not positive:
            yield self._searched(term, wanted, variable, (-_LARGEST, -_SMALLEST))

    def _searched(self, term: Term, wanted: float, variable: Variable, ends: tuple[float, float]) -> float:
        """Return the number between *ends*, which have the same sign, at which *term* passes *wanted*, if it grows or falls."""

        def value(number: float) -> float:
            self.numbers[variable] = number
            return self.value(term) or 0.0

        low, high = ends
        grows = value(high) >= value(low)
        for _ in range(_STEPS):
            middle = (low * high) ** 0.5 * (1 if low > 0 else -1)
            if middle in (low, high):
                break
            if (value(middle) < wanted) == grows:
                low = middle
            else:
                high = middle
        return low if abs(value(low) - wanted) <= abs(value(high) - wanted) else high


def _is_close(value: float | None, wanted: float) -> bool:
    return value is not None and abs(value - wanted) <= _CLOSE * max(1e-6, abs(wanted))


def _holds(comparison: Comparison, value: float, limit: float) -> bool:
    return {
        "": True,
        "greater_than": value > limit,
        "less_than": value < limit,
        "greater_than_or_equal": value >= limit,
        "less_than_or_equal": value <= limit,
        "equals": value == limit,
        "not_equals": value != limit,
        "outside": value < limit or value > comparison.upper,
        "between": limit <= value <= comparison.upper,
    }[comparison.condition]


# -- series -------------------------------------------------------------------------------------------------------------


def name_of(operand: Operand) -> str:
    """Return the name of the series that *operand* reads."""
    if operand.function == "quantile":
        return conditions.select(operand.ref, (), "_bucket").names[0]
    return conditions.count_series(operand.ref).names[0]


def _shape(operand: Operand) -> str:
    if operand.aggregate == "count":
        return "count"
    if operand.function in GROWING:
        return "events"
    return "level" if operand.function in _LEVELS else operand.function


def _series(operand: Operand, rule: Rule) -> Series:
    """Return the series of *operand*: it meets the filters of the operand, and no filter of another one that it may miss."""
    own: dict[str, list[Filter]] = {}
    for each in operand.filters:
        own.setdefault(each.label, []).append(each)
    others = [each for one in rule.operands if name_of(one) == name_of(operand) for each in one.filters]
    labels = dict(SCRAPED)
    wanted = [*conditions.identity(operand.ref, operand.filters), *operand.by, *(each.label for each in others)]
    for label in dict.fromkeys(wanted):
        if label in own:
            labels[label] = _meeting(own[label])
        elif label not in labels:
            strange = [each for each in others if each.label == label]
            labels[label] = label_values.other(lambda text, strange=strange: any(each.is_met(text) for each in strange))  # type: ignore[misc] # its type is that of the list
    life = operand.ref.life
    scraped = life.target.matchers if life is not None else ()  # recorded series have the job of the service, too
    labels.update((matcher.label, matcher.value) for matcher in scraped if matcher.label in SCRAPED)
    labels.update((matcher.label, matcher.value) for matcher in operand.ref.matchers)
    return Series(operand, name_of(operand), tuple(labels.items()), _shape(operand))


def _meeting(filters: list[Filter]) -> str:
    """Return a value that meets all *filters* of one label. Raises UntestableError if none is found."""
    return label_values.meeting(
        lambda text: all(each.is_met(text) for each in filters),
        equal=[value for each in filters if each.how == "is" for value in each.values],
        patterns=[each.values[0] for each in filters if each.how == "matches"],
        written=" and ".join(map(str, filters)),
    )
