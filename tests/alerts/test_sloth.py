"""Objectives beside sloth's: the same windows and limits, and the same numbers from the same samples."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from csg_otel.alerts.catalog import Catalog
from csg_otel.alerts.compilers import compile_all
from csg_otel.alerts.model import AlertSpec
from csg_otel.alerts.prometheus.rules import FILE
from support import newest

_BURN = re.compile(r"ratio_rate(\w+)\{[^}]*\} > \(([\d.]+) \* ([\d.]+)\)")
_INSTANT = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")


def by_sloth(folder: Path, objective: float, period: str) -> str:
    """Return the file that sloth makes of the objective."""
    events = {
        "error_query": 'sum by (job) (rate(csg_files_processed_total{csg_outcome="error"}[{{.window}}]))',
        "total_query": "sum by (job) (rate(csg_files_processed_total[{{.window}}]))",
    }
    slo = {"name": "files", "objective": objective, "sli": {"events": events}, "alerting": {"name": "Burn"}}
    (folder / "slo.yaml").write_text(yaml.safe_dump({"version": "prometheus/v1", "service": "shop", "slos": [slo]}))
    command = [newest.need("sloth"), "generate", "--default-slo-period", period, "-i", "slo.yaml", "-o", "sloth.yaml"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)
    return (folder / "sloth.yaml").read_text()


@pytest.mark.real("promtool")
@pytest.mark.parametrize("objective", [99.9, 95])
@pytest.mark.parametrize("period", ["30d", "28d"])
def test_objectives_are_those_of_sloth(
    specified: Callable[..., AlertSpec], catalog: Catalog, tmp_path: Path, objective: float, period: str
) -> None:
    """Alerts compare the same windows with the same limits, and every series that both record has the same value."""
    slo = {"name": "files", "objective": objective, "window": period, "total": "csg.files.processed"}
    spec = specified({"slos": [{**slo, "bad": 'csg.files.processed{outcome="error"}'}]})
    ours = compile_all(spec, catalog, targets=("prometheus",))[FILE]
    theirs = by_sloth(tmp_path, objective, period)

    def burns(text: str) -> list[tuple[str, float, float]]:
        found = _BURN.findall(text)
        return sorted((window, round(float(factor), 5), round(float(budget), 9)) for window, factor, budget in found)

    assert burns(ours) == burns(theirs)
    assert len(burns(ours)) == 8

    (tmp_path / FILE).write_text(ours)
    shared = [f"slo:sli_error:ratio_rate{window}" for window in _INSTANT]
    shared += ["slo:objective:ratio", "slo:error_budget:ratio", "slo:time_period:days", "slo:current_burn_rate:ratio"]
    shared += ["slo:period_burn_rate:ratio", "slo:period_error_budget_remaining:ratio"]
    # A steady load, at which sloth's mean of ratios is the ratio of the counts; all starts with the first evaluation.
    series = {"error": "0+3x150", "ok": "0+97x150"}
    test = {
        "interval": "1m",
        "input_series": [
            {
                "series": f'csg_files_processed_total{{job="shop",instance="one",csg_outcome="{outcome}"}}',
                "values": values,
            }
            for outcome, values in series.items()
        ],
        "promql_expr_test": [
            {
                "expr": f'round(max({name}{{slo="files"}}) / max({name}{{sloth_slo="files"}}), 0.000001)',
                "eval_time": "100m",
                "exp_samples": [{"labels": "{}", "value": 1}],
            }
            for name in shared
        ],
    }
    (tmp_path / "both.test.yaml").write_text(yaml.safe_dump({"rule_files": [FILE, "sloth.yaml"], "tests": [test]}))
    done = subprocess.run(
        ["promtool", "test", "rules", "both.test.yaml"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[:3000]
