"""Mistakes in expressions: thirty planted ones are found, and none in correct rules, of this package and of other projects."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from csg_otel.alerts import bundle, spec
from csg_otel.alerts.catalog import Catalog
from csg_otel.alerts.queries import files, own
from csg_otel.cli import main
from csg_otel.config import load
from csg_otel.exporters import prometheus
from support import rule_files

ROOT = Path(__file__).parents[2]
TESTDATA = Path(__file__).parent / "testdata"
WILD = (TESTDATA / "wild.prom").read_text()

PLANTED = [
    ("csg_operation_duration_secnds_count > 3", "no metric is called"),
    ("rate(csg_file_processed_total[5m]) > 1", "did you mean csg_files_processed_total"),
    ("rate(process_resident_memory_percent[5m]) > 1", "is a gauge"),
    ("increase(node_load_ratio[5m]) > 1", "write delta"),
    ("deriv(requests_total[5m]) > 1", "is a counter"),
    ("delta(requests_total[5m]) > 1", "write increase"),
    ("rate(sum(requests_total)[5m:1m]) > 1", "write sum(rate(...))"),
    ("increase(job:requests:sum[5m]) > 1", "recorded aggregate"),
    ("histogram_quantile(0.95, sum by (job) (rate(x_bucket[5m]))) > 1", "drops the label le"),
    ("histogram_quantile(95, sum by (le) (rate(x_bucket[5m]))) > 1", "write 0.95 instead of 95"),
    ("histogram_quantile(0.95, sum by (le) (x_bucket)) > 1", "write rate(x_bucket[5m])"),
    ("histogram_quantile(0.95, rate(x_count[5m])) > 1", "write x_bucket"),
    ("histogram_quantile(0.9, count by (le) (rate(x_bucket[5m]))) > 1", "write sum"),
    ("quantile_over_time(99, x[5m]) > 1", "a share from 0 to 1"),
    ('rate(x_total{code="5.."}[5m]) > 1', "write code=~"),
    ('rate(x_total{code=~".*"}[5m]) > 1', "matches every series"),
    ('rate(x_total{code!~".*"}[5m]) > 1', "matches no series"),
    ('x{mount=~"/data*"} > 1', "is not a wildcard"),
    ('x{job=~"a||b"} > 1', "an empty alternative"),
    ('x{job="a", job="b"} > 1', "exclude each other"),
    ("x offset -5m > 1", "reads the future"),
    ("sum by (pod) (sum by (job) (x)) > 1", "pod is dropped before"),
    ("sum by (job) (x) / sum by (job, code) (y) > 1", "only one side has code"),
    ("sum by (job) (x) / on (pod) y > 1", "the left side has lost pod"),
    ("x * on (job) group_left (team) sum by (job) (y) > 1", "takes team from a side that has lost it"),
    ("rate(x_total[5m]) < 0", "never true"),
    ('sum(rate(x_total{code="500"}[5m])) / sum(rate(x_total[5m])) > 5', "compare it with 0.05"),
    ("rate(x_total[5m]) >= 0", "always true"),
    ("x > bool 5", "remove bool"),
    ("sum by (job) (x)", "nothing is compared"),
    ("requests_total > 100", "the alert never ends"),
    ("avg(rate(x_total[5m])) == 3", "hardly ever equals 3"),
    ("absent(x or vector(0))", "nothing is ever absent"),
    ("x >", "is not PromQL"),
]

CORRECT = [
    "a * on (pod) group_left (node) topk by (pod) (1, max by (pod, node) (b)) > 1",
    "sum by (pod, x) (a) * on (pod) group_left (o) label_replace(topk by (pod) (1, b), 'o', '$1', 'n', '(.*)') > 1",
    "a * on (pod, ns) group_left (node) bottomk by (pod) (1, max by (pod, ns, node) (b) > 0) > 1",
    "topk by (ns) (1, max by (ns, node) (a)) * on (ns) group_right (node) b > 1",
    'sum(celsius{room="a"}) / sum(celsius) > 1.2',
    'count(up{job="a"} == 0) / count(up) > 0.5',
    "(sum(up) or vector(0)) < 2",
    'absent(up{job="a"} == 1)',
    "used / ignoring (type) (hard > 0) > 0.9 < 1",
    'x{scope=~"resource|"} > 1',
    "2 ^ max by (job) (shards) - 1 - sum by (job) (2 ^ max by (job, shard) (shard_number)) != 0",
    "1 - avg_over_time(probe_success[1h]) > 0.01",
    'ALERTS{severity="info"} == 1 unless on (ns) ALERTS{severity=~"warning|critical"} == 1',
]
"""Shapes of rules in Kubernetes' mixin, which no package brings, and others whose mistake would be a false one."""

