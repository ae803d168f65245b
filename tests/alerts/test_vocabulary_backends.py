"""The vocabulary of rules at Datadog and Grafana, and in the golden files of every compiler."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from datadog_api_client.v1.model.monitor import Monitor
from datadog_api_client.v2.model.downtime_create_request_attributes import DowntimeCreateRequestAttributes

from csg_otel.alerts.compilers import COMPILERS, compile_all
from csg_otel.alerts.grafana import provisioning
from csg_otel.errors import AlertError
from support.datadog_api import accepted
from support.wild_rules import CATALOG, SIXTY, named, specified

CHECKS = {"metric": "csg.health.check.executions", "by": []}


def compiled(target: str, *written: dict[str, Any]) -> Any:
    """Return the content of the file of *target* for these rules."""
    (text,) = compile_all(specified(named(*written)), CATALOG, targets=(target,)).values()
    return json.loads(text) if target == "datadog" else yaml.safe_load(text)


def queries(**settings: Any) -> list[str]:
    """Return the queries of the monitors of one rule."""
    return [monitor["query"] for monitor in compiled("datadog", settings)["monitors"]]


def rules(*written: dict[str, Any]) -> list[dict[str, Any]]:
    """Return Grafana's rules for these rules."""
    return [one for group in compiled("grafana", *written)["groups"] for one in group["rules"]]


def expression(rule: dict[str, Any]) -> str:
    """Return the query of a rule of Grafana, without the service."""
    text: str = rule["data"][0]["model"]["expr"]
    return text.replace('{job="shop"}', "")


@pytest.mark.parametrize("target", sorted(COMPILERS))
def test_sixty_rules_compile_for_every_target(target: str, golden: Callable[[str, str], None]) -> None:
    """All sixty, without a problem; the files equal their golden files to the byte."""
    for name, text in compile_all(specified(SIXTY), CATALOG, targets=(target,)).items():
        golden(f"sixty.{name}", text)


