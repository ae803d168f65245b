"""Datadog's monitors: the models of Datadog's own client accept them, and they express the rules."""

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
from csg_otel.alerts.compilers import Options
from csg_otel.alerts.datadog import monitors
from csg_otel.alerts.datadog import query as datadog_query
from csg_otel.alerts.model import AlertSpec
from csg_otel.errors import AlertError
from support.alert_specs import CATALOG, EVERYTHING, rule, spec
from support.datadog_api import accepted


def compiled(specification: AlertSpec) -> dict[str, Any]:
    """Return the content of the file."""
    (text,) = monitors.compile_files(specification, CATALOG, Options()).values()
    content: dict[str, Any] = json.loads(text)
    return content


def monitor(**settings: Any) -> dict[str, Any]:
    """Return the one monitor of one rule."""
    (only,) = compiled(spec(rule(**settings)))["monitors"]
    return dict(only)


def test_every_resource_fits_the_models_of_datadogs_client() -> None:
    """Monitors, objectives, webhooks and downtimes are bodies that the typed client would send."""
    content = compiled(spec(rule(no_data="alert", runbook_url="https://r"), **EVERYTHING))

    assert [accepted(one, Monitor) for one in content["monitors"]] == [True] * 5
    assert [accepted(one, ServiceLevelObjectiveRequest) for one in content["slos"]] == [True]
    assert [accepted(one, WebhooksIntegration) for one in content["webhooks"]] == [True]
    assert [accepted(one, DowntimeCreateRequestAttributes) for one in content["downtimes"]] == [True]
    assert not accepted({**content["monitors"][0], "priorities": 1}, Monitor)


def test_a_monitor_expresses_its_rule() -> None:
    """Query, threshold, priority and tags are those of the example's first rule."""
    compiled_monitor = monitor(**{"for": 300}, severity="critical", labels={"team": "Ops"})

    assert compiled_monitor["query"] == (
        "min(last_5m):100 * (1 - avg:otel.system.cpu.utilization{service:shop,cpu.mode:idle} by {service,host}) > 85"
    )
    assert (compiled_monitor["options"]["thresholds"], compiled_monitor["priority"]) == ({"critical": 85.0}, 2)
    assert compiled_monitor["tags"][:6] == [
        "managed_by:csg_otel",
        "csg_service:shop",
        "csg_rule:high_cpu_usage",
        "severity:critical",
        "service:shop",
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
                "system.filesystem.mountpoint:/data_1,!system.filesystem.mode:ro}"
                " by {service,host,system.filesystem.mountpoint} > 5"
            ),
        ),
    ],
)
def test_each_kind_of_instrument_has_its_query(metric: str, more: dict[str, Any], query: str) -> None:
    """Counters are queried as deltas, histograms as distributions, gauges unchanged; host metrics have Datadog's prefix."""
    compiled_monitor = monitor(metric=metric, threshold=5, **more)

    assert compiled_monitor["query"] == f"min(last_1m):{query}"


@pytest.mark.parametrize(
    ("condition", "threshold", "expected"),
    [
        ("greater_than_or_equal", 3, ("min", ">= 3")),
        ("less_than", 3, ("max", "< 3")),
        ("equals", 3, ("max", "<= 0")),
        ("equals", 0.3, ("max", "<= 0.0000000003")),
        ("not_equals", 3, ("min", "> 0")),
    ],
)
def test_a_condition_holds_only_if_it_holds_all_the_time(
    condition: str, threshold: float, expected: tuple[str, str]
) -> None:
    """The extreme point of the window is compared; equality is a distance, with a tolerance for fractions."""
    query = monitor(metric="process.thread.count", condition=condition, threshold=threshold)["query"]

    assert (query.split("(")[0], query.rpartition("} ")[2]) == expected or query.endswith(f"{threshold}) {expected[1]}")
    assert query.startswith(f"{expected[0]}(last_1m):")


def test_every_name_of_the_monitoring_guide_has_a_query() -> None:
    """The table is complete, and each query uses only the sources of its name."""
    assert list(datadog_query.ALIASES) == list(names.ALIASES)
    for name, parts in datadog_query.ALIASES.items():
        sources = {datadog_query.metric_name(metric.name) for metric in names.ALIASES[name].sources}
        used = {
            metric
            for part in parts
            for metric in re.findall(r":((?:csg|otel)\.[\w.]+)\{", part.query(datadog_query.Scope()))
        }
        assert used <= sources, name
        labels = {key for part in parts for key in (*dict(part.labels), *part.tags)}
        alias = names.ALIASES[name]
        assert labels | datadog_query.constants(name).keys() == {*alias.labels, *dict(alias.fixed)}, name


def test_labels_that_are_the_same_everywhere_are_no_tags_in_datadog() -> None:
    """A filter on one selects the query; the name of the program is the tag of the service, and a message has both as text."""
    memory = monitor(metric="system_memory_usage_percent", filters={"type": "usage"}, message="{labels.type}")
    uptime = monitor(metric="application_uptime_seconds", filters={"process": "shop"}, message="{labels.process}")

    assert memory["query"] == monitor(metric="system_memory_usage_percent")["query"]
    assert "usage" in memory["message"]
    assert uptime["query"].endswith("max:otel.process.uptime{service:shop} by {service,host} > 85")
    assert "{{service.name}}" in uptime["message"]


