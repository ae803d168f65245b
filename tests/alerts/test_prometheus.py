"""The rule file, checked by Prometheus' own tools: they accept it, and each rule fires as written."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from csg_otel.alerts.catalog import Catalog
from csg_otel.alerts.compilers import Options, compile_all
from csg_otel.alerts.model import AlertSpec
from csg_otel.alerts.prometheus import unit_tests
from csg_otel.alerts.prometheus.rules import FILE
from csg_otel.errors import AlertError
from support import newest

Specified = Callable[..., AlertSpec]


def rules_of(spec: AlertSpec, catalog: Catalog) -> str:
    """Return the rule file of *spec*."""
    return compile_all(spec, catalog, targets=("prometheus",))[FILE]


def promtool(folder: Path, *arguments: str, program: str = "promtool") -> str:
    """Run promtool in *folder* and return its output."""
    done = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def write_tests(folder: Path, spec: AlertSpec, catalog: Catalog) -> list[str]:
    """Write the rules and the tests of *spec* into *folder*, and return the names of the test files."""
    files = unit_tests.compile_tests(spec) | {FILE: rules_of(spec, catalog)}
    for name, text in files.items():
        (folder / name).write_text(text)
    return [name for name in files if name.endswith(unit_tests.TEST)]


def test_the_files_equal_the_golden_files(
    specified: Specified, catalog: Catalog, forty: Path, golden: Callable[[str, str], None]
) -> None:
    """The files of forty rules and of the shipped rules equal their golden files to the byte."""
    golden("forty.rules.yaml", rules_of(specified(forty, shipped=True), catalog))


def test_the_example_in_the_repository_is_up_to_date(specified: Specified, catalog: Catalog, seed_file: Path) -> None:
    """`csg-otel alerts compile` would change nothing in ``examples/alerting``."""
    files = compile_all(specified(seed_file, shipped=True), catalog)

    assert {name: (seed_file.parent / name).read_text(encoding="utf-8") for name in files} == files


@pytest.mark.real("promtool")
@pytest.mark.parametrize("generation", ["debian", "newest"])
@pytest.mark.parametrize("which", ["forty", "seed_file"])
def test_each_rule_fires_above_its_threshold_and_not_at_it(
    specified: Specified, tmp_path: Path, request: pytest.FixtureRequest, which: str, generation: str
) -> None:
    """The oldest and the newest promtool confirm it for the rules, their no-data twins and the objectives."""
    spec = specified(request.getfixturevalue(which), shipped=True)
    tests = write_tests(tmp_path, spec, request.getfixturevalue("catalog"))

    program = newest.need("promtool") if generation == "newest" else "promtool"
    assert "SUCCESS" in promtool(tmp_path, "check", "rules", FILE, program=program)
    assert promtool(tmp_path, "test", "rules", *tests, program=program).count("SUCCESS") == len(tests)
    assert not unit_tests.untested(spec)
    assert sum(len(yaml.safe_load((tmp_path / name).read_text())["tests"]) for name in tests) >= 2 * len(spec.rules)


@pytest.mark.real("promtool")
@pytest.mark.parametrize("condition", [">", ">=", "<", "<=", "==", "!="])
@pytest.mark.parametrize("threshold", [0.00001, 0, -2])
def test_thresholds_near_zero_and_below_are_tested_too(
    specified: Specified, catalog: Catalog, tmp_path: Path, threshold: float, condition: str
) -> None:
    """No test makes a counter fall, and none expects silence at a value that the counter can't have."""
    metrics = ("csg.files.processed", "increase(csg.files.processed)", "p99(csg.operation.duration)", "process.uptime")
    limit = {"condition": condition, "threshold": threshold}
    rules = [{"name": f"rule {at}", "metric": metric, **limit} for at, metric in enumerate(metrics)]
    spec = specified({"alerting": {"rules": rules}})
    tests = write_tests(tmp_path, spec, catalog)

    assert "SUCCESS" in promtool(tmp_path, "test", "rules", *tests)


