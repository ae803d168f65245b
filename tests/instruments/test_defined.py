"""Instruments the program defines: declared attributes are kept, mistakes are reported, and nothing is lost."""

from __future__ import annotations

import copy
import inspect
import logging
import pickle
import subprocess
import sys
import time
import uuid
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import csg_otel
from csg_otel import faults, metric_groups, worker_policy
from csg_otel.errors import InstrumentError
from csg_otel.instruments import start_at_zero
from support.capture import Captured, capture


def fresh(prefix: str = "test") -> str:
    """Return a name no other test has used: instruments live as long as the process."""
    return f"{prefix}.{uuid.uuid4().hex}"


def test_a_counter_made_before_instrument_counts_afterwards() -> None:
    """Definitions at import work through every exchange of the provider."""
    name = fresh("orders")
    orders = csg_otel.counter(name, unit="{order}", attributes=("channel",))
    orders.add(5, {"channel": "web"})
    found = []
    for _ in range(2):
        with capture() as captured:
            orders.add(2, {"channel": "web"})
            found.append(captured.values(name, "channel"))

    assert found == [{"web": 2}, {"web": 2}]


def test_undeclared_attributes_are_dropped_counted_and_logged_once(
    captured: Captured, caplog: pytest.LogCaptureFixture
) -> None:
    """The measurement counts, without the attribute that would have made a series of its own."""
    name = fresh("orders")
    orders = csg_otel.counter(name, attributes=("channel",))
    with caplog.at_level(logging.WARNING, "csg_otel"):
        orders.add(1, {"channel": "web", "user": "1"})
        orders.add(1, {"channel": "web", "user": "2", "cart": 3})

    (point,) = captured.points(name)
    assert (dict(point.attributes), point.value) == ({"channel": "web"}, 2)
    assert captured.values("csg.attributes.dropped", "csg.instrument")[name] == 3
    assert [message for message in caplog.messages if name in message] == [
        f"instrument {name!r} does not declare 'user', so it is dropped; to keep it, add it to attributes= in the definition"
    ]


def test_what_is_known_beforehand_starts_at_zero(captured: Captured) -> None:
    """Every declared value has its series before anything was counted; without attributes the one series has."""
    plain, known = fresh("plain"), fresh("known")
    csg_otel.counter(plain)
    csg_otel.counter(known, attributes={"channel": ("web", "app"), "outcome": ("ok", "error")})
    start_at_zero()

    assert [point.value for point in captured.points(plain)] == [0]
    assert sorted(tuple(point.attributes.values()) for point in captured.points(known)) == [
        ("app", "error"),
        ("app", "ok"),
        ("web", "error"),
        ("web", "ok"),
    ]


def test_each_kind_measures(captured: Captured) -> None:
    """Gauges keep the last value, up-down counters the sum, histograms the distribution in buckets for their unit."""
    names = {kind: fresh(kind) for kind in ("gauge", "updown", "seconds", "own")}
    gauge, level = csg_otel.gauge(names["gauge"]), csg_otel.up_down_counter(names["updown"])
    seconds = csg_otel.histogram(names["seconds"], unit="s")
    own = csg_otel.histogram(names["own"], unit="{page}", buckets=(1, 10))
    gauge.set(3.5)
    gauge.set(2)
    level.add(5)
    level.add(-2)
    seconds.record(0.02)
    own.record(11)

    assert captured.points(names["gauge"])[0].value == 2
    assert captured.points(names["updown"])[0].value == 3
    assert captured.points(names["seconds"])[0].explicit_bounds[0] == 0.005
    assert captured.points(names["own"])[0].bucket_counts == (0, 0, 1)


def test_numbers_of_other_types_count_and_what_is_no_number_is_left_out(captured: Captured) -> None:
    """Decimals and fractions are numbers; text, nothing, truth and infinity are none."""
    faults.strict = False
    name = fresh("amounts")
    amounts = csg_otel.counter(name)
    wrong: list[Any] = [None, "3", True, float("nan"), float("inf"), object(), [1]]
    for amount in (Decimal("1.5"), Fraction(1, 2), 2, *wrong):
        amounts.add(amount)

    assert captured.points(name)[0].value == 4.0
    assert faults.counts()[f"instrument {name}"] == len(wrong)


def test_a_number_too_large_for_the_wire_becomes_a_float(captured: Captured) -> None:
    """An integer beyond 64 bits would stop every metric of its batch."""
    name = fresh("large")
    csg_otel.gauge(name).set(2**70)

    assert captured.points(name)[0].value == float(2**70)


