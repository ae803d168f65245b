"""
Hostile collectors: a real program with a destination for each behaviour, all of them at the same time.

Its memory and its use of the CPU stay bounded, every attempt ends, nothing is lost, and each destination delivers again once
its collector is well.
"""

from __future__ import annotations

import json
import os
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from support.hostile import GRPC, HTTP, Act, HostileServer
from support.otlp_sink import GrpcSink, HttpSink
from support.programs import Program, eventually

PROGRAM = textwrap.dedent("""
    import json, sys
    import csg_otel
    telemetry = csg_otel.instrument("target", config=json.loads(sys.argv[1]))
    for line in sys.stdin:
        command, number = line.split()
        if command == "emit":
            for _ in range(int(number)):
                with csg_otel.observe("work"):
                    pass
        flushed = telemetry.force_flush(float(number) if command == "flush" else 0)
        states = telemetry.status()
        print(json.dumps([flushed, {name: [s.delivered, s.dropped, s.spooled + s.queued] for name, s in states.items()}]))
""")
SPANS = 10
CLAIM_SUCCESS = {
    # HTTP: the status 200 comes first; gRPC: a message comes only with a success
    *("trailers without an end", "success without a message"),
    *("a message of 4 GB", "data without an end", "messages without an end"),
}
"""Behaviours after which a request counts as delivered."""


class Target:
    """The program under attack."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._pid = program.process.pid

    def command(self, command: str, number: float) -> tuple[bool, dict[str, Any]]:
        """Let the program emit or flush; return whether a flush succeeded, and the counts of each destination."""
        assert self._program.process.stdin is not None
        self._program.process.stdin.write(f"{command} {number}\n")
        self._program.process.stdin.flush()
        flushed, states = json.loads(self._program.line())
        return flushed, states

    def forget_peak(self) -> None:
        """Begin to look for the peak of the memory."""
        Path(f"/proc/{self._pid}/clear_refs").write_text("5")

    def peak_mb(self) -> float:
        """Return the highest resident memory since then."""
        status = Path(f"/proc/{self._pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1000

    def cpu_s(self) -> float:
        """Return the seconds of CPU that the program has used."""
        fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def attacked(
    acts: Mapping[str, Act], protocol: str, sink: Any, folder: Path
) -> Iterator[tuple[Target, dict[str, Any]]]:
    """Run the program with a hostile server for each of *acts*; yield it, and the servers by name."""
    servers = {name: HostileServer(act, sink.port) for name, act in acts.items()}
    destinations = [
        {
            "name": name,
            "endpoint": f"http://127.0.0.1:{server.port}",
            "protocol": protocol,
            "signals": ["traces"],
            "headers": {"x-destination": name},
            "timeout": 1.0,
        }
        for name, server in servers.items()
    ]
    off = {"enabled": False}
    config = {
        "exporters": {"otlp": destinations, "queue": {"delay": "50ms"}, "spool": {"directory": str(folder / "spool")}},
        "health_monitoring": off,
        "system_monitoring": {**off, "prometheus": off},
    }
    try:
        with Program([sys.executable, "-c", PROGRAM, json.dumps(config)], folder) as program:
            yield Target(program), servers
    finally:
        for server in servers.values():
            server.close()


def received(sink: Any) -> Counter[str]:
    """Return the number of different spans that the real collector has of each destination."""
    spans: dict[str, set[bytes]] = {}
    for headers, request in zip(sink.received.headers, sink.received.traces, strict=True):
        arrived = spans.setdefault(headers["x-destination"], set())
        arrived.update(s.span_id for rs in request.resource_spans for ss in rs.scope_spans for s in ss.spans)
    return Counter({name: len(ids) for name, ids in spans.items()})


@pytest.mark.parametrize(("protocol", "acts"), [("http/protobuf", HTTP), ("grpc", GRPC)], ids=["HTTP", "gRPC"])
def test_hostile_collectors_hurt_nobody(protocol: str, acts: Mapping[str, Act], tmp_path: Path) -> None:
    """All behaviours at once: memory, CPU, deadlines, complaints, and what becomes of the spans."""
    sink: Any = GrpcSink() if protocol == "grpc" else HttpSink()
    with attacked(acts, protocol, sink, tmp_path) as (target, servers):
        target.command("emit", SPANS)
        assert target.command("flush", 30)[0]
        for server in servers.values():
            server.hostile = True
        target.forget_peak()
        memory_mb, cpu_s = target.peak_mb(), target.cpu_s()
        target.command("emit", SPANS)
        eventually(lambda: all(s.attempts >= (1 if n in CLAIM_SUCCESS else 2) for n, s in servers.items()))
        assert target.command("flush", 20)[0]  # everything is safe on disk
        grown_mb, used_s = target.peak_mb() - memory_mb, target.cpu_s() - cpu_s
        attempts = sum(server.attempts for server in servers.values())
        for server in servers.values():
            server.hostile = False
        states = eventually(lambda: _settled(target))
        stderr = (tmp_path / "stderr.txt").read_text()
    sink.close()

    print(f"{protocol}: {grown_mb:.1f} MB, {used_s:.1f} s of CPU for {attempts} attempts")
    assert grown_mb < 30
    assert used_s < 2 + 0.1 * attempts, attempts
    assert {name: state for name, state in states.items() if state != [2 * SPANS, {}, 0]} == {}  # type: ignore[attr-defined]
    missing = {name for name in acts if received(sink)[name] < 2 * SPANS}
    assert missing <= CLAIM_SUCCESS
    assert len(stderr.splitlines()) <= 4 * len(acts)  # two for each outage; a busy machine may cause one of its own
    assert stderr.replace("\n", "").isprintable()


def _settled(target: Target) -> dict[str, Any] | None:
    """Return the counts of all destinations once nothing waits any more."""
    _, states = target.command("flush", 1)
    return states if not any(waiting for _, _, waiting in states.values()) else None
