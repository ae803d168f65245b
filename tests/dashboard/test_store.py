"""The store: bounded in bytes, whole traces, failed and slow ones longer; searched fast; filled within a share of the time."""

from __future__ import annotations

import time
import tracemalloc
from itertools import pairwise
from typing import Any

import pytest

from csg_otel.dashboard.model import LogRow, SpanRow
from csg_otel.dashboard.store.intake import Intake
from csg_otel.dashboard.store.recent import Recent
from csg_otel.dashboard.store.series import Line
from csg_otel.dashboard.store.values import Collection, Values
from csg_otel.dashboard.view.charts import Window, metric_chart, metric_row
from csg_otel.dashboard.view.filters import LogFilter, TraceFilter
from csg_otel.points import HistogramPoint, NumberPoint


def _span(number: int, **changes: Any) -> SpanRow:
    row: dict[str, Any] = {
        "trace_id": f"{number:032x}",
        "span_id": f"{number:016x}",
        "parent_id": None,
        "name": f"operation {number % 50}",
        "kind": "internal",
        "service": "shop",
        "scope": "csg_otel",
        "start": 1000.0 + number,
        "end": 1000.1 + number,
        "duration_s": 0.1,
        "status": "unset",
        "status_message": "",
        "attributes": {"http.route": "/orders/{id}", "user.id": f"user-{number}", "items": number},
        "events": [],
        "links": [],
    }
    return {**row, **changes}  # type: ignore[typeddict-item] # a row of the model


def _log(number: int) -> LogRow:
    return {
        "id": 0,
        "time": 1000.0 + number,
        "level": "info",
        "severity": 9,
        "logger": "shop",
        "body": f"line {number} " + "x" * 100,
        "service": "shop",
        "trace_id": f"{number:032x}",
        "span_id": "",
        "attributes": {},
        "exception": None,
    }


def test_ten_thousand_spans_are_kept_in_ten_megabytes() -> None:
    """The memory in use stays within the bound, however many come, and it holds 10,000 spans."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        recent = Recent()
        for begin in range(0, 30_000, 1000):
            numbers = range(begin, begin + 1000)
            recent.add([_span(number) for number in numbers], [_log(number) for number in numbers])
        used = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()

    counts = recent.counts()
    assert counts["spans"] >= 10_000
    assert counts["logs"] >= 3000
    assert used < 11 * 1024 * 1024


def test_ten_thousand_spans_are_searched_in_a_tenth_of_a_second() -> None:
    """A text that is in no span needs all of them; the best of several tries counts, in processor time."""
    recent = Recent()
    recent.add([_span(number) for number in range(10_000)], [])

    def searched_s() -> float:
        began_s = time.thread_time()
        assert recent.search(TraceFilter(text="nowhere"))[1] == 0
        return time.thread_time() - began_s

    assert min(searched_s() for _ in range(5)) < 0.1


def test_failed_and_slow_traces_are_kept_longer() -> None:
    """When room is needed, ordinary traces go first; but failed ones do not fill everything."""
    recent = Recent(200_000)
    recent.add([_span(number) for number in range(30)], [])
    recent.add([_span(100, status="error"), _span(101, name="operation 1"), _span(150)], [])
    recent.add([_span(300 + 50 * number, name="slow one") for number in range(25)], [])
    recent.add([_span(2000, name="slow one", end=3060.0)], [])
    for number in range(3000, 5000):
        recent.add([_span(number)], [])

    names = {spans[0].span_id for spans in recent.search(TraceFilter(limit=1000))[0]}
    assert {f"{100:016x}", f"{2000:016x}"} <= names
    assert f"{101:016x}" not in names

    for number in range(6000, 8000):
        recent.add([_span(number, status="error")], [])
    recent.add([_span(9000)], [])
    assert recent.search(TraceFilter(name="operation 0"))[1] > 0
    assert recent.counts()["errors"] < recent.counts()["traces"] or recent.trace(f"{9000:032x}")


def test_one_endless_trace_keeps_its_root_and_its_newest_spans() -> None:
    """A worker that adds to one trace for days fills neither the memory nor the list."""
    recent = Recent()
    recent.add([_span(0)], [])
    for number in range(1, 5000):
        recent.add([_span(number, trace_id=f"{0:032x}", parent_id=f"{0:016x}")], [])

    ids = [span.span_id for span in recent.trace(f"{0:032x}")]
    assert len(ids) == 2000
    assert ids[0] == f"{0:016x}"
    assert ids[-1] == f"{4999:016x}"


def test_logs_are_bounded_and_the_newest_stay() -> None:
    """The oldest records go first."""
    recent = Recent(100_000)
    recent.add([], [_log(number) for number in range(1000)])

    logs, _, kept = recent.logs(LogFilter(limit=1000))
    assert 20 < kept < 200
    assert logs[0].body.startswith("line 999 ")


class _Status:
    """The status of a span that is queued."""

    def __init__(self, value: int) -> None:
        self.status_code = type("Code", (), {"value": value})


class _Queued:
    """A span of the SDK, as far as the queue reads it."""

    def __init__(self, number: int, status: int = 0) -> None:
        self.context = type("Context", (), {"span_id": number})
        self.status = _Status(status)


def test_a_full_queue_counts_what_it_drops_and_takes_failures_longer() -> None:
    """The program never waits; what is not kept is counted, and failed spans have room that others have not."""
    intake = Intake(lambda: "shop")
    for number in range(2000):
        intake.started(_Queued(number))
        intake.ended(_Queued(number), kept=True)
    assert intake.dropped == 1000

    intake.ended(_Queued(1, status=2), kept=True)
    assert intake.dropped == 1000
    intake.ended(_Queued(2), kept=False)
    assert intake.dropped == 1000


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
