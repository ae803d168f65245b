"""The history of metrics: rates and quantiles of each step, sums of all series, and a bounded number of them."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from csg_otel import clocks
from csg_otel.dashboard.keeper import Keeper
from csg_otel.dashboard.store import history_file
from csg_otel.dashboard.store.series import Line, SeriesHistory
from csg_otel.dashboard.store.values import Collection, Instrument, Values
from csg_otel.dashboard.view.charts import Window, metric_chart, metric_row
from csg_otel.points import HistogramPoint, NumberPoint


@pytest.mark.parametrize(("value", "expected"), [(0.0, 0.0), (30.0, 3.0)])
def test_a_counter_that_is_new_began_at_nothing(value: float, expected: float) -> None:
    """A series that appears between two collections counts from 0; one that was there at first has no rate yet."""
    values = Values()
    values.add(Collection([NumberPoint("a", "counter", "1", {}, 5)]), 1000.0)
    values.add(
        Collection([NumberPoint("a", "counter", "1", {}, 15), NumberPoint("new", "counter", "1", {}, value)]), 1010.0
    )

    window = Window.of(1020.0, 100.0, 100, 0.0)
    (series,) = metric_chart(values.instrument("a"), window)["series"]  # type: ignore[arg-type]
    assert [value for value in series["values"] if value is not None] == [1.0]
    (series,) = metric_chart(values.instrument("new"), window)["series"]  # type: ignore[arg-type]
    assert [value for value in series["values"] if value is not None] == [expected]


def test_a_histogram_has_the_quantiles_of_each_step() -> None:
    """A step's quantiles are those of its measurements alone; a step without any is a gap, and its rate is 0."""
    values = Values()

    def put(at_s: float, counts: tuple[int, ...], total: float) -> None:
        point = HistogramPoint("h", "s", {"k": "v"}, sum(counts), total, (0.1, 1.0), counts)
        values.add(Collection([point]), at_s)

    put(1000.0, (100, 0, 0), 5.0)
    put(1010.0, (100, 10, 0), 10.0)
    put(1020.0, (100, 10, 0), 10.0)
    chart = metric_chart(values.instrument("h"), Window.of(1030.0, 100.0, 100, 0.0))  # type: ignore[arg-type]

    by_field = {series["field"]: series["values"] for series in chart["series"]}
    assert by_field["rate"][-2:] == [1.0, 0.0]
    assert by_field["mean"][-2:] == [0.5, None]
    p50 = by_field["p50"][-2]
    assert p50 is not None
    assert 0.1 < p50 <= 1.0


def test_too_many_series_are_counted_and_not_kept() -> None:
    """An instrument with endless series does not fill the memory; the chart says how many are hidden."""
    values = Values()
    points = [NumberPoint("m", "gauge", "1", {"user": str(number)}, number) for number in range(500)]
    values.add(Collection(points), 1000.0)  # type: ignore[arg-type]
    other = NumberPoint("other", "gauge", "1", {}, 1)
    values.add(Collection([*points, other]), 1010.0)

    instrument = values.instrument("m")
    assert instrument is not None
    chart = metric_chart(instrument, Window.of(1020.0, 60.0, 60, 0.0))
    assert len(chart["series"]) == 12
    assert chart["hidden"] == 500 - 12
    assert values.instrument("other") is not None


def test_a_rate_counts_the_series_that_are_not_kept() -> None:
    """The line of a whole counter has the rate of all its series, from the step on in which there are too many; before, too."""
    values = Values()

    def collect(at_s: float, users: int, each: int) -> None:
        values.add(
            Collection([NumberPoint("c", "counter", "1", {"user": str(user)}, each) for user in range(users)]), at_s
        )

    collect(1000.0, 10, 0)
    for at_s, users, each in ((1010.0, 10, 10), (1020.0, 500, 20), (1030.0, 500, 30), (1040.0, 500, 50)):
        collect(at_s, users, each)
    instrument = values.instrument("c")
    assert instrument is not None

    window = Window.of(1050.0, 100.0, 100, 0.0)
    (series,) = metric_chart(instrument, window)["series"]
    assert series["values"][6] == 10.0
    assert series["values"][8:] == [500.0, 1000.0]
    row = metric_row(instrument, window)
    assert row["latest"] == row["values"][-1] == 1000.0


