"""What changed in a running program: a route that is made slow is the first row, and a cache that misses is found."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import pytest

import csg_otel
from csg_otel import clocks
from csg_otel.dashboard.api import Api
from csg_otel.metrics.history import Ring

ROUTES = ("/a", "/b", "/c", "/d")


def _serve(api: Api, seconds: float, slow_s: float, *, is_watched: Callable[[], bool] = lambda: True) -> None:
    """Serve requests of all routes; those of ``/b`` take *slow_s* longer."""
    draw = random.Random(1)
    end = clocks.monotonic() + seconds
    while clocks.monotonic() < end:
        for route in ROUTES:
            with csg_otel.observe(f"GET {route}", {"http.route": route}):
                time.sleep(0.002 + draw.random() / 500)
                if route == "/b" and slow_s:
                    time.sleep(slow_s)
        if is_watched():
            api.get("logs", {"limit": "1"})


def test_a_route_that_is_made_slow_is_the_first_row(api: Api) -> None:
    """Its durations rise in a window of four seconds: the row says so in words, with numbers, a chart and a link."""
    _serve(api, 8, 0)
    began = time.time()
    _serve(api, 5, 0.1)

    page = api.get("changed", {"from": str(began)})
    first = page["changes"][0]

    assert page["window"][0] == began
    assert page["baseline"][1] == began
    assert "/b rose from " in first["text"], [row["text"] for row in page["changes"]]
    assert first["before"] < 0.05 < first["after"]
    assert any(first["values"])
    assert "%2Fb" in first["link"] or "csg.operation.duration" in first["link"]
    assert not [row for row in page["changes"] if "GET /a" in row["text"] and "rose" in row["text"]]


def test_an_overview_compares_the_last_five_minutes(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is made once for all who watch, and again after 15 s."""
    made: list[Any] = []

    def rank(*parts: Any, limit: int) -> list[Any]:
        made.append((parts, limit))
        return []

    monkeypatch.setattr("csg_otel.dashboard.changed.rank", rank)
    for _ in range(5):
        assert api.get("status")["changed"] == []

    assert len(made) == 1
    api.get("changed")
    assert len(made) == 2


@pytest.mark.parametrize("first", [0, 3, 17, 40])
def test_a_ring_returns_the_steps_of_a_period(first: int) -> None:
    """As many values as steps, in order, with None where no value is kept, wherever the ring's storage begins."""
    ring, kept = Ring(10.0, 20), {}
    for step in range(first, first + 50):
        if step % 7:
            ring.put(step * 10.0, float(step))
            kept[step] = float(step)
    newest = max(kept)
    expected = {step: value for step, value in kept.items() if step > newest - 20}

    for low in range(0, first + 70, 9):
        assert ring.between(low, low + 25) == [expected.get(step) for step in range(low, low + 25)]
