"""Log records of the bridge are those that the SDK would have made of them: the same data, by a shorter way."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry._logs import LogRecord
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk._logs import Logger, LogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from csg_otel.attributes import Sound
from csg_otel.exporters.otlp.encoding import groups, records
from csg_otel.logs.bridge import LogBridge
from csg_otel.logs.passing import Passing
from csg_otel.pipeline import scrub
from csg_otel.pipeline.fanout import LogFanOut
from csg_otel.pipeline.installed import InstalledLoggerProvider

_RESOURCE = Resource({"service.name": "test"})
_SPAN = NonRecordingSpan(SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED)))


class _Ours:
    """The installed provider, with a sink that keeps records."""

    def __init__(self, environ: dict[str, str], *, fast: bool) -> None:
        self.kept: list[Any] = []
        fan_out = LogFanOut()
        fan_out.sinks = (self,)
        self.provider = InstalledLoggerProvider(fan_out, environ)
        self.provider.configure(_RESOURCE, environ, fast=fast)
        self.bridge = LogBridge()
        self.bridge._loggers["shop"] = self.provider.get_logger("shop")

    def enqueue(self, item: Any) -> None:
        """Keep *item*."""
        self.kept.append(item)

    def log(self, record: logging.LogRecord) -> None:
        """Pass *record* to the bridge, in a span."""
        with trace.use_span(_SPAN):
            self.bridge.emit(Passing(record, None))

    def sent(self) -> bytes:
        """The records as a request."""
        return groups.request(records.encoded(scrub.record(record)) for record in self.kept)


@contextmanager
def _at(now_ns: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("csg_otel.logs.bridge.time.time_ns", lambda: now_ns)
        yield


def _record(message: Any = "order %s", args: Any = (5,), **fields: Any) -> logging.LogRecord:
    record = logging.LogRecord("shop", logging.INFO, "/app/shop.py", 7, message, args, None, "place")
    vars(record).update(fields)
    return record


_SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20)
_VALUES = st.recursive(
    _SCALARS | st.binary(max_size=5) | st.builds(object),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
_LIMITS: tuple[dict[str, str], ...] = (
    {},
    {"OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT": "4"},
    {"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "3"},
    {"OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT": "0"},
)


@given(
    st.lists(st.dictionaries(st.text(max_size=5), _SCALARS | _VALUES, max_size=4), min_size=1, max_size=3),
    st.sampled_from(_LIMITS),
    st.booleans(),
)
def test_a_record_is_sent_as_the_sdk_would_have_made_it(
    extras: list[dict[str, Any]], environ: dict[str, str], raises: bool
) -> None:
    """With any extra, limits and an exception or none, the bytes are the same."""
    ours, official = (_Ours(environ, fast=fast) for fast in (True, False))
    logging.disable(logging.CRITICAL)  # the SDK warns of each attribute that it refuses
    try:
        for extra in extras:
            record = _record(**{key: value for key, value in extra.items() if key not in vars(_record())})
            if raises:
                record.exc_info = (ValueError, ValueError("no"), None)
            for side in (ours, official):
                with _at(1_700_000_000_000_000_000), warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of attributes beyond the limit
                    side.log(record)
    finally:
        logging.disable(logging.NOTSET)

    assert ours.sent() == official.sent()
    assert len(ours.kept) == len(extras)


@pytest.mark.fast_path
def test_a_plain_record_passes_the_sdk_by() -> None:
    """Its attributes are checked once; those with lists or an exception are the SDK's, which looks at them."""
    ours = _Ours({}, fast=True)
    ours.log(_record())
    ours.log(_record(order=5))
    ours.log(_record(orders=[5]))
    ours.log(_record(exc_info=(ValueError, ValueError("no"), None)))

    kinds = [type(record.log_record.attributes) for record in ours.kept]
    assert kinds == [Sound, Sound, BoundedAttributes, BoundedAttributes]
    official: Any = _Ours({}, fast=False).provider.get_logger("shop")
    assert type(official._real) is Logger


def test_a_record_keeps_nothing_of_the_context() -> None:
    """A context may hold large objects of the program; ids of trace and span stay."""
    ours = _Ours({}, fast=True)
    ours.log(_record())
    (kept,) = ours.kept

    assert dict(kept.log_record.context) == {}
    assert (kept.log_record.trace_id, kept.log_record.span_id, kept.log_record.trace_flags) == (1, 2, 1)


def test_processors_of_others_get_the_sdks_records() -> None:
    """They may change them; so the SDK makes them, and our destinations get a copy."""
    ours, seen = _Ours({}, fast=True), []

    class Other(LogRecordProcessor):
        def on_emit(self, log_record: Any) -> None:
            log_record.log_record.attributes["by processor"] = True
            seen.append(log_record)

        def shutdown(self) -> None:
            """Do nothing."""

        def force_flush(self, timeout_millis: int = 0) -> bool:
            """Do nothing."""
            return True

    ours.log(_record())
    ours.provider.add_log_record_processor(Other())
    ours.log(_record())

    assert len(ours.kept) == 2
    assert [type(record.log_record.attributes) for record in seen] == [BoundedAttributes]
    assert seen[0].log_record.attributes["by processor"] is True


def test_a_record_of_the_program_goes_through_the_sdk() -> None:
    """Attributes that are not checked are, and a later change of the program's dictionary changes nothing."""
    ours = _Ours({}, fast=True)
    attributes: dict[str, Any] = {"a": 1, "b": object()}
    ours.provider.get_logger("shop").emit(LogRecord(timestamp=1, body="x", attributes=attributes))
    attributes["a"] = 2
    (kept,) = ours.kept

    assert kept.log_record.attributes["a"] == 1
