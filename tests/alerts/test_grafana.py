"""
Grafana's provisioning file: what it says, read by the parts of it that can be had here.

Grafana itself is not among the real parts. Its rules' queries are read by promtool, its routes and mute timings by amtool (they
are Alertmanager's), rules and contact points by the models of Grafana's own foundation SDK.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from csg_otel.alerts.compilers import Options
from csg_otel.alerts.grafana import notify, provisioning
from csg_otel.alerts.model import AlertSpec
from support.alert_specs import CATALOG, EVERYTHING, rule, spec

CONDITIONS = ("greater_than", "less_than", "greater_than_or_equal", "less_than_or_equal", "equals", "not_equals")


def compiled(specification: AlertSpec) -> dict[str, Any]:
    """Return the content of the file."""
    (text,) = provisioning.compile_files(specification, CATALOG, Options()).values()
    content: dict[str, Any] = yaml.safe_load(text)
    return content


def rules(specification: AlertSpec) -> list[dict[str, Any]]:
    """Return the rules of the file."""
    return [one for group in compiled(specification)["groups"] for one in group["rules"]]


def test_a_rule_is_a_query_and_a_threshold() -> None:
    """A rule has a query, a threshold, a duration, and a state for missing data and for errors."""
    (compiled_rule,) = rules(spec(rule("process.thread.count", 50, **{"for": 300})))

    query, comparison = (data["model"] for data in compiled_rule["data"])
    assert query["expr"] == 'max by (job, instance) (process_thread_count{job="shop"})'
    assert comparison["conditions"][0]["evaluator"] == {"type": "gt", "params": [50.0]}
    assert (compiled_rule["for"], compiled_rule["noDataState"], compiled_rule["execErrState"]) == ("5m", "OK", "Error")


def test_missing_data_fires_if_it_would_hide_a_problem() -> None:
    """A rule for a small value, or one with no_data, has a second one for missing data, also that of a single instance."""
    compiled_rules = rules(spec(rule("process.uptime", condition="<"), rule(name="b", no_data="alert"), rule(name="c")))

    titles = [one["title"] for one in compiled_rules]
    assert titles == ["high_cpu_usage", "high_cpu_usage no data", "b", "b no data", "c"]
    assert {one["noDataState"] for one in compiled_rules} == {"OK"}
    assert "and on (job, instance) up" in compiled_rules[1]["data"][0]["model"]["expr"]


def test_a_uid_belongs_to_a_rule_of_a_service() -> None:
    """A uid is stable through changes, differs between similar rules, and has at most 40 valid characters."""
    names = ["a" * 60 + "1", "a" * 60 + "2", "high cpu!"]
    first, second = (rules(spec(*(rule(name=name, threshold=limit) for name in names))) for limit in (1, 2))

    assert [one["uid"] for one in first] == [one["uid"] for one in second]
    assert len({one["uid"] for one in first}) == 3
    assert all(re.fullmatch(r"[\w-]{1,40}", one["uid"]) for one in first)


def test_a_users_text_is_neither_template_nor_variable() -> None:
    """Braces of a message do not run. Grafana replaces ``$NAME`` in titles and labels only, ``${NAME}`` in annotations too."""
    (compiled_rule,) = rules(
        spec(
            rule(name="$PATH", message="{{ $labels.x }} costs $HOME $${HOME} $${value}", labels={"team": "{{ 1 }} $A"})
        )
    )

    summary = compiled_rule["annotations"]["summary"]
    assert summary == (
        '{{ "{{" }} $labels.x }} costs $HOME {{ "$" }}{HOME} {{ "$" }}'
        '{{ with $values.A }}{{ printf "%.4g" .Value }}{{ end }}'
    )
    assert compiled_rule["labels"] == {
        "team": '{{ "{{" }} 1 }} $$A',
        "service": "shop",
        "csg_rule": "$$PATH",
        "csg_service": "shop",
        "severity": "warning",
    }
    assert compiled_rule["title"] == "$$PATH"


@pytest.mark.parametrize("condition", [">=", "<=", "==", "!="])
def test_a_formula_names_the_query(condition: str) -> None:
    """Grafana replaces no variables in expressions, so a formula has the query's name with one dollar sign."""
    (compiled_rule, *_) = rules(spec(rule(condition=condition, threshold=0.5, message="{labels.type}")))

    expression = compiled_rule["data"][1]["model"]["expression"]
    assert expression.startswith(("$A ", "abs($A "))
    assert "$$" not in str(compiled_rule["data"]) + str(compiled_rule["annotations"])


def test_no_variable_is_replaced_in_a_query() -> None:
    """A dollar sign in a filter, or in an objective's own PromQL, stays one."""
    slo = {**EVERYTHING["slos"][0], "bad": 'sum(rate(x{a=~"b$"}[window]))', "good": None}
    (compiled_rule, *burns) = rules(spec(rule("csg.files.processed", filters={"type": "a$b"}), slos=[slo]))

    assert 'csg_file_type="a$b"' in compiled_rule["data"][0]["model"]["expr"]
    assert "$$" not in str([burn["data"] for burn in burns])


def test_braces_in_an_objective_are_escaped_once() -> None:
    """A label or a summary with braces, printed by Grafana's template engine, is the user's text."""
    slo = {**EVERYTHING["slos"][0], "name": "a {{ b", "labels": {"team": "{{ 1 }}"}}
    burns = [one for one in rules(spec(slos=[slo])) if one["title"].startswith("AB")]

    for burn in burns:
        assert burn["labels"]["team"] == '{{ "{{" }} 1 }}'
        assert burn["labels"]["slo"] == 'a {{ "{{" }} b'
        assert burn["annotations"]["summary"].startswith('a {{ "{{" }} b: the error budget burns')
    assert len(burns) == 2


