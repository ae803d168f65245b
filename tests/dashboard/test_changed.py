"""What changed: a planted cause is in the top three, and an ordinary hour has few rows."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from csg_otel.dashboard.changed import rank
from support.changed_scenarios import BASELINE, CACHES, OPERATIONS, ROUTES, WINDOW, Hour

SEEDS = range(20)

Plant = Callable[[Hour, random.Random], Callable[[Any], bool]]


def _slow_route(hour: Hour, draw: random.Random) -> Callable[[Any], bool]:
    route, factor = draw.choice(ROUTES[:8]), draw.uniform(3, 20)
    hour.change(
        "http.server.request.duration",
        lambda value, one: value if one.field == "rate" else value * factor,
        http__route=route,
    )
    hour.trace_requests(route=route, slower=factor)
    return lambda row: row["attributes"].get("http.route") == route


def _missing_cache(hour: Hour, draw: random.Random) -> Callable[[Any], bool]:
    cache = draw.choice(CACHES)
    hour.change("csg.cache.requests", lambda value, _: value * 0.3, csg__cache__name=cache, csg__cache__result="hit")
    hour.change(
        "csg.cache.requests",
        lambda value, _: value + draw.randint(10, 40) / 10,
        csg__cache__name=cache,
        csg__cache__result="miss",
    )
    hour.change(
        "csg.operation.duration",
        lambda value, one: value if one.field == "rate" else value * 2,
        csg__operation__name=draw.choice(OPERATIONS),
    )
    hour.trace_requests()
    return lambda row: row["attributes"].get("csg.cache.name") == cache


def _error_kind(hour: Hour, draw: random.Random) -> Callable[[Any], bool]:
    hour.add(
        "csg.operation.duration", "histogram", "s", "rate",
        lambda step: None if step < hour.began else draw.randint(2, 12) / 10,
        csg__operation__name=draw.choice(OPERATIONS), error__type="BillingTimeout",
    )  # fmt: skip
    hour.trace_requests(route=draw.choice(ROUTES[:8]), error="BillingTimeout", share=0.4)
    return lambda row: "BillingTimeout" in row["text"]


@pytest.mark.parametrize("plant", [_slow_route, _missing_cache, _error_kind])
def test_a_planted_cause_is_in_the_top_three(plant: Plant) -> None:
    """The cause is found among 250 series and what moves with it, 20 of 20 times, whether it began before or in the window."""
    places: list[int | None] = []
    for seed in SEEDS:
        draw = random.Random(seed)
        hour = Hour(seed, began=draw.choice([318, 330, 342, 350]))
        is_cause = plant(hour, draw)
        hour.move_unrelated()
        rows = rank(hour.series, hour.spans, hour.logs, WINDOW, BASELINE)
        places.append(next((row["rank"] for row in rows if is_cause(row)), None))
        assert len(hour.series) > 250

    assert all(place is not None and place <= 3 for place in places), places


def test_an_ordinary_hour_has_few_weak_rows() -> None:
    """Noise, drift, peaks that come back, series that begin and end: one row in the mean, far weaker than a cause."""
    numbers, scores = [], []
    for seed in SEEDS:
        hour = Hour(seed)
        hour.trace_requests()
        rows = rank(hour.series, hour.spans, hour.logs, WINDOW, BASELINE)
        numbers.append(len(rows))
        scores += [row["score"] for row in rows]

    assert sum(numbers) / len(numbers) <= 1.2, numbers
    assert max(scores, default=0) < 40, scores
