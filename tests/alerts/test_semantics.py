"""What rules say is what they do: promtool evaluates compiled rules on series made by hand, one for each way to be wrong."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from csg_otel.alerts import spec
from csg_otel.alerts.catalog import Catalog
from csg_otel.alerts.compilers import compile_all
from csg_otel.alerts.model import AlertSpec
from csg_otel.alerts.prometheus.rules import FILE
from csg_otel.config import load
from csg_otel.errors import AlertError
from csg_otel.exporters import prometheus
from support.wild_rules import CATALOG, named, specified

pytestmark = pytest.mark.real("promtool")


def firing(folder: Path, chosen: AlertSpec, series: Mapping[str, str], at: str) -> set[str]:
    """Return the names of the alerts of *chosen* that fire at the time *at*, as promtool evaluates them."""
    groups = yaml.safe_load(compile_all(chosen, CATALOG, targets=("prometheus",))[FILE])["groups"]
    alerts = [group for group in groups if group["name"] == "csg_otel.alerts"]
    (folder / "rules.yaml").write_text(json.dumps({"groups": alerts}))
    fired = set()
    for alert in (one["alert"] for one in alerts[0]["rules"]):
        test = {
            "interval": "15s",
            "input_series": [{"series": name, "values": values} for name, values in series.items()],
            "alert_rule_test": [{"alertname": alert, "eval_time": at, "exp_alerts": []}],
        }
        content = {"rule_files": ["rules.yaml"], "evaluation_interval": "15s", "tests": [test]}
        (folder / "tests.yaml").write_text(json.dumps(content))
        command = ["promtool", "test", "rules", "tests.yaml"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
        if done.returncode:
            assert "got:[" in done.stdout + done.stderr, done.stdout + done.stderr
            fired.add(alert)
    return fired


def fires(folder: Path, rule: dict[str, Any], series: Mapping[str, str], at: str = "20m") -> bool:
    """Return whether *rule* fires; its alert of missing data does not count."""
    alert = {"name": "mine", "no_data": "ignore", **rule}
    return "Mine" in firing(folder, AlertSpec(rules=specified(named(alert)).rules), series, at)


def of(name: str, values: str, **labels: str) -> dict[str, str]:
    """Return one series of the service's first instance."""
    every = {"job": "shop", "instance": "a", **labels}
    return {f"{name}{{{','.join(f'{key}={json.dumps(value)}' for key, value in every.items())}}}": values}


ALIVE = {**of("target_info", "1x400"), **of("process_uptime_seconds", "86400+15x400"), **of("up", "1x400")}


def test_up_counts_each_instance_once(tmp_path: Path) -> None:
    """A live program has `up` and `target_info`; of five instances of which three are dead, less than half is up."""
    series: dict[str, str] = {}
    for instance, up in zip("abcde", "11000", strict=True):
        series |= of("up", f"{up}x400", instance=instance)
        series |= of("target_info", "1x400", instance=instance) if up == "1" else {}
    rule = {"metric": "up", "aggregate": "avg", "by": [], "condition": "<"}

    assert fires(tmp_path, {**rule, "threshold": 0.5}, series)
    assert not fires(tmp_path, {**rule, "threshold": 0.39}, series)
    assert fires(tmp_path, {**rule, "threshold": "41%"}, series)


def test_a_program_that_pushes_its_metrics_is_up(tmp_path: Path) -> None:
    """Without `up`, its target_info stands for it."""
    rule = {"metric": "up", "aggregate": "sum", "by": [], "condition": "==", "threshold": 1}

    assert fires(tmp_path, rule, of("target_info", "1x400"))


def test_missing_data_of_a_ratio_is_that_of_the_whole(tmp_path: Path) -> None:
    """A healthy service has no series of failures, and is no reason for an alert; one without any request is."""
    failed = {"metric": "http_requests_total", "filters": {"code": {"matches": "5.."}}}
    ratio = {"ratio": {"of": failed, "to": {"metric": "http_requests_total"}}, "threshold": "5%", "no_data": "alert"}
    chosen = AlertSpec(rules=specified(named({"name": "mine", "metric": ..., **ratio})).rules)
    healthy = of("http_requests_total", "0+10x400", code="200", route="/pay")

    assert firing(tmp_path, chosen, {**ALIVE, **healthy}, "20m") == set()
    assert firing(tmp_path, chosen, ALIVE, "20m") == {"MineNoData"}


def test_restarts_within_the_window_lose_no_events(tmp_path: Path) -> None:
    """Of a counter that is younger than the window and starts anew five times, each life counts."""
    lives = "_x40 " + " ".join(["0 1 2 3 4 5 6 7 8 9x8"] * 5)
    rule = {"metric": "increase(http_requests_total)", "window": "1h", "by": [], "threshold": 35}
    young = {**of("target_info", "1x400"), **of("process_uptime_seconds", "0+15x400"), **of("up", "1x400")}

    assert fires(tmp_path, rule, {**young, **of("http_requests_total", lives, code="500", route="/")}, "28m")
    assert not fires(
        tmp_path, {**rule, "threshold": 70}, {**young, **of("http_requests_total", lives, code="500")}, "28m"
    )


