"""Ten files with nine steps each, of which five fail, read 50 % everywhere, and the shipped alert fires."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from csg_otel.alerts.catalog import Catalog
from csg_otel.alerts.compilers import compile_all
from csg_otel.alerts.prometheus.rules import FILE
from support.programs import Program, eventually, get, samples
from support.prometheus import Prometheus

PROGRAM = """
import json, sys, time
import csg_otel

telemetry = csg_otel.instrument("files", exporters=["prometheus"], system_monitoring__prometheus__port=0,
                                health_monitoring__enabled=False)

@csg_otel.observe
def step(): pass

print(telemetry.url, flush=True)
sys.stdin.readline()
for number in range(10):
    try:
        with csg_otel.file("vtt", size_bytes=100):
            for _ in range(9): step()
            time.sleep(0.1)
            if number % 2: raise ValueError
    except ValueError:
        pass
print(json.dumps(telemetry.metrics_snapshot()["business"]), flush=True)
sys.stdin.readline()
"""


@pytest.mark.real("prometheus")
def test_half_of_the_files_fail_in_every_view(tmp_path: Path) -> None:
    """The page, the snapshot and a real Prometheus agree; the rule is the shipped one, with a shorter wait."""
    from csg_otel.alerts import bundle, spec
    from csg_otel.config import load
    from csg_otel.exporters import prometheus as exposition

    catalog = Catalog(series=exposition.family_name, label=exposition.label_name)
    config = tmp_path / "config.yaml"
    config.write_text("service: {name: files}\n")
    rules = tmp_path / FILE
    loaded = spec.load(load(config, environ={}).config, catalog, **bundle.shipped())
    rules.write_text(re.sub(r"for: \S+", "for: 1s", compile_all(loaded, catalog, targets=("prometheus",))[FILE]))

    with Program(PROGRAM, tmp_path, {"XDG_STATE_HOME": str(tmp_path)}) as program:
        url = program.line()
        with Prometheus({"files": [url.removeprefix("http://")]}, tmp_path / "prometheus", rules=[rules]) as prometheus:
            eventually(lambda: prometheus.query("csg_operation_work_finished_total"), within_s=30)
            program.go_on()
            business = json.loads(program.line_with(r"\{.*\}")[0])
            page = samples(get(f"{url}/metrics")[1], "csg_operation_work_finished_total")

            assert page == {'csg_outcome="ok"': 5, 'csg_outcome="error"': 5}
            assert business["error_rate_percent"] == 50
            assert business["processing_errors_total"] == 5
            assert business["processing_duration_seconds"] >= 0.1
            assert eventually(
                lambda: [round(v) for _, v in prometheus.query("error_rate_percent")] == [50], within_s=30
            )
            firing = 'ALERTS{alertname="ErrorRatioHigh",alertstate="firing"}'
            assert eventually(lambda: prometheus.query(firing), within_s=30)
            ((_, seconds),) = prometheus.query("processing_duration_seconds")
            assert seconds >= 0.09