FOREIGN = {
    ("thanos-alerts.yaml", "ThanosBucketReplicateRunLatency", "drops the label le"),
    ("victoriametrics-alerts-vmanomaly.yaml", "NoSelfMonitoringMetrics", "is not PromQL"),
    ("victoriametrics-alerts-vmanomaly.yaml", "TooHighCPUUsage", "is not PromQL"),
}
"""The mistakes that other projects' rules do have, read one by one: a quantile that is always empty, and MetricsQL."""


def document(catalog: Catalog, expression: str, annotation: str = "x") -> list[str]:
    """Return the findings about one alert."""
    rule = f"alert: A\n    expr: >-\n      {expression}\n    annotations: {{summary: '{annotation}'}}\n"
    text = f"groups:\n- name: g\n  rules:\n  - {rule}"
    return files.document(text, "r.yaml", catalog)


@pytest.mark.parametrize(("expression", "message"), PLANTED)
def test_a_planted_mistake_is_found(catalog: Catalog, expression: str, message: str) -> None:
    """Each mistake is found, with its position, group and alert."""
    found = document(catalog, expression)

    assert any(message in one for one in found), found
    assert all(one.startswith("r.yaml:5:11: group g, A: ") for one in found)


@pytest.mark.parametrize("expression", CORRECT)
def test_a_correct_expression_has_no_finding(catalog: Catalog, expression: str) -> None:
    """What looks like a mistake and is none is not reported."""
    assert document(catalog, expression.replace("'", '"')) == []


@pytest.mark.parametrize("how", ["topk by (pod) (2, {})", "topk by (node) (1, {})", "topk without (pod) (1, {})", "{}"])
def test_a_join_with_several_partners_is_found(catalog: Catalog, how: str) -> None:
    """Only one series for each combination of the labels that are joined is a single partner."""
    joined = how.format("max by (pod, node) (b)")
    (found,) = document(catalog, f"a * on (pod) group_left (node) {joined} > 1")

    assert "the right side differs by node, too" in found


def test_a_label_that_a_text_prints_and_an_aggregation_drops_is_found(catalog: Catalog) -> None:
    """A template that prints a lost label is a mistake; one that prints a label of the aggregation is none."""
    (found,) = document(catalog, "sum by (job) (x) > 1", "{{ $labels.pod }} of {{ $labels.job }}")

    assert "no label pod any more" in found


@pytest.mark.parametrize(
    ("source", "exposition", "shipped"),
    [
        ({"service": {"name": "shop"}}, "", True),
        (TESTDATA / "forty.yaml", "", False),
        (TESTDATA / "sixty.yaml", WILD, False),
        (TESTDATA / "channels.yaml", "", False),
        *((path, "", True) for path in sorted((ROOT / "examples").rglob("monitoring_config.yaml"))),
    ],
    ids=str,
)
def test_correct_rules_have_no_findings(source: Path | dict[str, object], exposition: str, shipped: bool) -> None:
    """The shipped bundle, the examples, and files of forty and sixty rules have no findings."""
    from alerts.conftest import SECRETS

    catalog = Catalog(exposition=exposition, series=prometheus.family_name, label=prometheus.label_name)
    loaded = load(source, environ=SECRETS)
    rules = bundle.shipped() if shipped else {}
    specification = spec.load(loaded.config, catalog, locate=loaded.problem, **rules)

    assert list(own.expressions(specification, catalog)) == []