@pytest.mark.parametrize(
    ("settings", "query"),
    [
        ({"metric": "queue_depth", "by": ["queue"]}, "min(last_1m):max:queue_depth{service:shop} by {queue} > 1"),
        (
            {"metric": "leader", "aggregate": "count"},
            "min(last_1m):count_not_null(max:leader{service:shop} by {service,host}) > 1",
        ),
        (
            {"metric": "queue_depth", "filters": {"queue": ["a", "b"]}, "by": []},
            "min(last_1m):max:queue_depth{service:shop AND queue IN (a,b)} > 1",
        ),
        (
            {"metric": "queue_depth", "filters": {"queue": {"not": "a"}}, "by": []},
            "min(last_1m):max:queue_depth{service:shop,!queue:a} > 1",
        ),
        (
            {"metric": "queue_depth", "filters": {"queue": {"matches": r"a\.b|x.*|.*y.*", "not": ["a", "b"]}}, "by": []},
            "min(last_1m):max:queue_depth{service:shop AND queue NOT IN (a,b) AND (queue:a.b OR queue:x* OR queue:*y*)} > 1",
        ),
        (
            {"metric": "http_requests_total", "filters": {"code": {"matches": "[45].."}}, "by": [], "window": 60},
            (
                "min(last_1m):moving_rollup(sum:http_requests_total{service:shop AND (code:4* OR code:5*)}.as_rate(),"
                " 60, 'avg') > 1"
            ),
        ),
        (
            {"metric": "queue_depth / queue_limit", "by": ["queue"]},
            "min(last_1m):max:queue_depth{service:shop} by {queue} / max:queue_limit{service:shop} by {queue} > 1",
        ),
        ({"metric": "leader", "by": [], "offset": "1d"}, "min(last_1m):timeshift(max:leader{service:shop}, -86400) > 1"),
        (
            {"metric": "leader", "by": [], "and": [{"metric": "workers", "by": [], "condition": "<", "threshold": 3}]},
            "min(last_1m):max:leader{service:shop} + 0 * cutoff_max(min:workers{service:shop}, 2.999999997) > 1",
        ),
        (
            {"metric": "leader", "by": [], "unless": [{"metric": "workers", "by": [], "condition": ">", "threshold": 3}]},
            "min(last_1m):max:leader{service:shop} + 0 * cutoff_max(default_zero(max:workers{service:shop}), 3) > 1",
        ),
        (
            {"metric": "leader", "by": [], "unless": [{"metric": "workers", "by": [], "condition": "<=", "threshold": 3}]},
            (
                "min(last_1m):max:leader{service:shop}"
                " + 0 * cutoff_min(default_zero(min:workers{service:shop} - 3.000000003), 0) > 1"
            ),
        ),
        (
            {"metric": "leader", "by": [], "unless": [{**CHECKS, "condition": ">", "threshold": 3}]},
            (
                "min(last_1m):max:leader{service:shop} + 0 * cutoff_max(default_zero(moving_rollup("
                "sum:csg.health.check.executions{service:shop}.as_rate(), 300, 'avg')), 3) > 1"
            ),
        ),
        (
            {**CHECKS, "threshold": {**CHECKS, "filters": {"csg.health.state": "healthy"}}},
            (
                "min(last_1m):"
                "default_zero(moving_rollup(sum:csg.health.check.executions{service:shop}.as_rate(), 300, 'avg')) - "
                "default_zero(moving_rollup(sum:csg.health.check.executions{service:shop,csg.health.state:healthy}"
                ".as_rate(), 300, 'avg')) > 0"
            ),
        ),
        ({"metric": "leader", "by": [], "threshold": 1e16}, "min(last_1m):max:leader{service:shop} > 10000000000000000"),
        ({"metric": "leader", "by": [], "threshold": 2e-19}, "min(last_1m):max:leader{service:shop} > 0.0000000000000000002"),
        (
            {"metric": "leader", "by": [], "threshold": {"metric": "workers", "by": []}},
            "min(last_1m):max:leader{service:shop} - max:workers{service:shop} > 0",
        ),
        (
            {"metric": "leader", "by": [], "condition": ..., "threshold": ..., "between": [-8, -2]},
            "max(last_1m):abs(max:leader{service:shop} - (-5)) <= 3",
        ),
        (
            {"metric": "leader / workers", "by": [], "predict": "4h", "window": "1h"},
            (
                "min(last_1m):(max:leader{service:shop} + (max:leader{service:shop}"
                " - timeshift(max:leader{service:shop}, -3600)) * 4)"
                " / (max:workers{service:shop} + (max:workers{service:shop}"
                " - timeshift(max:workers{service:shop}, -3600)) * 4) > 1"
            ),
        ),
        (
            {
                "metric": "leader",
                "by": [],
                "for": "5m",
                "and": [{"metric": "workers", "by": [], "condition": ">=", "threshold": 3}],
                "unless": [{"metric": "workers", "by": [], "condition": ">=", "threshold": 9}],
            },
            (
                "min(last_5m):default_zero(max:leader{service:shop} + 0 * cutoff_min(max:workers{service:shop}, 3)"
                " + 0 * cutoff_max(default_zero(max:workers{service:shop}), 8.999999991)) > 1"
            ),
        ),
        ({"metric": "leader", "age": True, "datadog_query": "min(last_5m):max:x{*} > 2.5"}, "min(last_5m):max:x{*} > 2.5"),
    ],
)  # fmt: skip
def test_datadog_has_a_query_for_each_form(settings: dict[str, Any], query: str) -> None:
    """Groups, filters, arithmetic, further conditions and the past become a query with one comparison."""
    assert queries(**settings) == [query]


def test_the_levels_of_a_rule_are_refused_once() -> None:
    """The reason is that of the rule."""
    levels = {"metric": "leader", "age": True, "threshold": ..., "levels": {"warning": 1, "critical": 2}}
    refused: list[tuple[str, str]] = []
    compile_all(specified(named(levels)), CATALOG, report=lambda path, message: refused.append((path, message)))

    assert len(refused) == 1


