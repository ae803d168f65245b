"""The window of "what changed": how it is given, and that no window costs the program its memory."""

from __future__ import annotations

import time
import tracemalloc
from typing import Any

import pytest

from csg_otel.dashboard.api import Api
from csg_otel.dashboard.source import SourceError


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"from": "5"}, "last 24 hours"),
        ({"from": "9e9"}, "from must be before to"),
        ({"from": "-60", "to": "-120"}, "from must be before to"),
        ({"from": "-90000"}, "last 24 hours"),
        ({"limit": "-3"}, "limit must be 1 to"),
        ({"limit": "1e300"}, "limit must be 1 to"),
        ({"from": "yesterday"}, "from must be a number"),
    ],
)
def test_a_window_that_is_none_is_refused(api: Api, parameters: dict[str, str], words: str) -> None:
    """With the reason; a window that begins before anything is kept would compare gaps."""
    with pytest.raises(SourceError, match=words):
        api.get("changed", parameters)


@pytest.mark.parametrize(
    ("parameters", "start", "end"),
    [
        ({}, -300, 0),
        ({"from": "-600"}, -600, 0),
        ({"from": "-600", "to": "-300"}, -600, -300),
        ({"to": "9e9"}, -300, 0),
    ],
)
def test_a_window_may_count_from_now(api: Api, parameters: dict[str, str], start: float, end: float) -> None:
    """Numbers that are negative are seconds from now; a window ends now at the latest."""
    now = time.time()
    page: Any = api.get("changed", parameters)

    assert page["window"] == pytest.approx([now + start, now + end], abs=60)
    assert page["baseline"][1] == page["window"][0]


def test_the_longest_window_takes_little_memory(api: Api) -> None:
    """A day is compared with nothing before it, and its steps are those that are kept."""
    api.get("changed")
    tracemalloc.start()
    try:
        page = api.get("changed", {"from": "-86399"})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert page["baseline"][0] >= page["time"] - 86401
    assert peak < 50_000_000
