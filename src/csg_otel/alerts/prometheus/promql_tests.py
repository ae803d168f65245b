"""
Unit tests of rules with PromQL that a user wrote: numbers of the input series are searched at which the rule just fires.

Pure. From one set of numbers at which the rule fires, each number is moved until it is silent; both sides of that limit become
tests. So every limit and every operator of the expression that a single number passes has a test.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from csg_otel.alerts import conditions
from csg_otel.alerts.prometheus import cases
from csg_otel.alerts.prometheus.label_values import UntestableError
from csg_otel.alerts.prometheus.promql_series import Inputs
from csg_otel.alerts.text import number

if TYPE_CHECKING:
    from csg_otel.alerts.evaluate import Series
    from csg_otel.alerts.model import Rule
    from csg_otel.alerts.prometheus.promql_series import Numbers

_USUAL: Final = (7.0, 1.0, 0.0)
"""Numbers that all series have at first."""

_TRIED: Final = (0.0, *(sign * digit * 10.0**power for power in range(-6, 11) for digit in (1, 3) for sign in (1, -1)))
_PAIRS: Final = 4
"""Most series of which two numbers at once are searched."""

_MARGIN: Final = 1.37e-3
"""Distance from a limit, as a share of it: more than rounding, and uneven, so that no printed value is a halfway one."""

_NOTHING: Final = 1e-9
"""A limit that is a smaller share of a number is 0."""

_HALVINGS: Final = 200
_SERIES: Final = 8
"""Most series of a rule that have tests of their own."""

_LONG_S: Final = 6 * 3600.0
_SAMPLES: Final = 50_000


def tests(rule: Rule) -> Iterator[dict[str, Any]]:
    """Yield the tests of *rule*: each fires just beyond a limit, or is silent at it. Raises UntestableError."""
    inputs = Inputs.of(conditions.condition(rule))
    firing = _firing(inputs)
    if firing is None:
        raise UntestableError("no numbers of its series are found at which it fires")
    written = set()
    for at in range(min(len(firing), _SERIES)):
        pairs = list(_limits(inputs, firing, at)) or _limits(inputs, _alone(inputs, firing, at), at)
        for pair in pairs:
            for numbers, fires in zip(pair, (True, False), strict=True):
                if numbers not in written:
                    written.add(numbers)
                    yield _case(rule, inputs, numbers, at, fires=fires)


def _firing(inputs: Inputs) -> Numbers | None:
    """Return numbers at which the expression returns a series; None if none are found."""
    count = len(inputs.series)
    choices = (*_TRIED, None) if inputs.has_absent else _TRIED
    usual = [(one,) * count for one in _USUAL]
    singles = (_with(base, {at: one}) for base in usual for at in range(count) for one in choices)
    pairs = (
        _with(base, {first: one, second: another})
        for base in usual[:1]
        for first, second in itertools.combinations(range(min(count, _PAIRS)), 2)
        for one in choices
        for another in choices
    )
    return next((numbers for numbers in itertools.chain(usual, singles, pairs) if _fires(inputs, numbers)), None)


def _fires(inputs: Inputs, numbers: Numbers) -> bool:
    """Return whether the expression has series, all with finite values."""
    return _state(inputs, numbers) is True


def _is_silent(inputs: Inputs, numbers: Numbers) -> bool:
    return _state(inputs, numbers) is False


def _state(inputs: Inputs, numbers: Numbers) -> bool | None:
    """Return whether the rule fires; None for numbers that its series can't have, and for values that are not finite."""
    if not all(value is None or one.can_be(value) for one, value in zip(inputs.series, numbers, strict=True)):
        return None
    values = inputs.evaluated(numbers).values()
    return bool(values) if all(math.isfinite(value) for value in values) else None


def _with(numbers: Numbers, changed: dict[int, float | None]) -> Numbers:
    return tuple(changed.get(at, one) for at, one in enumerate(numbers))


# -- limits -------------------------------------------------------------------------------------------------------------


