"""
The text formats: 0.0.4 and 1.0.0 of Prometheus, and OpenMetrics 1.0, which has exemplars, units and times of creation.

A name that is not plain stands in quotes within the braces, as in ``{"http.requests_total","url.path"="/"} 3``.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from csg_otel.exporters.prometheus import samples
from csg_otel.exporters.prometheus.labels import LabelEncoding
from csg_otel.exporters.prometheus.naming import escape_text, quoted, quoted_label

if TYPE_CHECKING:
    from csg_otel.exporters.prometheus.families import Families, Family


def page(families: Families, *, openmetrics: bool) -> bytes:
    """Return *families* as text, or as OpenMetrics 1.0."""
    lines: list[str] = []
    for family in families:
        lines.extend(_metadata(family, openmetrics))
        # Another instrument may have the name of these samples; they are the ones that can be left out.
        with_created = openmetrics and not families.has_sample(f"{family.name}_created")
        if family.kind == "histogram":
            lines.extend(_histograms(family, openmetrics, with_created))
        else:
            lines.extend(_numbers(family, openmetrics, with_created))
    if openmetrics:
        lines.append("# EOF")
    return as_bytes(lines)


def as_bytes(lines: list[str]) -> bytes:
    """Return *lines* in UTF-8. A lone surrogate in a label cannot be encoded; it becomes a question mark."""
    return ("\n".join(lines) + "\n").encode("utf-8", "replace") if lines else b""


class Sample:
    """The samples of one name: writes the name with labels."""

    def __init__(self, name: str) -> None:
        """Prepare for samples of *name*."""
        plain = quoted(name)
        self.bare = plain if plain == name else f"{{{plain}}}"
        """The name without labels."""
        self.opened = f"{name}{{" if plain == name else f"{{{plain},"
        """The name before labels; after them comes a brace."""

    def __call__(self, labels: str) -> str:
        """Return the name with *labels*."""
        return f"{self.opened}{labels}}}" if labels else self.bare


def _join(labels: Mapping[str, str]) -> str:
    return ",".join([f'{name}="{escape_text(text)}"' for name, text in labels.items()])


LABELS: Final = LabelEncoding(quoted_label, _join)


def exemplar_text(exemplar: Any) -> str:
    """Return *exemplar* as it stands at the end of a line."""
    (trace, trace_id), (span, span_id) = samples.trace_labels(exemplar)
    ids = f'{trace}="{trace_id}",{span}="{span_id}"'
    return f" # {{{ids}}} {samples.number(exemplar.value)} {exemplar.time_unix_nano / 1e9:.3f}"


def help_text(text: str, openmetrics: bool) -> str:
    """Return a description for the line HELP."""
    shown = text.rstrip("\r").replace("\\", r"\\").replace("\n", r"\n")
    return shown.replace('"', r"\"") if openmetrics else shown


def _metadata(family: Family, openmetrics: bool) -> Iterator[str]:
    name = quoted(family.name if openmetrics else family.sample_name)
    kind: str = family.kind
    if family.is_unknown:
        kind = "unknown" if openmetrics else "untyped"
    elif kind == "info" and not openmetrics:
        kind = "gauge"
    yield f"# HELP {name} {help_text(family.description, openmetrics)}"
    yield f"# TYPE {name} {kind}"
    if openmetrics and family.unit:
        yield f"# UNIT {name} {family.unit}"


def _numbers(family: Family, openmetrics: bool, with_created: bool) -> Iterable[str]:
    lines = _values(family)
    return _with_details(family, lines, with_created) if openmetrics and family.kind == "counter" else lines


def _values(family: Family) -> list[str]:
    sample, number = Sample(family.sample_name), samples.number
    opened = sample.opened
    # Written out, because a page has thousands of these lines.
    return [
        f"{opened}{labels}}} {value if (value := point.value).__class__ is int else number(value)}"
        if labels
        else f"{sample.bare} {number(point.value)}"
        for labels, point in family.points.items()
    ]


def _with_details(family: Family, lines: Iterable[str], with_created: bool) -> Iterator[str]:
    """Yield the *lines* of counters with their exemplars, each followed by the time of creation."""
    created = Sample(f"{family.name}_created")
    for line, (labels, point) in zip(lines, family.points.items(), strict=True):
        exemplars = samples.traced(point.exemplars) if point.exemplars else ()
        yield line + exemplar_text(exemplars[-1]) if exemplars else line
        if with_created and point.start_time_unix_nano:
            yield f"{created(labels)} {samples.seconds(point.start_time_unix_nano)}"


def _histograms(family: Family, openmetrics: bool, with_created: bool) -> Iterator[str]:
    bucket, total, count, created = (
        Sample(f"{family.name}{suffix}") for suffix in ("_bucket", "_sum", "_count", "_created")
    )
    for labels, point in family.points.items():
        bounds, numbers = samples.buckets(point)
        if openmetrics and point.exemplars:
            numbers = list[Any](numbers)
            for place, exemplar in samples.by_bucket(point.exemplars, bounds).items():
                numbers[place] = f"{numbers[place]}{exemplar_text(exemplar)}"
        before = f"{bucket.opened}{labels},le=" if labels else f"{bucket.opened}le="
        yield (_bucket_lines(tuple(bounds)) % tuple(numbers)).replace(_BEFORE, before)
        yield f"{total(labels)} {samples.number(point.sum)}"
        yield f"{count(labels)} {point.count}"
        if with_created and point.start_time_unix_nano:
            yield f"{created(labels)} {samples.seconds(point.start_time_unix_nano)}"


_BEFORE: Final = "\0"
"""Stands for all that is before the value of the label ``le``; neither bounds nor numbers nor exemplars contain it."""


@functools.lru_cache(maxsize=1024)
def _bucket_lines(bounds: tuple[float, ...]) -> str:
    """Return the lines of the buckets of a series, with ``%s`` for each number."""
    return "\n".join(f'{_BEFORE}"{bound}"}} %s' for bound in samples.bound_texts(bounds))