def test_a_users_text_mentions_no_one_and_reads_no_variable() -> None:
    """A message can't page all, send mail or read a variable, and the places of the rule work."""
    hostile = "@all @slack-x {{#is_alert}}x{{/is_alert}} {{{raw}}} {value} of {labels.mount} a@b.c {"
    message = monitor(metric="system_disk_usage_percent", message=hostile)["message"]

    assert "@" not in message
    assert re.findall(r"\{\{[^}]*\}\}", message) == ["{{value}}", "{{[system.filesystem.mountpoint].name}}"]


def test_the_handles_depend_on_the_severity() -> None:
    """Each channel whose filter accepts the severity has its handle, and no secret is written."""
    (text,) = monitors.compile_files(spec(rule(), **EVERYTHING), CATALOG, Options()).values()
    content = json.loads(text)

    assert content["monitors"][0]["message"].endswith("\n\n@a@x.org @slack-alerts @webhook-csg-otel-shop-notifications")
    assert json.loads(content["webhooks"][0]["custom_headers"]) == {
        "Authorization": "$CSG_OTEL_SHOP_NOTIFICATIONS_AUTHORIZATION",
        "X-Team": "ops",
    }
    assert content["webhook_variables"] == [{"name": "CSG_OTEL_SHOP_NOTIFICATIONS_AUTHORIZATION", "is_secret": True}]
    assert [secret in text for secret in ("s3cret", "k3y", "s.example")] == [False] * 3
    assert content["left_out"] == [
        "webhook of notifications: Datadog sends POST only; PUT needs a forwarder of your own"
    ]


def test_a_lasting_alert_notifies_the_target() -> None:
    """time_based repeats the notification after its minutes, and only the repetition has the target's handle."""
    (compiled_monitor, *_) = compiled(spec(rule(severity="critical"), **EVERYTHING))["monitors"]

    assert (compiled_monitor["options"]["renotify_interval"], compiled_monitor["options"]["renotify_statuses"]) == (
        15,
        ["alert"],
    )
    first, _, later = compiled_monitor["message"].rpartition("{{#is_renotify}}")
    assert later == "@boss@x.org{{/is_renotify}}"
    assert first.endswith("{{^is_renotify}}@a@x.org @webhook-csg-otel-shop-notifications @pagerduty{{/is_renotify}}")


def test_repetitions_escalate_to_the_severity_they_name() -> None:
    """retry_count sets the number of repetitions, which notify the target's channels."""
    escalation = {"rules": [{"name": "again", "condition": "retry_count", "threshold": 3, "target": "emergency"}]}
    (compiled_monitor,) = compiled(
        spec(rule(severity="critical"), notifications=EVERYTHING["notifications"], escalation=escalation)
    )["monitors"]

    assert (compiled_monitor["options"]["renotify_occurrences"], compiled_monitor["options"]["renotify_interval"]) == (
        3,
        5,
    )
    assert (
        "{{#is_renotify}}@a@x.org @webhook-csg-otel-shop-notifications{{/is_renotify}}" in compiled_monitor["message"]
    )


def test_an_objective_burns_in_the_windows_datadog_has() -> None:
    """The windows are the workbook's, with the one of three days shortened to Datadog's limit of two."""
    burns = compiled(spec(**EVERYTHING))["monitors"]

    assert [one["query"].partition(".over")[2] for one in burns] == [
        '("30d").long_window("1h").short_window("5m") > 14.4',
        '("30d").long_window("6h").short_window("30m") > 6',
        '("30d").long_window("24h").short_window("120m") > 3',
        '("30d").long_window("48h").short_window("240m") > 1.5',
    ]


def test_a_downtime_is_as_long_as_the_window() -> None:
    """22:00 to 06:30 lasts eight and a half hours into the next day, for this service's monitors of that severity only."""
    (downtime,) = compiled(spec(rule(), **EVERYTHING))["downtimes"]

    assert downtime["schedule"]["recurrences"] == [
        {"rrule": "FREQ=WEEKLY;INTERVAL=1;BYDAY=SA,SU", "start": "2024-01-01T22:00", "duration": "510m"}
    ]
    assert downtime["monitor_identifier"]["monitor_tags"] == [
        "managed_by:csg_otel",
        "csg_service:shop",
        "severity:warning",
    ]


def test_a_rule_keeps_its_identity_and_changes_its_hash() -> None:
    """Another threshold changes the hash of the same monitor, and the same rule makes the same bytes."""
    first, second = monitor(), monitor(threshold=86)

    assert (first["tags"][2], first["name"]) == (second["tags"][2], second["name"])
    assert first["tags"][-1] != second["tags"][-1]
    assert monitor() == first


def test_filters_that_match_nothing_are_an_error() -> None:
    """A filter for a part that does not exist is an error instead of a monitor that never fires."""
    with pytest.raises(AlertError, match="'usde' is no value of type"):
        compiled(spec(rule(metric="system_memory_usage_bytes", filters={"type": "usde"})))