def _alone(inputs: Inputs, firing: Numbers, at: int) -> Numbers:
    """Return *firing* with 0 for each other number that the rule does not need: the parts of a sum hide each other."""
    for other in range(len(firing)):
        without = _with(firing, {other: 0.0})
        if other != at and _fires(inputs, without):
            firing = without
    return firing


def _limits(inputs: Inputs, firing: Numbers, at: int) -> Iterator[tuple[Numbers, Numbers]]:
    """
    Yield numbers just beyond a limit of the series *at*, and at it: one above and one below those that fire.

    Args:
        inputs: the series.
        firing: numbers at which the rule fires.
        at: the place of the number that is changed.
    """
    here = firing[at]
    if here is None:
        if _is_silent(inputs, present := _with(firing, {at: 7.0})):
            yield firing, present
        return
    if inputs.has_absent and _is_silent(inputs, missing := _with(firing, {at: None})):
        yield firing, missing
    for direction in (1, -1):
        beyond = sorted((one for one in _TRIED if (one - here) * direction > 0), key=lambda one: abs(one - here))
        for one in beyond:
            if _is_silent(inputs, _with(firing, {at: one})):
                yield _around(inputs, firing, at, one)
                break


def _around(inputs: Inputs, firing: Numbers, at: int, silent: float) -> tuple[Numbers, Numbers]:
    """
    Return the numbers on both sides of the limit between *firing* and the number *silent* of the series *at*.

    Args:
        inputs: the series.
        firing: numbers at which the rule fires.
        at: the place of the number.
        silent: a number at which it does not.
    """
    here = firing[at] or 0.0
    fires, quiet = here, silent
    for _ in range(_HALVINGS):
        middle = (fires + quiet) / 2
        if middle in (fires, quiet):
            break
        if _fires(inputs, _with(firing, {at: middle})):
            fires = middle
        else:
            quiet = middle
    distance = math.copysign(max(abs(quiet), abs(fires)) * _MARGIN, fires - quiet)
    if abs(quiet) < abs(here) * _NOTHING:  # the limit is 0
        distance, quiet = here * _MARGIN * 100, 0.0
    beyond = fires if inputs.is_exact and _is_short(fires) else quiet + distance
    if not _fires(inputs, _with(firing, {at: beyond})):
        beyond = here
    at_limit = quiet if inputs.is_exact and _is_short(quiet) else quiet - distance
    if not _is_silent(inputs, _with(firing, {at: at_limit})):
        at_limit = silent
    return _with(firing, {at: beyond}), _with(firing, {at: at_limit})


def _is_short(value: float) -> bool:
    """Return whether *value* is a number that people write, not a neighbour of one."""
    return float(f"{value:.9g}") == value


# -- tests --------------------------------------------------------------------------------------------------------------


def _case(rule: Rule, inputs: Inputs, numbers: Numbers, at: int, *, fires: bool) -> dict[str, Any]:
    """
    Return the test of one set of numbers.

    Args:
        rule: the rule.
        inputs: its series.
        numbers: the numbers of the series.
        at: the place of the number that the test is about.
        fires: whether the rule fires.
    """
    shortest_s = min(inputs.windows_s, default=300.0)
    # Below the 5 minutes for which a sample counts.
    step_s = max(1.0, min(240.0 if shortest_s >= _LONG_S else 60.0, float(int(shortest_s / 5))))
    ready_s = max(inputs.windows_s, default=0.0) + 2 * step_s
    end_s = ready_s + rule.for_s + rule.keep_firing_s + 3 * step_s
    count = int(end_s / step_s) + 2
    if count > _SAMPLES:
        raise UntestableError("its test would have too many samples")
    value = numbers[at]
    verb = f"{'fires' if fires else 'is silent'} with {inputs.series[at].name} at {_shown(value)}"
    sampled = [
        one
        for each, each_value in zip(inputs.series, numbers, strict=True)
        for one in each.written(each_value, step_s, count)
    ]
    series: Series = inputs.evaluated(numbers) if fires else {}
    firing = [cases.expected(rule, dict(labels), result) for labels, result in series.items()]
    return cases.case(rule, verb, (step_s, end_s), sampled, firing)


def _shown(value: float | None) -> str:
    return "no samples" if value is None else number(float(f"{value:.12g}"))