def test_a_level_of_datadog_ends_where_the_next_begins() -> None:
    """The monitor of the lower level has no value above the limit of the higher one; names and tags differ."""
    content = compiled(
        "datadog", {"metric": "leader", "by": [], "levels": {"warning": 1, "critical": 2}, "threshold": ...}
    )

    assert [monitor["query"] for monitor in content["monitors"]] == [
        "min(last_1m):max:leader{service:shop} > 2",
        "min(last_1m):max:leader{service:shop} + 0 * cutoff_max(max:leader{service:shop}, 2) > 1",
    ]
    assert [monitor["name"] for monitor in content["monitors"]] == ["[shop] rule 0", "[shop] rule 0 warning"]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"metric": "leader", "age": True}, "Datadog has no function for age"),
        ({"metric": "leader", "changes": True}, "Datadog has no function for changes"),
        (
            {"metric": "queue_depth", "filters": {"queue": {"matches": "a[0-9]+"}}},
            "compares tags with values and prefixes",
        ),
        (
            {"metric": "queue_depth", "aggregate": "count", "by": ["queue"]},
            "counts all series, not those of each group",
        ),
        ({"metric": ..., "promql": "up > 1", "condition": ..., "threshold": ...}, "it is PromQL"),
        ({"metric": "leader", "datadog_query": "max:x{*}"}, "does not end with a comparison"),
        (
            {"metric": "leader", "and": [{"metric": "workers", "by": [], "condition": ">", "threshold": 1}]},
            "different labels",
        ),
    ],
)
def test_what_datadog_can_not_say_is_an_error_of_that_rule(settings: dict[str, Any], says: str) -> None:
    """The error names rule and backend; the other rules and the other targets are compiled all the same."""
    written = specified(named(settings, {"metric": "workers"}))
    refused: list[tuple[str, str]] = []
    files = compile_all(written, CATALOG, report=lambda path, message: refused.append((path, message)))

    assert [monitor["name"] for monitor in json.loads(files["datadog-monitors.json"])["monitors"]] == ["[shop] rule 1"]
    assert "alert: Rule0" in files["prometheus-rules.yaml"]
    ((path, message),) = refused
    assert path == "alerting.rules[0]"
    assert re.search(f"'rule 0' is not compiled for datadog: .*{re.escape(says)}.*; add datadog_query", message)
    with pytest.raises(AlertError, match="is not compiled for datadog"):
        compile_all(written, CATALOG)


def test_sixty_monitors_fit_the_models_of_datadogs_client() -> None:
    """Each is a body that the typed client would send."""
    content = json.loads(compile_all(specified(SIXTY), CATALOG, targets=("datadog",))["datadog-monitors.json"])

    assert all(accepted(monitor, Monitor) for monitor in content["monitors"])
    assert len({monitor["name"] for monitor in content["monitors"]}) == len(content["monitors"]) == 65
    assert all(accepted(downtime, DowntimeCreateRequestAttributes) for downtime in content["downtimes"])
    assert "rule 'cold_store': Datadog has no equivalent of keep_firing_for: 15m" in content["left_out"]


@pytest.mark.parametrize(
    ("first", "second", "target", "both"),
    [
        ({"name": "disk", "levels": {"warning": 1, "critical": 2}}, "disk warning", "grafana", "disk warning"),
        ({"name": "disk", "levels": {"warning": 1, "critical": 2}}, "disk warning", "datadog", "[shop] disk warning"),
        ({"name": "foo", "condition": ..., "outside": [2, 8]}, "foo below", "datadog", "[shop] foo below"),
    ],
)
def test_a_name_that_two_rules_make_is_an_error_of_the_second(
    first: dict[str, Any], second: str, target: str, both: str
) -> None:
    """The names of levels and of the sides of an interval count; the other targets are compiled."""
    plain = {"metric": "leader", "by": [], "threshold": ..., "severity": ...}
    written = specified(named({**plain, **first}, {**plain, "name": second, "threshold": 3}))
    refused: list[tuple[str, str]] = []
    files = compile_all(written, CATALOG, report=lambda path, message: refused.append((path, message)))

    ((path, message),) = [one for one in refused if f" {target}: " in one[1]]
    assert path == "alerting.rules[1]"
    assert f"is not compiled for {target}: {second!r} and {first['name']!r} both make" in message
    assert f"{both!r}" in message
    titles = [
        one["title"] for group in yaml.safe_load(files["grafana-alerting.yaml"])["groups"] for one in group["rules"]
    ]
    monitors = [one["name"] for one in json.loads(files["datadog-monitors.json"])["monitors"]]
    assert len(set(titles)) == len(titles)
    assert len(set(monitors)) == len(monitors)


