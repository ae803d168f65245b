"""
Generated programs export the same by this package and by the official SDK: spans, metrics and exemplars, over both protocols.

Each program runs four times as a process of its own, through a fork and a second ``instrument()``, to real receivers.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from bisect import bisect_left
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from support import twin_program
from support.otlp_sink import GrpcSink, HttpSink

_names = st.sampled_from(["load", "save", "été"])
_values = st.one_of(
    st.sampled_from(["x", "é", "", True, False, 0, 1, 1.0, 2.5]), st.lists(st.integers(0, 9), max_size=3)
)
_attributes = st.dictionaries(st.sampled_from(["a", "b", "c"]), _values, max_size=3)
_labels = st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["x", "y", True, 1]), max_size=2)
_numbers = st.sampled_from([0, 1, 3, 5, 0.25, 7.5, 11, 2.0**40])
_leaf = st.one_of(
    st.tuples(st.just("set"), st.sampled_from(["a", "d"]), _values),
    st.tuples(st.just("event"), _names, _attributes),
    st.tuples(st.just("status"), st.sampled_from(["OK", "ERROR"]), _names),
    st.tuples(st.just("raise"), _names),
    st.tuples(st.just("add"), _numbers, _labels),
    st.tuples(st.just("change"), st.one_of(_numbers, st.just(-4)), _labels),
    st.tuples(st.just("record"), _numbers, _labels),
    st.tuples(st.just("keep"), st.one_of(_numbers, st.just(-4)), _labels),
)
_kinds = st.sampled_from(["INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"])


def _spans(inner: Any) -> Any:
    return st.tuples(st.just("span"), _names, _kinds, _attributes, st.lists(inner, max_size=6))


_step = st.recursive(_leaf, _spans, max_leaves=12)
_steps = st.lists(st.one_of(_spans(_step), _step), min_size=4, max_size=12)


def _values_of(message: Any) -> list[Any]:
    """Return the attributes of *message* with the types of their values, sorted."""
    return sorted((pair.key, str(pair.value)) for pair in message)


def _shown_spans(received: Any) -> Counter[str]:
    """Return what the spans hold, without ids and times; a parent is its name."""
    names = {span.span_id: span.name for span in received.spans}
    return Counter(
        repr(
            (
                *(span.name, span.kind, names.get(span.parent_span_id), _values_of(span.attributes)),
                *(span.status.code, span.status.message, span.flags, span.trace_state),
                [
                    (event.name, [pair for pair in _values_of(event.attributes) if "stack" not in pair[0]])
                    for event in span.events
                ],
                [span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count, len(span.links)],
                span.start_time_unix_nano <= span.end_time_unix_nano,
            )
        )
        for span in received.spans
    )


def _numbers_of(name: str, point: Any) -> list[float]:
    """Return the numbers of *point* that add up; of an exponential histogram the buckets at scale 0, from 2**-4 to 2**45."""
    if name != "twin.sizes":
        return [point.as_int if point.WhichOneof("value") == "as_int" else point.as_double]
    if not hasattr(point, "scale"):
        return [point.count, point.sum, *point.bucket_counts]
    buckets = Counter[int]()
    for index, count in enumerate(point.positive.bucket_counts, point.positive.offset):
        buckets[index >> point.scale] += count
    return [point.count, point.sum, point.zero_count, *(buckets[exponent] for exponent in range(-4, 45))]


def _shown_points(received: Any, temporality: int) -> dict[str, Any]:
    """Return what the points say in the end: of cumulative ones the last, of delta ones the sum; and their exemplars."""
    shown: dict[str, Any] = {}
    names = {span.span_id: span.name for span in received.spans}
    for name in ("twin.counter", "twin.level", "twin.sizes", "twin.state"):
        kind = {2} if name == "twin.level" else {temporality}
        assert name == "twin.state" or received.temporalities(name) <= kind
        for point in received.points(name):
            key = repr((name, _values_of(point.attributes)))
            numbers = _numbers_of(name, point)
            before, exemplars = shown.get(key, (None, {}))
            if before is not None and kind == {1} and name != "twin.state":
                numbers = [one + other for one, other in zip(before, numbers, strict=True)]
            for exemplar in point.exemplars:
                if name == "twin.sizes":  # each bucket keeps the last one; a second instrument() collects between
                    value = exemplar.as_double or exemplar.as_int
                    filtered = _values_of(exemplar.filtered_attributes)
                    place = value if hasattr(point, "scale") else bisect_left(twin_program.BOUNDS, value)
                    exemplars[place] = value, names.get(exemplar.span_id), filtered
                else:  # one by chance
                    exemplars[0] = "one"
            shown[key] = numbers, exemplars
    return shown


def _run(
    side: str, protocol: str, temporality: str, histograms: str, steps: Path
) -> tuple[Counter[str], dict[str, Any]]:
    sink = GrpcSink() if protocol == "grpc" else HttpSink()
    try:
        environ = {
            **os.environ,
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": temporality,
            "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": histograms,
        }
        program: list[str] = [sys.executable, twin_program.__file__, side, protocol, sink.endpoint, str(steps)]
        done = subprocess.run(program, env=environ, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        received = sink.received
        assert [point.as_int for point in received.points("twin.child")] == [1]
        return _shown_spans(received), _shown_points(received, 1 if temporality == "delta" else 2)
    finally:
        sink.close()


@pytest.mark.parametrize("temporality", ["cumulative", "delta"])
@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
@settings(  # no shrinking: it runs hundreds of programs
    max_examples=4,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    parts=st.tuples(_steps, _steps, _steps),
    setup=st.tuples(
        st.booleans(), st.sampled_from(["explicit_bucket_histogram", "base2_exponential_bucket_histogram"])
    ),
)
def test_a_program_exports_the_same(
    protocol: str, temporality: str, parts: Any, setup: tuple[bool, str], tmp_path: Path
) -> None:
    """Spans, points and exemplars are equal, whatever the program does, and if it has a span processor of its own, too."""
    steps = tmp_path / "steps.json"
    # The fork comes first, because a child of the official SDK exports the parent's measurements, too.
    in_child, before, after = parts
    beside, histograms = setup
    whole = [*([["processor"]] if beside else []), ["fork", in_child], *before, ["again"], *after]
    steps.write_text(json.dumps(whole), encoding="utf-8")
    ours, official = (_run(side, protocol, temporality, histograms, steps) for side in ("ours", "official"))

    assert ours[0] == official[0]
    assert ours[1] == official[1]
