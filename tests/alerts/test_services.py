"""The rules of one service look at its own series: two services on one Prometheus, a dead instance, a first failure."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from csg_otel.alerts.catalog import Catalog
from csg_otel.alerts.compilers import compile_all
from csg_otel.alerts.model import AlertSpec
from csg_otel.alerts.prometheus.rules import FILE

pytestmark = pytest.mark.real("promtool")

Specified = Callable[..., AlertSpec]

LABELS = '{job="shop",instance="a"'


class World:
    """Rule files on one simulated Prometheus, which scrapes and evaluates every *step_s* seconds."""

    def __init__(self, folder: Path, catalog: Catalog) -> None:
        self.step_s = 15
        self.folder = folder
        self.catalog = catalog
        self.files: list[str] = []

    def add(self, spec: AlertSpec, groups: str = "") -> None:
        """Write the rule file of *spec*, with the *groups* of this prefix only: others cost time."""
        self.files.append(f"{len(self.files)}.yaml")
        content = yaml.safe_load(compile_all(spec, self.catalog, targets=("prometheus",))[FILE])
        chosen = [group for group in content["groups"] if group["name"].startswith(groups)]
        (self.folder / self.files[-1]).write_text(json.dumps({"groups": chosen}))

    def is_empty(self, expression: str, at: str, series: Mapping[str, str]) -> str:
        """Return an empty text if *expression* has no series at the time *at*, else promtool's report."""
        inputs = [{"series": name, "values": values} for name, values in series.items()]
        expected = {"expr": expression, "eval_time": at, "exp_samples": []}
        test = {"interval": f"{self.step_s}s", "input_series": inputs, "promql_expr_test": [expected]}
        tests = {"rule_files": self.files, "evaluation_interval": f"{self.step_s}s", "tests": [test]}
        (self.folder / "tests.yaml").write_text(json.dumps(tests))
        done = subprocess.run(
            ["promtool", "test", "rules", "tests.yaml"], cwd=self.folder, capture_output=True, text=True, timeout=120
        )
        return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.fixture
def world(tmp_path: Path, catalog: Catalog) -> World:
    """A simulated Prometheus without rules."""
    return World(tmp_path, catalog)


def config(name: str, *rules: dict[str, Any], **sections: Any) -> dict[str, Any]:
    """Return the configuration of the service *name*."""
    return {"service": {"name": name}, "alerting": {"rules": list(rules)}, **sections}


# -- a dead program -----------------------------------------------------------------------------------------------------

ALIVE = {
    'up{job="shop",instance="a"}': "1x400",
    'target_info{job="shop",instance="a",service_name="shop"}': "1x400",
    'up{job="other",instance="o"}': "0x400",
}
DEAD = {
    'up{job="shop",instance="b"}': "1x40 0x360",
    'target_info{job="shop",instance="b",service_name="shop"}': "1x40 stale",
}
FIRING = 'ALERTS{alertname=~"InstanceDown.*",alertstate="firing"'


def test_one_of_two_instances_dies(specified: Specified, world: World) -> None:
    """InstanceDown fires for the dead instance within two minutes, only for it, and lasts; a foreign dead target is ignored."""
    world.add(specified(config("shop"), shipped=True), "csg_otel.alerts")

    assert world.is_empty(FIRING + ',instance!="b"}', "60m", {**ALIVE, **DEAD}) == ""
    assert 'service="shop"' in world.is_empty(FIRING + ',instance="b"}', "60m", {**ALIVE, **DEAD})
    assert world.is_empty(FIRING + "}", "60m", ALIVE) == ""
    assert world.is_empty(FIRING + "}", "10m30s", {**ALIVE, **DEAD}) == ""
    assert world.is_empty(FIRING + "}", "11m15s", {**ALIVE, **DEAD})


@pytest.mark.parametrize("values", [("1x40 stale", "1x40 stale"), ("1x40 0x360", "1x40 stale")])
def test_all_instances_die(specified: Specified, world: World, values: tuple[str, str]) -> None:
    """An alert fires if all instances are dead, whether their targets are still known or not."""
    world.add(specified(config("shop"), shipped=True), "csg_otel.alerts")
    series = dict(zip(DEAD, values, strict=True))

    assert world.is_empty(FIRING + "}", "60m", series)


