"""The vocabulary of rules: sixty rules of the shapes that people write, compiled, tested, altered, and previewed."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from csg_otel.alerts import conditions
from csg_otel.alerts.compilers import compile_all
from csg_otel.alerts.model import AlertSpec, Formula, Operand, Rule
from csg_otel.alerts.prometheus import unit_tests
from csg_otel.alerts.prometheus.rules import FILE
from csg_otel.errors import AlertError, ConfigError
from support import newest
from support.wild_rules import CATALOG, SIXTY, named, specified


def rules(*written: dict[str, Any]) -> AlertSpec:
    """Return the specification of these rules of a service."""
    return specified(named(*written))


def expression(**settings: Any) -> str:
    """Return the expression of one rule, without the parts that make the first value of a counter count."""
    (rule, *_) = rules(settings).rules
    text = re.sub(
        r"\(\(last_over_time\((.*?)\[.*?\) (?:/ \d+ )?or (\w+)\((.*?)\)\)", r"\2(\3)", str(conditions.condition(rule))
    )
    return text.replace('{job="shop"}', "").replace('job="shop",', "")


def write(folder: Path, chosen: AlertSpec) -> list[str]:
    """Write the rules and the tests of *chosen*, and return the names of the test files."""
    files = unit_tests.compile_tests(chosen) | compile_all(chosen, CATALOG, targets=("prometheus",))
    for name, text in files.items():
        (folder / name).write_text(text)
    return [name for name in files if name.endswith(unit_tests.TEST)]


def promtool(folder: Path, *arguments: str, program: str = "promtool") -> subprocess.CompletedProcess[str]:
    """Run promtool in *folder*."""
    return subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, timeout=300)


@pytest.mark.real("promtool")
@pytest.mark.parametrize("generation", ["debian", "newest"])
def test_sixty_rules_pass_their_generated_tests(tmp_path: Path, generation: str) -> None:
    """Both generations of promtool accept them, and each fires and is silent as written."""
    chosen = specified(SIXTY)
    tests = write(tmp_path, chosen)
    program = newest.need("promtool") if generation == "newest" else "promtool"

    checked = promtool(tmp_path, "check", "rules", FILE, program=program)
    done = promtool(tmp_path, "test", "rules", *tests, program=program)

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert done.returncode == 0, done.stdout + done.stderr
    assert len({rule.name for rule in chosen.rules}) == 60
    assert not unit_tests.untested(chosen)


def test_five_of_six_wild_shapes_need_no_promql() -> None:
    """Of the sixty rules, which are spread as in the wild, one is written in PromQL."""
    written = yaml.safe_load(SIXTY.read_text())["alerting"]["rules"]

    assert sum("promql" in rule for rule in written) <= 0.15 * len(written)


def altered(rule: Rule) -> list[Rule]:
    """Return *rule* with one thing changed each: its limit, its condition, a filter, a further condition."""
    compared = rule.compared
    opposite = {"greater_than": "less_than", "less_than": "greater_than", "outside": "between", "between": "outside"}
    changed = []
    if isinstance(compared.threshold, float):
        distance = (
            max(abs(compared.threshold), 1.0) if rule.first.aggregate == "count" else abs(compared.threshold) or 1
        )
        moved = (
            distance
            if rule.first.function in ("changes", "resets") or rule.first.aggregate == "count"
            else distance / 100
        )
        away = -moved if compared.condition.startswith("less") else moved
        changed.append(
            replace(rule, compared=replace(compared, threshold=compared.threshold + away, upper=compared.upper + moved))
        )
    if compared.condition in opposite:
        changed.append(replace(rule, compared=replace(compared, condition=opposite[compared.condition])))
    if isinstance(compared.value, Operand) and compared.value.filters and not compared.value.ref.defaults:
        each = compared.value.filters[0]
        others = {"is": "is_not", "is_not": "is", "matches": "matches_not", "matches_not": "matches"}
        turned = (replace(each, how=others[each.how]), *compared.value.filters[1:])  # type: ignore[arg-type]
        changed.append(replace(rule, compared=replace(compared, value=replace(compared.value, filters=turned))))
    if isinstance(compared.value, Formula) and not isinstance(compared.value.left, float):
        swapped = {"/": "*", "*": "/", "+": "-", "-": "+"}[compared.value.operator]
        changed.append(replace(rule, compared=replace(compared, value=replace(compared.value, operator=swapped))))  # type: ignore[arg-type]
    numbers = isinstance(compared.threshold, float)
    if isinstance(compared.value, Operand) and compared.value.function != "quantile" and numbers:
        value, ref = compared.value, compared.value.ref
        wider = [replace(value, ref=replace(ref, matchers=()))]
        wider += [replace(value, filters=value.filters[1:])] if value.filters and not rule.also else []
        changed += [replace(rule, compared=replace(compared, value=one)) for one in wider]
    if compared.condition in ("outside", "between"):
        changed += [
            replace(rule, compared=replace(compared, threshold=compared.threshold * 1.1)),  # type: ignore[operator]
            replace(rule, compared=replace(compared, upper=compared.upper * 0.9)),
        ]
    changed += [replace(rule, for_s=0.0)] if rule.for_s >= 60 and isinstance(compared.value, Operand) else []
    lasts = rule.keep_firing_s and rule.is_plain and rule.first.function == "value"
    changed += [replace(rule, keep_firing_s=0.0)] if lasts else []
    changed += [replace(rule, also=())] if rule.also else []
    changed += [replace(rule, unless=())] if rule.unless else []
    return changed


@pytest.mark.real("promtool")
def test_the_generated_tests_fail_for_an_altered_rule(tmp_path: Path) -> None:
    """Each rule that says something else than its tests fails them."""
    chosen = [rule for rule in specified(SIXTY).rules if rule.first.function != "promql"]
    kept = []
    for at, rule in enumerate(chosen):
        for number, other in enumerate(altered(rule)):
            folder = tmp_path / f"{at}-{number}"
            folder.mkdir()
            (test,) = write(folder, AlertSpec(rules=(rule,)))
            swapped = unit_tests.compile_tests(AlertSpec(rules=(other,)))
            text = compile_all(AlertSpec(rules=(other,)), CATALOG, targets=("prometheus",))[FILE]
            groups = [group for group in yaml.safe_load(text)["groups"] if group["name"] == "csg_otel.alerts"]
            (folder / test.replace(unit_tests.TEST, ".yaml")).write_text(yaml.safe_dump({"groups": groups}))
            if promtool(folder, "test", "rules", test).returncode == 0:
                kept.append(f"{rule.name}: {conditions.condition(other)}")
            assert swapped

    assert not kept, "\n".join(kept)


@pytest.mark.parametrize(
    ("settings", "written"),
    [
        ({"metric": "queue_depth"}, "max by (job, instance, queue) (queue_depth) > 1"),
        ({"metric": "queue_depth", "aggregate": "sum"}, "sum (queue_depth) > 1"),
        ({"metric": "queue_depth", "aggregate": "avg", "by": ["queue"]}, "avg by (queue) (queue_depth) > 1"),
        ({"metric": "queue_depth", "by": []}, "max (queue_depth) > 1"),
        ({"metric": "queue_depth", "by": ["cluster"], "condition": "<"}, "min by (cluster) (queue_depth) < 1"),
        ({"metric": "queue_depth", "without": ["instance"]}, "max by (job, queue) (queue_depth) > 1"),
        ({"metric": "up", "aggregate": "count"}, "count (up or on (job, instance) target_info) > 1"),
        ({"metric": "bytes_sent_total", "by": ["peer"]}, "sum by (peer) (rate(bytes_sent_total[5m])) > 1"),
        (
            {"metric": "p99(http_request_duration_seconds)", "by": ["route"]},
            "histogram_quantile(0.99, sum by (route, le) (rate(http_request_duration_seconds_bucket[5m]))) > 1",
        ),
        (
            {
                "metric": ...,
                "ratio": {"of": {"metric": "leader"}, "to": {"metric": "workers", "filters": {"kind": "a"}}},
                "percent": True,
            },
            '(100 * (max by (job, instance) (leader) / (max by (job, instance) (workers{kind="a"}) != 0))) > 1',
        ),
        ({"metric": "queue_depth", "offset": "1d"}, "max by (job, instance, queue) (queue_depth offset 1d) > 1"),
        (
            {"metric": "queue_depth", "age": True, "threshold": "1h"},
            "(time() - min by (job, instance, queue) (queue_depth)) > 3600",
        ),
        ({"metric": "changes(leader)", "window": "1h"}, "max by (job, instance) (changes(leader[1h])) > 1"),
        ({"metric": "leader", "changes": True}, "max by (job, instance) (changes(leader[5m])) > 1"),
        ({"metric": "resets(jobs_failed_total)", "by": []}, "sum (resets(jobs_failed_total[5m])) > 1"),
        ({"metric": "leader", "delta": True}, "max by (job, instance) (delta(leader[5m])) > 1"),
        ({"metric": "leader", "derivative": True}, "max by (job, instance) (deriv(leader[5m])) > 1"),
        (
            {"metric": "disk_free_bytes", "predict": "4h", "window": "1h", "condition": "<", "by": ["mount"]},
            "min by (mount) (predict_linear(disk_free_bytes[1h], 14400)) < 1",
        ),
        (
            {"metric": "queue_depth", "threshold": {"metric": "queue_limit"}},
            "max by (job, instance, queue) (queue_depth) > max by (job, instance, queue) (queue_limit)",
        ),
        (
            {"metric": "queue_depth", "condition": ..., "threshold": ..., "outside": [2, 8]},
            "(max by (job, instance, queue) (queue_depth) < 2) or (max by (job, instance, queue) (queue_depth) > 8)",
        ),
        (
            {"metric": "queue_depth", "condition": ..., "threshold": ..., "between": [2, 8]},
            "(max by (job, instance, queue) (queue_depth) >= 2) <= 8",
        ),
        (
            {"metric": "queue_depth / queue_limit", "threshold": "80%"},
            "(max by (job, instance, queue) (queue_depth) / (max by (job, instance, queue) (queue_limit) != 0)) > 0.8",
        ),
        (
            {
                "metric": "a + b",
                "parts": {"a": {"metric": "queue_depth", "by": ["queue"]}, "b": {"metric": "leader", "by": []}},
            },
            "max by (queue) ((max by (queue, job, instance) (queue_depth) + on (job, instance) group_left () "  # noqa: ISC004
            "max by (job, instance) (leader)) > 1)",
        ),
        (
            {
                "metric": "queue_depth",
                "and": [{"metric": "workers", "aggregate": "sum", "by": ["job"], "condition": "<", "threshold": 2}],
            },
            "(max by (job, instance, queue) (queue_depth) > 1) and on (job) (sum by (job) (workers) < 2)",
        ),
        (
            {"metric": "leader", "unless": [{"metric": "workers", "by": [], "condition": ">", "threshold": 2}]},
            "(max by (job, instance) (leader) > 1) unless on () (max (workers) > 2)",
        ),
        ({"metric": ..., "promql": "vector(2) > 1", "condition": ..., "threshold": ...}, "(vector(2) > 1)"),
        ({"metric": ..., "promql": "vector(2)"}, "(vector(2)) > 1"),
    ],
)  # fmt: skip
def test_each_form_has_its_expression(settings: dict[str, Any], written: str) -> None:
    """What a rule says is what PromQL says."""
    assert expression(**settings) == written


def test_events_that_did_not_happen_count_as_none() -> None:
    """A ratio is 0 where only the whole has events, and a sum counts the side that has some."""
    cached = {"misses": {"metric": "csg.cache.requests", "filters": {"result": "miss"}}}
    cached["hits"] = {"metric": "csg.cache.requests", "filters": {"result": "hit"}}
    text = expression(metric="misses / (misses + hits)", parts=cached)

    assert text.count("or (0 * ") == 5  # twice in the whole, which is read twice
    assert text.count("> 0)") == 1


def test_an_instance_of_last_week_that_is_gone_is_no_zero() -> None:
    """Events of different times are not parts of one whole."""
    now = {"metric": "orders_total"}
    text = expression(metric="now / before", parts={"now": now, "before": {**now, "offset": "1w"}}, condition="<")

    assert "or (0 *" not in text
    assert "offset 7d" in text


@pytest.mark.parametrize(
    ("settings", "threshold"),
    [
        ({"metric": "replication_lag_seconds", "threshold": "500ms"}, 0.5),
        ({"metric": "disk_free_bytes", "threshold": "2GiB"}, 2 * 1024**3),
        ({"metric": "disk_free_bytes", "threshold": "2GB"}, 2e9),
        ({"metric": "system_cpu_usage_percent", "threshold": "80%"}, 80),
        ({"metric": "system.filesystem.utilization", "threshold": "80%"}, 0.8),
        ({"metric": "system.memory.usage", "threshold": "1.5GiB"}, 1.5 * 1024**3),
        ({"metric": "csg.operation.duration", "threshold": "1m"}, 60),
        ({"metric": "queue_depth / queue_limit", "threshold": "80%"}, 0.8),
        ({"metric": "queue_depth / queue_limit", "percent": True, "threshold": "80%"}, 80),
        ({"metric": "queue_depth / queue_limit", "percent": True, "threshold": 80}, 80),
        ({"metric": "leader", "age": True, "threshold": "26h"}, 26 * 3600),
        ({"metric": "bytes_sent_total", "threshold": "1MiB"}, 1024**2),
        ({"metric": "disk_free_bytes - disk_size_bytes", "threshold": "1MiB"}, 1024**2),
        ({"metric": "1 - disk_free_bytes / disk_size_bytes", "threshold": "90%"}, 0.9),
        ({"metric": "100 * disk_free_bytes / disk_size_bytes", "threshold": "90%"}, 90),
        ({"metric": "queue_depth / jobs_failed_total", "by": [], "threshold": "10m"}, 600),
    ],
)
def test_a_limit_may_have_a_unit(settings: dict[str, Any], threshold: float) -> None:
    """A text with a unit is converted to the unit of the compared value."""
    assert rules(settings).rules[0].limits == (threshold,)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"metric": "disk_free_bytes", "threshold": "80%"}, "does not fit the compared value, which is in bytes"),
        ({"metric": "csg.operation.duration", "threshold": "2GiB"}, "does not fit the compared value, which is in s"),
        ({"metric": "queue_depth", "threshold": "80%"}, "which is a plain number"),
        ({"metric": "disk_free_bytes / disk_size_bytes", "threshold": "2GiB"}, "which is in 1"),
        ({"metric": "queue_depth", "by": ["queu"]}, ""),
        ({"metric": "csg.files.processed", "by": ["outcom"]}, "has no attribute 'outcom' (did you mean 'csg.outcome'?)"),
        ({"metric": "queue_depth", "by": ["a-b"]}, "is no name of a label"),
        ({"metric": "rate(queue_depth)"}, "is a gauge, which has no rate"),
        ({"metric": "bytes_sent_total", "delta": True}, "is a counter, which has no delta"),
        ({"metric": "rate(bytes_sent_total)", "changes": True}, "which has a function already; remove one"),
        ({"metric": "p99(http_request_duration_seconds)", "aggregate": "avg"}, "computed from the sum of the buckets"),
        ({"metric": "a /", "parts": {"a": {"metric": "leader"}}}, "ends where a name or a number belongs"),
        ({"metric": "(leader / workers"}, "has no ')' for each '('"),
        ({"metric": "leader / workrs"}, "did you mean 'workers'"),
        ({"metric": "a / a", "parts": {"a": {"metric": "leader"}, "c": {"metric": "leader"}}}, "is not in the formula"),
        ({"metric": "1 + 2"}, "names no metric"),
        ({"metric": "leader", "parts": {"a": {"metric": "leader"}}}, "which is no formula; remove it"),
        ({"metric": "leader", "message": "{labels.queue} waits"}, "the alert has no label 'queue'"),
        ({"metric": "queue_depth", "by": ["job"], "message": "{labels.queue} waits"}, "the alert has no label 'queue'"),
        ({"metric": "leader", "description": "{labels.instanc}"}, "did you mean 'instance'"),
        ({"metric": "leader", "condition": "==", "threshold": ..., "levels": {"warning": 1, "critical": 2}}, "has no levels"),
        ({"metric": "leader", "threshold": ..., "levels": {"warning": 9, "critical": 2}}, "swap the limits"),
        ({"metric": "leader", "condition": ..., "threshold": ..., "outside": [8, 2]}, "8 is not below 2; swap them"),
        ({"metric": "leader", "active": {"start": "8:00"}}, "is not a time of day"),
    ],
)  # fmt: skip
def test_a_mistake_says_what_to_write(settings: dict[str, Any], says: str) -> None:
    """Each is an error with a correction; an unknown label of a metric without declared ones may come from the scrape."""
    if not says:
        assert rules(settings).rules
        return
    with pytest.raises(AlertError, match="|".join(map(re.escape, says.split("|")))):
        rules(settings)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "alerting.rules[0]: 'metric' is missing"),
        ({"metric": "leader", "promql": "up"}, "has 'metric' and 'promql'; remove all but one"),
        ({"metric": "leader", "condition": ...}, "'condition' is missing"),
        ({"metric": "leader", "threshold": ...}, "'threshold' is missing"),
        ({"metric": "leader", "between": [1, 2]}, "has 'between' and 'threshold'; remove all but one"),
        ({"metric": "leader", "threshold": ..., "between": [1, 2]}, "condition: has no effect beside 'between'"),
        ({"metric": "leader", "threshold": ..., "condition": ..., "between": [1]}, "needs two limits"),
        ({"metric": "leader", "age": True, "delta": True}, "has 'age' and 'delta'; remove all but one"),
        ({"metric": "leader", "by": ["a"], "without": ["b"]}, "without: has no effect beside 'by'"),
        ({"metric": "leader", "and": [{"metric": "workers"}]}, "and[0]: 'threshold' is missing"),
        ({"ratio": {"of": {"filters": {}}, "to": {"metric": "leader"}}}, "ratio.of: 'metric' is missing"),
        ({"metric": "leader", "threshold": "many"}, "'many' is not a number (such as 85, or with a unit"),
        ({"metric": "leader", "aggregate": "mean"}, "is not an aggregation"),
    ],
)
def test_a_rule_that_is_not_whole_is_refused(settings: dict[str, Any], says: str) -> None:
    """`config check` says so, before any metric is looked up."""
    with pytest.raises(ConfigError, match=re.escape(says)):
        rules(settings)


def test_levels_are_one_rule_of_each_severity() -> None:
    """The higher level comes first and mutes the lower one; only it has the alert of missing data."""
    levels = {"warning": 80, "critical": 90}
    critical, warning = rules({"metric": "leader", "threshold": ..., "levels": levels, "no_data": "alert"}).rules

    assert (critical.severity, critical.limits, critical.above, critical.no_data) == ("critical", (90,), None, True)
    assert (warning.severity, warning.limits, warning.no_data) == ("warning", (80,), False)
    assert warning.above == ("critical", critical.compared)


def test_the_texts_of_a_rule_are_annotations() -> None:
    """The value may be written as percentage, bytes, duration or with decimals; `summary` is another name of `message`."""
    texts = {
        "summary": "{value:percent} {value:bytes} {value:duration} {value:.2f}",
        "description": "of {labels.instance}",
    }
    chosen = rules({"metric": "leader", **texts, "dashboard_url": "https://d", "keep_firing_for": "10m"})
    groups = yaml.safe_load(compile_all(chosen, CATALOG, targets=("prometheus",))[FILE])["groups"]
    (alert,) = [rule for group in groups for rule in group["rules"] if "alert" in rule]

    assert alert["keep_firing_for"] == "10m"
    assert alert["annotations"] == {
        "summary": "{{ $value | humanizePercentage }} {{ $value | humanize1024 }}B"
        ' {{ $value | humanizeDuration }} {{ printf "%.2f" $value }}',
        "description": "of {{ $labels.instance }}",
        "threshold": "1",
        "dashboard_url": "https://d",
    }


OFFICE = {"days": ["mon", "tue", "wed", "thu", "fri"], "start": "08:00", "end": "18:00", "timezone": "Europe/Berlin"}
CHANNEL = {"slack": {"enabled": True, "webhook_url": "${HOOK:-https://hooks.slack.example/x}", "channel": "#a"}}


def alertmanager_of(*written: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration of Alertmanager for these rules and one channel."""
    source = specified(named(*written, notifications=CHANNEL))
    text = compile_all(source, CATALOG, targets=("alertmanager",))["alertmanager.yaml"]
    content: dict[str, Any] = yaml.safe_load(text)
    return content


