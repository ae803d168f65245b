"""What the panes of the terminal say: windows that are marked, receivers, long names, ranges, units and errors."""

from __future__ import annotations

from datetime import datetime

import pytest

from csg_otel.dashboard.terminal.charting import by_unit, chart_rows
from csg_otel.dashboard.terminal.rows import Row
from csg_otel.dashboard.view.text import clock
from support.dashboard_documents import NOW, MemorySource, chart, metric, status
from support.driven_dashboard import Driven, driven, shows, text, until


@driven()
async def test_a_window_is_marked_in_a_chart(pilot: Driven, source: MemorySource) -> None:
    """m marks start and end, the keys of the range move the mark, and what changed between them is shown; Esc ends it."""
    moved = "rate of orders.placed rose from 2/s to 9/s"
    change = {**source.documents["status"]["changed"][0], "text": moved, "link": "metrics?name=orders.placed"}
    source.documents["changed"] = {
        "time": NOW,
        "window": [NOW - 600, NOW],
        "baseline": [NOW - 4200, NOW - 600],
        "changes": [change],
    }
    await pilot.press("5", "down", "enter")
    await shows(pilot, "b splits by http.route")
    await pilot.press("m", "left_square_bracket")
    await shows(pilot, "m sets it")
    await pilot.press("escape")
    await shows(pilot, "b splits by http.route")
    await pilot.press("m", "left_square_bracket", "left_square_bracket", "m")
    await pilot.press("right_square_bracket", "left", "right", "left")
    await shows(pilot, "m shows what changed")
    await pilot.press("m")
    await shows(pilot, moved)
    assert "against the 1h 00m before" in text(pilot)
    (window,) = (parameters for path, parameters in source.asked if path == "changed")
    newest = source.documents["metrics/series"]["times"][-1]
    assert (newest - float(window["from"])) / 3600 == pytest.approx(0.2, abs=0.02)
    assert (newest - float(window["to"])) / 3600 == pytest.approx(0.11, abs=0.02)
    await pilot.press("enter")
    await until(pilot, lambda: ("metrics/series", "orders.placed") in [(p, q.get("name")) for p, q in source.asked])


@driven()
async def test_a_receiver_shows_nothing_of_a_program_of_its_own(pilot: Driven, source: MemorySource) -> None:
    """A dashboard of other programs has no checks, no uptime and no services to restart; an empty list says where to look."""
    shop = {"name": "shop", "language": "go", "spans": 24, "errors": 3, "rate": 0.8, "last": NOW - 2}
    source.documents["status"] = status(
        state="receiving",
        services=[shop],
        receives_at={"grpc": "http://127.0.0.1:4317", "http/protobuf": "http://127.0.0.1:4318"},
        checks=[],
        changed=[],
        actions=[],
        workers=0,
        uptime_s=None,
        data_age_s=None,
    )
    source.documents["traces"] = []
    await pilot.press("r")
    await shows(pilot, "to http://127.0.0.1:4317 (grpc), http://127.0.0.1:4318 (http/protobuf)")
    assert "Per second" in text(pilot)
    assert "412 traces" in text(pilot, "status")
    for untrue in ("healthy", "Monitoring services", "workers", "no data yet", "up —"):
        assert untrue not in text(pilot) + text(pilot, "status")
    assert "restart" not in text(pilot, "keys")
    await pilot.press("s")
    await shows(pilot, "no monitoring services", "keys")
    assert source.posted == []
    await pilot.press("3")
    await shows(pilot, "The overview (1) says what a program needs.")


@driven(size=(80, 24))
async def test_names_that_differ_at_their_end_can_be_told_apart(pilot: Driven, source: MemorySource) -> None:
    """A long name of a metric is cut in the middle."""
    names = ["csg.health.check.measurement.of.a.queue.limit", "csg.health.check.measurement.of.a.queue.value"]
    source.documents["metrics"] = {"time": NOW, "metrics": [metric(name, "gauge", "1", 1.0) for name in names]}
    await pilot.press("5")
    await shows(pilot, ".limit")
    assert ".value" in text(pilot)
    assert "csg.health" in text(pilot)


@pytest.mark.parametrize(("kept_s", "range_s"), [(20, "60"), (200, "300"), (1000, "1800"), (90_000, "3600")])
def test_the_first_range_fits_what_is_kept(kept_s: float, range_s: str) -> None:
    """Charts begin with the shortest range that shows all values, an hour at most; those of the host end with the program."""

    @driven()
    async def drive(pilot: Driven, source: MemorySource) -> None:
        source.documents["status"] = status(kept_since=NOW - kept_s, uptime_s=min(kept_s, 50.0))
        await pilot.press("r")
        await until(pilot, lambda: pilot.app._status["kept_since"] == NOW - kept_s)  # type: ignore[attr-defined]
        await pilot.press("6")
        await until(pilot, lambda: ("system", {"range": "60"}) in source.asked)
        await pilot.press("5", "enter")
        await until(pilot, lambda: range_s in [asked.get("range") for path, asked in source.asked if "series" in path])

    drive()


@driven(size=(170, 40))
async def test_a_failed_trace_names_its_error_as_far_as_there_is_room(pilot: Driven, source: MemorySource) -> None:
    """The kind and the message of the error stand behind the name of the trace."""
    await pilot.press("3")
    await shows(pilot, "POST /checkout  PaymentError: the card was declined  ")
    await pilot.resize_terminal(80, 24)
    await shows(pilot, "POST /checkout  PaymentError: ")


@driven()
async def test_moments_of_another_day_are_shown_as_a_whole(pilot: Driven, source: MemorySource) -> None:
    """The end of a silence has a weekday, or in more than a week a date; a failure of yesterday has date and time."""
    day_s = 86_400
    rules, checks = source.documents["alerts"]["rules"], source.documents["health"]["checks"]
    silence = next(rule for rule in rules if rule["silence"])["silence"]
    silence["ends"] = NOW + day_s
    next(check for check in checks if check["failures"])["failures"][0]["time"] = NOW - day_s
    await pilot.press("7")
    await shows(pilot, f"{datetime.fromtimestamp(NOW + day_s).astimezone():%a %H:%M:%S}")
    silence["ends"] = NOW + 8 * day_s
    await pilot.press("r")
    await shows(pilot, f" {datetime.fromtimestamp(NOW + 8 * day_s).astimezone():%Y-%m-%d}")
    await pilot.press("2", "enter")
    await shows(pilot, clock(NOW - day_s, NOW) + "  ")


def _shown(rows: list[Row]) -> str:
    return "\n".join("".join(segment.text for segment in row.line).rstrip() for row in rows)


@pytest.mark.parametrize(
    ("unit", "level", "field", "words"),
    [
        ("By", 600.0, "rate", ["x  B/s", "━ a ", " B/s"]),
        ("{request}", 3.0, "rate", ["x  requests/s", "━ a ", "/s"]),
        ("{thread}", 15.0, "value", ["x  threads", " 15 │"]),
        ("Hz", 2.4e9, "value", ["x  GHz", "GHz   "]),
        ("s", 0.0003, "value", ["x  µs", " µs"]),
    ],
)
def test_a_chart_has_its_unit_once_and_rates_per_second(unit: str, level: float, field: str, words: list[str]) -> None:
    """The title has the unit in which the axis counts, as people write it; the legend has values with their unit."""
    document = chart("x", "x", unit, ["a"], level)
    document["thresholds"] = []
    for series in document["series"]:
        series["field"] = field
    (drawn,) = by_unit(document)
    shown = _shown(chart_rows(drawn, 80, 10))

    assert all(word in f"{shown}   " for word in words), shown
    assert "{" not in shown
