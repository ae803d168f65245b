"""Collectors, the programs that send to them, and the receivers behind them; all on loopback, all ended."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from support.collector import Collector
from support.collector import certificate as make_certificate
from support.programs import Program

Run = Callable[..., Collector]
Emit = Callable[..., Mapping[str, Any]]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Start a collector: the file's name, and what its ``${env:...}`` should be."""
    with ExitStack() as stack:
        number = 0

        def start(file: str, **env: str) -> Collector:
            nonlocal number
            number += 1
            return stack.enter_context(Collector(file, tmp_path / f"{number}-{file}", env))

        yield start


@pytest.fixture
def certificate(tmp_path: Path) -> dict[str, str]:
    """The files of a server's certificate for this machine, and of the authority that signed it."""
    return make_certificate(tmp_path)


@pytest.fixture
def emit(tmp_path: Path) -> Emit:
    """Run a program to its end: what it does, the OTLP destinations, other settings; return its own account of it."""
    number = 0

    def emit(body: str, *otlp: Mapping[str, Any], shutdown_s: float = 20.0, **settings: Any) -> Mapping[str, Any]:
        nonlocal number
        number += 1
        folder = tmp_path / f"program-{number}"
        folder.mkdir()
        exporters = {"otlp": [dict(one) for one in otlp], "shutdown_timeout": shutdown_s}
        config = {"health_monitoring": {"enabled": False}, "exporters": exporters, **settings}
        source = [
            "import dataclasses, json, logging, sys",
            "import csg_otel",
            "telemetry = csg_otel.instrument('shop', config=json.loads(sys.argv[1]))",
            *body.splitlines(),
            "print(json.dumps(dataclasses.asdict(telemetry.shutdown())))",
        ]
        (folder / "shop.py").write_text("\n".join(source))
        with Program([sys.executable, "shop.py", json.dumps(config)], folder) as program:
            report: Mapping[str, Any] = json.loads(program.line_with(r"^\{.*\}$")[0])
            assert program.wait() == 0, program.stderr
        return report

    return emit
