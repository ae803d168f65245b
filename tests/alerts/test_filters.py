"""Filters compare whole values: what can't be one is a mistake, and says what to write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from csg_otel import names
from csg_otel.alerts import filters
from csg_otel.alerts.catalog import Catalog
from csg_otel.alerts.prometheus import promql
from csg_otel.alerts.spec import AlertSpec
from csg_otel.errors import AlertError

Specified = Callable[..., AlertSpec]


def rule(metric: str, **chosen: str) -> dict[str, Any]:
    """Return a configuration with one rule with these filters."""
    rule = {"name": "mine", "metric": metric, "filters": chosen, "condition": ">", "threshold": 0.5}
    return {"alerting": {"rules": [rule]}}


@pytest.mark.parametrize(
    "value",
    ["5..", "!200", "/data*", "*", "vt.|txt", "a|b", "=~5..", "!~ok", "^v", "v$", "v.+", "[a-z]x", r"\d", ">400", "v?"],
)
def test_a_pattern_is_refused(specified: Specified, value: str) -> None:
    """A value that looks like a pattern is an error which says what to write."""
    with pytest.raises(AlertError, match="looks like a pattern, and a filter compares whole values"):
        specified(rule("csg.files.processed", type=value))


@pytest.mark.parametrize(
    "value",
    ["vtt", "/data", "C:\\data", "../up", "[::1]:80", "<module>", "/a?b=c", "a.b@c.org", "1.5", "5xx", "a-b", "ÿ [x]"],
)
def test_a_whole_value_is_accepted(specified: Specified, value: str) -> None:
    """Paths, addresses, names and numbers are no patterns."""
    assert specified(rule("csg.files.processed", type=value)).rules[0].filters[0][2] == value


def test_a_value_may_be_marked_as_exact(specified: Specified) -> None:
    """With = in front, a text that looks like a pattern is the value itself."""
    assert specified(rule("csg.files.processed", type="=/data/*")).rules[0].filters[0][2] == "/data/*"


@pytest.mark.parametrize(
    ("metric", "key", "value", "cure"),
    [
        ("csg.health.check.status", "state", "criticle", "did you mean 'critical'"),
        ("csg.health.check.status", "state", "!healthy", "did you mean 'healthy'|healthy, warning, critical, unknown"),
        ("csg.cache.requests", "result", "nothing", "its values are hit, miss"),
        ("system_cpu_usage_percent", "type", "totl", "did you mean 'total'"),
        ("system_load_average", "period", "2m", "1m"),
    ],
)
def test_a_value_that_never_occurs_is_refused(
    specified: Specified, metric: str, key: str, value: str, cure: str
) -> None:
    """Where this package defines the values of an attribute, another value is an error with the right ones."""
    with pytest.raises(AlertError, match=cure):
        specified(rule(metric, **{key: value}))


def test_an_objective_has_the_same_filters(specified: Specified) -> None:
    """A selector of an objective compares whole values, too."""
    bad = 'csg.files.processed{outcome="!ok"}'
    slos = [{"name": "s", "objective": 99, "bad": bad, "total": "csg.files.processed"}]

    with pytest.raises(AlertError, match=r"slos\[0\].bad.outcome.*looks like a pattern"):
        specified({"slos": slos})


def test_the_values_of_aliases_are_those_that_are_recorded(catalog: Catalog) -> None:
    """Each closed label that distinguishes the series has the values of the recording rules, which have the fixed ones."""
    recorded: dict[str, dict[str, set[str]]] = {}
    for name, parts in promql.aliases(catalog.find).items():
        alias = names.ALIASES[name]
        for part in parts:
            assert {pair for pair in alias.fixed if pair[1] != names.PROGRAM} <= {*part.labels}
            for label, value in part.labels:
                if label in alias.labels:
                    recorded.setdefault(name, {}).setdefault(label, set()).add(value)
    closed = {
        name: {label: set(values) for label, values in labels.items()} for name, labels in filters._OF_ALIASES.items()
    }

    assert closed == recorded, yaml.safe_dump(recorded)


SAME_EVERYWHERE = [
    ("system_memory_usage_percent", "type", "usage"),
    ("processing_duration_seconds", "type", "average"),
    ("processing_errors_total", "type", "all"),
    ("application_cpu_usage_percent", "process", "shop"),
    ("application_memory_usage_bytes", "process", "shop"),
]


@pytest.mark.parametrize(("metric", "key", "value"), SAME_EVERYWHERE)
def test_labels_that_the_guides_exporter_had_can_be_filters(
    specified: Specified, metric: str, key: str, value: str
) -> None:
    """The program's name is that of the service; any other value would never fire."""
    named = {"service": {"name": "shop"}}
    (resolved,) = specified({**named, **rule(metric, **{key: value})}).rules

    assert (key, key, value) in resolved.filters
    with pytest.raises(AlertError, match=f"is no value of {key}.*{value}"):
        specified({**named, **rule(metric, **{key: "other"})})


def test_without_a_service_any_program_may_be_meant(specified: Specified) -> None:
    """Then the label has the name of the job, which only Prometheus knows."""
    (resolved,) = specified(rule("application_uptime_seconds", process="shop")).rules

    assert resolved.filters == (("process", "process", "shop"),)
