"""A program in another language: Node.js with OpenTelemetry's own SDK, installed by `.ci/node-parts`."""

from __future__ import annotations

import subprocess
from pathlib import Path

from csg_otel.dashboard.otlp.receivers import Receivers
from support.programs import Program

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "tests" / "dashboard" / "node" / "program.js"


def node_program(directory: Path, receivers: Receivers, protocol: str, service: str = "checkout") -> Program:
    """Return the program, which sends with *protocol* (`http/json`, `http/protobuf`, `grpc`) and ends."""
    found = subprocess.run([ROOT / ".ci" / "node-parts", "--find"], check=True, capture_output=True, text=True)
    endpoint = f"http://{receivers.grpc_address}" if protocol == "grpc" else receivers.http_url
    environment = {
        "NODE_PATH": f"{found.stdout.strip()}/node_modules",
        "OTEL_SERVICE_NAME": service,
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        **{f"OTEL_{signal}_EXPORTER": "otlp" for signal in ("TRACES", "LOGS", "METRICS")},
    }
    return Program(["node", str(SOURCE)], directory, environment)