@pytest.mark.parametrize(("limit", "holds"), [(7, True), (7.1, False), (0.07, False)])
def test_a_percentage_equals_a_whole_number(tmp_path: Path, limit: float, holds: bool) -> None:
    """Rounding makes 100 * (7 / 100) a little more than 7, which is 7 all the same."""
    ratio = {"ratio": {"of": {"metric": "queue_depth"}, "to": {"metric": "queue_limit"}}, "percent": True}
    series = {**of("queue_depth", "7x400", queue="q"), **of("queue_limit", "100x400", queue="q")}

    assert fires(tmp_path, {"metric": ..., **ratio, "condition": "==", "threshold": limit}, series) == holds


FAILED = {"metric": "http_requests_total", "filters": {"code": "500"}, "by": ["job", "instance"]}
DONE = {**FAILED, "filters": {"code": "200"}}
BAD, GOOD = (of("http_requests_total", "0+30x400", code=code, route="/") for code in ("500", "200"))


def test_events_that_have_not_begun_are_none(tmp_path: Path) -> None:
    """More failures than successes, and no success yet; full queues and few failures, and no failure yet."""
    more = {**FAILED, "threshold": DONE}
    few = {"metric": "queue_depth", "by": ["job", "instance"], "and": [{**FAILED, "condition": "<", "threshold": 1}]}
    many = {**few, "and": ..., "unless": [{**FAILED, "condition": "<", "threshold": 1}]}
    full = of("queue_depth", "9x400", queue="q")

    assert fires(tmp_path, more, {**ALIVE, **BAD})
    assert not fires(tmp_path, more, {**ALIVE, **GOOD})
    assert fires(tmp_path, few, {**ALIVE, **full})
    assert not fires(tmp_path, few, {**ALIVE, **full, **BAD})
    assert not fires(tmp_path, many, {**ALIVE, **full})
    assert fires(tmp_path, many, {**ALIVE, **full, **BAD})


def test_no_events_at_all_have_an_alert_of_missing_data(tmp_path: Path) -> None:
    """`== 0` of a counter holds where there is no series, too, as `<` does."""
    rule = {"name": "mine", **FAILED, "condition": "==", "threshold": 0}

    assert firing(tmp_path, AlertSpec(rules=specified(named(rule)).rules), ALIVE, "20m") == {"MineNoData"}


SHARE = {"metric": ..., "ratio": {"of": {"metric": "queue_depth"}, "to": {"metric": "queue_limit"}}}
WORST = {
    **of("queue_depth", "2x400", queue="x"),
    **of("queue_depth", "95x400", queue="y"),
    **of("queue_limit", "1000x400", queue="x"),
    **of("queue_limit", "100x400", queue="y"),
}


@pytest.mark.parametrize(
    ("settings", "holds"),
    [
        ({"condition": ..., "threshold": ..., "outside": [5, 99]}, True),
        ({"condition": ..., "threshold": ..., "outside": [1, 99]}, False),
        ({"condition": ..., "threshold": ..., "between": [1, 5]}, True),
        ({"condition": "==", "threshold": 2}, True),
        ({"condition": "!=", "threshold": 95}, True),
        ({"condition": ">", "threshold": 90}, True),
        ({"condition": "<", "threshold": 5}, True),
        ({**SHARE, "threshold": "90%"}, True),
        ({**SHARE, "threshold": "96%"}, False),
        ({"metric": "100 - queue_depth", "threshold": 97}, True),
        ({"threshold": {"metric": "queue_limit", "by": ["job"]}, "offset": ...}, False),
        ({"condition": "==", "threshold": 97, "aggregate": "sum"}, True),
    ],
)  # fmt: skip
def test_the_worst_of_several_series_counts(tmp_path: Path, settings: dict[str, Any], holds: bool) -> None:
    """Where labels are merged and no aggregation is named, each series is compared, and one is enough."""
    assert fires(tmp_path, {"metric": "queue_depth", "by": ["job"], **settings}, WORST) == holds


def test_a_part_with_fewer_labels_is_one_for_several(tmp_path: Path) -> None:
    """A share of each route in all requests of a job."""
    rule = {"metric": "a / b", "threshold": "60%"}
    parts = {
        "a": {"metric": "rate(http_requests_total)", "by": ["job", "route"]},
        "b": {"metric": "rate(http_requests_total)", "by": ["job"]},
    }
    pay = of("http_requests_total", "0+70x400", code="200", route="/pay")
    rest = of("http_requests_total", "0+30x400", code="200", route="/")

    assert fires(tmp_path, {**rule, "parts": parts}, {**ALIVE, **pay, **rest})
    assert not fires(tmp_path, {**rule, "parts": parts, "threshold": "71%"}, {**ALIVE, **pay, **rest})


