"""
Metrics for Prometheus, in the format that a client asks for: two text formats, OpenMetrics 1.0 and 2.0, and protobuf.

Metrics get the same names as from the package ``opentelemetry-exporter-prometheus``. Its renderer is not used, because it fails
on exponential histograms, mixes up colliding names and drops exemplars. The rule: if one metric cannot be shown, all others
are.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from csg_otel.exporters.prometheus import openmetrics2, protobuf, text
from csg_otel.exporters.prometheus.families import Families, LabelEncoding
from csg_otel.exporters.prometheus.naming import family_name, label_name, naming
from csg_otel.exporters.prometheus.negotiation import TEXT, Format, Syntax, accepts_gzip, negotiate

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricsData

__all__ = ["TEXT", "Format", "accepts_gzip", "compress", "family_name", "label_name", "negotiate", "render"]


class _Writer(NamedTuple):
    """The writer of a syntax."""

    labels: LabelEncoding
    page: Callable[[Families], bytes]


_WRITERS: Final[Mapping[Syntax, _Writer]] = {
    "text": _Writer(text.LABELS, partial(text.page, openmetrics=False)),
    "openmetrics": _Writer(text.LABELS, partial(text.page, openmetrics=True)),
    "openmetrics2": _Writer(text.LABELS, openmetrics2.page),
    "protobuf": _Writer(protobuf.LABELS, protobuf.page),
}


def render(data: MetricsData | None, form: Format = TEXT) -> bytes:
    """Return *data* (cumulative) as a page in the format *form*; never raises, whatever *data* contains."""
    writer = _WRITERS[form.syntax]
    families = Families(naming(form.escaping, form.utf8), writer.labels)
    families.collect(data)
    return writer.page(families)


def compress(body: bytes) -> bytes:
    """Return *body* compressed with gzip's fastest level; for metrics, higher levels save little and take much longer."""
    return gzip.compress(body, 1)