@pytest.mark.real("promtool")
def test_the_tests_fail_for_a_rule_that_is_off(
    specified: Specified, catalog: Catalog, forty: Path, tmp_path: Path
) -> None:
    """A threshold that is one percent higher in the file than in the rule makes its test fail, for any function."""
    spec = specified(forty)
    for was, becomes in (("> 85", "> 85.9"), ("0.99, sum", "0.9, sum"), ("[10m]))) > 0.1", "[10m]))) > 0.11")):
        texts = {rule: rules_of(replace(spec, rules=(rule,)), catalog) for rule in spec.rules}
        chosen = replace(spec, rules=tuple(rule for rule, text in texts.items() if was in text))
        assert chosen.rules
        for test in write_tests(tmp_path, chosen, catalog):
            rules = tmp_path / test.replace(unit_tests.TEST, ".yaml")
            rules.write_text(rules.read_text().replace(was, becomes))
            done = subprocess.run(["promtool", "test", "rules", test], cwd=tmp_path, capture_output=True, timeout=300)
            assert done.returncode != 0, becomes


@pytest.mark.real("promtool")
@pytest.mark.parametrize("objective", [99.9, 99, 90])
@pytest.mark.parametrize(
    "counts", [{"good": 'csg.files.processed{outcome="ok"}'}, {"bad": 'csg.files.processed{outcome="error"}'}]
)
def test_objectives_fire_above_the_limit_only(
    specified: Specified, catalog: Catalog, tmp_path: Path, objective: float, counts: dict[str, str]
) -> None:
    """Above the highest limit both alerts fire, within the budget none, whether good or bad events are counted."""
    slo = {"name": "files", "objective": objective, "total": "csg.files.processed", **counts}
    spec = specified({"slos": [slo]})
    tests = write_tests(tmp_path, spec, catalog)

    promtool(tmp_path, "test", "rules", *tests)
    assert spec.objectives[0].inverted is ("good" in counts)


