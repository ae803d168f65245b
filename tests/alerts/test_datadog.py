"""Datadog monitors: accepted by the models of Datadog's own client, and saying what the rules say."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from datadog_api_client.v1.model.monitor import Monitor
from datadog_api_client.v1.model.service_level_objective_request import ServiceLevelObjectiveRequest
from datadog_api_client.v1.model.webhooks_integration import WebhooksIntegration
from datadog_api_client.v2.model.downtime_create_request_attributes import DowntimeCreateRequestAttributes

from csg_otel import names
from csg_otel.alerts.datadog import monitors
from csg_otel.alerts.datadog import query as datadog_query
from csg_otel.alerts.spec import AlertSpec, Options
from csg_otel.errors import AlertError
from support.alert_specs import CATALOG, EVERYTHING, rule, spec
from support.datadog_api import accepted


def compiled(given: AlertSpec) -> dict[str, Any]:
    """Return the content of the file."""
    (text,) = monitors.compile_files(given, CATALOG, Options()).values()
    found: dict[str, Any] = json.loads(text)
    return found


def monitor(**settings: Any) -> dict[str, Any]:
    """Return the one monitor of one rule."""
    (found,) = compiled(spec(rule(**settings)))["monitors"]
    return dict(found)


def test_all_that_is_compiled_fits_the_models_of_datadogs_client() -> None:
    """Monitors, objectives, webhooks and downtimes are what the typed client would send."""
    found = compiled(spec(rule(no_data="alert", runbook_url="https://r"), **EVERYTHING))

    assert [accepted(one, Monitor) for one in found["monitors"]] == [True] * 5
    assert [accepted(one, ServiceLevelObjectiveRequest) for one in found["slos"]] == [True]
    assert [accepted(one, WebhooksIntegration) for one in found["webhooks"]] == [True]
    assert [accepted(one, DowntimeCreateRequestAttributes) for one in found["downtimes"]] == [True]
    assert not accepted({**found["monitors"][0], "priorities": 1}, Monitor)


def test_a_monitor_says_what_the_rule_says() -> None:
    """Query, threshold, priority and tags of the seed's first rule."""
    found = monitor(**{"for": 300}, severity="critical", labels={"team": "Ops"})

    assert found["query"] == (
        "min(last_5m):100 * (1 - avg:otel.system.cpu.utilization{service:shop,cpu.mode:idle} by {service,host}) > 85"
    )
    assert (found["options"]["thresholds"], found["priority"]) == ({"critical": 85.0}, 2)
    assert found["tags"][:5] == [
        "managed_by:csg_otel",
        "csg_service:shop",
        "csg_rule:high_cpu_usage",
        "severity:critical",
        "team:ops",
    ]


@pytest.mark.parametrize(
    ("metric", "more", "query"),
    [
        (
            "csg.health.check.executions",
            {},
            (
                "moving_rollup(sum:csg.health.check.executions{service:shop} by {service,host,"
                "csg.health.check.name,csg.health.state}.as_rate(), 300, 'avg') > 5"
            ),
        ),
        (
            "increase(csg.cache.requests)",
            {"window": 600, "filters": {"result": "miss"}},
            (
                "moving_rollup(sum:csg.cache.requests{service:shop,csg.cache.result:miss} by {service,host,"
                "csg.cache.name,csg.cache.result}.as_count(), 600, 'sum') > 5"
            ),
        ),
        (
            "p99(csg.operation.duration)",
            {},
            (
                "moving_rollup(p99:csg.operation.duration{service:shop} by {service,host,"
                "csg.operation.name,csg.operation.objective}, 300, 'avg') > 5"
            ),
        ),
        ("process.thread.count", {}, "max:otel.process.thread.count{service:shop} by {service,host} > 5"),
        (
            "system_disk_usage_percent",
            {"filters": {"mount": "/Data 1"}},
            (
                "100 * max:otel.system.filesystem.utilization{service:shop,"
                "system.filesystem.mountpoint:/data_1} by {service,host,system.filesystem.mountpoint} > 5"
            ),
        ),
    ],
)
def test_each_kind_of_instrument_is_asked_in_its_way(metric: str, more: dict[str, Any], query: str) -> None:
    """Counters are deltas, histograms distributions, gauges as they are; host metrics have Datadog's prefix."""
    found = monitor(metric=metric, threshold=5, **more)

    assert found["query"] == f"min(last_1m):{query}"


@pytest.mark.parametrize(
    ("condition", "threshold", "expected"),
    [
        ("greater_than_or_equal", 3, ("min", ">= 3")),
        ("less_than", 3, ("max", "< 3")),
        ("equals", 3, ("max", "<= 0")),
        ("equals", 0.3, ("max", "<= 3e-10")),
        ("not_equals", 3, ("min", "> 0")),
    ],
)
def test_a_condition_holds_only_if_it_holds_all_the_time(
    condition: str, threshold: float, expected: tuple[str, str]
) -> None:
    """The least favourable point of the window is compared; equality is a distance, with a tolerance for fractions."""
    query = monitor(metric="process.thread.count", condition=condition, threshold=threshold)["query"]

    assert (query.split("(")[0], query.rpartition("} ")[2]) == expected or query.endswith(f"{threshold}) {expected[1]}")
    assert query.startswith(f"{expected[0]}(last_1m):")


