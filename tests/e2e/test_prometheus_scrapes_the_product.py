"""A real Prometheus scrapes the example program: everything is ingested, and the numbers are the program's own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.prometheus import Prometheus

from support.programs import Program, eventually, get

GENERATOR = Path(__file__).resolve().parents[2] / "examples" / "snapshot_generator"


@pytest.mark.real("prometheus", "promtool")
def test_a_minute_of_the_example_under_a_real_prometheus(tmp_path: Path) -> None:
    """`up` stays 1, no sample is refused, promtool has no complaint, and PromQL counts the files really processed."""
    command = [sys.executable, str(GENERATOR), "--demo", "--seconds", "60"]
    with Program(command, tmp_path, {"METRICS_COLLECTION_INTERVAL": "2"}) as program:
        url = str(
            eventually(lambda: (found := re.search(r"http://127\.0\.0\.1:\d+", program_output(program))) and found[0])
        )
        with Prometheus([url.removeprefix("http://")], tmp_path / "prometheus") as prometheus:
            eventually(lambda: prometheus.query("csg_files_processed_total"), within_s=40)
            text = get(f"{url}/metrics")[1]
            lint = subprocess.run(
                ["promtool", "check", "metrics"], input=text, text=True, capture_output=True, timeout=60
            )
            ends = program.line_with(r"(\d+) files? processed", within_s=90)

            processed = prometheus.query("sum(max_over_time(csg_files_processed_total[5m]))")
            refused = prometheus.query(
                "sum(prometheus_target_scrapes_sample_duplicate_timestamp_total)"
                " + sum(prometheus_target_scrapes_sample_out_of_order_total)"
                " + sum(prometheus_target_scrapes_sample_out_of_bounds_total)"
            )
            dropped = prometheus.query(
                "max_over_time((scrape_samples_scraped - scrape_samples_post_metric_relabeling)[5m:1s])"
            )
            lowest_up = prometheus.query('min_over_time(up{job!="prometheus"}[40s] offset 5s)')

    assert lint.returncode == 0, lint.stdout + lint.stderr
    assert lint.stderr == ""
    assert [value for _, value in refused] in ([], [0.0])
    assert [value for _, value in dropped] == [0.0]
    assert [value for _, value in lowest_up] == [1.0]
    assert float(ends[1]) - 1 <= processed[0][1] <= float(ends[1])


def program_output(program: Program) -> str:
    return (
        program.stderr + "".join(iter(program.line, ""))
        if program.process.poll() is not None
        else program.stderr + program.line()
    )
