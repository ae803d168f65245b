"""Filters compare whole values: what can't be one is a mistake, and says what to write."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from csg_otel import attribute_values, names
from csg_otel.alerts import spec
from csg_otel.alerts.catalog import Catalog
from csg_otel.alerts.filters import Filter
from csg_otel.alerts.model import AlertSpec
from csg_otel.alerts.prometheus.promql import aliases
from csg_otel.config import load
from csg_otel.errors import AlertError, ConfigError
from csg_otel.exporters import prometheus

Specified = Callable[..., AlertSpec]


def rule(metric: str, **chosen: Any) -> dict[str, Any]:
    """Return a configuration with one rule with these filters."""
    rule = {"name": "mine", "metric": metric, "filters": chosen, "condition": ">", "threshold": 0.5}
    return {"alerting": {"rules": [rule]}}


PATTERNS = [
    *(
        "5..",
        "!200",
        "/data*",
        "*",
        "vt.|txt",
        "a|b",
        "4..|5..",
        "=~5..",
        "!~ok",
        "^v",
        "v$",
        "v.+",
        r"\d",
        ">400",
        "v?",
    ),
    *(
        "[a-z]x",
        "v[tx]t",
        "vt[tx]",
        "[tx]vt",
        "50[23]",
        "[^v]tt",
        "(vtt)",
        "(?i)vtt",
        "[vtt]",
        "v{2}",
        r"\.vtt",
        "(a,b)",
    ),
    *("~^v", "~v", "==ok", "= ok", '="error"', "<>ok", "<=500", "-vtt", "not vtt", "NOT vtt", "not:vtt", "in (a, b)"),
    *("{vtt,txt}", "vtt,txt", "vtt, txt", "vtt;txt", "vtt or txt", "a or b or c", "/a,/b", "5xx", "50x", "4xx/5xx"),
    *("v%", "%vtt%", "/data/%", "re:v", "contains v", "starts with v"),
]


@pytest.mark.parametrize("value", PATTERNS)
def test_a_pattern_is_refused(specified: Specified, value: str) -> None:
    """A value that looks like a pattern is an error which says what to write."""
    with pytest.raises(AlertError, match="looks like a pattern, and a text is one whole value"):
        specified(rule("csg.files.processed", type=value))


WHOLE = [
    *(
        "vtt",
        "/data",
        "C:\\data",
        "../up",
        "[::1]:80",
        "<module>",
        "/a?b=c",
        "a.b@c.org",
        "1.5",
        "a-b",
        "ÿ [x]",
        "",
        "-",
    ),
    *("/orders/{id}", "/orders/{id:[0-9]+}", "/files/{name:.*}", "/orders/<int:pk>", "/orders/:id", "/orders/[id]"),
    *("a b", "/mnt/my disk", "checkout (v2)", "load()", "items[0]", "f.<locals>.g", "Not Found", "in progress", "C++"),
    *("100%", "50 %", "%", "a%20b", "GET", "text/plain", "text/html; charset=utf-8", "1.0+tag@x.org", "fe80::1", "500"),
    *("2026-11-26T10:00:00Z", "Mozilla/5.0 (X11; Linux x86_64)", "re: hello", "Bosnia and Herzegovina", "wait..."),
]


@pytest.mark.parametrize("value", WHOLE)
def test_a_whole_value_is_accepted(specified: Specified, value: str) -> None:
    """Paths, routes, addresses, names, percentages and numbers are no patterns."""
    assert specified(rule("csg.files.processed", type=value)).rules[0].first.filters[0].values == (value,)


@pytest.mark.parametrize("value", [value for value in PATTERNS if value[0] not in "=~"])
def test_a_value_may_be_marked_as_exact(specified: Specified, value: str) -> None:
    """With = in front, a text that looks like a pattern is the value itself; the message says so."""
    with pytest.raises(AlertError, match=re.escape(f"(or {'=' + value!r}, if the value is exactly this text)")):
        specified(rule("csg.files.processed", type=value))
    assert specified(rule("csg.files.processed", type=f"={value}")).rules[0].first.filters[0].values == (value,)


@pytest.mark.parametrize("value", ["null", "", '"${TYPE:-}"'])
def test_a_filter_without_a_value_is_refused(specified: Specified, tmp_path: Path, value: str) -> None:
    """Left out, it would widen the rule to all series in silence."""
    file = tmp_path / "monitoring_config.yaml"
    file.write_text(
        "alerting: {rules: [{name: mine, metric: csg.files.processed, condition: '>', threshold: 1,\n"
        f"  filters: {{outcome: error, type: {value}}}}}]}}\n",
        encoding="utf-8",
    )

    with pytest.raises(AlertError, match=r"monitoring_config\.yaml:2:.*filters\.type: has no value"):
        specified(file)


@pytest.mark.parametrize(
    ("form", "matchers"),
    [
        (["vtt", "txt"], 'csg_file_type=~"vtt|txt"'),
        (["a.b", "=c|d"], r'csg_file_type=~"a\\.b|c\\|d"'),
        (["vtt"], 'csg_file_type="vtt"'),
        ({"in": ["vtt", "=5.."]}, r'csg_file_type=~"vtt|5\\.\\."'),
        ({"matches": "v.*"}, 'csg_file_type=~"v.*"'),
        ({"not": "vtt"}, 'csg_file_type!="vtt"'),
        ({"not": ["vtt", "txt"]}, 'csg_file_type!~"vtt|txt"'),
        ({"not_matches": "v.*", "not": "txt"}, 'csg_file_type!="txt",csg_file_type!~"v.*"'),
    ],
)
def test_a_filter_has_the_forms_of_a_query(specified: Specified, form: Any, matchers: str) -> None:
    """Lists, patterns and negations become the matchers of PromQL; the values of a list are never patterns."""
    (resolved,) = specified(rule("csg.files.processed", type=form)).rules

    assert ",".join(str(each.matcher) for each in resolved.first.filters) == matchers


@pytest.mark.parametrize(
    ("metric", "form", "says"),
    [
        ("csg.files.processed", {"matches": "("}, "is not a regular expression"),
        ("csg.files.processed", {"matches": "(?=v).*"}, "which RE2 does not have"),
        ("csg.files.processed", {"matches": ".*"}, "matches every value; remove it"),
        ("csg.files.processed", {"not_matches": ".*"}, "matches every value, so no series is left"),
        ("csg.files.processed", {}, "has no value; write {matches: regex}"),
        ("csg.files.processed", [], "has no value"),
        ("csg.files.processed", {"not": "v*"}, "looks like a pattern"),
        ("csg.files.processed", ["vtt", "5.."], "looks like a pattern"),
        ("csg.cache.requests", {"matches": "mis"}, "matches no value of csg.cache.result (its values are hit, miss)"),
        ("csg.cache.requests", {"matches": "hit|miss"}, "matches every value"),
        ("csg.cache.requests", {"not": "hitt"}, "did you mean 'hit'"),
    ],
)
def test_a_form_that_can_not_be_meant_is_refused(specified: Specified, metric: str, form: Any, says: str) -> None:
    """No filter that every value meets, or none, is taken."""
    key = "result" if "cache" in metric else "type"
    with pytest.raises((AlertError, ConfigError), match=re.escape(says)):
        specified(rule(metric, **{key: form}))


def test_one_attribute_has_one_filter(specified: Specified) -> None:
    """Two names of the same attribute with two values would never fire."""
    with pytest.raises(AlertError, match=r"'csg\.outcome' and 'outcome' are the same attribute"):
        specified(rule("csg.files.processed", **{"outcome": "error", "csg.outcome": "ok"}))


@pytest.mark.parametrize(
    ("metric", "key", "value", "cure"),
    [
        ("csg.health.check.status", "state", "criticle", "did you mean 'critical'"),
        ("csg.health.check.status", "state", "!healthy", "did you mean 'healthy'|healthy, warning, critical, unknown"),
        ("csg.cache.requests", "result", "nothing", "its values are hit, miss"),
        ("system_cpu_usage_percent", "type", "totl", "did you mean 'total'"),
        ("system_load_average", "period", "2m", "1m"),
        ("csg.exporter.items", "result", "droped", "did you mean 'dropped'"),
        ("csg_exporter_items_total", "csg_result", "droped", "did you mean 'dropped'"),
        ("csg.exporter.items", "signal", "trace", "did you mean 'traces'"),
        ("csg.alerts.sent", "result", "delivered", "emitted, resolved"),
        ("csg.health.status", "group", "ready", "its values are overall, liveness, readiness, startup"),
        ("csg.health.check.measurement.limit", "limit", "max", "'maximum'|warning, critical"),
        ("csg.operation.work.finished", "outcome", "failed", "its values are ok, error"),
        ("csg.operation.duration", "objective", "miss", "did you mean 'missed'"),
        ("p99(csg_operation_duration_seconds)", "csg_operation_objective", "miss", "did you mean 'missed'"),
        ("system.memory.usage", "state", "use", "did you mean 'used'"),
        ("system_memory_usage_bytes", "type", "use", "did you mean 'used'"),
        ("system.cpu.utilization", "mode", "usr", "did you mean 'user'"),
        ("process.cpu.utilization", "mode", "idle", "its values are user, system"),
        ("system.paging.faults", "type", "majr", "did you mean 'major'"),
        ("process.context_switches", "type", "forced", "voluntary, involuntary"),
        ("system.filesystem.usage", "state", "full", "its values are used, free, reserved"),
        ("system.filesystem.inodes.usage", "state", "reserved", "its values are used, free"),
        ("system.process.count", "state", "zombie", "its values are running, sleeping, stopped, defunct.$"),
        ("system.network.io", "direction", "in", "its values are receive, transmit"),
        ("csg.runtime.gc.pause", "generation", "3", "its values are 0, 1, 2"),
    ],
)
def test_a_value_that_never_occurs_is_refused(
    specified: Specified, metric: str, key: str, value: str, cure: str
) -> None:
    """Where this package defines the values of an attribute, another value is an error with the right ones."""
    with pytest.raises(AlertError, match=cure):
        specified(rule(metric, **{key: value}))


def test_the_right_values_are_accepted(specified: Specified) -> None:
    """Also those marked as exact, and none where a series may lack the attribute."""
    for value in ("missed", "=missed", ""):
        (resolved,) = specified(rule("csg.operation.duration", objective=value)).rules
        assert resolved.first.filters[0].values == (value.removeprefix("="),)


def test_metrics_of_the_program_may_have_any_value() -> None:
    """Also of an attribute that this package's metrics have."""
    metric = names.Metric("shop.traffic", "counter", "By", "", (names.NETWORK_DIRECTION, names.RESULT))
    catalog = Catalog([metric], series=prometheus.family_name, label=prometheus.label_name)

    config = load(rule("shop.traffic", direction="in", result="droped"), environ={}).config
    assert [each.values for each in spec.load(config, catalog).rules[0].first.filters] == [("in",), ("droped",)]


