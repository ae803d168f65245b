"""A page that fetches what an event is about gets what has changed, although equal requests share a rendering."""

from __future__ import annotations

import threading

import pytest

from csg_otel.dashboard.http import documents
from support.dashboard_source import SetSource
from support.web_client import ServedWeb


def test_a_document_after_an_event_is_newer_than_the_event(
    web: ServedWeb, source: SetSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the last one was computed a moment before, and where one from before is still being computed."""
    monkeypatch.setattr(documents, "_FRESH_S", 60.0)
    gate, began = threading.Event(), threading.Event()
    spans = [1]

    def trace(_: object) -> dict[str, int]:
        count = spans[0]
        began.set()
        gate.wait(60 if count == 2 else 0)
        return {"spans": count}

    source.documents["traces/1"] = trace
    web.log_in()
    with web.events("?topics=traces") as stream:
        assert next(stream).name == "hello"
        assert web.get("traces/1").body == b'{"spans":1}'
        spans[0] = 2
        source.events["traces"] = [{"traces": ["1"]}]
        assert next(stream).name == "traces"
        began.clear()
        older = threading.Thread(target=lambda: web.get("traces/1"))
        older.start()
        assert began.wait(60)
        spans[0] = 3
        source.events["traces"].append({"traces": ["1"]})
        assert next(stream).name == "traces"
        threading.Timer(0.1, gate.set).start()
        assert web.get("traces/1").body == b'{"spans":3}'
        older.join()
