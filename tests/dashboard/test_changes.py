"""What changed in a running program: a slow route, a cache that misses and a new kind of error are among the first rows."""

from __future__ import annotations

import random
import time
from contextlib import suppress
from typing import Any

import pytest

import csg_otel
from csg_otel import clocks
from csg_otel.dashboard import changes
from csg_otel.dashboard.api import Api
from csg_otel.metrics.history import Ring
from support.programs import eventually

ROUTES = ("/a", "/b", "/c", "/d")


CACHES = ("users", "prices", "pages")


def _serve(
    api: Api, seconds: float, *, slow_s: float = 0, hits: float = 0.95, requests: Any = None, error: str = ""
) -> None:
    """
    Serve requests of all routes while someone watches.

    Args:
        api: The dashboard's.
        seconds: How long.
        slow_s: Seconds that those of ``/b`` take longer.
        hits: Share of hits of the cache ``prices``; the others have 0.95.
        requests: The counter of cache requests.
        error: Name of the class of errors that a third of the requests of ``/c`` raise.
    """
    draw = random.Random(1)
    end, rounds = clocks.monotonic() + seconds, 0
    kind = type(error, (Exception,), {})
    # So many rounds that one moment at which the machine stops is not the 95th percentile.
    while clocks.monotonic() < end or rounds < 8 * seconds:
        rounds += 1
        for route in ROUTES:
            with suppress(kind), csg_otel.observe(f"GET {route}", {"http.route": route}):
                time.sleep(0.002 + draw.random() / 500)
                for cache in CACHES if requests else ():
                    is_hit = draw.random() < (hits if cache == "prices" else 0.95)
                    requests.add(1, {"cache": cache, "result": "hit" if is_hit else "miss"})
                if route == "/b" and slow_s:
                    time.sleep(slow_s)
                if route == "/c" and error and draw.random() < 0.33:
                    raise kind("the provider does not answer")
        api.get("logs", {"limit": "1"})


def test_a_route_that_is_made_slow_is_the_first_row(api: Api) -> None:
    """Its durations rise in a window of four seconds: the row says so in words, with numbers, a chart and a link."""
    _serve(api, 8)
    began = time.time()
    _serve(api, 5, slow_s=0.1)

    page = api.get("changed", {"from": str(began)})
    first = page["changes"][0]

    assert page["window"][0] == began
    assert page["baseline"][1] == began
    assert "/b rose from " in first["text"], [row["text"] for row in page["changes"]]
    assert first["before"] < 0.05 < first["after"]
    assert any(first["values"])
    assert "%2Fb" in first["link"] or "csg.operation.duration" in first["link"]
    assert not [row for row in page["changes"] if "GET /a" in row["text"] and "rose" in row["text"]]


def test_other_planted_causes_are_in_the_top_three(api: Api) -> None:
    """A cache that misses, by the program's own counter, and a kind of error that there was not before, at the same time."""
    requests = csg_otel.counter("shop.cache.requests")
    _serve(api, 12, requests=requests)
    began = time.time()
    _serve(api, 8, requests=requests, hits=0.3, error="BillingTimeout")

    rows = [row["text"] for row in api.get("changed", {"from": str(began)})["changes"]]
    assert any("prices" in text and "miss" in text for text in rows[:3]), rows
    assert any("BillingTimeout" in text for text in rows[:3]), rows


def test_an_overview_compares_the_last_five_minutes(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is made once for all who watch, after the first page has been drawn, and again after 15 s."""
    made: list[Any] = []

    def rank(*parts: Any, limit: int) -> list[Any]:
        made.append((parts, limit))
        return []

    monkeypatch.setattr("csg_otel.dashboard.changed.rank", rank)
    monkeypatch.setattr(changes, "_LATER_S", 3.0)  # a busy machine may stop this thread for longer than 0.3 s
    assert api.get("status")["changed"] is None
    assert made == []
    eventually(lambda: api.get("status")["changed"] == [])
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
