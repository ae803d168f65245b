"""The bounded past: what it keeps, for how long, and what it costs."""

from __future__ import annotations

import math
import os
import threading
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csg_otel.metrics.history import COARSE_STEP_S, FINE_SPAN_S, FINE_STEP_S, MOST_SERIES, History, Ring, key
from csg_otel.metrics.sample import Filesystem
from csg_otel.names import FILES_PROCESSED
from csg_otel.points import NumberPoint
from support import moments

LOAD = 'system_load_average{period="1m"}'


def filled(until_s: float, *, retention_s: float = 86400, every_s: float = 10) -> History:
    """Return a history whose load average is the time, one sample every *every_s* seconds."""
    history = History(retention_s)
    for step in range(int(until_s // every_s) + 1):
        at_s = step * every_s
        history.add(moments.sample(at_s, system=moments.system(loads=(at_s, 0.0, 0.0))), ())
    return history


def test_shown_series_are_the_names_of_the_guide() -> None:
    """Every alias with a value is a series, its labels in the name; times are Unix times."""
    history = filled(10)

    assert LOAD in history.names()
    assert 'system_disk_usage_bytes{type="used",mount="/"}' in history.names()
    assert "system_memory_usage_percent" in history.names()
    assert history.series(LOAD) == [(moments.EPOCH_S, 0.0), (moments.EPOCH_S + 10, 10.0)]
    assert history.series("unknown") == []


def test_an_hour_is_fine_and_the_rest_is_coarse() -> None:
    """The last hour has a value every ten seconds, what is older one a minute, without a gap or an overlap."""
    found = filled(2 * FINE_SPAN_S).series(LOAD)
    steps = [after[0] - before[0] for before, after in pairwise(found)]
    coarse = int((2 * FINE_SPAN_S - FINE_SPAN_S) / COARSE_STEP_S)

    assert set(steps[: coarse - 1]) == {COARSE_STEP_S}
    assert COARSE_STEP_S <= steps[coarse - 1] < 2 * COARSE_STEP_S
    assert set(steps[coarse:]) == {FINE_STEP_S}
    assert found[-1] == (moments.EPOCH_S + 2 * FINE_SPAN_S, 2 * FINE_SPAN_S)


def test_retention_bounds_the_past() -> None:
    """Nothing older than the retention is returned, and without retention nothing is kept."""
    found = filled(1200, retention_s=600).series(LOAD)

    assert moments.EPOCH_S + 600 <= found[0][0] <= moments.EPOCH_S + 610
    assert filled(100, retention_s=0).names() == []


def test_memory_is_bounded_however_many_series_there_are() -> None:
    """A day of samples of a host with 300 file systems stays under 2 MB."""
    filesystems = tuple(Filesystem(f"/dev/{n}", f"/mnt/{n}", "ext4", 100, 60, 20) for n in range(300))
    moment = moments.system(filesystems=filesystems)
    tracemalloc.start()
    try:
        history = History(86400)
        for minute in range(0, 1440, 30):
            history.add(moments.sample(minute * 60, system=moment), ())
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(history.names()) > 100
    assert size < 2_000_000


def test_series_that_are_gone_make_room() -> None:
    """When there is no room for a new series, those silent for an hour are dropped."""
    history = History(86400)
    for at_s, prefix in ((0, "old"), (4000, "new")):
        found = tuple(Filesystem(prefix, f"/{prefix}/{n}", "ext4", 100, 60, 20) for n in range(60))
        history.add(moments.sample(at_s, system=moments.system(filesystems=found)), ())

    assert 'system_disk_usage_percent{mount="/new/0"}' in history.names()
    assert not [name for name in history.names() if "/old/" in name]


def test_sums_come_before_details() -> None:
    """On a host with 200 cores there is still room for what has no labels."""
    history = History(86400)
    cpus = ({"idle": 0.5},) * 200
    history.add(moments.sample(0, system=moments.system(cpu_utilization=cpus)), ())

    assert {"application_uptime_seconds", 'system_cpu_usage_percent{type="total"}', LOAD} <= set(history.names())
    assert len(history.names()) == MOST_SERIES


def files(count: int) -> list[NumberPoint]:
    return [NumberPoint(FILES_PROCESSED.name, "counter", "{file}", {"csg.file.type": "pdf"}, count)]


def test_growth_of_a_counter() -> None:
    """Growth and rate are those of the window, continued over a restart; a single value has neither."""
    history = History(3600)
    name = 'files_processed_total{type="pdf"}'
    alone = None
    for at_s, count in ((0, 100), (100, 110), (200, 5), (300, 15)):
        history.add(moments.sample(at_s), files(count))
        alone = history.delta(name, 60) if at_s == 0 else alone

    assert alone is None
    assert history.delta(name, 1000) == 10 + 5 + 10
    assert history.rate(name, 1000) == pytest.approx(25 / 300)
    assert history.delta(name, 100) == 10
    assert history.delta("unknown", 100) is None


def test_the_value_before() -> None:
    """A value some time ago is known as far as the history reaches back, not further."""
    history = filled(600)

    assert history.before(LOAD, 300) == pytest.approx(300, abs=10)
    assert history.before(LOAD, 700) is None
    assert history.before("unknown", 1) is None


def test_labels_can_be_told_from_names() -> None:
    """Quotes in labels are escaped as in Prometheus' text."""
    assert key("a", {"mount": 'x"\\'}) == r'a{mount="x\"\\"}'
    assert key("a", {}) == "a"


def test_threads_may_read_while_samples_come() -> None:
    """Reading from four threads while samples are added neither fails nor shows a value that was never there."""
    history = History(3600)
    failures: list[float] = []
    ended = threading.Event()

    def read() -> None:
        while not ended.is_set():
            values = [value for name in history.names() for _, value in history.series(name)]
            failures.extend(value for value in values if math.isnan(value))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for step in range(100):
        history.add(moments.sample(step * 10.0), ())
    ended.set()
    for thread in threads:
        thread.join()

    assert failures == []


def test_a_child_has_no_past_of_its_parent() -> None:
    """What forked children call leaves an empty history that works."""
    history = filled(100)
    history.reset_after_fork()
    empty = history.names()
    history.add(moments.sample(200), ())

    assert empty == []
    assert len(history.series(LOAD)) == 1
    assert os.getpid() == moments.sample().pid


@given(times=st.lists(st.floats(0, 1e5), min_size=1, max_size=50).map(sorted), size=st.integers(1, 20))
def test_a_ring_keeps_the_newest_of_each_step(times: list[float], size: int) -> None:
    """A ring has exactly the last value of each of its newest steps."""
    ring = Ring(10.0, size)
    expected: dict[int, float] = {}
    for at_s in times:
        ring.put(at_s, at_s)
        expected[int(at_s // 10)] = at_s
    newest = max(expected)

    assert ring.items() == [(step * 10.0, value) for step, value in expected.items() if step > newest - size]
