"""Every query of the dashboard, filled in as Grafana does it, on a real Prometheus that scrapes the examples."""

from __future__ import annotations

import math
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from csg_otel.alerts.compilers import compile_all
from csg_otel.alerts.prometheus.rules import FILE
from csg_otel.dashboard.grafana import model
from support.grafana_dashboard import catalog, filled, specification, targets
from support.otlp_sink import HttpSink
from support.programs import Program, eventually
from support.prometheus import Prometheus

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
LIMIT_S = 100.0

WITHOUT_DATA = {
    "Container": "the limits of a container, which the machine of a test may not have",
    "Faults": "an error inside telemetry, which nothing here makes",
}
"""Panels whose queries may have no data here, and what they would need."""


class Running(NamedTuple):
    """A Prometheus that scrapes two programs, their dashboard, and the Unix time since when it does."""

    prometheus: Prometheus
    dashboard: dict[str, Any]
    since: float

    def empty(self, rate_interval: str) -> list[str]:
        """Return the queries without data until now, but those of WITHOUT_DATA; a NaN is no data."""
        during = {"start": f"{self.since}", "end": f"{time.time()}", "step": "1"}
        found = []
        for title, target in targets(self.dashboard):
            expr = filled(target["expr"], self.dashboard, rate_interval)
            result = self.prometheus.get("query_range", query=expr, **during)["result"]
            numbers = [float(value) for series in result for _, value in series["values"]]
            if title not in WITHOUT_DATA and all(map(math.isnan, numbers)):
                found.append(f"{title}: {expr}")
        return found


@contextmanager
def scraped(folder: Path, seconds: float) -> Iterator[Running]:
    """Run both examples, the second with an OTLP destination, and a Prometheus with the compiled rules."""
    metrics, sink = catalog(), HttpSink()
    spec = specification(metrics)
    (folder / FILE).write_text(compile_all(spec, metrics, targets=("prometheus",))[FILE])
    duration = ["--seconds", f"{seconds:.0f}"]
    generator = [sys.executable, str(EXAMPLES / "snapshot_generator"), "--demo", *duration]
    service = [sys.executable, str(EXAMPLES / "async_service.py"), *duration]
    often = {"METRICS_COLLECTION_INTERVAL": "2", "TMPDIR": str(folder), "XDG_STATE_HOME": str(folder)}
    exporting = {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
    for name in ("generator", "service"):
        (folder / name).mkdir()
    try:
        with (
            Program(generator, folder / "generator", often) as first,
            Program(service, folder / "service", {**often, **exporting}) as second,
        ):
            addresses = [program.line_with(r"http://(127\.0\.0\.1:\d+)/metrics")[1] for program in (first, second)]
            jobs = {"snapshot-generator": addresses[:1], "order-service": addresses[1:]}
            with Prometheus(jobs, folder / "prometheus", rules=[folder / FILE]) as prometheus:
                yield Running(prometheus, model.dashboard(spec, metrics), time.time())
    finally:
        sink.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Both programs and the Prometheus, for all quick tests."""
    with scraped(tmp_path_factory.mktemp("grafana"), 3 * LIMIT_S) as found:
        yield found


def shown(running: Running, expr: str) -> list[float]:
    """Return the values of *expr* now, of all jobs and instances."""
    return [value for _, value in running.prometheus.query(filled(expr, running.dashboard, "10s"))]


@pytest.mark.real("prometheus")
def test_every_query_has_data(running: Running) -> None:
    """Each query of each panel is accepted, and has had a number; a scrape every second makes four seconds a rate interval."""
    last: list[str] = []

    def complete() -> bool:
        last[:] = running.empty("4s")
        return not last

    try:
        eventually(complete, within_s=LIMIT_S, every_s=2)
    except AssertionError:
        pytest.fail("\n".join(last))


@pytest.mark.real("prometheus")
def test_the_overview_shows_what_runs(running: Running) -> None:
    """Two instances are up and none is down; the chosen job restricts what is shown."""
    expressions = {title: target["expr"] for title, target in reversed([*targets(running.dashboard)])}
    (down,) = (target["expr"] for title, target in targets(running.dashboard) if target["legendFormat"] == "down")

    eventually(lambda: shown(running, expressions["Instances"]) == [2.0])
    assert shown(running, down) == [0.0]
    assert shown(running, expressions["Instances"].replace("$job", "order-.*")) == [1.0]
    assert shown(running, expressions["Health"])[0] in (0.0, 1.0)  # every fourth transcript is broken: a warning


@pytest.mark.real("prometheus")
def test_the_variables_offer_what_runs(running: Running) -> None:
    """The services are those that are scraped; job and instance are those of the chosen service only."""

    def offered() -> dict[str, list[str]]:
        found = {}
        for variable in running.dashboard["templating"]["list"][1:]:
            series, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]).groups()  # type: ignore[union-attr]
            match = {"match[]": filled(series, running.dashboard, "")}
            found[variable["name"]] = running.prometheus.get(f"label/{label}/values", **match)
        return found

    eventually(lambda: offered()["service"] == ["order-service", "snapshot-generator"])
    assert offered()["job"] == ["snapshot-generator"]
    assert len(offered()["instance"]) == 1


@pytest.mark.real("prometheus")
def test_exemplars_name_traces(running: Running) -> None:
    """The duration's query has exemplars with the label that the data source links to traces."""
    (expr,) = (one["expr"] for title, one in targets(running.dashboard) if title == "p95 by operation")

    def exemplars() -> Any:
        during = {"start": f"{running.since}", "end": f"{time.time()}"}
        return running.prometheus.get("query_exemplars", query=filled(expr, running.dashboard, "4s"), **during)

    found = eventually(exemplars, within_s=60)
    assert all(len(one["labels"]["trace_id"]) == 32 for series in found for one in series["exemplars"])  # type: ignore[attr-defined]


@pytest.mark.slow
@pytest.mark.real("prometheus")
def test_every_query_has_data_after_two_minutes(tmp_path: Path) -> None:
    """With the rate interval of a Prometheus that scrapes every 15 s."""
    with scraped(tmp_path, 200) as running:
        eventually(lambda: time.time() > running.since + 120, within_s=180, every_s=1)
        assert running.empty("1m") == []
