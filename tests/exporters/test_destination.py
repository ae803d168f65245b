"""The log lines and the state of a destination: two lines per outage, however the attempts of its signals overlap."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest

from csg_otel import clocks
from csg_otel.exporters.delivery.destination import Destination
from csg_otel.exporters.delivery.drain import drain
from csg_otel.exporters.delivery.sender import SendError
from csg_otel.pipeline.readers import Ticker
from support.programs import HUNG_S, eventually
from support.senders import FunctionSender


def test_an_attempt_that_outlives_the_outage_does_not_begin_another(caplog: pytest.LogCaptureFixture) -> None:
    """A request that hung since before the recovery times out after it: that is the same outage, which was logged already."""
    hung, gave_up, fails = threading.Event(), threading.Event(), [True]

    def traces(_batch: Sequence[Any], _timeout_s: float) -> None:
        if fails[0]:
            raise SendError("unreachable", "away", retry=True, retry_after_s=0.01)

    def logs(_batch: Sequence[Any], _timeout_s: float) -> None:
        if not hung.is_set():
            hung.set()
            gave_up.wait(60)
            raise SendError("timeout", "hung", retry=True, retry_after_s=0.01)

    there = Destination("there", "http://there")
    queues = [
        there.add_memory_queue("traces", FunctionSender(traces), delay_s=0.01),
        there.add_memory_queue("logs", FunctionSender(logs), delay_s=0.01),
    ]
    with caplog.at_level(logging.WARNING, logger="csg_otel"):
        queues[1].enqueue("record")
        assert hung.wait(HUNG_S)
        queues[0].enqueue("span")
        eventually(lambda: there.status().state != "ok")
        fails[0] = False
        eventually(lambda: there.status().delivered == 1)
        gave_up.set()
        eventually(lambda: there.status().delivered == 2)
    for queue in queues:
        queue.close(time.monotonic() + HUNG_S)
        queue.join()

    assert [record.getMessage().split(": ")[1].split()[0] for record in caplog.records] == ["cannot", "delivering"]


def test_a_collector_that_fails_every_other_time_is_two_lines_a_minute(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Outages that follow within a minute have no lines of their own, unless one of them lasts."""
    there = Destination("there", "http://there")
    real, later_s = clocks.monotonic, [0.0]
    monkeypatch.setattr(clocks, "monotonic", lambda: real() + later_s[0])

    def attempt(error: SendError | None) -> None:
        later_s[0] += 1
        if error is not None:
            error.began = clocks.monotonic()
        there.attempt_ended("traces", error)

    with caplog.at_level(logging.WARNING, logger="csg_otel"):
        for _ in range(10):
            attempt(SendError("http_503", "busy", retry=True))
            attempt(None)
        for _ in range(60):
            attempt(SendError("http_503", "away", retry=True))
        attempt(None)

    assert [record.getMessage().split(": ")[1].split()[0] for record in caplog.records] == [
        "cannot",
        "delivering",
        "cannot",
        "delivering",
    ]
    assert "away" in caplog.text
    assert caplog.text.count("busy") == 1


def test_what_a_collector_writes_is_one_harmless_line(caplog: pytest.LogCaptureFixture) -> None:
    """Line breaks and escape sequences of a hostile answer reach neither the log nor `status()`."""
    there = Destination("there", "http://there")

    def refuse(_batch: Sequence[Any], _timeout_s: float) -> None:
        raise SendError("http_400", "bad\n2026 CRITICAL\x1b[31m all is lost" + "x" * 5000, retry=False)

    queue = there.add_memory_queue("traces", FunctionSender(refuse), delay_s=0.01)
    with caplog.at_level(logging.WARNING, logger="csg_otel"):
        queue.enqueue("span")
        queue.flush(time.monotonic() + HUNG_S)
        queue.close(time.monotonic() + HUNG_S)
        queue.join()

    (line,) = (record.getMessage() for record in caplog.records)
    for text in (line, there.status().last_error):
        assert text.isprintable()
        assert len(text) < 700


def test_a_dropped_item_is_held_against_it_for_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """`degraded` is about now; what was dropped long ago stays in the counts only."""
    there = Destination("there", "http://there")
    queue = there.add_memory_queue("traces", FunctionSender(lambda _batch, _timeout_s: None))
    queue.close(time.monotonic())
    queue.enqueue("late")
    now = there.status()
    real = clocks.monotonic
    monkeypatch.setattr(clocks, "monotonic", lambda: real() + 61)

    assert (now.state, now.dropped) == ("degraded", {"shutdown": 1})
    assert (there.status().state, there.status().dropped) == ("ok", {"shutdown": 1})


def test_a_last_collection_that_is_not_made_in_time_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing of it is in a queue, so no count has it: the log names the destinations whose last metrics are lost."""
    release, destinations = threading.Event(), []

    def hang() -> None:
        release.wait(60)

    for name in ("slow", "quick"):
        destination = Destination(name, f"http://{name}")
        destination.ticker = Ticker(f"{name}-collect", 60.0, (lambda: None) if name == "quick" else hang)
        destination.start()
        destinations.append(destination)
    with caplog.at_level(logging.WARNING, logger="csg_otel"):
        drain(destinations, clocks.monotonic() + 8)
    release.set()

    (message,) = [record.getMessage() for record in caplog.records]
    assert message.startswith("the last metrics of 1 destinations (slow) are lost")
