"""
The samples of a unit test's input series, in promtool's notation: constant rates and levels, slopes, steps and jumps.

Pure. All samples are those of one scrape interval. A series that is compared with its own past has the numbers of the past
until the present begins: when the longest window and the `for` of the rule are just filled by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from csg_otel.alerts.prometheus import label_values
from csg_otel.alerts.prometheus.label_values import UntestableError
from csg_otel.alerts.text import number

if TYPE_CHECKING:
    from csg_otel.alerts.model import Rule
    from csg_otel.alerts.prometheus.inputs import Series, World

_MOST: int = 50_000
"""Most samples of a series, so that a comparison with the last month has a test that ends."""


def interval_s(rule: Rule) -> float:
    """Return the scrape interval of the test in seconds: a fifth of the shortest window, at least 1 and at most 60."""
    windows = [operand.window_s for operand in rule.operands if operand.function not in ("value", "age")]
    shortest = min(windows, default=rule.first.window_s)
    return max(1.0, min(60.0, float(int(shortest / 5))))


def end_s(rule: Rule) -> float:
    """Return the time of the test's last evaluation in seconds: every window is filled, and `for` is over."""
    step = interval_s(rule)
    windows = [operand.window_s for operand in rule.operands if operand.function not in ("value", "age")]
    ready = max(windows) + 2 * step if windows else step
    return _past_s(rule) + ready + rule.for_s + 3 * step + (evaluation_s(rule) if _past_s(rule) else 0.0)


def evaluation_s(rule: Rule) -> float:
    """Return the seconds between two evaluations of the test: a minute; more if the rule looks back for long."""
    return 60.0 if _past_s(rule) < 86_400 else 600.0


def _past_s(rule: Rule) -> float:
    """Return for how long the series have the numbers of the past, in seconds."""
    longest = max((operand.offset_s for operand in rule.operands), default=0.0)
    return longest - longest % interval_s(rule) if longest else 0.0


def written(world: World) -> Iterator[tuple[str, dict[str, str], str]]:
    """Yield name, labels and values of the input series of *world*. Raises UntestableError for what can't be written."""
    rule = world.rule
    step, count = interval_s(rule), int(end_s(rule) / interval_s(rule)) + 2
    if count > _MOST:
        raise UntestableError("its test would have too many samples")
    for at, one in enumerate(world.series):
        numbers = {variable.offset_s: number for variable, number in world.numbers.items() if variable.at == at}
        yield from _of_series(rule, one, numbers, (step, count))


def decoys(world: World) -> Iterator[tuple[str, dict[str, str], str]]:
    """
    Yield input series that no part of the rule reads, with the numbers of the first series of *world*.

    Each differs by one label, which a filter asks for, or by which the rule selects its own service. A rule that has lost that
    filter reads it.
    """
    rule, one = world.rule, world.series[0]
    step, count = interval_s(rule), int(end_s(rule) / interval_s(rule)) + 2
    numbers = {variable.offset_s: number for variable, number in world.numbers.items() if variable.at == 0}
    if one.shape == "quantile":
        return  # the buckets of two histograms are added up, whatever their bounds
    for each in one.operand.filters:
        strange = label_values.missing(each.is_met, each.values)
        twin = replace(one, labels=tuple({**dict(one.labels), each.label: strange}.items()))
        if not (each.is_met(strange) or any(twin.is_selected(operand) for operand in rule.operands)):
            yield from _of_series(rule, twin, numbers, (step, count))
    for matcher in one.operand.ref.matchers:
        twin = replace(one, labels=tuple({**dict(one.labels), matcher.label: f"not {matcher.value}"}.items()))
        yield from _of_series(rule, twin, numbers, (step, count))


def _of_series(
    rule: Rule, one: Series, numbers: dict[float, float], samples: tuple[float, int]
) -> Iterator[tuple[str, dict[str, str], str]]:
    """
    Yield the input series of one metric: two buckets of a histogram, several series where they are counted.

    Args:
        rule: the rule.
        one: the series.
        numbers: its numbers by offset in seconds.
        samples: seconds between two samples, and their number.
    """
    labels, (step, count) = dict(one.labels), samples
    now = numbers.get(0.0, next(iter(numbers.values()), 1.0))
    if len(numbers) > 1 or (numbers and 0.0 not in numbers):
        yield one.name, labels, _stepped(rule, one, numbers, samples)
    elif one.shape == "quantile":
        # All measurements are in one bucket that begins at 0, so the quantile q is at the share q of the bucket's width.
        bound = number(float(f"{now / one.operand.quantile:.12g}"))
        for le in (bound, "+Inf"):
            yield one.name, {**labels, "le": le}, f"0+10x{count}"
    elif one.shape == "count":
        for replica in range(int(now)):
            yield one.name, {**labels, "replica": str(replica)}, f"1+0x{count}"
    elif one.shape in ("changes", "resets"):
        yield one.name, labels, _jumping(rule, one, int(now), samples)
    else:
        yield one.name, labels, _constant(one, now, step, count)


def _constant(one: Series, value: float, step: float, count: int) -> str:
    """
    Return samples of a constant number.

    Args:
        one: the series.
        value: its number.
        step: seconds between two samples.
        count: number of samples.
    """
    if one.shape == "events":
        return f"0+{number(value * step)}x{count}"
    if one.shape == "age":
        return f"{number(-value)}+{number(step)}x{count}"
    if one.shape == "derivative":
        return f"0{value * step:+.17g}x{count}"
    if one.shape == "delta":
        return f"0{value / one.operand.window_s * step:+.17g}x{count}"
    return f"{number(value)}+0x{count}"


def _stepped(rule: Rule, one: Series, numbers: dict[float, float], samples: tuple[float, int]) -> str:
    """Return samples with one number in the past and another one now; see :func:`_of_series`."""
    step, count = samples
    offsets = sorted(numbers)
    if len(offsets) > 2 or (len(offsets) == 2 and offsets[0]) or one.shape not in ("events", "level"):
        raise UntestableError("its values of the past can't be written as a step")
    past = round(_past_s(rule) / step) - 1
    then = numbers[offsets[-1]]
    now = numbers.get(0.0, then)
    if offsets[-1] < rule.for_s + one.operand.window_s + 8 * step:
        raise UntestableError("its past begins within its own window")
    if one.shape == "level":
        return f"{number(then)}+0x{past} {number(now)}+0x{count - past}"
    reached = then * step * past
    return f"0+{number(then * step)}x{past} {number(reached + now * step)}+{number(now * step)}x{count - past}"


def _jumping(rule: Rule, one: Series, jumps: int, samples: tuple[float, int]) -> str:
    """Return samples that change, or start from 0 again, *jumps* times, all within the window of each evaluation at the end."""
    step, count = samples
    last = round((end_s(rule) - rule.for_s - step) / step)
    first = last - 2 * jumps if one.shape == "resets" else last - jumps
    if first < 1 or (last - first + 2) * step + rule.for_s >= one.operand.window_s:
        raise UntestableError(f"its window is too short for a test with {jumps} of them")
    pair = (5, 0) if one.shape == "resets" else (1, 0)
    tail = [pair[at % 2] for at in range(last - first)]
    return " ".join([f"0+0x{first - 1}", *map(str, tail), f"{tail[-1] if tail else 0}+0x{count - last}"])
