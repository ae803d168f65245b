"""The alerts of escalations, evaluated by Prometheus."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from csg_otel.alerts.catalog import Catalog
from csg_otel.alerts.compilers import compile_all
from csg_otel.alerts.model import AlertSpec
from csg_otel.alerts.prometheus.rules import FILE
from csg_otel.errors import AlertError
from support import newest

Specified = Callable[..., AlertSpec]

RULE = {"name": "busy", "metric": "health_check_status", "condition": ">", "threshold": 1, "severity": "critical"}
ESCALATION = {"name": "comes_back", "condition": "retry_count", "threshold": 2, "target": "emergency"}


def config(**escalation: Any) -> dict[str, Any]:
    """Return a configuration of one rule and one escalation."""
    return {"alerting": {"rules": [RULE]}, "escalation": {"rules": [{**ESCALATION, **escalation}]}}


def promtool(folder: Path, rules: str, cases: list[dict[str, Any]], program: str = "promtool") -> str:
    """Run unit tests with *program*, a promtool, and return its output if they fail."""
    (folder / FILE).write_text(rules)
    (folder / "tests.yaml").write_text(
        yaml.safe_dump({"rule_files": [FILE], "evaluation_interval": "1m", "tests": cases})
    )
    done = subprocess.run(
        [program, "test", "rules", "tests.yaml"], cwd=folder, capture_output=True, text=True, timeout=60
    )
    return done.stdout + done.stderr if done.returncode else ""


def raised(at: str, **labels: str) -> dict[str, Any]:
    """Return the expected alert of the escalation at a time; without labels, that it does not fire."""
    always = {"severity": "emergency", "csg_escalation": "comes_back", "csg_escalated": "Busy", "csg_rule": "busy"}
    annotations = {"summary": "Busy came back 2 times within a day, or has lasted for 8h"}
    expected = [{"exp_labels": {**always, **labels}, "exp_annotations": annotations}] if labels else []
    return {"eval_time": at, "alertname": "ComesBack", "exp_alerts": expected}


@pytest.mark.real("promtool")
@pytest.mark.parametrize("generation", ["debian", "newest"])
def test_an_alert_that_returns_or_lasts_is_raised(
    specified: Specified, catalog: Catalog, tmp_path: Path, generation: str
) -> None:
    """The severity is raised at the second return within a day or after two repeats, not before, and once per alert."""
    rules = compile_all(specified(config()), catalog, targets=("prometheus",))[FILE]
    text = yaml.safe_load(rules)  # the alert itself is replaced by one over a series that the test can give
    busy = next(rule for group in text["groups"] for rule in group["rules"] if rule.get("alert") == "Busy")
    busy["expr"] = "max by (job, instance) (queue_depth) > 1"
    case = {
        "interval": "1m",
        "input_series": [
            {"series": 'queue_depth{job="j",instance="flaps"}', "values": "2 0 2 0 2 0 2x3 0x90"},
            {"series": 'queue_depth{job="j",instance="twice"}', "values": "2 0 2 0x600"},
            {"series": 'queue_depth{job="j",instance="lasts"}', "values": "2x600"},
        ],
        "alert_rule_test": [
            raised("3m"),
            raised("5m", job="j", instance="flaps"),  # groups are evaluated in any order, so a step later is sure
            raised("30m", job="j", instance="flaps"),
            raised("90m"),
            raised("479m"),
            raised("482m", job="j", instance="lasts"),
        ],
    }

    program = newest.need("promtool") if generation == "newest" else "promtool"
    assert not promtool(tmp_path, yaml.safe_dump(text), [case], program)


@pytest.mark.real("promtool")
def test_maintenance_is_an_alert_of_its_program(specified: Specified, catalog: Catalog, tmp_path: Path) -> None:
    """The maintenance alert has the job and instance of its program, by which Alertmanager mutes that program only."""
    spec = specified(config(condition="maintenance_mode", action="suppress", target=None, threshold=None))
    rules = compile_all(spec, catalog, targets=("prometheus",))[FILE]
    labels = {"job": "j", "instance": "a", "severity": "info"}
    annotations = {"summary": "j at a is in maintenance"}
    case = {
        "interval": "1m",
        "input_series": [
            {"series": 'csg_health_maintenance{job="j",instance="a",otel_scope_name="x"}', "values": "1 1"},
            {"series": 'csg_health_maintenance{job="j",instance="b"}', "values": "0 0"},
        ],
        "alert_rule_test": [
            {
                "eval_time": "1m",
                "alertname": "InMaintenance",
                "exp_alerts": [{"exp_labels": labels, "exp_annotations": annotations}],
            }
        ],
    }

    assert not promtool(tmp_path, rules, [case])


@pytest.mark.parametrize(
    ("escalation", "where", "what"),
    [
        ({"target": "emergancy"}, "target", "there is no receiver 'emergancy' (did you mean 'emergency'?)"),
        ({"action": "suppress", "target": None}, "action", "retry_count can only escalate"),
        ({"condition": "time_window", "start": "7", "end": "08:00"}, "start", "'7' is not a time of day"),
    ],
)
def test_an_invalid_escalation_names_its_setting(
    specified: Specified, escalation: dict[str, Any], where: str, what: str
) -> None:
    """An unknown target, an impossible action and an invalid time are errors with their keys."""
    with pytest.raises(AlertError) as raised:
        specified(config(**escalation))

    (problem,) = raised.value.problems
    assert problem.startswith(f"escalation.rules[0].{where}: ")
    assert what in problem


@pytest.mark.parametrize(
    ("escalation", "counted"),
    [
        ({"name": "repeated_warnings", "target": "critical"}, "warning"),
        ({"name": "repeated", "target": "emergency"}, "critical"),
        ({"name": "repeated", "target": "critical", "severity_filter": ["info", "warning"]}, "info|warning"),
    ],
)
def test_repeated_alerts_are_raised_from_below(
    specified: Specified, catalog: Catalog, escalation: dict[str, Any], counted: str
) -> None:
    """An escalation to a severity counts the one below by default, or those of its filter; never the target itself."""
    rule = {"condition": "retry_count", "threshold": 3, **escalation}
    spec = specified({"service": {"name": "shop"}, "alerting": {"rules": [RULE]}, "escalation": {"rules": [rule]}})
    groups = yaml.safe_load(compile_all(spec, catalog, targets=("prometheus",))[FILE])["groups"]
    rules = [one for group in groups for one in group["rules"] if "alert" in one]
    (alert,) = [one for one in rules if one["labels"].get("csg_escalation") == rule["name"]]

    assert f'severity=~"{counted}"' in alert["expr"]
    assert alert["labels"]["severity"] == rule["target"]


@pytest.mark.parametrize(("target", "filtered"), [("critical", ["critical"]), ("warning", ["critical"]), ("info", [])])
def test_no_alert_is_raised_to_itself_or_lowered(specified: Specified, target: str, filtered: list[str]) -> None:
    """A filter with the target's own severity, or a higher one, is an error."""
    rule = {"name": "r", "condition": "retry_count", "threshold": 3, "target": target, "severity_filter": filtered}
    with pytest.raises(AlertError, match=f"can't raise this to {target}"):
        specified({"escalation": {"rules": [rule]}})
