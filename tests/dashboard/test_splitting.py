"""A chart that is split or narrowed: attributes by a part of their name, and no number that several series can't give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from csg_otel import clocks
from csg_otel.dashboard.api import Api
from csg_otel.dashboard.model import Chart
from csg_otel.dashboard.query import text
from csg_otel.dashboard.source import SourceError
from csg_otel.dashboard.store.series import Key, SeriesHistory
from csg_otel.dashboard.store.values import Collection, Instrument, Values
from csg_otel.dashboard.view import naming
from csg_otel.dashboard.view.charts import Window, metric_chart, metric_row
from csg_otel.points import HistogramPoint, NumberPoint

BOUNDS = (0.1, 1.0, 10.0)
FAST, SLOW = (90, 0, 0, 0), (0, 0, 10, 0)
WINDOW = Window.of(1020.0, 100.0, 30, 0.0)


def _instrument(points: Mapping[Key, tuple[int, ...]], *, total: bool = True) -> Instrument:
    """Return a histogram with one step of ten seconds, in which *points* were measured."""
    values = Values()

    def collection(share: int) -> Collection:
        return Collection(
            [
                HistogramPoint(
                    "calls",
                    "s",
                    dict(key),
                    sum(counts) * share,
                    share * sum(counts) * _mean(counts),
                    BOUNDS,
                    tuple(count * share for count in counts),
                )
                for key, counts in points.items()
            ]
        )

    for share, at_s in ((0, 1000.0), (1, 1010.0)):
        if total:
            values.add(collection(share), at_s)
        else:
            values.add_from(collection(share), at_s, None)
    instrument = values.instrument("calls")
    assert instrument is not None
    return instrument


def _mean(counts: tuple[int, ...]) -> float:
    return 0.05 if counts == FAST else 5.0


def _last(chart: Chart) -> dict[str, float | None]:
    return {series["label"]: series["values"][-1] for series in chart["series"]}


TWO: dict[Key, tuple[int, ...]] = {
    (("code", "200"), ("csg.operation.name", "read")): FAST,
    (("code", "500"), ("csg.operation.name", "read")): SLOW,
}


def test_no_quantile_is_made_from_those_of_several_series() -> None:
    """
    Nine of ten calls took 50 ms, the others 5 s.

    Together they have the quantiles of the total. A part of several series has mean and rate, the mean by the number of calls;
    and a split in which a line is several series shows the means.
    """
    three = {**TWO, (("code", "200"), ("csg.operation.name", "write")): FAST}
    both = _instrument(TWO)

    whole, same = _last(metric_chart(both, WINDOW)), _last(metric_chart(both, WINDOW, ["csg.operation.name"]))
    assert whole["p50"] == pytest.approx(0.1, abs=0.06)
    assert same["p50 read"] == whole["p50"]
    assert _last(metric_chart(both, WINDOW, ["code"])).keys() == {"p95 200", "p95 500"}

    part = _last(metric_chart(_instrument(three), WINDOW, only=[("csg.operation.name", "read")]))
    assert part == {"mean": pytest.approx(0.545), "rate": pytest.approx(10.0)}
    split = _last(metric_chart(_instrument(three), WINDOW, ["csg.operation.name"]))
    assert split == {"mean read": pytest.approx(0.545), "mean write": pytest.approx(0.05)}


def test_the_mean_of_several_programs_counts_their_calls() -> None:
    """Without a total, the newest mean in the list is that of all calls, not of the series."""
    assert metric_row(_instrument(TWO, total=False), WINDOW)["latest"] == pytest.approx(0.545)


@pytest.mark.parametrize(
    ("word", "valid", "attribute"),
    [
        ("operation", ["csg.operation.name", "csg.operation.objective", "error.type"], "csg.operation.name"),
        ("route", ["http.route", "http.request.method"], "http.route"),
        ("error.type", ["error.type", "type"], "error.type"),
        ("objective", ["csg.operation.name", "csg.operation.objective"], "csg.operation.objective"),
        ("device", ["system.device", "disk.io.direction"], "system.device"),
        ("error", ["error.type", "http.route"], "error.type"),
    ],
)
def test_a_part_of_a_name_is_enough(word: str, valid: list[str], attribute: str) -> None:
    """The last part names an attribute, and so does another part that no other attribute has."""
    instrument = Instrument("calls", "counter", "1", series={((name, "x"),): SeriesHistory() for name in valid})

    assert naming.attributes(instrument, [word]) == [attribute]
    assert naming.conditions(instrument, [f"{word}=a=b"]) == [(attribute, "a=b")]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"by": "nonsense"}, "has no attribute 'nonsense'; it has code, csg.operation.name, http.code"),
        ({"by": ["code", "oporation"]}, "did you mean 'operation'"),
        ({"by": "csg.code"}, "has no attribute 'csg.code'"),
        ({"attr": "shop=x"}, "has no attribute 'shop'"),
        ({"attr": "code"}, "attr must be key=value, not 'code'"),
        ({"limit": "41"}, "limit must be 1 to 40"),
    ],
)
def test_the_api_refuses_what_it_can_not_split_by(
    ask: Callable[..., Chart], parameters: dict[str, Any], message: str
) -> None:
    """An unknown attribute is an error that names the known ones, not a chart of something else."""
    with pytest.raises(SourceError, match=message):
        ask(**parameters)


def test_an_ambiguous_part_is_an_error() -> None:
    """Where a part may be two attributes, both are named."""
    instrument = Instrument(
        "calls", "counter", "1", series={(("disk.type", "y"), ("error.type", "x")): SeriesHistory()}
    )

    with pytest.raises(ValueError, match=r"'type' may be disk\.type or error\.type of calls"):
        naming.attributes(instrument, ["type"])


def test_more_lines_are_shown_on_demand(ask: Callable[..., Chart]) -> None:
    """A chart has twelve lines; the query says how to get the others, and with a limit they are there."""
    few, all_lines = ask(by="operation"), ask(by="operation", limit="40")

    assert (len(few["series"]), few["hidden"]) == (12, 3)
    assert (len(all_lines["series"]), all_lines["hidden"]) == (15, 0)
    assert text.render("series", few).endswith("3 more series: --limit 40 prints all that are kept")
    assert "more series" not in text.render("series", all_lines)


@pytest.fixture
def ask(api: Api) -> Callable[..., Chart]:
    """Return a function that asks for the chart of a counter with fifteen series, of two steps until now."""
    keys = [{"csg.operation.name": f"read {number}", "code": "200", "http.code": "200"} for number in range(15)]
    now_s = clocks.monotonic()
    for step, at_s in enumerate((now_s - 20, now_s - 10)):
        points = [NumberPoint("calls", "counter", "1", key, step * 10) for key in keys]
        api._values.add(Collection(list(points)), at_s)

    def get(**parameters: Any) -> Chart:
        chart: Chart = api.get("metrics/series", {"name": "calls", "range": "60", **parameters})
        return chart

    return get
