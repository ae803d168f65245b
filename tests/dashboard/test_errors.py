"""The errors that the overview names: the spans that failed first, by operation and kind."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import csg_otel
from csg_otel.dashboard.api import Api
from support.programs import eventually


def _fail(message: str) -> None:
    with csg_otel.observe("handle"), csg_otel.observe("query"):
        raise RuntimeError(message)


def _errors(api: Api) -> list[Any]:
    api.get("traces")
    return list(api.get("status")["errors"])


def test_what_fails_is_on_the_overview_with_its_number_and_its_newest_trace(api: Api) -> None:
    """The span inside is the cause, not the one that waits for it; the list of traces names the error, too."""
    with csg_otel.observe("fine"):
        pass
    for number in range(3):
        with suppress(RuntimeError):
            _fail(f"database {number} is gone")
    with suppress(ValueError), csg_otel.observe("import"):
        int("x")

    eventually(lambda: len(_errors(api)) == 2)
    first, second = _errors(api)
    assert (first["name"], first["type"], first["message"]) == ("query", "RuntimeError", "database 2 is gone")
    assert (first["count"], second["count"]) == (3, 1)
    assert abs(first["last"] - time.time()) < 60
    spans = api.get(f"traces/{first['trace_id']}")["spans"]
    assert next(span["name"] for span in spans if span["span_id"] == first["span_id"]) == "query"
    listed = {row["name"]: row["error"] for row in api.get("traces")["traces"]}
    assert listed["handle"].startswith("RuntimeError: database ")
    assert listed["fine"] == ""


def test_a_rule_that_fires_is_in_the_state_but_not_in_the_health(instrumented: Any) -> None:
    """The state of the bar is the worst of the checks and of the rules that fire."""
    telemetry = instrumented(
        alerting__rules=[
            {"name": "orders", "metric": "till.queue", "condition": ">", "threshold": 1, "severity": "critical"}
        ],
        health_monitoring__enabled=False,
    )
    api = telemetry.dashboard
    csg_otel.gauge("till.queue").set(5)

    eventually(lambda: api.get("status")["state"] == "critical", within_s=40)
    assert api.get("status")["overall"] != "critical"
