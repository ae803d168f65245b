"""
What has a limit and no other side to compare with: ``PYTHONPATH=tests python -m bench.limits``.

The size of an installation without extras, the end of a program whose collector hangs, a scrape beside slow health checks, and
a thousand alert rules that are compiled for all backends.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from support.otlp_sink import HttpSink
from support.programs import Program

_CHECKOUT = Path(__file__).resolve().parents[2]
_OF_VENV = {"pip", "setuptools", "wheel"}
_MB = 1e6

_ENDS = """
import csg_otel
csg_otel.instrument("bench", exporters=["otlp"], health_monitoring__enabled=False, system_monitoring__enabled=False)
@csg_otel.observe("work")
def work(): pass
for number in range(3_000):
    work()
print("ends", flush=True)
"""
_SENDS_THE_REST = _ENDS.replace("range(3_000)", "range(1)")

_SLOW_CHECKS = """
import time, urllib.request
import csg_otel
from opentelemetry import metrics
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
runs = [0]
for number in range(10):
    @csg_otel.health_check(f"slow-{number}", interval_s=600)
    def slow():
        runs[0] += 1
        time.sleep(0.05)
telemetry = csg_otel.instrument("bench", exporters=["prometheus"])
readers = [InMemoryMetricReader() for _ in range(2)]
for reader in readers:
    metrics.get_meter_provider().add_metric_reader(reader)
time.sleep(3)
before, scrapes, collections = runs[0], [], []
for _ in range(20):
    began = time.perf_counter()
    urllib.request.urlopen(telemetry.url + "/metrics").read()
    scraped = time.perf_counter()
    for reader in readers:
        reader.get_metrics_data()
    scrapes.append(scraped - began)
    collections.append(time.perf_counter() - scraped)
scrape, others = (sorted(took)[10] * 1e3 for took in (scrapes, collections))
print(f"{scrape:.1f} ms, the two other readers {others:.1f} ms, {runs[0] - before} runs of a check")
"""


def installed() -> str:
    """Return the number of packages without extras, and their size."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = str(Path(folder, "bin", "python"))
        pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--no-compile"]
        subprocess.run([*pip, str(_CHECKOUT)], check=True)
        (packages,) = Path(folder).glob("lib/python3*/site-packages")
        infos = [path.name.partition("-")[0] for path in packages.glob("*.dist-info")]
        kept = [path for path in packages.iterdir() if path.name.partition("-")[0] not in {*_OF_VENV, "pkg_resources"}]
        size = sum(file.stat().st_size for path in kept for file in _files(path))
        return f"{len(set(infos) - _OF_VENV)} packages, {size / _MB:.1f} MB"


def _files(path: Path) -> Iterator[Path]:
    files = path.rglob("*") if path.is_dir() else [path]
    yield from (file for file in files if file.is_file() and "__pycache__" not in file.parts)


def ended(folder: Path) -> str:
    """Return the seconds from the last line of a program to its end, and what is lost after the next start."""
    with closing(HttpSink()) as sink:
        env = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": sink.endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "XDG_STATE_HOME": str(folder),
        }
        sink.hang.set()
        with Program(_ENDS, folder, env) as program:
            program.line_with("ends")
            began = time.monotonic()
            assert program.wait() == 0
            took_s = time.monotonic() - began
        sink.hang.clear()
        with Program(_SENDS_THE_REST, folder, env) as program:
            assert program.wait() == 0
        arrived = {span.span_id for span in sink.received.spans}
        return f"{took_s:.1f} s, {3_001 - len(arrived)} of 3,001 spans lost"


def scraped(folder: Path) -> str:
    """Return the time of a scrape beside ten checks of 50 ms, that of two other readers, and how many checks they run."""
    with Program(_SLOW_CHECKS, folder) as program:
        return program.line_with("ms,").string


def compiled(folder: Path) -> str:
    """Return the seconds of ``csg-otel alerts compile`` with a thousand rules, its start included."""
    rule = '    - {{name: "rule {}", metric: csg.operation.duration, condition: ">", threshold: 0.5, message: slow}}\n'
    rules = "".join(map(rule.format, range(1_000)))
    file, out = folder / "alerts.yaml", folder / "out"
    file.write_text(f"alerting:\n  rules:\n{rules}", encoding="utf-8")
    command = [sys.executable, "-m", "csg_otel", "alerts", "compile", "--config", str(file), "-o", str(out)]
    began = os.times()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    ends = os.times()
    return f"{ends.children_user + ends.children_system - began.children_user - began.children_system:.2f} s of processor time"


def main() -> None:
    """Print a line for each."""
    with tempfile.TemporaryDirectory() as folder:
        print(f"installation without extras           {installed()}", flush=True)
        print(f"end with a hung collector             {ended(Path(folder))}", flush=True)
        print(f"scrape beside ten slow checks         {scraped(Path(folder))}", flush=True)
        print(f"a thousand alert rules                {compiled(Path(folder))}", flush=True)


if __name__ == "__main__":
    main()
