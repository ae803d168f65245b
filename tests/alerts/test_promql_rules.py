"""Rules in PromQL have unit tests: of the expressions that people write, as promtool evaluates them, and altered ones fail."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from csg_otel.alerts.compilers import compile_all
from csg_otel.alerts.evaluate import Evaluator, UnevaluableError, parse
from csg_otel.alerts.expr import UserPromql
from csg_otel.alerts.model import AlertSpec
from csg_otel.alerts.prometheus import unit_tests
from csg_otel.alerts.prometheus.rules import FILE
from csg_otel.alerts.queries import expressions, tree
from support import newest, rule_files
from support.wild_rules import CATALOG, named, specified

RATE = "sum by (job) (rate(x_total{code=~'5..'}[5m])) > 3"
SHARE = "100 * sum by (job) (rate(x_total{code=~'5..'}[5m])) / sum by (job) (rate(x_total[5m])) > 5"
QUANTILE = "histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m]))) > 2"
BUSY = "sum(rate(a_total[5m])) > 3 and sum(rate(b_total[5m])) > 100"

ALTERED = [
    (RATE, "sum by (job) (rate(x_total{code=~'5..'}[5m])) > 3.02"),
    (RATE, "sum by (job) (rate(x_total{code=~'5..'}[5m])) < 3"),
    (RATE, "sum by (job) (increase(x_total{code=~'5..'}[5m])) > 3"),
    (RATE, "sum by (job) (rate(x_total{code!~'5..'}[5m])) > 3"),
    (RATE, "sum by (instance) (rate(x_total{code=~'5..'}[5m])) > 3"),
    (SHARE, SHARE.replace("/", "*")),
    (SHARE, SHARE.replace("100 *", "99 *")),
    ("a / (a + b) > 0.1", "a / (a - b) > 0.1"),
    (BUSY, BUSY.replace("and", "or")),
    (BUSY, BUSY.replace("and", "unless")),
    (BUSY, BUSY.replace("100", "99")),
    ("x > 5", "x >= 5"),
    ("x >= 5", "x > 5"),
    ("x > 5 < 9", "x > 5 < 10"),
    ("x > 5 unless on (job) y == 1", "x > 5"),
    ("x > 5 unless on (job) y == 1", "x > 5 unless on (job) y == 2"),
    ("min(x) < 2", "min(x) < 1.9"),
    (QUANTILE, QUANTILE.replace("0.9", "0.8")),
    ("ssl_expiry - time() < 86400 * 30", "ssl_expiry - time() < 86400 * 29"),
    ("time() - max by (job) (last_run) > 3600", "time() - max by (job) (last_run) > 3500"),
    ("a / on (pod) group_left (team) b > 0.9", "a / on (pod) group_left () b > 0.9"),
    ("a / ignoring (kind) b > 0.9", "b / ignoring (kind) a > 0.9"),
    ("absent(up{job='shop'})", "absent(up{job='other'})"),
    ("absent_over_time(up{job='shop'}[5m])", "up{job='shop'} == 0"),
    ("max without (cpu) (deriv(x[10m])) > 4", "max without (cpu) (deriv(x[10m])) > 4.1"),
    ("(sum(x) or vector(0)) < 2", "(sum(x) or vector(1)) > 2"),
    ("-x > -5", "-x > -4"),
    ("5 < x", "5 < x + 1"),
    ("predict_linear(x[1h], 4 * 3600) < 0", "predict_linear(x[1h], 4 * 3600) > 0"),
    (
        "a{kind='w'} / on (pod) group_left () b{kind=~'v|w'} > 2",
        "a{kind='w'} / on (pod) group_left () b{kind=~'v|w'} > 2.1",
    ),
]
"""Expressions, each with one that says something else."""

UNTESTED = [
    ("topk(3, x) > 1", "which only Prometheus evaluates"),
    ("x offset 1d > 1", "compares values of the past"),
    ("changes(x[5m]) > 1", "whose values are not steady"),
    ("rate(x[5m]) > 1 and x > 5", "two functions of one metric need different samples"),
    ("x > 5 and x < 4", "no numbers of its series are found at which it fires"),
]


def rule(promql: str, **settings: Any) -> AlertSpec:
    """Return the specification of one rule with *promql*."""
    own = {"promql": promql, "condition": ..., "threshold": ..., "datadog_query": "avg(last_5m):avg:a{*} > 1"}
    return AlertSpec(rules=specified(named({**own, **settings})).rules[:1])


def run(folder: Path, tested: AlertSpec, compiled: AlertSpec, program: str = "promtool") -> str:
    """Run the tests of *tested* on the rules of *compiled*; return what promtool prints if they fail, else nothing."""
    files = unit_tests.compile_tests(tested)
    (test,) = [name for name in files if name.endswith(unit_tests.TEST)]
    text = compile_all(compiled, CATALOG, targets=("prometheus",))[FILE]
    groups = [group for group in yaml.safe_load(text)["groups"] if group["name"] == "csg_otel.alerts"]
    (folder / test).write_text(files[test])
    (folder / test.replace(unit_tests.TEST, ".yaml")).write_text(yaml.safe_dump({"groups": groups}))
    done = subprocess.run([program, "test", "rules", test], cwd=folder, capture_output=True, text=True, timeout=120)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.real("promtool")
@pytest.mark.parametrize("generation", ["debian", "newest"])
@pytest.mark.parametrize("promql", list(dict.fromkeys(promql for promql, _ in ALTERED)))
def test_an_expression_passes_its_tests(promql: str, generation: str, tmp_path: Path) -> None:
    """The rule fires just beyond its limit and is silent at it, in both generations of Prometheus, with a `for` as without."""
    program = newest.need("promtool") if generation == "newest" else "promtool"
    for hold_time in ("0s", "5m"):
        chosen = rule(promql, **{"for": hold_time, "keep_firing_for": "10m", "message": "{value:.3f} {labels.job}"})
        assert not unit_tests.untested(chosen)
        assert run(tmp_path, chosen, chosen, program) == ""


@pytest.mark.real("promtool")
@pytest.mark.parametrize(("promql", "other"), ALTERED)
def test_an_altered_expression_fails_the_tests(promql: str, other: str, tmp_path: Path) -> None:
    """A rule that says something else than its tests fails them."""
    assert "FAILED" in run(tmp_path, rule(promql), rule(other))


@pytest.mark.parametrize(("promql", "reason"), UNTESTED)
def test_what_has_no_test_says_why(promql: str, reason: str) -> None:
    """Where no steady numbers exist, the rule is named with the reason."""
    (message,) = unit_tests.untested(rule(promql)).values()

    assert reason in message


@pytest.mark.real("promtool")
def test_further_conditions_beside_promql_are_tested(tmp_path: Path) -> None:
    """Conditions in the vocabulary beside PromQL belong to the same tests."""
    also = [{"metric": "queue_depth", "by": ["job"], "condition": ">", "threshold": 10}]
    chosen = rule("sum by (job) (x)", **{"condition": ">", "threshold": 5, "and": also})

    assert run(tmp_path, chosen, chosen) == ""
    assert "FAILED" in run(tmp_path, chosen, rule("sum by (job) (x)", condition=">", threshold=5))


def is_promql(text: str) -> bool:
    """Return whether *text* is PromQL; VictoriaMetrics has a language of its own."""
    try:
        tree.parse(text)
    except tree.SyntaxMistakeError:
        return False
    return True


@pytest.mark.real("promtool")
def test_the_tests_of_other_projects_rules_pass(tmp_path: Path) -> None:
    """A rule that is correct never fails its tests: those of many projects, most of which have tests."""
    written = dict.fromkeys(
        one["expr"]
        for file in rule_files.need()
        for document in yaml.safe_load_all(file.read_text())
        for group in (document.get("spec") or document).get("groups") or []
        for one in group["rules"]
        if "alert" in one and is_promql(one["expr"])
    )
    every = list(written)[::8]
    own = {"condition": ..., "threshold": ..., "datadog_query": "avg(last_5m):avg:a{*} > 1", "for": "5m"}
    chosen = specified(named(*({"promql": promql, **own} for promql in every))).rules[: len(every)]
    files = unit_tests.compile_tests(AlertSpec(rules=chosen))
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    tests = [name for name in files if name.endswith(unit_tests.TEST)]
    done = subprocess.run(
        ["promtool", "test", "rules", *tests], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert len(unit_tests.untested(AlertSpec(rules=chosen))) < 0.25 * len(every)


# -- previews -----------------------------------------------------------------------------------------------------------

BEFORE = (
    'x_total{code="500"} 0\nx_total{code="200"} 0\nlevel{pod="a"} 4\nlevel{pod="b"} 9\nteam{pod="a",team="red"} 1\n'
)
NOW = 'x_total{code="500"} 20\nx_total{code="200"} 80\nlevel{pod="a"} 4\nlevel{pod="b"} 9\nteam{pod="a",team="red"} 1\n'


@pytest.mark.parametrize(
    ("promql", "series"),
    [
        ("sum(rate(x_total{code='500'}[5m])) / sum(rate(x_total[5m]))", {(): 0.2}),
        ("level > 5", {(("pod", "b"),): 9.0}),
        ("level * on (pod) group_left (team) team", {(("pod", "a"), ("team", "red")): 4.0}),
        ("max without (pod) (level)", {(): 9.0}),
        ("level unless on (pod) team", {(("pod", "b"),): 9.0}),
        ("absent(missing{job='a'})", {(("job", "a"),): 1.0}),
        ("absent(level)", {}),
        ("level{pod='a'} / 0", {(("pod", "a"),): float("inf")}),
        ("missing or vector(3)", {(): 3.0}),
        ("rate(new_total[5m])", {}),
    ],
)
def test_a_preview_evaluates_promql(promql: str, series: dict[Any, float]) -> None:
    """PromQL of a user has the values that Prometheus computes."""
    evaluated = Evaluator(parse(BEFORE, 0), parse(NOW + "new_total 9\n", 10), {})

    assert evaluated(UserPromql(promql)) == series


def test_a_preview_says_what_it_can_not_evaluate(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason names the function, or the package that is missing."""
    evaluated = Evaluator(parse(BEFORE, 0), parse(NOW, 10), {})
    with pytest.raises(UnevaluableError, match=r"it contains `topk\(1, level\)`, which only Prometheus evaluates"):
        evaluated(UserPromql("topk(1, level)"))
    expressions.read.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "promql_parser", None)
    with pytest.raises(UnevaluableError, match=r"install csg-otel\[alerts\]"):
        evaluated(UserPromql("level"))