def test_the_series_of_a_large_host_leave_room_for_the_program() -> None:
    """A host with very many cores, disks and interfaces fills its own share only."""
    values = Values()
    host = [
        NumberPoint(f"system.thing.{thing}", "gauge", "1", {"cpu": str(cpu)}, cpu)
        for thing in range(20)
        for cpu in range(30)
    ]
    own = [NumberPoint("orders.open", "gauge", "1", {"shop": str(shop)}, shop) for shop in range(30)]
    values.add(Collection([*host, *own]), 1000.0)

    instrument = values.instrument("orders.open")
    assert instrument is not None
    assert len(instrument.series) == 30
    assert instrument.hidden == 0
    assert values.series_count < 200


def test_a_chart_can_be_split_and_narrowed() -> None:
    """Rates of one group are added up; a chart by an attribute has a line for each of its values."""
    values = Values()
    keys = [{"route": route, "status": status} for route in ("/a", "/b") for status in ("200", "500")]
    for step, at_s in enumerate((1000.0, 1010.0)):
        values.add(Collection([NumberPoint("c", "counter", "1", key, step * 10) for key in keys]), at_s)
    instrument, window = values.instrument("c"), Window.of(1020.0, 100.0, 30, 0.0)
    assert instrument is not None

    def last(**options: Any) -> dict[str, float | None]:
        return {
            series["label"]: series["values"][-1] for series in metric_chart(instrument, window, **options)["series"]
        }

    assert last() == {"c": 4.0}
    assert last(by=["route"]) == {"/a": 2.0, "/b": 2.0}
    assert last(by=["status"], only=[("route", "/a")]) == {"200": 1.0, "500": 1.0}