def test_a_rule_with_hours_notifies_within_them_only() -> None:
    """Its alerts take a route of their own, which is muted in the other hours of the week; those of other rules do not."""
    hours = {"metric": "leader", "threshold": 1, "active": OFFICE}
    content = alertmanager_of(hours, {"metric": "workers", "threshold": 1})

    limited, others = content["route"]["routes"][0]["routes"]
    assert limited["matchers"][-1] == 'csg_rule="rule 0"'
    assert limited["mute_time_intervals"] == ["shop.outside the hours of rule 0"]
    assert others["matchers"][-1] == 'csg_rule!~"rule 0"'
    assert "mute_time_intervals" not in others
    assert [interval["name"] for interval in content["time_intervals"]] == limited["mute_time_intervals"]


def test_a_level_mutes_the_level_below_for_the_same_series() -> None:
    """Alertmanager inhibits the lower severity where job, instance and the attributes are equal."""
    content = alertmanager_of(
        {"metric": "queue_depth", "threshold": ..., "levels": {"info": 1, "warning": 2, "critical": 3}}
    )

    muted = [(rule["source_matchers"][-1], rule["target_matchers"][-1]) for rule in content["inhibit_rules"]]
    assert muted == [
        ('severity="critical"', 'severity="warning"'),
        ('severity="warning"', 'severity="info"'),
    ]
    assert {tuple(rule["equal"]) for rule in content["inhibit_rules"]} == {("alertname", "job", "instance", "queue")}


def test_a_second_condition_with_labels_of_its_own_is_tested_too() -> None:
    """Its series is found by the labels that both sides have."""
    further = {"metric": "system_cpu_usage_percent", "condition": ">", "threshold": 50}
    (rule,) = rules({"metric": "delta(queue_depth)", "threshold": 1000, "and": [further]}).rules

    assert [test["name"].partition(" ")[2] for test in unit_tests.of_rule(rule)] == [
        "fires at 1001.37",
        "is silent at 998.63",
        "is silent without its condition 1",
    ]