def test_every_name_of_the_seed_has_a_query() -> None:
    """The table is complete, and each part asks for nothing but the alias's sources."""
    assert list(datadog_query.ALIASES) == list(names.ALIASES)
    for name, parts in datadog_query.ALIASES.items():
        sources = {datadog_query.metric_name(metric.name) for metric in names.ALIASES[name].sources}
        used = {
            found
            for part in parts
            for found in re.findall(r":((?:csg|otel)\.[\w.]+)\{", part.query(datadog_query.Scope()))
        }
        assert used <= sources, name
        labels = {key for part in parts for key in (*dict(part.labels), *part.tags)}
        assert labels == set(names.ALIASES[name].labels), name


def test_text_of_a_user_names_nobody_and_fills_in_nothing() -> None:
    """A message can't page all, send mail, or read a variable; the places of the rule work."""
    hostile = "@all @slack-x {{#is_alert}}x{{/is_alert}} {{{raw}}} {value} of {labels.mount} a@b.c {"
    message = monitor(metric="system_disk_usage_percent", message=hostile)["message"]

    assert "@" not in message
    assert re.findall(r"\{\{[^}]*\}\}", message) == ["{{value}}", "{{[system.filesystem.mountpoint].name}}"]


def test_who_is_told_depends_on_the_severity() -> None:
    """Each channel has its handle where its filter lets the severity through; no secret is written."""
    (text,) = monitors.compile_files(spec(rule(), **EVERYTHING), CATALOG, Options()).values()
    found = json.loads(text)

    assert found["monitors"][0]["message"].endswith("\n\n@a@x.org @slack-alerts @webhook-csg-otel-shop-notifications")
    assert json.loads(found["webhooks"][0]["custom_headers"]) == {
        "Authorization": "$CSG_OTEL_SHOP_NOTIFICATIONS_AUTHORIZATION",
        "X-Team": "ops",
    }
    assert found["webhook_variables"] == [{"name": "CSG_OTEL_SHOP_NOTIFICATIONS_AUTHORIZATION", "is_secret": True}]
    assert [secret in text for secret in ("s3cret", "k3y", "s.example")] == [False] * 3
    assert found["left_out"] == ["webhook of notifications: Datadog's webhooks POST, PUT needs a forwarder"]


def test_what_lasts_is_told_to_somebody_else() -> None:
    """time_based repeats after its minutes, and only the repetition names the target."""
    (found, *_) = compiled(spec(rule(severity="critical"), **EVERYTHING))["monitors"]

    assert (found["options"]["renotify_interval"], found["options"]["renotify_statuses"]) == (15, ["alert"])
    first, _, later = found["message"].rpartition("{{#is_renotify}}")
    assert later == "@boss@x.org{{/is_renotify}}"
    assert first.endswith("{{^is_renotify}}@a@x.org @webhook-csg-otel-shop-notifications @pagerduty{{/is_renotify}}")


def test_repetitions_escalate_to_the_severity_they_name() -> None:
    """retry_count is the number of repetitions; its target's channels are told."""
    escalation = {"rules": [{"name": "again", "condition": "retry_count", "threshold": 3, "target": "emergency"}]}
    (found,) = compiled(
        spec(rule(severity="critical"), notifications=EVERYTHING["notifications"], escalation=escalation)
    )["monitors"]

    assert (found["options"]["renotify_occurrences"], found["options"]["renotify_interval"]) == (3, 5)
    assert "{{#is_renotify}}@a@x.org @webhook-csg-otel-shop-notifications{{/is_renotify}}" in found["message"]


def test_an_objective_burns_in_the_windows_datadog_has() -> None:
    """The workbook's windows, with the three-day one shortened to the two days Datadog looks back."""
    found = compiled(spec(**EVERYTHING))["monitors"]

    assert [one["query"].partition(".over")[2] for one in found] == [
        '("30d").long_window("1h").short_window("5m") > 14.4',
        '("30d").long_window("6h").short_window("30m") > 6',
        '("30d").long_window("24h").short_window("120m") > 3',
        '("30d").long_window("48h").short_window("240m") > 1.5',
    ]


def test_a_downtime_is_as_long_as_the_window() -> None:
    """22:00 to 06:30 is eight and a half hours into the next day, for our monitors of that severity alone."""
    (found,) = compiled(spec(rule(), **EVERYTHING))["downtimes"]

    assert found["schedule"]["recurrences"] == [
        {"rrule": "FREQ=WEEKLY;INTERVAL=1;BYDAY=SA,SU", "start": "2024-01-01T22:00", "duration": "510m"}
    ]
    assert found["monitor_identifier"]["monitor_tags"] == [
        "managed_by:csg_otel",
        "csg_service:shop",
        "severity:warning",
    ]


def test_a_rule_keeps_its_identity_and_changes_its_hash() -> None:
    """Another threshold is the same monitor, saying something else; the same rule is the same bytes."""
    first, second = monitor(), monitor(threshold=86)

    assert (first["tags"][2], first["name"]) == (second["tags"][2], second["name"])
    assert first["tags"][-1] != second["tags"][-1]
    assert monitor() == first


def test_filters_that_leave_nothing_are_a_mistake() -> None:
    """A part of a seed's name that does not exist is not a monitor that never fires."""
    with pytest.raises(AlertError, match="no part with type=usde"):
        compiled(spec(rule(metric="system_memory_usage_bytes", filters={"type": "usde"})))