def test_the_monitors_of_several_filtered_queries_have_different_names() -> None:
    """Each is found again by its name, so no two may have one."""
    some = {"period": ["1m", "5m"]}
    content = compiled("datadog", {"metric": "system_load_average", "filters": some})

    assert [one["name"] for one in content["monitors"]] == ["[shop] rule 0 1m", "[shop] rule 0 5m"]


def test_datadog_does_not_pretend_to_have_the_name_of_a_series() -> None:
    """A counter by the name of its series is in the list of what is left out: its monitor may never have data."""
    content = compiled("datadog", {"metric": "orders_total", "by": []})

    assert content["left_out"] == [
        "rule 'rule 0': Datadog may have orders_total by another name; name the metric as its instrument is called"
    ]


def test_a_value_outside_of_an_interval_has_two_monitors() -> None:
    """So `{value}` is the value; where it can't be, it is in the list of what is left out."""
    outside = {"metric": "leader", "aggregate": "max", "condition": ..., "threshold": ..., "outside": [2, 8]}
    between = {**outside, "outside": [], "between": [2, 8]}
    content = compiled("datadog", outside, between)

    assert [(monitor["name"], monitor["query"]) for monitor in content["monitors"][:2]] == [
        ("[shop] rule 0 below", "max(last_1m):max:leader{service:shop} < 2"),
        ("[shop] rule 0 above", "min(last_1m):max:leader{service:shop} > 8"),
    ]
    assert content["left_out"] == ["rule 'rule 1': {value} is the distance to the limit"]


def test_the_hours_of_a_rule_are_a_downtime_of_its_monitors() -> None:
    """They are muted in the other hours of the week, by a tag of their own."""
    hours = {"days": ["sat"], "start": "09:00", "end": "17:00", "timezone": "Europe/Berlin"}
    content = compiled("datadog", {"metric": "leader", "active": hours}, {"metric": "workers"})

    (downtime,) = content["downtimes"]
    assert downtime["schedule"] == {
        "timezone": "Europe/Berlin",
        "recurrences": [
            {
                "rrule": "FREQ=WEEKLY;INTERVAL=1;BYDAY=MO,TU,WE,TH,FR,SU",
                "start": "2024-01-01T00:00",
                "duration": "1440m",
            },
            {"rrule": "FREQ=WEEKLY;INTERVAL=1;BYDAY=SA", "start": "2024-01-01T00:00", "duration": "540m"},
            {"rrule": "FREQ=WEEKLY;INTERVAL=1;BYDAY=SA", "start": "2024-01-01T17:00", "duration": "420m"},
        ],
    }
    tag = downtime["monitor_identifier"]["monitor_tags"][-1]
    assert [tag in monitor["tags"] for monitor in content["monitors"]] == [True, False]