def test_a_line_that_gets_old_has_its_past_by_minutes() -> None:
    """A day of values has one for each minute, without a gap where the fine steps end; a young line takes no memory for it."""
    line = Line()
    for step in range(2 * 360 + 30):
        line.put(step * 10.0, float(step // 6))

    items = line.items(0.0)
    moments = [at_s for at_s, _ in items]
    assert moments[0] == 0.0
    assert max(later - earlier for earlier, later in pairwise(moments)) == 60.0
    assert all(value == at_s // 60 for at_s, value in items)
    assert [value for _, value in line.coarse_items()] == [float(minute) for minute in range(125)]


def test_scopes_with_the_same_instrument_are_one() -> None:
    """Two instrumentations with a counter, a histogram or a gauge of one name and the same attributes: sums are added up."""
    values = Values()
    for step, (first, second) in enumerate(((0, 1000), (10, 1100), (20, 1200))):
        points: list[Any] = [NumberPoint("c", "counter", "1", {"status": 200}, first)]
        points += [NumberPoint("c", "counter", "1", {"status": "200"}, second)]
        points += [NumberPoint("u", "up_down_counter", "1", {}, number) for number in (5, 100)]
        values.add(Collection(points), 1000.0 + 10 * step)

    window = Window.of(1030.0, 100.0, 100, 0.0)
    (series,) = metric_chart(values.instrument("c"), window)["series"]  # type: ignore[arg-type]
    assert series["values"][-2:] == [11.0, 11.0]
    assert metric_row(values.instrument("u"), window)["latest"] == 105  # type: ignore[arg-type]


def test_a_counter_of_which_no_series_is_kept_has_a_row() -> None:
    """Where the limit of all series is reached, an instrument that is new has its total only."""
    history = SeriesHistory()
    for step in range(3):
        history.add(NumberPoint("c", "counter", "1", {}, 10 * step), 1000.0 + 10 * step, live=False, since_s=None)
    instrument = Instrument("c", "counter", "1", "", total=history, hidden=1)

    assert metric_row(instrument, Window.of(1030.0, 100.0, 100, 0.0))["latest"] == 1.0


def test_a_series_that_has_ended_is_not_in_the_latest_value() -> None:
    """A connection that is gone counts no more after two collections without it; all sums count what is not kept."""
    values = Values()
    for step in range(8):
        peers = {"new": 3, **({"old": 500} if step < 3 else {})}
        points: list[Any] = [
            NumberPoint("u", "up_down_counter", "1", {"peer": peer}, number) for peer, number in peers.items()
        ]
        points += [NumberPoint("many", "up_down_counter", "1", {"user": str(user)}, 1) for user in range(200)]
        values.add(Collection(points), 1000.0 + 10 * step)

    window = Window.of(1080.0, 100.0, 100, 0.0)
    assert metric_row(values.instrument("u"), window)["latest"] == 3  # type: ignore[arg-type]
    assert metric_row(values.instrument("many"), window)["latest"] == 200  # type: ignore[arg-type]


def test_a_restart_keeps_the_history_of_a_full_store(tmp_path: Path) -> None:
    """The series of the run before stay where the host has been up for long, and there is hardly room for more."""
    before, after = Values(), Values()
    for step in range(12):
        before.add(Collection(_many(step)), 90_000.0 + 10 * step)
    now = time.time()
    history_file.save(tmp_path / "history", before, now, now - 90_120.0)

    after.add(Collection(_many(0)), 90_140.0)
    history_file.load(tmp_path / "history", after, now + 30, now + 30 - 90_150.0)
    after.add(Collection(_many(1)), 90_150.0)
    for number in (0, 100, 199):
        instrument = after.instrument(f"gauge {number}")
        assert instrument is not None
        (series,) = metric_chart(instrument, Window.of(now + 30, 300.0, 100, now + 30 - 90_150.0))["series"]
        assert len([value for value in series["values"] if value is not None]) >= 12


def _many(step: int) -> list[Any]:
    return [NumberPoint(f"gauge {number}", "gauge", "1", {"a": "b"}, step) for number in range(340)]


def test_series_that_have_ended_make_room_for_new_ones() -> None:
    """A program whose labels change has the new series, not the old ones, once those have ended for minutes."""
    values = Values()
    for step in range(60):
        names = range(40) if step < 10 else range(100, 140)
        values.add(Collection([NumberPoint("m", "gauge", "1", {"pod": str(name)}, 1) for name in names]), 10.0 * step)

    instrument = values.instrument("m")
    assert instrument is not None
    assert (("pod", "139"),) in instrument.series
    assert instrument.hidden == 0


def test_a_chart_of_one_minute_has_no_gaps() -> None:
    """Steps of ten seconds fill their seconds, up to those that someone has watched."""
    values = Values()
    for step in range(7):
        values.add(Collection([NumberPoint("c", "counter", "1", {}, 50 * step)]), 1000.0 + 10 * step)
    for second in range(20):
        values.add(Collection([NumberPoint("c", "counter", "1", {}, 1000 + 3 * second)]), 1070.0 + second, live=True)

    (series,) = metric_chart(values.instrument("c"), Window.of(1090.0, 60.0, 60, 0.0))["series"]  # type: ignore[arg-type]
    assert series["values"][:35] == [5.0] * 35
    assert series["values"][-18:] == [3.0] * 18


def test_gauges_of_several_series_have_no_value_together() -> None:
    """The mean of limits of different checks would be a number of nothing."""
    values = Values()
    points = [NumberPoint("limit", "gauge", "1", {"check": check}, value) for check, value in (("a", 1), ("b", 1e9))]
    values.add(Collection([*points, NumberPoint("one", "gauge", "1", {}, 7)]), 1000.0)

    window = Window.of(1010.0, 100.0, 100, 0.0)
    assert metric_row(values.instrument("limit"), window)["latest"] is None  # type: ignore[arg-type]
    assert metric_row(values.instrument("one"), window)["latest"] == 7  # type: ignore[arg-type]


def test_the_first_answer_has_the_history_of_the_run_before(tmp_path: Path) -> None:
    """A query right after the start shows what the files have: reading does not wait for the thread's next look."""
    before = Values()
    before.add(Collection(_many(1)), clocks.monotonic())
    history_file.save(tmp_path / "history", before, time.time(), time.time() - clocks.monotonic())
    keeper = Keeper(lambda: "shop", lambda: None, folder=tmp_path)
    keeper.watch()

    assert keeper.values.instrument("gauge 7") is not None
