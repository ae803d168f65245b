"""Specifications of configurations: metrics by any of their names, and each mistake with its position and what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from csg_otel import names
from csg_otel.alerts import bundle, model, spec
from csg_otel.alerts.catalog import Catalog
from csg_otel.alerts.compilers import compile_all
from csg_otel.alerts.filters import Filter
from csg_otel.config import load_lenient
from csg_otel.errors import AlertError
from csg_otel.exporters import prometheus


def rule(**settings: Any) -> dict[str, Any]:
    """Return a configuration with one rule."""
    return {"alerting": {"rules": [{"name": "one", "condition": ">", "threshold": 1, **settings}]}}


@pytest.mark.parametrize("name", ["csg.files.processed", "csg_files_processed_total"])
def test_a_metric_has_its_otel_and_its_prometheus_name(specified: Callable[..., model.AlertSpec], name: str) -> None:
    """Both names lead to the same instrument, and a counter is compared as a rate."""
    (resolved,) = specified(rule(metric=name)).rules

    assert (resolved.first.ref.name, resolved.first.function) == ("csg.files.processed", "rate")


def test_every_name_of_the_monitoring_guide_is_an_alias(catalog: Catalog) -> None:
    """Each name is found as an alias and not as an instrument."""
    assert all(catalog.find(name).alias for name in names.ALIASES)


def test_the_last_part_of_an_attribute_is_enough_for_a_filter(specified: Callable[..., model.AlertSpec]) -> None:
    """The filter ``outcome`` selects the attribute ``csg.outcome``."""
    (resolved,) = specified(rule(metric="csg.files.processed", filters={"outcome": "error"})).rules

    assert resolved.first.filters == (Filter("csg.outcome", "csg_outcome", ("error",)),)


def test_a_name_of_the_monitoring_guide_means_one_number(specified: Callable[..., model.AlertSpec]) -> None:
    """The name selects the total, unless a filter selects the single CPUs."""
    total, core = (
        specified(rule(metric="system_cpu_usage_percent", filters=filters)).rules[0].first.filters
        for filters in ({}, {"type": "per_cpu"})
    )

    assert (total, core) == ((Filter("type", "type", ("total",)),), (Filter("type", "type", ("per_cpu",)),))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"metric": "system_cpu_usage_percnt"}, "did you mean 'system_cpu_usage_percent'?"),
        ({"metric": "orders.placed"}, "--app or --metrics"),
        ({"metric": "rate(system.memory.usage)"}, "is a gauge, which has no rate; name it alone"),
        ({"metric": "p99(csg.files.processed)"}, "is a counter, which has no quantile; name it alone"),
        ({"metric": "avg(csg.operation.duration)"}, "is a histogram, which has no avg; name it alone"),
        (
            {"metric": "csg.files.processed", "filters": {"outcom": "x"}},
            "no attribute 'outcom' (did you mean 'csg.outcome'?)",
        ),
        ({"metric": "csg.files.processed", "labels": {"severity": "x"}}, "is set by the compiler"),
        ({"metric": "csg.files.processed", "labels": {"a-b": "x"}}, "is not a valid label name"),
        ({"metric": "csg.files.processed", "name": "---"}, "has no letter or digit"),
    ],
)
def test_a_mistake_suggests_the_correction(
    specified: Callable[..., model.AlertSpec], settings: dict[str, Any], says: str
) -> None:
    """Each mistake is one problem at the key that is wrong."""
    with pytest.raises(AlertError) as caught:
        specified(rule(**settings))

    (problem,) = caught.value.problems
    assert problem.startswith("alerting.rules[0].")
    assert says in problem


def test_all_mistakes_are_reported_at_once_with_their_lines(tmp_path: Path, catalog: Catalog) -> None:
    """One error has all mistakes, each with its line in the file."""
    path = tmp_path / "monitoring_config.yaml"
    path.write_text(
        "alerting:\n  rules:\n"
        "    - {name: a, metric: nowhere, condition: '>', threshold: 1}\n"
        "    - {name: b, metric: rate(system.uptime), condition: '>', threshold: 1}\n"
        "escalation:\n  rules:\n"
        "    - {name: e, condition: time_based, threshold: 5, target: nobody}\n"
        "slos:\n"
        "    - {name: s, objective: 99, good: system.uptime, total: nowhere}\n"
    )
    loaded = load_lenient(path, environ={})

    with pytest.raises(AlertError) as caught:
        spec.load(loaded.config, catalog, locate=loaded.problem)

    lines = [problem.split(":")[1] for problem in caught.value.problems]
    assert lines == ["3", "4", "9", "9", "7"]


def test_two_rules_with_one_alert_name_are_an_error(specified: Callable[..., model.AlertSpec]) -> None:
    """Names that differ only in characters that an alert's name can't have are an error."""
    rules = [{"name": name, "metric": "system.uptime", "condition": "<", "threshold": 1} for name in ("a_b", "a-b")]

    with pytest.raises(AlertError, match="'a-b' and 'a_b' both make the alert AB"):
        specified({"alerting": {"rules": rules}})


def test_a_rule_with_the_name_of_anothers_missing_data_is_an_error(specified: Callable[..., model.AlertSpec]) -> None:
    """The alert of missing data has a name, too; a rule without that alert leaves the name to others."""
    low = {"metric": "system.uptime", "condition": "<", "threshold": 1}
    rules = [{**low, "name": "foo"}, {**low, "name": "foo_no_data"}]

    with pytest.raises(AlertError, match="'foo_no_data' and 'foo' both make the alert FooNoData"):
        specified({"alerting": {"rules": rules}})
    assert specified({"alerting": {"rules": [{**rules[0], "no_data": "ignore"}, rules[1]]}}).rules


def test_a_users_rule_replaces_the_shipped_one(specified: Callable[..., model.AlertSpec]) -> None:
    """A rule of the same name replaces the shipped one, a disabled one removes it, and the others stay."""
    own = rule(name="host_cpu_high", metric="system_cpu_usage_percent", threshold=50)
    off = rule(name="host_cpu_high", metric="system_cpu_usage_percent", enabled=False)

    with_own, without = specified(own, shipped=True), specified(off, shipped=True)

    assert [one.limits[0] for one in with_own.rules if one.alert == "HostCpuHigh"] == [50]
    assert len(with_own.rules) == len(bundle.SHIPPED) - 1  # no service, so no rule about its targets
    assert "HostCpuHigh" not in {one.alert for one in without.rules}


def test_missing_data_fires_if_it_would_hide_a_problem(specified: Callable[..., model.AlertSpec]) -> None:
    """Missing data fires by default for "less than" only, and otherwise as the setting says."""
    results = {
        (condition, setting): specified(rule(metric="system.uptime", condition=condition, no_data=setting))
        .rules[0]
        .no_data
        for condition in ("<", ">")
        for setting in ("auto", "alert", "ignore")
    }

    assert {key for key, value in results.items() if value} == {("<", "auto"), ("<", "alert"), (">", "alert")}


def test_a_live_endpoint_and_a_programs_declarations_add_names() -> None:
    """Names from a /metrics page and from declarations are found with their labels, and an exposed one has any label."""
    text = '# TYPE jobs_done_total counter\njobs_done_total{queue="a"} 1\n# TYPE other gauge\nother 1\n'
    declared = [names.Metric("orders.placed", "counter", "{order}", "", ("channel",))]
    catalog = Catalog(declared, text, series=prometheus.family_name, label=prometheus.label_name)

    jobs, orders = catalog.find("jobs_done_total"), catalog.find("orders.placed")

    assert catalog.find("jobs.done") == replace(jobs, name="jobs.done")
    assert (jobs.kind, jobs.attributes, jobs.open) == ("counter", (("queue", "queue"),), True)
    assert (orders.series, orders.attribute("channel"), orders.open) == (
        "orders_placed_total",
        ("channel", "channel"),
        False,
    )


def test_the_quantile_of_a_rule_is_compared(specified: Callable[..., model.AlertSpec]) -> None:
    """A rule on a histogram compares its `quantile`, by default the 95th percentile."""
    metric = "csg.operation.duration"

    assert specified(rule(metric=metric)).rules[0].first.quantile == 0.95
    assert specified(rule(metric=metric, quantile=0.5)).rules[0].first.quantile == 0.5


def test_the_texts_of_an_objective_are_those_of_its_alerts(
    specified: Callable[..., model.AlertSpec], catalog: Catalog
) -> None:
    """`description` and `runbook_url` of an objective are annotations of every alert of it."""
    objective = {"name": "orders", "objective": 99, "good": "csg.cache.requests", "total": "csg.cache.requests"}
    texts = {"description": "Orders are placed", "runbook_url": "https://runbooks.example/orders"}
    written = [compile_all(specified({"slos": [{**objective, **more}]}), catalog) for more in ({}, texts)]

    for text in texts.values():
        assert [any(text in file for file in files.values()) for files in written] == [False, True]
    assert all(text in str(written[0]) for text in ("orders", "csg_cache_requests_total"))


def test_a_rule_of_the_escalation_can_be_switched_off(specified: Callable[..., model.AlertSpec]) -> None:
    """`enabled: false` keeps an escalation rule in the file, and nothing is compiled from it."""
    escalation = {"name": "night", "condition": "maintenance_mode", "action": "suppress"}
    on, off = (
        specified({**rule(metric="csg.files.processed"), "escalation": {"rules": [{**escalation, **more}]}}).escalations
        for more in ({}, {"enabled": False})
    )

    assert ([each.name for each in on], off) == (["night"], ())


@pytest.mark.parametrize("channel", ["email", "slack", "webhook", "pagerduty"])
def test_each_channel_has_a_filter_of_severities(
    specified: Callable[..., model.AlertSpec], catalog: Catalog, channel: str
) -> None:
    """With `severity_filter` a channel is sent only these severities."""
    channels: dict[str, dict[str, Any]] = {
        "email": {"smtp_server": "mail.example", "from_email": "a@mail.example", "recipients": ["b@mail.example"]},
        "slack": {"webhook_url": "${SLACK_WEBHOOK_URL}"},
        "webhook": {"url": "https://hook.example/in"},
        "pagerduty": {"integration_key": "${PAGER_KEY}"},
    }
    rules = rule(metric="csg.files.processed", severity="critical")
    routes = []
    for more in ({}, {"severity_filter": ["critical"]}):
        section = {channel: {**channels[channel], "enabled": True, **more}}
        files = compile_all(specified({**rules, "notifications": section}), catalog, targets=("alertmanager",))
        routes.append('severity=~"critical"' in "".join(files.values()))

    assert routes == [False, True]