def test_a_program_that_is_pushed_over_otlp_has_no_target(specified: Specified, world: World) -> None:
    """Without `up`, the alert fires once no instance reports any more, and not before."""
    world.add(specified(config("shop"), shipped=True), "csg_otel.alerts")
    series = {'target_info{job="shop",instance="a"}': "1x100 stale"}

    assert world.is_empty(FIRING + "}", "24m", series) == ""
    assert world.is_empty(FIRING + "}", "60m", series)


def test_a_missing_metric_of_one_instance_is_found_while_the_other_has_it(specified: Specified, world: World) -> None:
    """The no-data alert fires for an instance that lost the metric and is still a target; not for one that was replaced."""
    rule = {"name": "few", "metric": "process.thread.count", "condition": "<", "threshold": 1}
    world.add(specified(config("shop", rule)), "csg_otel.alerts")
    lives = {'process_thread_count{job="shop",instance="a"}': "5x400"}
    gone = {'process_thread_count{job="shop",instance="b"}': "5x40 stale"}
    firing = 'ALERTS{alertname="FewNoData"}'

    assert 'instance="b"' in world.is_empty(firing, "30m", {**ALIVE, **DEAD, **lives, **gone})
    assert world.is_empty(firing, "30m", {**ALIVE, **lives, **gone}) == ""


def test_no_service_no_rule_about_targets(specified: Specified, catalog: Catalog) -> None:
    """Without a service's name, `up` would be that of every target of the Prometheus."""
    named, unnamed = specified(config("shop"), shipped=True), specified({}, shipped=True)

    assert {rule.name for rule in named.rules} - {rule.name for rule in unnamed.rules} == {"instance_down"}


# -- two services -------------------------------------------------------------------------------------------------------

CPU = {
    'process_cpu_utilization{job="web",instance="w"}': "0.1x200",
    'process_cpu_utilization{job="batch",instance="b"}': "0.9x200",
}


def test_equal_rule_names_of_two_services_stay_apart(specified: Specified, world: World) -> None:
    """Each rule looks at the series of its own service, also through an alias that both services record."""
    rule = {"name": "cpu", "metric": "application_cpu_usage_percent", "condition": ">"}
    world.add(specified(config("web", {**rule, "threshold": 50})))
    world.add(specified(config("batch", {**rule, "threshold": 80})))

    assert 'service="batch"' in world.is_empty('ALERTS{alertname="Cpu"}', "30m", CPU)
    assert world.is_empty('ALERTS{alertname="Cpu",service="web"}', "30m", CPU) == ""
    assert world.is_empty('ALERTS{alertname="Cpu",job="web"}', "30m", CPU) == ""
    assert world.is_empty('application_cpu_usage_percent{job="web",service!="web"}', "30m", CPU) == ""


def test_equal_objectives_of_two_services_stay_apart(specified: Specified, world: World) -> None:
    """Two objectives of one name, over different metrics, record different series and fire on their own."""
    total = 'csg.files.processed{outcome="error"}', "csg.files.processed"
    slos = [{"name": "availability", "objective": 99, "bad": total[0], "total": total[1]}]
    world.step_s = 60
    for name in ("web", "batch"):
        world.add(specified(config(name, slos=slos)), "csg_otel.slo")
    series = {
        'csg_files_processed_total{job="web",instance="w",csg_outcome="ok"}': "0+100x100",
        'csg_files_processed_total{job="batch",instance="b",csg_outcome="error"}': "0+100x100",
    }

    assert 'service="batch"' in world.is_empty("ALERTS", "70m", series)
    assert world.is_empty('ALERTS{service="web"}', "70m", series) == ""
    assert world.is_empty('{__name__=~"slo:.*",service="web",job=~".+",job!="web"}', "70m", series) == ""


