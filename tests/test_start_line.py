"""The start line and ``repr(telemetry)``: what is served where, and where everything is sent."""

from __future__ import annotations

import json
import re
from pathlib import Path

from support.programs import Program

PROGRAM = """
import json, logging, sys
import csg_otel
collector = {"endpoint": "http://user:pa55@127.0.0.1:9", "signals": ["traces"]}
config = {"exporters": {"console": {"enabled": True}, "otlp": [collector]}}
telemetry = csg_otel.instrument("shop", config=config)
csg_otel.instrument("shop", config=config)
texts = [telemetry.url, repr(telemetry)]
csg_otel.instrument("shop", exporters=["prometheus"])
texts.append(repr(telemetry))
csg_otel.instrument("shop", exporters=["prometheus"], disabled=True)
texts.append(repr(telemetry))
telemetry.shutdown(0.2)
print(json.dumps([*texts, repr(telemetry)]))
"""


def _start_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if "service shop" in line]


def test_one_line_where_the_console_is_on(tmp_path: Path) -> None:
    """It has the paths, the destinations without passwords, and comes once for equal settings; ``repr`` says the same."""
    with Program(PROGRAM, tmp_path) as program:
        assert program.wait() == 0, program.stderr
        assert program.process.stdout is not None
        url, on, without_console, disabled, ended = json.loads(program.process.stdout.read())

    told = (
        f"service shop: {url} serves /metrics /livez /readyz /startupz /healthz; "
        "sends to console (stderr), otlp (http://127.0.0.1:9)"
    )
    assert on == f"<csg_otel.Telemetry: {told}>"
    assert [re.sub(r"^\S+ +", "", line) for line in _start_lines(program.stderr)] == [f"INFO  csg_otel.start: {told}"]
    assert without_console.endswith("/healthz; sends to no destination>")
    assert (disabled, ended) == ("<csg_otel.Telemetry: disabled>", "<csg_otel.Telemetry: shut down>")


def test_no_line_where_the_console_is_off(tmp_path: Path) -> None:
    """Neither on stderr nor in the log of a program that shows everything; a taken port is named by ``repr``."""
    source = """
    import logging, socket, sys
    logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
    taken = socket.create_server(("127.0.0.1", 0))
    import csg_otel
    port = taken.getsockname()[1]
    telemetry = csg_otel.instrument("shop", exporters=["prometheus"], system_monitoring__prometheus__port=port)
    print("REPR", repr(telemetry))
    """
    with Program(source, tmp_path) as program:
        assert program.wait() == 0, program.stderr
        assert program.process.stdout is not None
        lines = _start_lines(program.process.stdout.read() + program.stderr)

    assert len(lines) == 1
    assert re.fullmatch(
        r"REPR <csg_otel\.Telemetry: service shop: serves nothing \(127\.0\.0\.1:\d+: Address already in use\); sends to.*>",
        lines[0],
    )


def test_the_link_to_the_dashboard_opens_the_output(tmp_path: Path) -> None:
    """However much the telemetry has to say before its start is complete."""
    source = """
    import sys, threading
    import csg_otel

    finished = threading.Event()

    class Slow:
        def find_spec(self, name, *_):
            if name == "csg_otel.dashboard.http":  # the checks run, and the page is not served yet
                finished.wait(20)
                threading.Event().wait(1)  # the console shows what it has every 0.2 s

    @csg_otel.health_check("shop")
    def shop():
        finished.set()
        raise csg_otel.Critical("closed")

    sys.meta_path.insert(0, Slow())
    with csg_otel.instrument("shop", exporters=["console"], dashboard__enabled=True) as telemetry:
        print(telemetry)
    """
    with Program(source, tmp_path) as program:
        assert program.wait() == 0, program.stderr
        first, *others = program.stderr.splitlines()
        told = program.line()

    assert first.startswith("dashboard (this link works once): http://127.0.0.1:"), first
    assert any("closed" in line for line in others)
    page = first.partition("): ")[2].partition("/login")[0]
    assert f"; dashboard at {page}; sends to" in told
