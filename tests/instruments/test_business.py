"""The ready-made business metrics: files, caches, events."""

from __future__ import annotations

import functools
import uuid

import pytest
from opentelemetry._logs import SeverityNumber

import csg_otel
from csg_otel.errors import InstrumentError
from support.capture import Captured


def test_files_are_counted_by_type_and_outcome(captured: Captured) -> None:
    """Both outcomes of a type show from its first file on, and sizes are a histogram in bytes."""
    kind = f"t{uuid.uuid4().hex}"
    csg_otel.file_processed(kind, size_bytes=18_211)
    csg_otel.file_processed(kind, size_bytes=100)

    outcomes = {
        point.attributes["csg.outcome"]: point.value
        for point in captured.points("csg.files.processed")
        if point.attributes["csg.file.type"] == kind
    }
    assert outcomes == {"ok": 2, "error": 0}
    (sizes,) = [p for p in captured.points("csg.files.size") if p.attributes["csg.file.type"] == kind]
    assert (sizes.count, sizes.sum) == (2, 18_311)


def test_a_cache_counts_hits_and_misses_from_zero(captured: Captured) -> None:
    """A cache without look-ups has two series at 0."""
    name = uuid.uuid4().hex
    summaries = csg_otel.cache(name)
    before = results(captured, name)
    summaries.hit()
    summaries.hit()
    summaries.miss()

    assert before == {"hit": 0, "miss": 0}
    assert results(captured, name) == {"hit": 2, "miss": 1}


def test_an_lru_cache_is_read_at_collection_and_never_counts_back(captured: Captured) -> None:
    """Clearing the cache clears its own counts and not ours."""
    name = uuid.uuid4().hex

    @functools.lru_cache
    def square(n: int) -> int:
        return n * n

    csg_otel.observe_cache(name, square)
    for n in (1, 1, 2):
        square(n)
    before = results(captured, name)
    square.cache_clear()
    square(1)

    assert before == {"hit": 1, "miss": 2}
    assert results(captured, name) == {"hit": 1, "miss": 3}


def test_what_has_no_cache_info_is_refused() -> None:
    """The message says what would be right."""
    with pytest.raises(InstrumentError, match="lru_cache"):
        csg_otel.observe_cache("x", {})  # type: ignore[arg-type]


def test_an_event_is_a_named_log_record_of_the_current_span(captured: Captured) -> None:
    """It carries its attributes and belongs to the operation it happened in."""
    with csg_otel.observe("publish"):
        csg_otel.event("snapshot.published", {"meeting": "kick-off", "pages": 3}, body="done", severity="warning")

    (record,) = captured.logs
    assert (record.event_name, record.body) == ("snapshot.published", "done")
    assert record.severity_number is SeverityNumber.WARN
    assert dict(record.attributes) == {"meeting": "kick-off", "pages": 3}
    assert record.span_id == captured.span("publish").context.span_id


def test_an_unknown_severity_counts_as_info(captured: Captured, caplog: pytest.LogCaptureFixture) -> None:
    """It is reported with a suggestion, and the event arrives."""
    csg_otel.event("x", severity="warnig")  # type: ignore[arg-type]

    assert captured.logs[0].severity_number is SeverityNumber.INFO
    assert "did you mean 'warning'" in caplog.text


def results(captured: Captured, name: str) -> dict[str, int]:
    """Return the look-ups of the cache *name* by result."""
    return {
        point.attributes["csg.cache.result"]: point.value
        for point in captured.points("csg.cache.requests")
        if point.attributes["csg.cache.name"] == name
    }