def test_the_ratio_of_the_period_counts_events(specified: Specified, world: World) -> None:
    """An hour of few calls that all fail weighs less than an hour of many good ones."""
    slo = {"name": "s", "objective": 99, "window": "5h", "total": "csg.files.processed"}
    world.step_s = 60
    world.add(specified(config("shop", slos=[{**slo, "bad": 'csg.files.processed{outcome="error"}'}])), "csg_otel.slo")
    series = {
        f'csg_files_processed_total{LABELS},csg_outcome="error"}}': "0+1x60 60x120",
        f'csg_files_processed_total{LABELS},csg_outcome="ok"}}': "0x60 0+99x120",
    }
    ratio, expected = "slo:sli_error:ratio_rate5h", 60 / (60 + 99 * 90)

    assert world.is_empty(f"{ratio} < {expected * 0.9} or {ratio} > {expected * 1.1}", "150m", series) == ""
    assert world.is_empty(ratio, "150m", series)


@pytest.mark.parametrize(
    ("selector", "expected"),
    [("job", 'job="web"'), ("service_name", 'service_name="web"'), ('team="x"', 'team="x"')],
)
def test_the_selector_is_in_every_expression(
    specified: Specified, catalog: Catalog, selector: str, expected: str
) -> None:
    """Scraped series are selected by `alerting.selector`, recorded ones by the label service."""
    content = config(
        "web", {"name": "cpu", "metric": "application_cpu_usage_percent", "condition": ">", "threshold": 1}
    )
    content["alerting"]["selector"] = selector
    spec = specified(content, shipped=True)
    groups = yaml.safe_load(compile_all(spec, catalog, targets=("prometheus",))[FILE])["groups"]
    rules = [rule for group in groups for rule in group["rules"] if rule.get("alert") != "Watchdog"]

    assert all(expected in rule["expr"] or 'service="web"' in rule["expr"] for rule in rules)
    assert all(rule["labels"]["service"] == "web" for group in groups for rule in group["rules"])
    assert all(expected in rule["expr"] for rule in rules if "record" in rule)


# -- first failures -----------------------------------------------------------------------------------------------------

FAILED = {
    "name": "failed",
    "metric": "increase(csg.files.processed)",
    "window": "10m",
    "condition": ">",
    "threshold": 0,
}
KNOWN = {
    f"target_info{LABELS}}}": "1x400",
    f'csg_files_processed_total{LABELS},csg_outcome="ok"}}': "5x400",
}


def uptime(start: int) -> dict[str, str]:
    """Return the age of a program that has run for *start* seconds when the test begins."""
    return {f"process_uptime_seconds{LABELS}}}": f"{start}+15x400"}


def failures(values: str) -> dict[str, str]:
    """Return the counter of failures with *values*."""
    return {f'csg_files_processed_total{LABELS},csg_outcome="error"}}': values}


@pytest.mark.parametrize(
    ("series", "at", "fires"),
    [
        ({**KNOWN, **uptime(9000), **failures("_x80 1x320")}, "25m", True),  # the first failure of a program that runs
        ({**KNOWN, **uptime(9000), **failures("_x80 1x320")}, "35m", False),  # the window is over
        ({**uptime(15), **failures("1x4 stale")}, "5m", True),  # a batch job that failed once and ended
        (
            {**KNOWN, **uptime(9000), **failures("7x400")},
            "5m",
            False,
        ),  # an old counter: Prometheus was started after it
        ({**KNOWN, **failures("7x400")}, "5m", False),  # the same program without the metrics of its process
        (failures("_x80 1x320"), "25m", True),  # nothing else is known
    ],
)
def test_a_counter_that_appears_grew_from_zero(
    specified: Specified, world: World, series: dict[str, str], at: str, *, fires: bool
) -> None:
    """A first failure counts; a counter that Prometheus merely sees for the first time does not."""
    world.add(specified(config("shop", {**FAILED, "filters": {"outcome": "error"}})), "csg_otel.alerts")

    assert bool(world.is_empty('ALERTS{alertname="Failed"}', at, series)) is fires


def test_the_error_ratio_has_the_first_failures(specified: Specified, world: World) -> None:
    """Four failures, the first of a program: all of the last five minutes' pieces of work failed."""
    world.add(specified(config("shop"), shipped=True), "csg_otel.names")
    work = f"csg_operation_work_finished_total{LABELS},csg_outcome"
    series = {f'{work}="ok"}}': "1x400", f'{work}="error"}}': "_x80 4x320"}

    assert world.is_empty("error_rate_percent != 100", "22m", series) == ""
    assert world.is_empty("error_rate_percent == 100", "22m", series)
