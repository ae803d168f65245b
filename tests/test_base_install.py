"""What the package needs is what it declares: everything but the extras works without packages that only they bring."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.otlp_sink import GrpcSink, HttpSink
from support.programs import Program

# Kept from being imported, with their metadata, as where they are not installed.
ABSENT = """
    import importlib.metadata, json, sys
    ABSENT = ("grpc", "grpc_health", "requests", "urllib3", "psutil", "uvicorn", "starlette", "anyio", "click")
    sys.modules.update(dict.fromkeys((*ABSENT, "opentelemetry.exporter.otlp")))
    found = importlib.metadata.version
    def version(name):
        if name.replace("-", "_").startswith((*ABSENT, "opentelemetry_exporter_otlp")):
            raise importlib.metadata.PackageNotFoundError(name)
        return found(name)
    importlib.metadata.version = version
"""


@pytest.fixture
def sinks() -> Iterator[tuple[GrpcSink, HttpSink]]:
    """A receiver of each protocol."""
    receivers = GrpcSink(), HttpSink()
    yield receivers
    for receiver in receivers:
        receiver.close()


def _run(source: str, cwd: Path) -> tuple[str, str]:
    """Return the last line of a program without the packages, and what it wrote to stderr."""
    with Program(textwrap.dedent(ABSENT) + textwrap.dedent(source), cwd) as program:
        assert program.process.stdout is not None
        lines = program.process.stdout.read().splitlines()
        assert program.wait() == 0, program.stderr
        return lines[-1], program.stderr


def test_every_destination_works_without_the_extras(sinks: tuple[GrpcSink, HttpSink], tmp_path: Path) -> None:
    """OTLP over gRPC and over HTTP, Prometheus and the console; on Linux nothing of the host needs psutil, either."""
    over_grpc, over_http = sinks
    printed, errors = _run(
        f"""
        import time, urllib.request
        import csg_otel
        page = ""
        telemetry = csg_otel.instrument(
            exporters=["prometheus", "console", "otlp://127.0.0.1:{over_grpc.port}", "otlp+http://127.0.0.1:{over_http.port}"],
            config={{"system_monitoring": {{"collection_interval": 1, "metrics": {{"network_connections": True}}}}}},
        )
        with csg_otel.observe("work"):
            csg_otel.counter("orders").add(1)
        while "system_memory_usage" not in page or "process_cpu_time" not in page:
            time.sleep(0.1)
            page = urllib.request.urlopen(f"{{telemetry.url}}/metrics").read().decode()
        report = telemetry.shutdown(30)
        print(json.dumps([report.dropped, report.spooled]))
        """,
        tmp_path,
    )

    assert json.loads(printed) == [{}, 0]
    assert [line for line in errors.splitlines() if "cannot deliver" in line or "metrics are missing" in line] == []
    for sink in sinks:
        assert "work" in [span.name for span in sink.received.spans]


def test_the_receiver_over_grpc_says_what_to_install(tmp_path: Path) -> None:
    """The one over HTTP listens; the command is one warning. The store is not used, because no request arrives."""
    printed, errors = _run(
        """
        from csg_otel.dashboard.otlp.receivers import Receivers
        receivers = Receivers(None, http_port=0, grpc_port=0)
        print(json.dumps([receivers.start(), list(receivers.addresses())]))
        receivers.stop()
        """,
        tmp_path,
    )

    assert json.loads(printed) == [True, ["http/protobuf"]]
    assert errors == (
        "no OTLP over gRPC here: the receiver needs an optional dependency: pip install 'csg-otel[grpc]'; the program goes on\n"
    )