def test_an_objective_has_the_same_filters(specified: Specified) -> None:
    """A selector of an objective compares whole values, too."""
    bad = 'csg.files.processed{outcome="!ok"}'
    slos = [{"name": "s", "objective": 99, "bad": bad, "total": "csg.files.processed"}]

    with pytest.raises(AlertError, match=r"slos\[0\].bad.outcome.*looks like a pattern"):
        specified({"slos": slos})


def test_the_values_of_aliases_are_those_that_are_recorded(catalog: Catalog) -> None:
    """Each closed label that distinguishes the series has the values of the recording rules, which have the fixed ones."""
    recorded: dict[str, dict[str, set[str]]] = {}
    for name, parts in aliases(catalog.find).items():
        alias = names.ALIASES[name]
        for part in parts:
            assert {pair for pair in alias.fixed if pair[1] != names.PROGRAM} <= {*part.labels}
            for label, value in part.labels:
                if label in alias.labels:
                    recorded.setdefault(name, {}).setdefault(label, set()).add(value)
    closed: dict[str, dict[str, set[str]]] = {}
    for alias in names.ALIASES.values():
        for label in alias.labels:
            if values := attribute_values.of(alias.name, label):
                closed.setdefault(alias.name, {})[label] = set(values)

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

    assert Filter(key, key, (value,)) in resolved.first.filters
    with pytest.raises(AlertError, match=f"is no value of {key}.*{value}"):
        specified({**named, **rule(metric, **{key: "other"})})


def test_without_a_service_any_program_may_be_meant(specified: Specified) -> None:
    """Then the label has the name of the job, which only Prometheus knows."""
    (resolved,) = specified(rule("application_uptime_seconds", process="shop")).rules

    assert resolved.first.filters == (Filter("process", "process", ("shop",)),)
