"""A program that makes spans, records and counts through all stages of csg_otel's life, beside another vendor's telemetry."""

from __future__ import annotations

import json
import os
import subprocess
import textwrap
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from support import neighbours
from support.otlp_sink import HttpSink

_PROGRAM = """
import json, logging, os, sys, urllib.request
from opentelemetry import metrics, trace
{vendor}

def start(**settings):
    import csg_otel
    return csg_otel.instrument(
        "journey", exporters=["otlp+http://127.0.0.1:{ours}", "prometheus"], health_monitoring__enabled=False,
        system_monitoring__enabled=False, system_monitoring__prometheus__port=0, **settings)

shown = {{}}
def emit(stage):
    with trace.get_tracer("program").start_as_current_span(stage):
        logging.getLogger("app").warning(stage)
    metrics.get_meter("program").create_counter("calls").add(1)
    if telemetry.url:
        text = urllib.request.urlopen(telemetry.url + "/metrics").read().decode()
        shown[stage] = [line.split()[-1] for line in text.splitlines() if line.startswith("calls_total{{")]

if {vendor_first}:
    vendor()
    telemetry = start()
else:
    telemetry = start()
    vendor()
emit("first")
telemetry = start(exporters__queue__delay=0.5)
emit("other settings")
telemetry.shutdown()
emit("ended")
telemetry = start()
emit("begun again")
states = {{name: [status.state, status.last_error] for name, status in telemetry.status().items()}}
if (child := os.fork()) == 0:
    emit("child")
    provider = trace.get_tracer_provider()
    flushed = [telemetry.force_flush(20), getattr(provider, "force_flush", lambda timeout_millis: True)(20000)]
    os._exit(0 if flushed == [True, True] else 1)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
{end}
telemetry.shutdown()
print(json.dumps([shown, states, status]))
"""

STAGES = ("first", "other settings", "begun again", "child")
"""The stages in which csg_otel exports."""


@dataclass
class Journey:
    """The results: what csg_otel and the vendor received, by name, and what the program showed."""

    spans: Counter[str]
    records: Counter[str]
    theirs: Counter[str]
    shown: dict[str, list[str]]
    states: dict[str, tuple[str, str]]
    log: str


def run(vendor: str, cwd: Path, *, vendor_first: bool, end: str = "", command: str = "", **variables: str) -> Journey:
    """
    Run the program to its end.

    Args:
        vendor: Source that defines the function ``vendor()``; ``{theirs}`` in it is the port of an OTLP receiver for it.
        cwd: The working directory.
        vendor_first: Whether ``vendor()`` is called before ``instrument()``.
        end: Source that runs before the last shutdown.
        command: A command of the environment that runs the program instead of its interpreter.
        variables: Environment variables; ``{theirs}`` in them is replaced, too.
    """
    ours, theirs = HttpSink(), HttpSink()
    text = textwrap.dedent(vendor).replace("{theirs}", str(theirs.port))
    program = cwd / "program.py"
    program.write_text(_PROGRAM.format(vendor=text, ours=ours.port, vendor_first=vendor_first, end=end))
    prefix = [neighbours.command(command), neighbours.python()] if command else [neighbours.python()]
    given = {name: value.replace("{theirs}", str(theirs.port)) for name, value in variables.items()}
    done = subprocess.run(
        [*prefix, str(program)],
        cwd=cwd,
        env={**os.environ, **neighbours.VARIABLES, **given},
        capture_output=True,
        text=True,
        timeout=120,
    )
    ours.close()
    theirs.close()
    assert done.returncode == 0, done.stderr
    shown, states, child = json.loads(done.stdout.splitlines()[-1])
    assert child == 0, done.stderr
    return Journey(
        spans=Counter(span.name for span in ours.received.spans),
        records=Counter(record.body.string_value for record in ours.received.records),
        theirs=Counter(span.name for span in theirs.received.spans),
        shown=shown,
        states=states,
        log=done.stderr,
    )