def test_secrets_are_places() -> None:
    """The file has the names of variables, and the values are for the push only."""
    specification = spec(rule(), **EVERYTHING)
    (text,) = provisioning.compile_files(specification, CATALOG, Options()).values()
    values = notify.secrets(specification)

    assert sorted(values.values()) == ["Bearer s3cret", "https://s.example/T", "k3y"]
    assert all(f"'${name}'\n" in text for name in values)
    assert not any(value in text for value in values.values())


def test_routes_match_severities_and_this_service_only() -> None:
    """Each channel gets the severities of its filter, and a lasting alert goes to the target after its time."""
    (policy,) = compiled(spec(rule(), **EVERYTHING))["policies"]

    seen = {(one["receiver"], one["object_matchers"][1][2], one["group_wait"]) for one in policy["routes"]}
    assert seen == {
        ("csg_otel/shop/email", "info|critical|emergency", "30s"),
        ("csg_otel/shop/email", "warning", "30s"),
        ("csg_otel/shop/slack", "warning", "30s"),
        ("csg_otel/shop/webhook", "info|critical|emergency", "30s"),
        ("csg_otel/shop/webhook", "warning", "30s"),
        ("csg_otel/shop/pagerduty", "critical", "30s"),
        ("csg_otel/shop/boss email", "critical", "15m"),
    }
    assert {tuple(one["object_matchers"][0]) for one in policy["routes"]} == {("csg_service", "=", "shop")}
    muted = {one["object_matchers"][1][2] for one in policy["routes"] if "mute_time_intervals" in one}
    assert muted == {"warning"}


def test_a_method_grafana_does_not_have_goes_through_the_relay() -> None:
    """PATCH goes to the receiver's path at the relay, which has the headers, so the file does not repeat them."""
    webhook = {"enabled": True, "url": "https://hook.example", "method": "PATCH", "headers": {"X-Team": "ops"}}
    (point,) = compiled(spec(rule(), notifications={"webhook": webhook}))["contactPoints"]

    settings = point["receivers"][0]["settings"]
    assert settings == {"url": f"{Options().relay_url}/shop.webhook", "httpMethod": "POST"}


def test_maintenance_leaves_a_program_out() -> None:
    """With an escalation that suppresses in maintenance, programs in maintenance are not compared."""
    quiet = {
        "rules": [{"name": "m", "condition": "maintenance_mode", "action": "suppress", "severity_filter": ["warning"]}]
    }
    (compiled_rule,) = rules(spec(rule("process.thread.count", 50), escalation=quiet))

    quieted = " unless on (job, instance) (max by (job, instance) (csg_health_maintenance) == 1)"
    assert compiled_rule["data"][0]["model"]["expr"].endswith(quieted)


@pytest.mark.real("promtool")
def test_prometheus_parses_every_query(tmp_path: Path) -> None:
    """Each query is valid PromQL, for every condition and kind of instrument."""
    written = [rule("csg.operation.duration", 0.3, name=f"r {one}", condition=one) for one in CONDITIONS]
    queries = [one["data"][0]["model"]["expr"] for one in rules(spec(*written, **EVERYTHING))]
    file = tmp_path / "rules.yaml"
    file.write_text(
        yaml.safe_dump(
            {
                "groups": [
                    {"name": "g", "rules": [{"record": f"r{at}", "expr": expr} for at, expr in enumerate(queries)]}
                ]
            }
        )
    )

    checked = subprocess.run(["promtool", "check", "rules", file], capture_output=True, text=True, timeout=30)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{len(queries)} rules" in checked.stdout


@pytest.mark.real("amtool")
def test_alertmanager_parses_the_mute_timings_and_the_times_of_routes(tmp_path: Path) -> None:
    """Grafana reads both with Alertmanager's code, so amtool accepts them."""
    content = compiled(spec(rule(), **EVERYTHING))
    routes = [
        {**{key: value for key, value in one.items() if key != "object_matchers"}, "receiver": "none"}
        for one in content["policies"][0]["routes"]
    ]
    timings = [{key: value for key, value in one.items() if key != "orgId"} for one in content["muteTimes"]]
    file = tmp_path / "alertmanager.yaml"
    config = {"receivers": [{"name": "none"}], "mute_time_intervals": timings}
    file.write_text(yaml.safe_dump({**config, "route": {"receiver": "none", "routes": routes}}))

    checked = subprocess.run(["amtool", "check-config", file], capture_output=True, text=True, timeout=30)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert timings[0]["time_intervals"][1]["weekdays"] == ["sunday", "monday"]


def test_grafanas_own_models_have_every_field() -> None:
    """Rules, contact points and routes are unchanged after a pass through the foundation SDK's models."""
    pytest.importorskip("grafana_foundation_sdk", reason="the SDK needs Python 3.11")
    from grafana_foundation_sdk.models import alerting

    content = compiled(spec(rule(), **EVERYTHING))
    for one in [one for group in content["groups"] for one in group["rules"]]:
        fields = {
            "folderUID": "f",
            "ruleGroup": "g",
            "orgID": 1,
            **{key: one[key] for key in one if key != "data"},
            "data": [],
        }
        assert alerting.Rule.from_json(fields).to_json() == fields
    for point in content["contactPoints"]:
        (one,) = point["receivers"]
        assert alerting.ContactPoint.from_json({"name": point["name"], **one}).to_json() == {
            "name": point["name"],
            **one,
        }
    for route in content["policies"][0]["routes"]:
        assert set(alerting.NotificationPolicy.from_json(route).to_json()) == set(route)
