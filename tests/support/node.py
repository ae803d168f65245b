"""A program in another language: Node.js with OpenTelemetry's own SDK, installed by `.ci/node-parts`."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Protocol

from support.programs import Program

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "tests" / "dashboard" / "node" / "program.js"


class Receiving(Protocol):
    """The addresses to send to."""

    @property
    def otlp_http(self) -> str:
        """The address of OTLP over HTTP."""

    @property
    def otlp_grpc(self) -> str:
        """Host and port of OTLP over gRPC."""


def node_program(directory: Path, receivers: Receiving, protocol: str, service: str = "checkout") -> Program:
    """Return the program, which sends with *protocol* (`http/json`, `http/protobuf`, `grpc`) and ends."""
    found = subprocess.run([ROOT / ".ci" / "node-parts", "--find"], check=True, capture_output=True, text=True)
    endpoint = f"http://{receivers.otlp_grpc}" if protocol == "grpc" else receivers.otlp_http
    environment = {
        "NODE_PATH": f"{found.stdout.strip()}/node_modules",
        "OTEL_SERVICE_NAME": service,
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        **{f"OTEL_{signal}_EXPORTER": "otlp" for signal in ("TRACES", "LOGS", "METRICS")},
    }
    return Program(["node", str(SOURCE)], directory, environment)