def test_the_same_name_gives_the_same_instrument(captured: Captured) -> None:
    """A module that is loaded twice goes on counting; another kind under the same name is a mistake."""
    name = fresh("twice")
    assert csg_otel.counter(name) is csg_otel.counter(name.upper())

    with pytest.raises(InstrumentError, match="is a counter already"):
        csg_otel.gauge(name)


def test_a_bad_definition_raises_at_once() -> None:
    """Names and buckets that no backend can take are refused."""
    for name in ("", "1st", "has space", "x" * 300):
        with pytest.raises(InstrumentError, match="not a name"):
            csg_otel.counter(name)

    with pytest.raises(InstrumentError, match="ascending order"):
        csg_otel.histogram(fresh(), buckets=(1, 1))


def test_an_observable_gauge_is_read_at_collection(captured: Captured) -> None:
    """It may return a number or several with attributes; given again, the new callback counts."""
    name, several = fresh("queue"), fresh("queues")
    csg_otel.observable_gauge(name, lambda: 1)
    csg_otel.observable_gauge(name, lambda: 7)
    csg_otel.observable_gauge(several, lambda: [(1, {"queue": "a"}), (2, {"queue": "b"})], attributes=("queue",))

    deadline = time.monotonic() + 50
    while not (captured.points(name) and captured.points(several)) and time.monotonic() < deadline:
        time.sleep(0.01)  # on a busy machine the first collections may end before these callbacks have run

    assert [point.value for point in captured.points(name)] == [7]
    assert captured.values(several, "queue") == {"a": 1, "b": 2}


def test_a_gauge_declares_how_workers_are_combined() -> None:
    """With one of the words there are."""
    with pytest.raises(InstrumentError, match=r"workers='maximum'.*valid are each, sum, min, max, one"):
        csg_otel.gauge(fresh(), workers="maximum")  # type: ignore[arg-type]
    csg_otel.gauge(name := fresh("Depth"), workers="max")

    assert (worker_policy.of(name.lower(), "gauge"), worker_policy.of("undeclared", "gauge")) == ("max", "each")


@pytest.mark.parametrize(
    "make",
    [
        lambda name, declared: csg_otel.counter(name, attributes=declared).add(1, {"channel": "web"}),
        lambda name, declared: csg_otel.up_down_counter(name, attributes=declared).add(1, {"channel": "web"}),
        lambda name, declared: csg_otel.histogram(name, attributes=declared).record(1, {"channel": "web"}),
        lambda name, declared: csg_otel.gauge(name, attributes=declared).set(1, {"channel": "web"}),
        lambda name, declared: csg_otel.observable_gauge(
            name, lambda: [(1.0, {"channel": "web"})], attributes=declared
        ),
    ],
)
@pytest.mark.parametrize("declared", ["channel", {"channel": "web"}])
def test_a_text_is_one_name(captured: Captured, make: Any, declared: Any) -> None:
    """It is not taken for its letters, neither as an attribute nor as an attribute's value."""
    name = fresh()
    make(name, declared)

    assert captured.values(name, "channel") == {"web": 1}


def test_bound_instruments_measure_with_their_attributes(captured: Captured, caplog: pytest.LogCaptureFixture) -> None:
    """Attributes are cleaned and checked once; a bad value never raises."""
    sums, levels, sizes, states = fresh("sums"), fresh("levels"), fresh("sizes"), fresh("states")
    bound = csg_otel.counter(sums, attributes=("channel",)).bind({"channel": "web", "user": 7})
    level = csg_otel.up_down_counter(levels).bind({"channel": "web"})
    size = csg_otel.histogram(sizes).bind({"channel": "web"})
    state = csg_otel.gauge(states).bind({"channel": "web"})
    for _ in range(3):
        bound.add()
    bound.add(0.5)
    bound.add("much")  # type: ignore[arg-type]
    level.add(5)
    level.add(-2)
    size.record(8)
    state.set(4)

    assert captured.values(sums, "channel") == {"web": 3.5}
    assert captured.values(levels, "channel") == {"web": 3}
    assert captured.values(sizes, "channel") == {"web": 1}
    assert captured.values(states, "channel") == {"web": 4}
    assert captured.values("csg.attributes.dropped", "csg.instrument")[sums] == 1
    assert [message for message in caplog.messages if "is not a number" in message]


def test_a_bound_counter_starts_at_zero_with_every_provider() -> None:
    """The series exists before anything was counted, also if it was bound at import."""
    name = fresh("bound")
    counter = csg_otel.counter(name, attributes=("channel",))
    bound = counter.bind({"channel": "web"})
    counter.bind({"channel": "web"})
    found = []
    for _ in range(2):
        with capture() as captured:
            start_at_zero()
            found.append(captured.values(name, "channel"))
    with capture() as captured:
        bound.add(2)
        found.append(captured.values(name, "channel"))

    assert found == [{"web": 0}, {"web": 0}, {"web": 2}]


