"""Fork: a child has connections of its own, and its parent's go on as if nothing had happened."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from support.otlp_sink import GrpcSink, HttpSink
from support.programs import Program

SOURCE = """
    import os
    import csg_otel

    telemetry = csg_otel.instrument("shop", health_monitoring__enabled=False, system_monitoring__enabled=False)

    def work(name):
        with csg_otel.observe(name):
            pass
        assert telemetry.force_flush(10), telemetry.status()
        status = telemetry.status()["otlp"]
        assert status.spooled == status.queued == 0, status

    work("parent")
    children = []
    for _ in range(3):
        children.append(os.fork())
        if not children[-1]:
            try:
                work("child")
                work("child")
                os._exit(0)
            finally:
                os._exit(1)
        work("parent")
    codes = [os.waitpid(child, 0)[1] for child in children]
    work("parent")
    print(codes, flush=True)
"""


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_a_fork_shares_no_connection(protocol: str, tmp_path: Path) -> None:
    """Parent and children send over connections of their own, and all of it arrives, once."""
    sink: Any = GrpcSink() if protocol == "grpc" else HttpSink()
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol}
    with Program(SOURCE, tmp_path, env) as program:
        codes = program.line_with(r"\[.*\]")[0]
        assert program.wait() == 0
    sink.close()

    assert codes == "[0, 0, 0]", program.stderr
    assert Counter(span.name for span in sink.received.spans) == {"parent": 5, "child": 6}
