"""A real Prometheus with the compiled rules: its recorded series equal the program's own numbers, and previews agree."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from csg_otel import names
from csg_otel.alerts.catalog import Catalog
from csg_otel.alerts.compilers import compile_all
from csg_otel.alerts.model import AlertSpec
from csg_otel.alerts.prometheus.rules import FILE
from support.programs import Program, eventually
from support.prometheus import Prometheus

PROGRAM = """
    import json, sys, time
    import csg_otel

    @csg_otel.observe
    def work(number):
        time.sleep(0.002)
        if number % 4 == 0:
            raise ValueError("every fourth")

    @csg_otel.health_check("always", interval_s=1)
    def always():
        return True

    cache = csg_otel.cache("answers")
    telemetry = csg_otel.instrument("snapshot", exporters=["prometheus"], system_monitoring__collection_interval=4)

    def some(count):
        for number in range(count):
            try:
                work(number)
            except ValueError:
                pass
            cache.hit() if number % 5 else cache.miss()
            csg_otel.file_processed("vtt" if number % 2 else "srt", size_bytes=1000)
            time.sleep(0.005)

    some(4)
    print(telemetry.url, flush=True)
    for line in sys.stdin:
        some(int(line))
        print(json.dumps(telemetry.metrics_snapshot()), flush=True)
"""

RULES = """
service: {name: snapshot}
alerting:
  rules:
    - {name: memory, metric: system_memory_usage_percent, condition: ">", threshold: 0, filters: {type: usage}}
    - {name: one_cpu, metric: system_cpu_usage_percent, condition: ">=", threshold: 0, filters: {type: per_cpu, cpu: "0"}}
    - {name: rss, metric: application_memory_usage_bytes, condition: ">", threshold: 0, filters: {type: rss, process: snapshot}}
    - {name: fails, metric: error_rate_percent, condition: ">", threshold: 10}
    - {name: works, metric: error_rate_percent, condition: ">", threshold: 50}
    - {name: cold, metric: cache_hit_rate_percent, condition: "<", threshold: 90, no_data: ignore}
    - {name: slow, metric: csg.operation.duration, condition: ">", threshold: 2}
    - {name: quick, metric: p50(csg.operation.duration), condition: "<", threshold: 2, no_data: ignore}
    - {name: files, metric: csg.files.processed, condition: ">", threshold: 0, filters: {type: vtt}}
    - {name: failing_check, metric: health_check_status, condition: equals, threshold: 0, filters: {check: always}}
    - {name: healthy_check, metric: health_check_status, condition: equals, threshold: 1, filters: {check: always}}
    - {name: full_disk, metric: system_disk_usage_percent, condition: ">=", threshold: 0}
    - {name: nowhere, metric: csg.spool.size, condition: ">", threshold: 0}
"""


class Shop:
    """The program, and a Prometheus with the rules that scrapes it."""

    def __init__(self, program: Program, prometheus: Prometheus, url: str, config: Path) -> None:
        self.prometheus = prometheus
        self.url = url
        self.config = config
        self._program = program

    def work(self, count: int) -> dict[str, Any]:
        """Let the program work *count* times and return its own snapshot afterwards."""
        assert self._program.process.stdin is not None
        self._program.process.stdin.write(f"{count}\n")
        self._program.process.stdin.flush()
        snapshot: dict[str, Any] = json.loads(self._program.line_with(r"\{.*\}")[0])
        return snapshot


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One shop for all tests of this module."""
    from csg_otel.alerts import spec
    from csg_otel.config import load
    from csg_otel.exporters import prometheus as exposition

    folder = tmp_path_factory.mktemp("shop")
    config = folder / "rules.yaml"
    config.write_text(RULES)
    catalog = Catalog(series=exposition.family_name, label=exposition.label_name)
    loaded = load(config, environ={})
    rules = folder / FILE
    rules.write_text(compile_all(spec.load(loaded.config, catalog), catalog, targets=("prometheus",))[FILE])
    with Program(PROGRAM, folder, {"XDG_STATE_HOME": str(folder)}) as program:
        url = program.line()
        with Prometheus(
            {"snapshot": [url.removeprefix("http://")]}, folder / "prometheus", rules=[rules]
        ) as prometheus:
            running_shop = Shop(program, prometheus, url, config)
            eventually(lambda: prometheus.query("csg_operation_duration_seconds_count"), within_s=30)
            running_shop.work(400)
            yield running_shop


def flat(tree: Any) -> dict[tuple[str, ...], float]:
    """Return a group of a snapshot by the values of its labels."""
    if not isinstance(tree, dict):
        return {(): tree}
    return {(key, *rest): value for key, inner in tree.items() for rest, value in flat(inner).items()}


def differences(shop: Shop) -> list[str]:
    """Return every recorded series of the monitoring guide's names that differs between the snapshot and Prometheus."""
    snapshot = shop.work(0)
    local = {**snapshot["system"], **snapshot["application"], **snapshot["business"]}
    differing = []
    for name, alias in names.ALIASES.items():
        # An instrument has one of the names too (system.memory.usage), with labels of its own.
        series = [
            (tuple(filter(None, map(labels.get, alias.labels))), value) for labels, value in shop.prometheus.query(name)
        ]
        recorded = {key: value for key, value in series if key or not alias.labels}
        expected = flat(local[name]) if name in local else {}
        rel = (
            0.1
            if alias.name in ("processing_duration_seconds", "error_rate_percent", "cache_hit_rate_percent")
            else 1e-6
        )
        if recorded != pytest.approx(expected, rel=rel, abs=1e-9) or not recorded:
            differing.append(f"{name}: {recorded} here {expected}")
    return differing


