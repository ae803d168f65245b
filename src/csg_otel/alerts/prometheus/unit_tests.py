"""
Unit tests for ``promtool test rules``: each rule fires just above its threshold and not at it, or without data.

Pure. The numbers are computed from the rule's metrics and filters (`inputs`), so that the compared value is exactly the
intended one. Each further condition of a rule has a test in which it alone keeps the rule silent.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from csg_otel.alerts import conditions
from csg_otel.alerts.model import GROWING, INTERVALS, Operand
from csg_otel.alerts.prometheus import cases, lifetime_tests, objective_tests, promql_tests, rules
from csg_otel.alerts.prometheus.inputs import World
from csg_otel.alerts.prometheus.label_values import UntestableError
from csg_otel.alerts.prometheus.samples import decoys, end_s, evaluation_s, interval_s, written
from csg_otel.alerts.text import duration, number, yaml_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from csg_otel.alerts.model import AlertSpec, Comparison, Rule
    from csg_otel.alerts.prometheus.inputs import Variable

TEST: Final = ".test.yaml"
"""The end of the name of a test file."""

_STEP: Final = 1.37e-3
"""
Distance of the tested values from the threshold, as a share of the threshold.

Messages round a value to four digits. A value halfway between two rounded numbers would be rounded up or down by the last bit
of a rate, and the test would fail by chance. This uneven number keeps values away from such points.
"""

_WHOLE: Final = ("changes", "resets")
_EXACT: Final = ("value", "avg", "min", "max")


def compile_tests(spec: AlertSpec, rules_file: str = rules.FILE) -> dict[str, str]:
    """
    Return the test files for the rules of *spec* by their names; those that end with ``TEST`` are for promtool.

    promtool evaluates every rule of a file in each minute of each test. So each rule has a rule file and a test file of its
    own, with the same text as in the compiled file.

    Args:
        spec: the specification.
        rules_file: the compiled rule file in the same folder; objectives are tested with it.
    """
    files = {}
    for at, rule in enumerate(spec.rules):
        if tests := of_rule(rule):
            name = f"rule-{at:04}-{rule.alert}"
            alone = {"groups": [{"name": "csg_otel.alerts", "rules": rules.alerts(rule)}]}
            files[f"{name}.yaml"] = yaml_file(alone, spec.service)
            files[name + TEST] = _file(f"{name}.yaml", tests, evaluation_s(rule))
    tests = [test for objective in spec.objectives for test in objective_tests.tests(objective)]
    return files | ({f"objectives{TEST}": _file(rules_file, tests)} if tests else {})


def _file(rules_file: str, tests: list[dict[str, Any]], every_s: float = 60.0) -> str:
    return yaml_file({"rule_files": [rules_file], "evaluation_interval": duration(every_s), "tests": tests})


def untested(spec: AlertSpec) -> dict[str, str]:
    """Return the rules of *spec* without a test of their condition, by the dotted key, each with the reason."""
    reasons = {}
    for rule in spec.rules:
        try:
            if not any(test["alert_rule_test"][-1]["exp_alerts"] for test in _conditions(rule)):
                reasons[rule.path] = "no series has a value beyond its threshold"
        except UntestableError as error:
            reasons[rule.path] = str(error)
    return reasons


def of_rule(rule: Rule) -> list[dict[str, Any]]:
    """Return the tests of *rule*."""
    try:
        tests = list(_conditions(rule))
    except UntestableError:
        tests = []
    return [*tests, _without_data(rule)] if rule.no_data and rule.first.function != "promql" else tests


def _without_data(rule: Rule) -> dict[str, Any]:
    step, first = interval_s(rule), rule.witness
    matchers = conditions.count_series(first.ref, first.filters).matchers
    labels = {matcher.label: matcher.value for matcher in matchers if matcher.operator == "="}
    alert = rules.alerts(rule, str)[1]
    expected = {"exp_labels": {**labels, **alert["labels"]}, "exp_annotations": alert["annotations"]}
    end = duration(first.window_s + rule.for_s + 5 * step)
    return {
        "name": f"{alert['alert']} fires",
        "interval": duration(step),
        "input_series": [],
        "alert_rule_test": [{"alertname": alert["alert"], "eval_time": end, "exp_alerts": [expected]}],
    }


def _conditions(rule: Rule) -> Iterator[dict[str, Any]]:
    """Yield the tests of the conditions of *rule*. Raises UntestableError."""
    if any(operand.function == "promql" for operand in rule.operands):
        yield from promql_tests.tests(rule)
        return
    pairs = list(_pairs(rule.compared))
    tested = set()
    for fires, silent in pairs:
        firing, quiet = _world(rule, fires), _world(rule, silent)
        if firing is not None and fires not in tested:
            yield _test(rule, firing, f"fires at {_shown(rule, firing)}", fires=True, decoy=quiet)
        if quiet is not None and silent not in tested and not _fires(quiet):
            yield _test(rule, quiet, f"is silent at {_shown(rule, quiet)}", fires=False, decoy=firing)
        tested |= {fires, silent}
    fires = pairs[0][0]
    for at in range(len(rule.also)):
        if (world := _world(rule, fires, broken=at)) is not None:
            yield _test(rule, world, f"is silent without its condition {at + 1}", fires=False)
    for at in range(len(rule.unless)):
        if (world := _world(rule, fires, held=at)) is not None:
            yield _test(rule, world, f"is silent with its exception {at + 1}", fires=False)
    yield from lifetime_tests.tests(rule, _world(rule, fires))


def _shown(rule: Rule, world: World) -> str:
    return number(float(f"{world.value(rule.compared.value):.12g}"))


# -- numbers ------------------------------------------------------------------------------------------------------------


def _pairs(compared: Comparison) -> Iterator[tuple[float | None, float | None]]:
    """Yield for each limit of *compared* a value that fulfils it, and one that does not; None where no series can have one."""
    if compared.condition in INTERVALS:
        below, above = {
            "outside": ("less_than", "greater_than"),
            "between": ("greater_than_or_equal", "less_than_or_equal"),
        }[compared.condition]
        yield _values(replace(compared, condition=above, threshold=compared.upper))
        yield _values(replace(compared, condition=below))
        return
    fires, silent = _values(compared)
    yield fires, silent
    if compared.condition in ("equals", "not_equals") and fires is not None and silent is not None:
        turned = (2 * fires - silent, 2 * silent - fires)  # the other side of the number
        other = (fires, turned[0]) if compared.condition == "equals" else (turned[1], silent)
        if not (_is_growing(compared) and min(other) < 0):
            yield other


def _is_growing(compared: Comparison) -> bool:
    return any(operand.function in (*GROWING, "quantile", *_WHOLE) for operand in compared.value.operands)


def _values(compared: Comparison) -> tuple[float | None, float | None]:
    """Return a value that fulfils *compared* and one that does not; None for a value that no series can have."""
    term, threshold = compared.value, compared.threshold
    if not isinstance(threshold, (int, float)):
        threshold = 100.0  # the number of the other metric in the test
    plain = term if isinstance(term, Operand) else None
    whole = plain is not None and (plain.function in _WHOLE or plain.aggregate == "count")
    growing = plain is not None and plain.function in ("rate", "increase", "quantile")
    # The threshold of a rate may be far below 1 per second, and a rate is never below 0.
    distance = (abs(threshold) if (growing or plain is None) and threshold else max(abs(threshold), 1.0)) * _STEP
    # A value that is computed may differ from the threshold in its last bit.
    at = threshold if plain is not None and plain.function in _EXACT else threshold - distance
    if whole:
        return _whole(compared.condition, threshold)
    fires, silent = {
        "greater_than": (threshold + distance, at),
        "greater_than_or_equal": (threshold + (threshold - at), threshold - distance),
        "less_than": (threshold - distance, threshold + (threshold - at)),
        "less_than_or_equal": (at, threshold + distance),
        "equals": (threshold, threshold + distance),
        "not_equals": (threshold + distance, threshold),
    }[compared.condition]
    if not growing:
        return fires, silent
    if silent < 0 and threshold == 0 and compared.condition == "greater_than":
        silent = 0.0
    return (None if fires < 0 else fires), (None if silent < 0 else silent)


def _whole(condition: str, threshold: float) -> tuple[float | None, float | None]:
    """Return the whole numbers next to *threshold*: one that fulfils *condition*, and one that does not."""
    above, below = math.floor(threshold) + 1.0, math.ceil(threshold) - 1.0
    up, down = math.ceil(threshold), math.floor(threshold)
    fires, silent = {
        "greater_than": (above, down),
        "greater_than_or_equal": (up, below),
        "less_than": (below, up),
        "less_than_or_equal": (down, above),
        "equals": (threshold, above),
        "not_equals": (above, threshold),
    }[condition]
    return (None if fires < 0 else float(fires)), (None if silent < 0 else float(silent))


def _world(rule: Rule, wanted: float | None, *, broken: int = -1, held: int = -1) -> World | None:
    """
    Return numbers at which the compared value of *rule* is *wanted*, or None if there are none.

    Args:
        rule: the rule.
        wanted: the compared value.
        broken: the place of the further condition that does not hold; by default all hold.
        held: the place of the exception that holds; by default none does.
    """
    if wanted is None:
        return None
    world = World.of(rule)
    if not isinstance(rule.compared.threshold, (int, float)) and world.solve(rule.compared.threshold, 100.0) is None:
        return None
    taken: list[Variable] = []
    further = [(one, at != broken) for at, one in enumerate(rule.also)]
    further += [(one, at == held) for at, one in enumerate(rule.unless)]
    for comparison, holds in further:
        number = next(_pairs(_far(comparison) if holds else comparison))[0 if holds else 1]
        variable = None if number is None else world.solve(comparison.value, number)
        if variable is not None:
            taken.append(variable)
    prepared = dict(world.numbers)
    for kept in (tuple(taken), ()):
        world.numbers = dict(prepared)
        is_solved = world.solve(rule.compared.value, wanted, kept) is not None
        if is_solved and all(world.holds(comparison) == holds for comparison, holds in further):
            return world
    return None


def _far(comparison: Comparison) -> Comparison:
    """Return *comparison* with a limit that is easier to stay beyond: traffic that is shared with the compared value varies."""
    limit = comparison.threshold
    if not isinstance(limit, (int, float)) or comparison.condition not in ("greater_than", "greater_than_or_equal"):
        return comparison
    return replace(comparison, threshold=limit * 8 if limit > 0 else limit)


def _fires(world: World) -> bool:
    rule = world.rule
    further = [world.holds(one) for one in rule.also] + [not world.holds(one) for one in rule.unless]
    return world.holds(rule.compared) and all(further)


# -- tests --------------------------------------------------------------------------------------------------------------


def _test(rule: Rule, world: World, verb: str, *, fires: bool, decoy: World | None = None) -> dict[str, Any]:
    """
    Return the test of one set of numbers.

    Args:
        rule: the rule.
        world: its series and their numbers.
        verb: the end of the test's name, such as "is silent".
        fires: whether the rule fires at the end.
        decoy: numbers at which it does not, or does: those of series that its filters leave out.
    """
    of = dict(world.series[0].labels)
    labels = {label: of[label] for label in rule.compared.value.labels or () if label in of}
    firing = [cases.expected(rule, labels, world.value(rule.compared.value) or 0.0)] if fires else []
    series = [*written(world), *(decoys(decoy) if decoy is not None else ())]
    return cases.case(rule, verb, (interval_s(rule), end_s(rule)), series, firing)
