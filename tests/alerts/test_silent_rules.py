"""Mistakes in rules that a compiled file would hide: PromQL with a comment or an error, labels, shares, windows."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from csg_otel.alerts import compilers, lint, spec
from csg_otel.alerts.catalog import Catalog
from csg_otel.alerts.model import AlertSpec
from csg_otel.alerts.prometheus import rules
from csg_otel.config import load
from csg_otel.errors import AlertError
from csg_otel.exporters import prometheus
from support.patterns import BOTH

Specified = Callable[..., AlertSpec]
PAGE = '# TYPE http_requests_total counter\nhttp_requests_total{code="200",route="/"} 5\n'


def config(**settings: Any) -> dict[str, Any]:
    """Return a configuration with one rule that has these settings."""
    base = {"name": "a", "metric": "up", "condition": ">", "threshold": 1}
    return {"alerting": {"rules": [{key: value for key, value in {**base, **settings}.items() if value is not None}]}}


def findings(**settings: Any) -> list[tuple[str, str]]:
    """Return the findings about a rule on the metrics of `PAGE`."""
    catalog = Catalog(exposition=PAGE, series=prometheus.family_name, label=prometheus.label_name)
    loaded = load(config(**settings), environ={})
    return [each for each in lint.rules(spec.load(loaded.config, catalog)) if each[0].startswith("alerting")]


@pytest.mark.parametrize(
    ("promql", "limit"), [("up # all ) of them", {}), ("up > 0 # x", {"condition": None, "threshold": None})]
)
@pytest.mark.real("promtool")
def test_a_comment_of_the_user_is_harmless(
    specified: Specified, catalog: Catalog, tmp_path: Path, promql: str, limit: dict[str, Any]
) -> None:
    """The end of the expression is not a part of it, and Prometheus accepts the file."""
    specification = specified(config(metric=None, promql=promql, **limit))
    refused: list[str] = []
    files = compilers.compile_all(
        specification, catalog, targets=("prometheus",), report=lambda _, message: refused.append(message)
    )
    (tmp_path / "rules.yaml").write_text(files[rules.FILE])

    assert not refused
    assert promql in files[rules.FILE]
    command = ["promtool", "check", "rules", "rules.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert "SUCCESS" in done.stdout, done.stderr


@pytest.mark.real("promtool")
def test_prometheus_takes_the_patterns_that_are_accepted(specified: Specified, tmp_path: Path) -> None:
    """What is no mistake as a pattern of a filter is none for RE2."""
    exprs = [f"x{{a=~{yaml_safe}}}" for yaml_safe in map(quoted, BOTH)]
    group = {"name": "g", "rules": [{"alert": f"A{at}", "expr": expr} for at, expr in enumerate(exprs)]}
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [group]}))
    command = ["promtool", "check", "rules", "rules.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)

    assert f"SUCCESS: {len(BOTH)} rules" in done.stdout, done.stderr


def quoted(text: str) -> str:
    """Return *text* as a literal of PromQL."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


@pytest.mark.parametrize("promql", ["rate(foo[", "up)", "# only a comment"])
def test_a_syntax_error_is_an_error_of_the_compilation(specified: Specified, promql: str) -> None:
    """No backend gets a file that it refuses."""
    with pytest.raises(AlertError, match=re.escape("alerting.rules[0].promql: is not PromQL: ")):
        specified(config(metric=None, promql=promql))


def test_a_syntax_error_in_an_objective_is_an_error(specified: Specified) -> None:
    """The events of an objective may be PromQL, too."""
    slo = {"name": "s", "objective": 99, "good": "sum(rate(a[window])", "total": "sum(rate(b[window]))"}
    with pytest.raises(AlertError, match=re.escape("slos[0].good: is not PromQL: ")):
        specified({"slos": [slo]})


@pytest.mark.parametrize("label", ["__name__", "größe", "a-b", "1st", "__x"])
def test_a_label_that_no_series_can_have_is_refused(specified: Specified, label: str) -> None:
    """Prometheus refuses the whole file of such a rule."""
    with pytest.raises(AlertError, match="is not a valid label name; use a-z"):
        specified(config(labels={label: "x"}))


def test_a_name_needs_a_letter_of_any_script(specified: Specified) -> None:
    """Letters of other scripts stay, so that two names are not one alert."""
    (rule,) = specified(config(name="日本 größe")).rules
    assert rule.alert == "日本Größe"

    with pytest.raises(AlertError, match="has no letter or digit"):
        specified(config(name="--"))


def test_a_share_above_one_is_reported() -> None:
    """5 is not 5 %: a part is never more than the whole."""
    part = {"metric": "http_requests_total", "filters": {"code": "500"}}
    ratio = {"of": part, "to": {"metric": "http_requests_total"}}
    says = "a share is never above 1, so the rule never fires; write 5%, if 5 % are meant"

    assert findings(metric=None, ratio=ratio, threshold=5) == [("alerting.rules[0].threshold", says)]
    assert findings(metric=None, ratio=ratio, threshold="5%") == []
    assert findings(metric=None, ratio=ratio, threshold=5, percent=True) == []
    assert findings(metric=None, ratio={"of": ratio["to"], "to": part}, threshold=5) == []


@pytest.mark.parametrize(
    ("settings", "key", "hint"),
    [
        ({"filters": {"cod": "500"}}, "filters", " (did you mean 'code'?)"),
        ({"filters": {"zone": "a"}}, "filters", " (it has code, route)"),
    ],
)
def test_a_label_that_the_page_does_not_have_is_reported(settings: dict[str, Any], key: str, hint: str) -> None:
    """Such a filter matches nothing, unless Prometheus adds the label."""
    ((path, message),) = findings(metric="http_requests_total", **settings)

    assert path == f"alerting.rules[0].{key}"
    assert hint in message
    assert findings(metric="http_requests_total", filters={"code": "500"}, by=["route", "job"]) == []


def test_a_window_as_long_as_the_memory_of_missing_data_is_reported() -> None:
    """The alert of one silent instance could never fire."""
    ((path, message),) = findings(metric="http_requests_total", window="1d", no_data="alert")

    assert path == "alerting.rules[0].window"
    assert message.endswith("set it below 1d, or no_data: ignore")
    assert findings(metric="http_requests_total", window="23h", no_data="alert") == []