def test_rules_of_other_projects_have_no_findings_but_real_mistakes(catalog: Catalog) -> None:
    """Files of kube-prometheus' parts and of others have findings only where they do have mistakes."""
    collected = rule_files.need()
    every = [line for file in collected for line in files.document(file.read_text(), file.name, catalog)]
    mistakes = {(file, alert, text) for file, alert, text in FOREIGN if any(map(_says(file, alert, text), every))}
    other = [line for line in every if not any(_says(*one)(line) for one in FOREIGN)]

    assert len(collected) > 20
    assert other == []
    assert mistakes == FOREIGN


def _says(file: str, alert: str, text: str) -> Callable[[str], bool]:
    return lambda line: line.startswith(file) and f", {alert}: " in line and text in line


def test_a_pattern_that_parts_alerts_of_one_name_may_match_everything(catalog: Catalog) -> None:
    """Of two alerts of one name, one selects what the other one excludes: a template for which one of them is empty."""
    rule = "  - {alert: NAME, expr: 'rate(x_total{code OP `.*`}[5m]) > 1'}\n"
    parted = "groups:\n- name: g\n  rules:\n" + rule.replace("OP", "=~") + rule.replace("OP", "!~")
    single = "groups:\n- name: g\n  rules:\n" + rule.replace("OP", "=~")

    assert files.document(parted, "r.yaml", catalog) == []
    assert "matches every series" in files.document(single, "r.yaml", catalog)[0]


def checked(tmp_path: Path, rules: str, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run ``alerts check`` on a configuration with these *rules*, and return its output."""
    file = tmp_path / "monitoring_config.yaml"
    file.write_text(f"service: {{name: shop}}\nalerting:\n  rules:\n{rules}")
    main(["alerts", "check", "--config", str(file), "--no-shipped", *arguments])
    output = capsys.readouterr()
    return output.out + output.err


WRITTEN = '    - {name: mine, promql: "rate(process_uptime_seconds[5m]) > 1", severity: info}\n'


def test_check_reads_the_promql_of_users(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A finding about a rule is a warning with its place in the file."""
    output = checked(tmp_path, WRITTEN, capsys)

    assert "warning: " in output
    assert "monitoring_config.yaml:4:" in output
    assert "is a gauge" in output


def test_check_reads_other_rule_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A finding in a file that was written by hand has its line, group and alert."""
    other = tmp_path / "other.yaml"
    other.write_text("groups:\n- name: g\n  rules:\n  - alert: A\n    expr: rate(up[5m]) > 1\n")
    output = checked(tmp_path, WRITTEN, capsys, "--prometheus-file", str(other))

    assert f"{other}:5:" in output
    assert "group g, A: " in output


def test_check_finds_a_text_about_a_label_that_the_promql_drops(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A place for a label that the user's aggregation drops is a warning at its text; one for a label that stays is none."""
    rule = '    - {name: m, promql: "sum by (job) (requests) > 1", severity: info, message: "TEXT"}\n'
    dropped = checked(tmp_path, rule.replace("TEXT", "{labels.job}, {labels.pod}"), capsys)
    kept = checked(tmp_path, rule.replace("TEXT", "{labels.job}"), capsys)

    assert "{labels.pod} is always empty, because the expression drops pod" in dropped
    assert "alerting.rules[0].message" in dropped
    assert "always empty" not in kept


def test_windows_fit_the_interval_of_scrapes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A window of a minute is enough for a scrape every 15 s, and too short for one every minute."""
    other = tmp_path / "other.yaml"
    other.write_text("groups:\n- name: g\n  rules:\n  - {alert: A, expr: 'rate(a_total[1m]) > 1', for: 30s}\n")
    common = checked(tmp_path, WRITTEN, capsys, "--prometheus-file", str(other))
    slow = checked(tmp_path, WRITTEN, capsys, "--prometheus-file", str(other), "--scrape-interval", "60")

    assert "too short" not in common
    assert "scraped every 60 s; set it to 4m or more" in slow
    assert "`for: 30s` is shorter than the 60 s between two evaluations" in slow


def test_check_says_that_the_parser_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All other checks run, and the message has the command that installs it."""
    monkeypatch.setitem(sys.modules, "promql_parser", None)
    output = checked(tmp_path, WRITTEN, capsys)

    assert "expressions are not checked: " in output
    assert "pip install 'csg-otel[alerts]'" in output
    assert "1 rule, 0 objectives" in output
