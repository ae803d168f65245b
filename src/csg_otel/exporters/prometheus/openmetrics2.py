"""
OpenMetrics 2.0: one line for each series, with its start time, and with the native buckets of exponential histograms.

The format is that of release candidate 0: a family has the name of its samples, and a histogram is one composite value.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from csg_otel.exporters.prometheus import samples
from csg_otel.exporters.prometheus.naming import quoted
from csg_otel.exporters.prometheus.text import Sample, as_bytes, exemplar_text, help_text
from csg_otel.pipeline.exponential import native

if TYPE_CHECKING:
    from csg_otel.exporters.prometheus.families import Families, Family
    from csg_otel.pipeline.exponential import NativeBuckets


def page(families: Families) -> bytes:
    """Return *families* as OpenMetrics 2.0."""
    lines: list[str] = []
    for family in families:
        lines.extend(_metadata(family))
        lines.extend(_series(family))
    return as_bytes([*lines, "# EOF"])


def _metadata(family: Family) -> Iterator[str]:
    name = quoted(family.sample_name)
    yield f"# TYPE {name} {'unknown' if family.is_unknown else family.kind}"
    if family.unit:
        yield f"# UNIT {name} {family.unit}"
    yield f"# HELP {name} {help_text(family.description, True)}"


def _series(family: Family) -> Iterator[str]:
    sample, cumulative = Sample(family.sample_name), family.kind in ("counter", "histogram")
    for labels, point in family.points.items():
        started = (
            f" st@{samples.seconds(point.start_time_unix_nano)}" if cumulative and point.start_time_unix_nano else ""
        )
        if family.kind == "histogram":
            value, exemplars = _histogram(point)
        else:
            value = samples.number(point.value)
            exemplars = samples.traced(point.exemplars)[-1:] if family.kind == "counter" else []
        yield f"{sample(labels)} {value}{started}{''.join(map(exemplar_text, exemplars))}"


def _histogram(point: Any) -> tuple[str, list[Any]]:
    """Return a histogram as a composite value, and its exemplars: the latest of each bucket."""
    bounds, below = samples.buckets(point)
    pairs = zip(samples.bound_texts(tuple(bounds)), below, strict=True)
    classic = ",".join([f"{bound}:{number}" for bound, number in pairs])
    values = f"count:{point.count},sum:{samples.number(point.sum)}"
    buckets = native(point) if hasattr(point, "scale") else None
    if buckets is not None:
        values += f",schema:{buckets.schema},zero_threshold:0.0,zero_count:{point.zero_count}"
        values += _side("negative", buckets.negative) + _side("positive", buckets.positive)
    exemplars = samples.by_bucket(point.exemplars, bounds)
    return f"{{{values},bucket:[{classic}]}}", [exemplars[place] for place in sorted(exemplars)]


def _side(name: str, buckets: NativeBuckets) -> str:
    if not buckets.counts:
        return ""
    spans = ",".join(f"{offset}:{length}" for offset, length in buckets.spans)
    return f",{name}_spans:[{spans}],{name}_buckets:[{','.join(map(str, buckets.counts))}]"
