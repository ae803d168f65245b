"""What other programs send to a dashboard, and what is imported into it, is scrubbed with the settings of the dashboard."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from csg_otel.dashboard.alerting.alertmanagers import active as active_silences
from csg_otel.dashboard.otlp.signals import LOGS, METRICS, TRACES, Signal
from csg_otel.privacy import Options, Scrubber, active
from support.otlp_store import received

TOKEN = "ghp_" + "a1B2c3D4e5" * 3 + "F6g7H8"
_NOTE = [{"key": "note", "value": {"string_value": TOKEN}}]
_RESOURCE = {"attributes": [{"key": "service.name", "value": {"string_value": "shop"}}, *_NOTE]}
_SPAN = {
    "trace_id": b"t" * 16,
    "span_id": b"s" * 8,
    "start_time_unix_nano": 1,
    "end_time_unix_nano": 2,
    "name": f"GET {TOKEN}",
    "attributes": _NOTE,
    "status": {"code": 2, "message": f"failed: {TOKEN}"},
    "events": [{"name": TOKEN, "time_unix_nano": 1, "attributes": _NOTE}],
    "links": [{"trace_id": b"u" * 16, "span_id": b"v" * 8, "attributes": _NOTE}],
}
_RECORD = {"time_unix_nano": 1, "body": {"string_value": f"key {TOKEN}"}, "attributes": _NOTE}
_POINT = {"time_unix_nano": 2, "start_time_unix_nano": 1, "as_int": 1, "attributes": _NOTE}
_METRIC = {"name": "n", "description": f"about {TOKEN}", "gauge": {"data_points": [_POINT]}}
_REQUESTS: list[tuple[Signal, dict[str, Any]]] = [
    (TRACES, {"resource_spans": [{"resource": _RESOURCE, "scope_spans": [{"spans": [_SPAN]}]}]}),
    (LOGS, {"resource_logs": [{"resource": _RESOURCE, "scope_logs": [{"log_records": [_RECORD]}]}]}),
    (METRICS, {"resource_metrics": [{"resource": _RESOURCE, "scope_metrics": [{"metrics": [_METRIC]}]}]}),
]


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    before = active.scrubber()
    active.install(Scrubber())
    yield
    active.install(before)


def contents(signal: Signal, request: dict[str, Any]) -> str:
    """Return all that a store has of a request."""
    return repr(vars(received(signal, signal.request(**request))))


@pytest.mark.parametrize(("signal", "request_"), _REQUESTS, ids=["traces", "logs", "metrics"])
def test_no_arrival_has_the_token(signal: Signal, request_: dict[str, Any]) -> None:
    """Neither in a name, a body, an attribute, a description nor in the resource; with scrubbing off it is there."""
    assert TOKEN not in contents(signal, request_)
    assert "[redacted:" in contents(signal, request_)
    active.install(Scrubber(Options(enabled=False)))
    assert TOKEN in contents(signal, request_)


def test_texts_of_an_alertmanager_have_no_secret() -> None:
    """The comment and the author of a silence, which the dashboard shows."""
    answer = {
        "id": "1",
        "status": {"state": "active"},
        "matchers": [],
        "endsAt": "2026-11-27T10:00:00Z",
        "comment": f"until {TOKEN} works",
        "createdBy": "ann@example.org",
    }
    (silence,) = active_silences([answer])

    assert silence.row["comment"].startswith("until [redacted:")
    assert silence.row["created_by"] == "[redacted:email]"
