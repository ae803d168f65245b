"""The hooks in ``logging.Logger`` beside other libraries that wrap the same method: every record, exactly once."""

from __future__ import annotations

import functools
import json
import logging
import sys
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from csg_otel.logs.hooks import Hook, Method
from support import log_journey
from support.otlp_sink import HttpSink
from support.programs import Program


@pytest.mark.parametrize("handlers", [True, False], ids=["handlers", "last-resort"])
@pytest.mark.parametrize("vendor_first", [True, False], ids=["vendor-first", "csg-otel-first"])
@pytest.mark.parametrize("vendor", [log_journey.FUNCTION, log_journey.DESCRIPTOR], ids=["function", "descriptor"])
def test_every_record_reaches_both_once(vendor: str, vendor_first: bool, handlers: bool, tmp_path: Path) -> None:
    """Through other settings, shutdown and a new start, fork, a second wrapper, and unwinding in any order."""
    log_journey.run(sys.executable, vendor, tmp_path, vendor_first=vendor_first, handlers=handlers)


def test_logger_classes_of_the_program_are_hooked(tmp_path: Path) -> None:
    """Classes whose methods call the inherited ones and classes whose methods do not (absl's), defined before and after."""
    sink = HttpSink()
    source = f"""
import csg_otel, json, logging
handled = []
class Before(logging.Logger):
    def callHandlers(self, record):
        handled.append(record.getMessage())
class AlsoBefore(logging.Logger):
    def handle(self, record):
        if self.filter(record):
            self.callHandlers(record)
telemetry = csg_otel.instrument(exporters=["otlp+{sink.endpoint}"], health_monitoring__enabled=False)
class After(logging.Logger):
    def callHandlers(self, record):
        handled.append(record.getMessage())
class Inherits(logging.Logger):
    def callHandlers(self, record):
        super().callHandlers(record)
class Keep(logging.Handler):
    def emit(self, record):
        handled.append(record.getMessage())
logging.getLogger().addHandler(Keep())
for kind in (Before, AlsoBefore, After, Inherits):
    logging.setLoggerClass(kind)
    logger = logging.getLogger(kind.__name__.lower())
    logger.warning("of %s", kind.__name__)
    logger.addFilter(lambda record: False)
    logger.warning("filtered")
telemetry.shutdown()
logging.getLogger("after").filters.clear()
logging.getLogger("after").warning("ended")
print(json.dumps(handled))
print(Before.callHandlers.__code__.co_filename, logging.Logger.handle.__code__.co_filename == logging.__file__)
"""
    with Program(source, tmp_path) as program:
        handled = json.loads(program.line())
        restored = program.line()
        assert program.wait() == 0, program.stderr
    sink.close()
    expected = [f"of {kind}" for kind in ("Before", "AlsoBefore", "After", "Inherits")]

    assert handled == [*expected, "ended"]
    assert [record.body.string_value for record in sink.received.records] == expected
    assert restored == "<string> True"


class Log(logging.Logger):
    """A logger class of its own, so that the hook under test is not in the way of pytest's logging."""

    def callHandlers(self, record: logging.LogRecord) -> None:
        """Count *record* in place of handlers."""
        count(record, "handled")


def count(record: logging.LogRecord, field: str) -> None:
    """Add 1 to *field* of *record*."""
    setattr(record, field, getattr(record, field, 0) + 1)


def around(logger: logging.Logger, record: logging.LogRecord, call: Method) -> Any:
    """Count *record* for the hook, and go on."""
    count(record, "hooked")
    return call(logger, record)


def handled_and_hooked() -> tuple[int, int]:
    """Log a record; return how often it was handled, and how often a hook got it."""
    record = logging.makeLogRecord({"name": "x"})
    Log("x").handle(record)
    return getattr(record, "handled", 0), getattr(record, "hooked", 0)


@pytest.mark.parametrize(
    "replace",
    [
        lambda old: staticmethod(lambda record: old(None, record)),
        lambda old: classmethod(lambda _cls, record: old(None, record)),
        functools.partialmethod,
        lambda old: property(lambda self: functools.partial(old, self)),
        lambda old: Mock(side_effect=lambda record: old(None, record)),
    ],
    ids=["staticmethod", "classmethod", "partialmethod", "property", "mock"],
)
def test_anything_that_can_stand_in_a_class_is_called(replace: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library may have put any kind of object there; it is called as Python would, and put back."""
    replaced = replace(Log.callHandlers)
    monkeypatch.setattr(Log, "callHandlers", replaced)
    hook = Hook(Log, "callHandlers", around)
    hook.keep()

    assert handled_and_hooked() == (1, 1)
    hook.remove()
    assert vars(Log)["callHandlers"] is replaced
    assert handled_and_hooked() == (1, 0)


def test_a_library_that_insists_on_the_place_is_let_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two that wrap each other for ever would end in a RecursionError; the hook stays below, and still gets the records."""
    monkeypatch.setattr(Log, "callHandlers", Log.callHandlers)
    hook = Hook(Log, "callHandlers", around)
    for _ in range(2 * sys.getrecursionlimit()):
        hook.keep()
        if vars(Log)["callHandlers"].__module__ == "csg_otel.logs.hooks":
            inner = Log.callHandlers
            monkeypatch.setattr(Log, "callHandlers", lambda self, record, inner=inner: inner(self, record))
    handled, hooked = handled_and_hooked()

    assert handled == 1
    assert 1 <= hooked < 30