@pytest.mark.parametrize(
    ("settings", "query", "comparison"),
    [
        ({"metric": "leader", "by": []}, "max (leader)", {"type": "gt", "params": [1.0]}),
        (
            {"metric": "leader", "by": [], "and": [{"metric": "workers", "by": [], "condition": ">", "threshold": 3}]},
            "max (leader) and (max (workers) > 3)",
            {"type": "gt", "params": [1.0]},
        ),
        (
            {"metric": "leader", "aggregate": "max", "condition": ..., "threshold": ..., "outside": [2, 8]},
            "max (leader)",
            "($A < 2) || ($A > 8)",
        ),
        (
            {"metric": "leader", "aggregate": "max", "condition": ..., "threshold": ..., "between": [2, 8]},
            "max (leader)",
            "($A >= 2) && ($A <= 8)",
        ),
        (
            {"metric": "leader", "aggregate": "max", "threshold": {"metric": "workers", "aggregate": "max"}},
            "max (leader) > max (workers)",
            "is_number($A)",
        ),
        ({"metric": ..., "promql": "x > 0", "condition": ..., "threshold": ...}, "(x > 0)", "is_number($A)"),
        ({"metric": ..., "promql": "x", "threshold": 0}, "(x)", {"type": "gt", "params": [0.0]}),
        ({"metric": "leader", "grafana": "y > 1"}, "y > 1", "is_number($A)"),
    ],
)  # fmt: skip
def test_grafana_has_a_query_and_a_comparison_for_each_form(
    settings: dict[str, Any], query: str, comparison: Any
) -> None:
    """A number is compared with the value; else the query is the whole condition, also of values of 0 and below."""
    (rule,) = rules(settings)
    model = rule["data"][1]["model"]

    assert expression(rule) == query
    assert (model["conditions"][0]["evaluator"] if "conditions" in model else model["expression"]) == comparison


def test_a_level_of_grafana_ends_where_the_next_begins() -> None:
    """Grafana has no inhibition. A rule that has no value while its condition does not hold has a second one for no data."""
    levels = {"metric": "leader", "by": [], "levels": {"warning": 1, "critical": 2}, "threshold": ...}
    critical, warning = rules(levels)
    *_, lasting = rules({**levels, "for": "10m"})
    further = {"metric": "workers", "by": [], "condition": ">", "threshold": 3}
    watched, missing = rules({"metric": "leader", "by": [], "no_data": "alert", "and": [further]})

    assert (expression(critical), expression(warning)) == ("max (leader)", "(max (leader)) unless (max (leader) > 2)")
    assert expression(lasting) == "(max (leader)) unless (count_over_time((max (leader) > 2)[10m:1m]) >= 10)"
    assert critical["uid"] != warning["uid"]
    assert (watched["noDataState"], missing["noDataState"]) == ("OK", "OK")
    assert missing["data"][0]["model"]["expr"].startswith("absent_over_time(leader")


@pytest.mark.real("promtool")
def test_prometheus_parses_the_queries_and_templates_of_grafana(tmp_path: Path) -> None:
    """Each query of sixty rules is valid PromQL, and each text a valid template; Grafana's `$values` has another name there."""
    content = yaml.safe_load(compile_all(specified(SIXTY), CATALOG, targets=("grafana",))[provisioning.FILE])
    every = [one for group in content["groups"] for one in group["rules"]]
    written = [
        {
            "alert": f"a{at}",
            "expr": one["data"][0]["model"]["expr"],
            "annotations": {
                key: re.sub(r"\{\{ with \$values\.A \}\}(.*?)\.Value \}\}\{\{ end \}\}", r"\1$value }}", text)
                for key, text in one["annotations"].items()
            },
        }
        for at, one in enumerate(every)
    ]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": written}]}))

    checked = subprocess.run(["promtool", "check", "rules", file], capture_output=True, text=True, timeout=60)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{len(every)} rules" in checked.stdout
    assert "$values" not in file.read_text()


def test_grafanas_own_models_have_every_field_of_sixty_rules() -> None:
    """Rules are unchanged after a pass through the foundation SDK's models."""
    pytest.importorskip("grafana_foundation_sdk", reason="the SDK needs Python 3.11")
    from grafana_foundation_sdk.models import alerting

    content = yaml.safe_load(compile_all(specified(SIXTY), CATALOG, targets=("grafana",))[provisioning.FILE])
    for one in [one for group in content["groups"] for one in group["rules"]]:
        own = {
            key: value for key, value in one.items() if key not in ("data", "keepFiringFor")
        }  # newer than the models
        fields = {"folderUID": "f", "ruleGroup": "g", "orgID": 1, **own, "data": []}
        assert alerting.Rule.from_json(fields).to_json() == fields