# -- metrics of other programs ------------------------------------------------------------------------------------------

PAGE = """
# TYPE deadlocks counter
deadlocks 5000
# TYPE lines_total counter
lines_total{severity="error"} 1
# TYPE calls_total counter
calls_total{service="db"} 1
# TYPE oom_kill untyped
oom_kill 1
# TYPE cpu_seconds_total counter
cpu_seconds_total{mode="idle"} 1
# TYPE pause_seconds summary
pause_seconds{quantile="0.5"} 1
pause_seconds_sum 1
pause_seconds_count 1
"""


def foreign(rule: dict[str, Any], started: bool = True) -> AlertSpec:
    """Return the specification of *rule* about the metrics of a program without this package."""
    page = PAGE + ("# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds 5\n" if started else "")
    catalog = Catalog(exposition=page, series=prometheus.family_name, label=prometheus.label_name)
    loaded = load(named({"name": "mine", "no_data": "ignore", **rule}), environ={})
    return AlertSpec(rules=spec.load(loaded.config, catalog, locate=loaded.problem).rules)


IDLE = {"metric": "rate(cpu_seconds_total)", "aggregate": "avg", "by": ["job"]}
DEADLOCKS = {"metric": "increase(deadlocks)", "threshold": 5}


@pytest.mark.parametrize("started", [True, False])
@pytest.mark.parametrize("values", ["5000x20 _x28 5000x400", "_x78 5000x400"])
def test_a_counter_that_is_seen_late_does_not_count(tmp_path: Path, started: bool, values: str) -> None:
    """Neither after an outage that is longer than the window, nor where Prometheus sees the old program for the first time."""
    begun = of("process_start_time_seconds", values.replace("5000", "-9000000"))

    assert firing(tmp_path, foreign(DEADLOCKS, started), {**of("deadlocks", values), **begun}, "20m") == set()


def test_the_first_value_of_a_program_that_has_just_begun_counts(tmp_path: Path) -> None:
    """A program of another client library has the time of its start."""
    series = {**of("deadlocks", "_x72 _x4 9x400"), **of("process_start_time_seconds", "_x72 1080x400")}

    assert firing(tmp_path, foreign(DEADLOCKS), series, "20m") == {"Mine"}


@pytest.mark.parametrize("name", ["lines_total", "calls_total"])
def test_a_label_of_the_alert_does_not_replace_that_of_a_series(tmp_path: Path, name: str) -> None:
    """Two series that differ by `severity` or `service` stay two, or Prometheus refuses to evaluate the rule."""
    label = {"lines_total": "severity", "calls_total": "service"}[name]
    series = {**of(name, "0+30x400", **{label: "x"}), **of(name, "0+30x400", **{label: "y"})}

    assert firing(tmp_path, foreign({"metric": name}), series, "20m") == {"Mine"}


@pytest.mark.parametrize(
    ("rule", "series"),
    [
        ({"metric": "increase(oom_kill)", "threshold": 0}, of("oom_kill", "0+1x400")),
        (
            {"metric": "1 - idle", "threshold": "80%", "parts": {"idle": IDLE}},
            of("cpu_seconds_total", "0+1x400", mode="idle"),
        ),
        (
            {"metric": "rate(pause_seconds_sum) / rate(pause_seconds_count)", "threshold": "500ms"},
            {**of("pause_seconds_sum", "0+9x400"), **of("pause_seconds_count", "0+10x400")},
        ),
    ],
)  # fmt: skip
def test_metrics_of_all_types_can_be_compared(tmp_path: Path, rule: dict[str, Any], series: dict[str, str]) -> None:
    """A metric without a type, a share of seconds, and the mean of a summary."""
    assert firing(tmp_path, foreign(rule), series, "20m") == {"Mine"}


def test_a_label_of_the_user_replaces_none_of_the_values() -> None:
    """Two series that become equal by a label of the rule would make Prometheus refuse both."""
    with pytest.raises(AlertError, match=r"labels\.queue: the values of the rule differ by queue"):
        specified(named({"metric": "queue_depth", "labels": {"queue": "x"}}))
    assert specified(named({"metric": "queue_depth", "labels": {"queue": "x"}, "without": ["queue"]})).rules


def test_an_otel_name_stays_that_of_the_metric() -> None:
    """A metric of the page that a rule names as OpenTelemetry does is called so, for Datadog and in messages."""
    chosen = specified(named({"name": "mine", "metric": "http.requests"})).rules[0]

    assert (chosen.first.ref.name, chosen.first.ref.series) == ("http.requests", "http_requests_total")
