"""A real Prometheus scrapes the example program: everything is ingested, and the numbers are the program's own."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from support.programs import Program, eventually, get
from support.prometheus import Prometheus, promtool_check_metrics

GENERATOR = Path(__file__).resolve().parents[2] / "examples" / "snapshot_generator"


@pytest.mark.real("prometheus", "promtool")
def test_a_minute_of_the_example_under_a_real_prometheus(tmp_path: Path) -> None:
    """`up` stays 1, no sample is refused, promtool has no complaint, and PromQL counts the files really processed."""
    command = [sys.executable, str(GENERATOR), "--demo", "--seconds", "60"]
    with Program(command, tmp_path, {"METRICS_COLLECTION_INTERVAL": "2", "TMPDIR": str(tmp_path)}) as program:
        url = program.line_with(r"(http://127\.0\.0\.1:\d+)/metrics")[1]
        with Prometheus([url.removeprefix("http://")], tmp_path / "prometheus") as prometheus:
            eventually(lambda: prometheus.query("csg_files_processed_total"), within_s=40)
            text = get(f"{url}/metrics")[1]
            (target,) = prometheus.targets()
            total = int(program.line_with(r"(\d+) files? processed", within_s=90)[1])
            processed = prometheus.query("sum(max_over_time(csg_files_processed_total[5m]))")
            samples = prometheus.query("max_over_time(scrape_samples_scraped[5m])")
            refused = prometheus.query(
                'sum({__name__=~"prometheus_target_scrapes_sample_.*(duplicate_timestamp|out_of_order|out_of_bounds)_total"})'
            )
            lowest_up = prometheus.query('min_over_time(up{job="test"}[40s] offset 8s)')

    assert promtool_check_metrics(text.encode()) == ""
    assert target["lastError"] == ""
    assert samples[0][1] >= len(re.findall(r"^[a-z]", text, re.MULTILINE)) > 300
    assert [value for _, value in refused] in ([], [0.0])
    assert [value for _, value in lowest_up] == [1.0]
    assert total - 1 <= processed[0][1] <= total