@pytest.mark.parametrize(
    ("first", "again", "differing"),
    [
        ({"unit": "s"}, {"unit": "ms"}, "unit"),
        ({"attributes": ["a"]}, {"attributes": ["b"]}, "attributes"),
        ({"attributes": {"a": ["x"]}}, {"attributes": {"a": ["y"]}, "unit": "s"}, "unit and attributes"),
        ({"unit": "s", "buckets": [1, 2]}, {"buckets": [1, 3]}, "buckets"),
        ({}, {"buckets": [1, 3]}, "buckets"),
        ({"unit": "s", "attributes": ["a"], "buckets": [1]}, {}, None),
        (
            {"unit": "s", "attributes": ("a", "b")},
            {"unit": "s", "attributes": ["b", "a"], "description": "Seconds."},
            None,
        ),
    ],
)
def test_another_definition_of_a_name_is_noted_with_the_place_of_the_first(
    first: dict[str, Any], again: dict[str, Any], differing: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """Once, and only for options that the second definition gives and that differ; the first instrument stays."""
    name = fresh("again")
    made = csg_otel.histogram(name, **first)
    line = inspect.currentframe().f_lineno - 1  # type: ignore[union-attr]
    assert [csg_otel.histogram(name, **again) for _ in range(2)] == [made, made]

    noted = [record.getMessage() for record in caplog.records if name in record.getMessage()]
    assert len(noted) == (differing is not None)
    if differing:
        assert f"with other {differing}, which" in noted[0]
        assert f"at {__file__}:{line}:" in noted[0]


MADE = """
import pickle, sys
import csg_otel
from csg_otel import worker_policy
from csg_otel.instruments import defined

counter, gauge, histogram = pickle.loads(bytes.fromhex(sys.argv[1]))
counter.add(1, {"channel": "web"})
assert counter is csg_otel.counter("pickled.orders")
(orders,) = [metric for metric in defined.declared() if metric.name == "pickled.orders"]
assert (orders.unit, orders.attributes) == ("{order}", ("channel",))
assert worker_policy.of("pickled.depth", "gauge") == "sum"
assert histogram._options["buckets"] == (1, 2)
"""


def test_an_instrument_can_be_pickled(captured: Captured) -> None:
    """Here it is itself, as a copy is; in another process, as jobs of joblib and Ray have, it is defined again."""
    made = (
        csg_otel.counter("pickled.orders", unit="{order}", attributes=("channel",)),
        csg_otel.gauge("pickled.depth", workers="sum"),
        csg_otel.histogram("pickled.sizes", buckets=(1, 2)),
    )
    read = csg_otel.observable_gauge("pickled.read", callback)

    assert all(again is one for again, one in zip(pickle.loads(pickle.dumps(made)), made, strict=True))
    assert copy.deepcopy(read) is read
    assert read.callback is callback
    subprocess.run([sys.executable, "-c", MADE, pickle.dumps(made).hex()], check=True, timeout=60)


def test_a_bound_instrument_can_be_pickled(captured: Captured) -> None:
    """It is bound again with its attributes, here and in another process."""
    bound: dict[str, Any] = {
        "add": csg_otel.counter("pickled.bound", attributes=("channel",)).bind({"channel": "web", "undeclared": 1}),
        "record": csg_otel.histogram("pickled.bound_sizes").bind({"channel": "web"}),
        "set": csg_otel.gauge("pickled.bound_depth").bind({"channel": "web"}),
    }
    for method, again in pickle.loads(pickle.dumps(bound)).items():
        getattr(again, method)(2)
    copy.deepcopy(bound["add"]).add(3)
    there = "import pickle, sys; pickle.loads(bytes.fromhex(sys.argv[1]))['add'].add(1)"
    subprocess.run([sys.executable, "-c", there, pickle.dumps(bound).hex()], check=True, timeout=60)

    (series,) = captured.points("pickled.bound")
    assert (series.value, dict(series.attributes)) == (5, {"channel": "web"})
    assert captured.points("pickled.bound_sizes")[0].attributes == {"channel": "web"}
    assert captured.points("pickled.bound_depth")[0].value == 2


def callback() -> float:
    """Return a value."""
    return 7.0


@pytest.mark.parametrize("kind", ["counter", "up_down_counter", "histogram", "gauge"])
@pytest.mark.parametrize("form", [iter, np.array, lambda names: dict.fromkeys(names).keys()])
def test_any_iterable_of_names_declares_them(captured: Captured, kind: str, form: Any) -> None:
    """A generator can be read once only, and an array has no truth value; both keep their attributes."""
    name = fresh()
    instrument = getattr(csg_otel, kind)(name, attributes=form(["channel", "size"]))
    attributes = {"channel": "web", "size": 3}
    next(getattr(instrument, method) for method in ("add", "record", "set") if hasattr(instrument, method))(
        1, attributes
    )

    assert [dict(point.attributes) for point in captured.points(name) if point.attributes] == [attributes]


@pytest.mark.parametrize(
    ("declared", "series"),
    [
        (3, [3]),
        ("Berlin, Mitte", ["Berlin, Mitte"]),
        (iter(["web", "app"]), ["web", "app"]),
        (range(2), [0, 1]),
        (np.array(["web"]), ["web"]),
    ],
)
def test_values_of_an_attribute_are_one_or_any_iterable(captured: Captured, declared: Any, series: list[Any]) -> None:
    """Each starts at 0."""
    name = fresh()
    csg_otel.counter(name, attributes={"channel": declared})

    assert [dict(point.attributes) for point in captured.points(name)] == [{"channel": each} for each in series]


@pytest.mark.parametrize(
    ("declared", "advice"),
    [
        (5, r'attributes=5 is no list of names: write "name" or \["name", "other"\]'),
        (b"channel", "attributes=b'channel' is no list of names"),
        ("channel, size", r"contains 'channel, size', which is not one name: write \['channel', 'size'\]"),
        ("", "contains '', which is not one name"),
        ((1, 2), "contains 1, which is no name"),
        ([["channel"]], r"contains \['channel'\], which is no name"),
        ({1: "web"}, "contains 1, which is no name"),
        ({"channel": None}, "attribute 'channel' has None as its values: write a value"),
    ],
)
def test_attributes_that_are_no_names_are_refused_with_the_instrument(declared: Any, advice: str) -> None:
    """The message names the instrument and shows what to write; the name stays free for a right definition."""
    name = fresh()
    with pytest.raises(InstrumentError, match=f"^counter '{name}': .*{advice}"):
        csg_otel.counter(name, attributes=declared)
    csg_otel.counter(name, attributes="channel")


def test_buckets_are_any_iterable_of_numbers(captured: Captured) -> None:
    """A generator and an array are bounds too; infinity is a bound of every histogram already."""
    for buckets in (iter([1, 2, 3]), np.array([1, 2, 3]), [1, 2, 3, float("inf")]):
        name = fresh()
        csg_otel.histogram(name, buckets=buckets).record(2)
        (point,) = captured.points(name)
        assert point.explicit_bounds == (1, 2, 3)


@pytest.mark.parametrize("buckets", ["1,2", b"12", 5, ["1", "2"], [1, None], [1, float("nan")]])
def test_buckets_that_are_no_numbers_are_refused_with_the_histogram(buckets: Any) -> None:
    """The message shows what to write."""
    name = fresh()
    with pytest.raises(InstrumentError, match=rf"^histogram '{name}': buckets=.* write their upper bounds, as \[0.1"):
        csg_otel.histogram(name, buckets=buckets)


def test_only_the_switch_of_its_own_group_stops_an_instrument(captured: Captured) -> None:
    """Each measurement looks at the switches, with attributes that were seen before, too."""
    name = fresh("switched")
    things, sizes = csg_otel.counter(name, attributes=("a",)), csg_otel.histogram(f"{name}.size")
    bound, bound_sizes = things.bind({"a": "bound"}), sizes.bind({"a": "bound"})
    try:
        for switches in (
            metric_groups.ALL_ON,
            metric_groups.Switches(sdk=False),
            metric_groups.Switches(custom=False),
            metric_groups.ALL_ON,
        ):
            metric_groups.apply(switches)
            for _ in range(2):
                things.add(1, {"a": "plain"})
                bound.add(1)
                sizes.record(5, {"a": "plain"})
                bound_sizes.record(5)
    finally:
        metric_groups.apply(metric_groups.ALL_ON)

    assert captured.values(name, "a") == {"plain": 6, "bound": 6}
    assert captured.values(f"{name}.size", "a") == {"plain": 6, "bound": 6}


def test_values_that_are_equal_but_of_another_type_are_series_of_their_own(captured: Captured) -> None:
    """True, 1 and 1.0 are equal keys of a dictionary, but three values of an attribute."""
    name = fresh("typed")
    things = csg_otel.counter(name, attributes=("a",))
    for _ in range(2):
        for value in (True, 1, 1.0, "1"):
            things.add(1, {"a": value})

    assert [(type(point.attributes["a"]), point.value) for point in captured.points(name)] == [
        (bool, 2),
        (int, 2),
        (float, 2),
        (str, 2),
    ]