@pytest.mark.real("promtool")
@pytest.mark.parametrize("generation", ["oldest", "newest"])
@pytest.mark.parametrize("min_events", [1, 50, 1_000_000])
def test_few_events_burn_no_budget(
    specified: Specified, catalog: Catalog, tmp_path: Path, min_events: int, generation: str
) -> None:
    """With fewer events than `min_events` no alert fires; the generated test fails where the limit is lower."""
    slo = {"name": "files", "objective": 99.9, "total": "csg.files.processed", "min_events": min_events}
    spec = specified({"slos": [{**slo, "bad": 'csg.files.processed{outcome="error"}'}]})
    program = newest.need("promtool") if generation == "newest" else "promtool"
    tests = write_tests(tmp_path, spec, catalog)

    assert "SUCCESS" in promtool(tmp_path, "test", "rules", *tests, program=program)
    rules = (tmp_path / FILE).read_text()
    (tmp_path / FILE).write_text(re.sub(rf" >= {min_events}\b", " >= 0", rules))
    done = subprocess.run([program, "test", "rules", *tests], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0


@pytest.mark.real("promtool")
def test_the_error_budget_is_recorded(specified: Specified, catalog: Catalog, tmp_path: Path) -> None:
    """With 0.4 % of bad events and 0.1 % allowed, the budget burns four times too fast, and less than nothing remains."""
    slo = {"name": "files", "objective": 99.9, "total": "csg.files.processed"}
    spec = specified({"slos": [{**slo, "bad": 'csg.files.processed{outcome="error"}'}]})
    (tmp_path / FILE).write_text(rules_of(spec, catalog))
    series = 'csg_files_processed_total{job="test",instance="one",csg_outcome="%s"}'
    plain = {
        "slo:objective:ratio": 0.999,
        "slo:error_budget:ratio": 0.001,
        "slo:time_period:days": 30,
    }
    of_job = {
        "slo:current_burn_rate:ratio": 4,
        "slo:period_burn_rate:ratio": 4,
        "slo:period_error_budget_remaining:ratio": -3,
    }
    expected = {
        **{name: (value, "") for name, value in plain.items()},
        **{k: (v, 'job="test",') for k, v in of_job.items()},
    }
    test = {
        "interval": "1m",
        "input_series": [
            {"series": series % outcome, "values": f"0+{each}x200"} for outcome, each in (("error", 4), ("ok", 996))
        ],
        "promql_expr_test": [
            {
                "expr": f"round({name}, 0.000001)",
                "eval_time": "100m",
                "exp_samples": [{"labels": f'{{{job}slo="files"}}', "value": value}],
            }
            for name, (value, job) in expected.items()
        ],
    }
    (tmp_path / "budget.test.yaml").write_text(yaml.safe_dump({"rule_files": [FILE], "tests": [test]}))

    assert "SUCCESS" in promtool(tmp_path, "test", "rules", "budget.test.yaml")


def test_burn_rates_are_those_of_the_workbook(specified: Specified, catalog: Catalog) -> None:
    """The limits are 14.4, 6, 3 and 1 for thirty days, and in proportion for a shorter period."""
    slo = {"name": "files", "objective": 99.9, "total": "csg.files.processed", "bad": "csg.files.processed"}

    month, fortnight = (
        rules_of(specified({"slos": [{**slo, "window": window}]}), catalog) for window in ("30d", "14d")
    )

    assert re.findall(r"> \(([\d.]+) \* 0\.001\)", month) == ["14.4", "14.4", "6", "6", "3", "3", "1", "1"]
    assert "> (6.72 * 0.001)" in fortnight


def test_text_stays_text(specified: Specified, catalog: Catalog, forty: Path) -> None:
    """A template in a message or a label is shown and not run, and the places of a message are filled."""
    groups = yaml.safe_load(rules_of(specified(forty), catalog))["groups"]
    alerts: dict[str, Any] = {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}

    assert alerts["LoopLag"]["labels"]["team"] == 'platform {{ "{{" }} danger }}'
    summary = alerts["Templates"]["annotations"]["summary"]
    assert re.findall(r"\{\{.*?\}\}", summary) == [
        '{{ "{{" }}',
        '{{ "{{" }}',
        "{{ $labels.cpu_logical_number }}",
        '{{ "{{{" }}',
    ]


def test_nothing_to_write_is_an_error(specified: Specified, catalog: Catalog) -> None:
    """An empty specification and an unknown target are errors."""
    with pytest.raises(AlertError, match="nothing to write"):
        compile_all(specified({}), catalog)
    with pytest.raises(AlertError, match=r"unknown target 'promethus' \(did you mean 'prometheus'"):
        compile_all(specified({}, shipped=True), catalog, targets=("promethus",))


def test_the_same_rules_make_the_same_bytes_in_every_process(forty: Path, tmp_path: Path) -> None:
    """The bytes depend neither on the order of hashes nor on the version of Python."""
    pythons = {sys.executable, *filter(None, (shutil.which(f"python3.{minor}") for minor in range(10, 14)))}
    files = set()
    for number, python in enumerate(sorted(pythons)):
        for seed in ("0", "1"):
            out = tmp_path / f"{number}-{seed}"
            command = [python, "-m", "csg_otel", "alerts", "compile", "--config", str(forty), "-o", str(out)]
            done = subprocess.run(command, env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, timeout=60)
            if python == sys.executable:
                assert done.returncode == 0, done.stderr
            if done.returncode == 0:
                files.add("\n".join(path.read_text() for path in sorted(out.iterdir())))

    assert len(files) == 1


def test_a_thousand_rules_take_less_than_a_second(specified: Specified, catalog: Catalog) -> None:
    """All backends compile a thousand rules in a second of process time, and ten times as many in about ten times as long."""
    row = {"metric": "csg.operation.duration", "condition": ">", "threshold": 0.5, "message": "{value} of {labels.job}"}

    def took(count: int) -> float:
        spec = specified({"alerting": {"rules": [{**row, "name": f"rule {number}"} for number in range(count)]}})
        return min(_process_seconds(lambda: compile_all(spec, catalog)) for _ in range(2))

    few, many = took(100), took(1000)
    assert many < 1.5 * _process_seconds(_second_of_work)
    assert many < 30 * few


def _process_seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _second_of_work() -> None:
    """Do what takes a second on the machine of the specification, so that a slower one has longer."""
    rows = [{"name": f"rule {number}", "labels": {"a": "b"}, "value": number} for number in range(2000)]
    yaml.load(yaml.dump(rows, Dumper=yaml.SafeDumper), yaml.SafeLoader)


def test_a_prometheus_that_is_too_old_is_refused(specified: Specified, catalog: Catalog, forty: Path) -> None:
    """A Prometheus older than 2.42 is an error, because the rules were never tested with it."""
    with pytest.raises(AlertError, match=r"Prometheus 2\.41 is too old: the rules need 2\.42 or newer"):
        compile_all(specified(forty), catalog, Options(prometheus_version=(2, 41)), ("prometheus",))
