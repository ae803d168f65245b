"""A program that logs through all stages of csg_otel's life beside another library that wraps ``Logger.callHandlers``."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from support.otlp_sink import HttpSink

_PROGRAM = """
import collections, json, logging, os, sys
import csg_otel
{vendor}
handled, messages, in_vendor, exported = [], [], [], []
class Keep(logging.Handler):
    def emit(self, record):
        handled.append(record.getMessage())
if {handlers}:
    logging.getLogger().addHandler(Keep())
elif logging.lastResort is not None:
    logging.lastResort.setLevel(logging.ERROR)

def start(**settings):
    return csg_otel.instrument(
        "journey", exporters=["otlp+{endpoint}"], handle_signals=False, health_monitoring__enabled=False,
        system_monitoring__enabled=False, **settings)

saved = []
def enter():
    saved.append(logging.Logger.__dict__["callHandlers"])
    vendor_enter()
def leave():  # as many libraries do: what was there before is put back, whatever has been put there since
    logging.Logger.callHandlers = saved.pop()

def log(message, *, vendor, export):
    messages.append(message)
    in_vendor.extend([message] * vendor)
    exported.extend([message] * export)
    logging.getLogger("shop").error(message)

def in_child():
    del messages[:], in_vendor[:], exported[:], handled[:]
    vendor_forget()
    log("child", vendor=1, export=1)
    report(telemetry.force_flush(20))

def report(flushed):
    line = dict(pid=os.getpid(), messages=messages, in_vendor=in_vendor, exported=exported, handled=handled,
                seen=list(vendor_seen()), flushed=flushed)
    os.write(1, (json.dumps(line) + "\\n").encode())

def journey():
    global telemetry
    if {vendor_first}:
        enter()
        telemetry = start()
    else:
        telemetry = start()
        enter()
    log("first", vendor=1, export=1)
    start(logging__level="warning")
    log("other settings", vendor=1, export=1)
    telemetry = start(logging__level="debug")
    log("other settings again", vendor=1, export=1)
    telemetry.shutdown()
    log("ended", vendor=1, export=0)
    telemetry = start()
    log("begun again", vendor=1, export=1)
    if (child := os.fork()) == 0:
        try:
            in_child()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    enter()
    log("wrapped twice", vendor=vendor_times, export=1)
    leave()
    log("unwrapped once", vendor=1, export=1)
    leave()
    log("vendor left", vendor=0, export=1)
    enter()
    log("vendor back", vendor=1, export=1)
    telemetry.shutdown()
    log("ended again", vendor=1, export=0)
    leave()
    log("without both", vendor=0, export=0)
    telemetry = start()
    log("csg_otel alone", vendor=0, export=1)
    report(telemetry.force_flush(20))
    telemetry.shutdown()

vendor_run(journey)
print(logging.Logger.__dict__["callHandlers"].__code__.co_filename == logging.__file__)
"""

FUNCTION = """
events = []
def vendor_enter():
    old = logging.Logger.callHandlers
    def call_handlers(self, record):
        try:
            return old(self, record)
        finally:
            events.append(record.getMessage())
    logging.Logger.callHandlers = call_handlers
vendor_times, vendor_seen, vendor_forget = 2, lambda: events, lambda: events.clear()
def vendor_run(function): function()
"""
"""A library that replaces the method by a function; with two of its wrappers it gets a record twice, as without csg_otel."""

DESCRIPTOR = """
events = []
class Bound:
    def __init__(self, call):
        self.call = call
    def __call__(self, record):
        events.append(record.getMessage())
        return self.call(record)
class Wrapper:  # as wrapt's: a proxy that equals what it wraps, and says that it is of the same class
    def __init__(self, wrapped):
        self.wrapped = wrapped
    __class__ = property(lambda self: type(self.wrapped))
    def __get__(self, instance, owner):
        return Bound(self.wrapped.__get__(instance, owner)) if instance is not None else self
    def __eq__(self, other):
        return other == self.wrapped
    def __hash__(self):
        return hash(self.wrapped)
def vendor_enter():
    logging.Logger.callHandlers = Wrapper(logging.Logger.__dict__["callHandlers"])
vendor_times, vendor_seen, vendor_forget = 2, lambda: events, lambda: events.clear()
def vendor_run(function): function()
"""
"""A library that replaces the method by an object with ``__get__``."""


def run(
    python: str,
    vendor: str,
    cwd: Path,
    *,
    vendor_first: bool,
    handlers: bool,
    variables: Mapping[str, str] | None = None,
) -> None:
    """Run the program, and check that each record was handled, seen by the other library, and exported as often as it says."""
    sink = HttpSink()
    source = _PROGRAM.format(vendor=vendor, endpoint=sink.endpoint, vendor_first=vendor_first, handlers=handlers)
    done = subprocess.run(
        [python, "-c", source],
        cwd=cwd,
        env={**os.environ, "PROMETHEUS_PORT": "0", **(variables or {})},
        capture_output=True,
        text=True,
        timeout=55,
    )
    sink.close()
    assert done.returncode == 0, done.stderr
    *lines, restored = done.stdout.splitlines()
    reports = [json.loads(line) for line in lines]

    assert [report["flushed"] for report in reports] == [True, True], done.stderr
    for report in reports:
        assert Counter(report["seen"]) == Counter(report["in_vendor"]), done.stderr
        if handlers:
            assert Counter(report["handled"]) == Counter(report["messages"])
        else:
            assert _shown(done.stderr, report["messages"]) == Counter(report["messages"])
    expected = [message for report in reports for message in report["exported"]]
    assert Counter(record.body.string_value for record in sink.received.records) == Counter(expected)
    assert restored == "True"


def _shown(stderr: str, messages: list[str]) -> Counter[str]:
    lines = stderr.splitlines()
    return Counter({message: sum(line.endswith(message) for line in lines) for message in messages})