@pytest.mark.real("prometheus")
def test_every_name_of_the_monitoring_guide_has_the_programs_own_number(shop: Shop) -> None:
    """Between two samples of the host, the recorded series equal ``get_metrics_snapshot()``, without exception."""
    last: list[str] = []

    def same() -> bool:
        last[:] = differences(shop)
        return not last

    try:
        eventually(same, within_s=40, every_s=0.5)
    except AssertionError:
        pytest.fail("\n".join(last))


@pytest.mark.real("prometheus")
def test_a_preview_agrees_with_prometheus(shop: Shop) -> None:
    """While the program works, the preview shows the rules that Prometheus reports as firing."""
    command = [sys.executable, "-m", "csg_otel", "alerts", "preview", "--no-shipped", "--wait", "2"]
    command += ["--config", str(shop.config), "--url", f"{shop.url}/metrics"]
    preview = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ})
    shop.work(800)
    out, _ = preview.communicate(timeout=60)
    groups = shop.prometheus.get("rules", type="alert")["groups"]
    firing = {rule["name"] for group in groups for rule in group["rules"] if rule["state"] == "firing"}

    assert preview.returncode == 0
    assert {line.split()[4].rstrip(":") for line in out.splitlines() if line.startswith("! would fire")} == firing
    assert firing == {"Memory", "OneCpu", "Rss", "Fails", "Cold", "Quick", "Files", "HealthyCheck", "FullDisk"}


@pytest.mark.real("prometheus")
def test_every_alert_of_the_file_is_evaluated_without_an_error(shop: Shop, specified: Callable[..., AlertSpec]) -> None:
    """Prometheus reports each rule as healthy."""
    groups = shop.prometheus.get("rules")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]

    assert {rule["health"] for rule in rules} == {"ok"}
    assert len([rule for rule in rules if rule["type"] == "alerting"]) >= len(specified(shop.config).rules)


OF_THE_GUIDE = [
    'system_cpu_usage_percent{type="total"}',
    'system_cpu_usage_percent{type="per_cpu", cpu="0"}',
    'avg by (instance) (system_cpu_usage_percent{type="per_cpu"})',
    'system_memory_usage_bytes{type="used"}',
    'system_memory_usage_bytes{type="used"} / ignoring (type) system_memory_usage_bytes{type="available"}',
    'system_memory_usage_percent{type="usage"}',
    'system_disk_usage_bytes{type="used", mount="/"}',
    'system_disk_usage_bytes{type="free", mount="/"}',
    'system_disk_usage_percent{mount="/"}',
    'rate(system_network_bytes_total{direction="sent"}[30s])',
    'rate(system_network_bytes_total{direction="received"}[30s])',
    'rate(system_network_packets_total{direction="sent"}[30s])',
    'rate(system_network_packets_total{direction="received"}[30s])',
    'system_load_average{period="1m"}',
    'system_load_average{period="5m"}',
    'system_load_average{period="15m"}',
    "system_processes_total",
    'application_cpu_usage_percent{process="snapshot"}',
    'application_memory_usage_bytes{process="snapshot", type="rss"}',
    'application_memory_usage_bytes{process="snapshot", type="vms"}',
    'application_memory_usage_percent{process="snapshot"}',
    'application_threads_total{process="snapshot"}',
    'application_file_descriptors_total{process="snapshot"}',
    'application_uptime_seconds{process="snapshot"}',
    'increase(files_processed_total{type="vtt"}[30s])',
    'processing_duration_seconds{type="average"}',
    'processing_errors_total{type="all"}',
]
"""Queries as panels for the guide's exporter have them: every name, with every set of labels that its exporter writes."""


@pytest.mark.real("prometheus")
def test_panels_made_for_the_guides_exporter_find_their_series(shop: Shop) -> None:
    """Each query has exactly one series, and that has a number."""
    eventually(lambda: shop.prometheus.query("rate(system_network_bytes_total[30s])"), within_s=30)
    found = {query: [value for _, value in shop.prometheus.query(query)] for query in OF_THE_GUIDE}

    assert {query: values for query, values in found.items() if len(values) != 1 or not math.isfinite(values[0])} == {}


@pytest.mark.real("prometheus")
def test_the_rows_of_the_snapshot_have_the_labels_of_the_recorded_series(shop: Shop) -> None:
    """What a script reads from ``get_metrics_snapshot()["metrics"]`` and a panel from Prometheus are the same series."""
    rows = {(row["name"], *sorted(row["labels"].items())) for row in shop.work(0)["metrics"]}
    added = {"__name__", "job", "instance", "service"}

    def recorded() -> set[tuple[Any, ...]]:
        series = [labels for name in names.ALIASES for labels, _ in shop.prometheus.query(f'{name}{{service!=""}}')]
        return {
            (labels["__name__"], *sorted(pair for pair in labels.items() if pair[0] not in added)) for labels in series
        }

    eventually(lambda: recorded() == {row for row in rows if row[0] in names.ALIASES}, within_s=20)
