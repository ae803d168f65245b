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
from csg_otel.exporters.prometheus.families import Families
from csg_otel.exporters.prometheus.naming import family_name, label_name, naming
from csg_otel.exporters.prometheus.negotiation import TEXT, Format, Syntax, accepts_gzip, negotiate

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricsData

    from csg_otel.exporters.prometheus.labels import LabelEncoding, Labels
    from csg_otel.exporters.prometheus.naming import Naming
    from csg_otel.pipeline.series_results import Kept

__all__ = ["TEXT", "Format", "Pages", "accepts_gzip", "compress", "family_name", "label_name", "negotiate", "render"]

_MOST_WAYS: Final = 3
"""Ways to write labels whose last labels are kept: those of a scraper, of a second one, and of a user's browser."""


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


class Pages:
    """
    The pages of one program's metrics, one after another; the labels of series that stay are encoded only once.

    A page is the same as from :func:`render`. The labels of the last page are kept, for each of the last three ways to write
    them: several formats have the same. Any thread may call.
    """

    def __init__(self) -> None:
        """Start without labels."""
        self._kept: dict[tuple[Naming, LabelEncoding], Kept[Labels]] = {}

    def render(self, data: MetricsData | None, form: Format = TEXT) -> bytes:
        """Return *data* (cumulative) as a page in the format *form*; never raises, whatever *data* contains."""
        writer = _WRITERS[form.syntax]
        way = naming(form.escaping, form.utf8), writer.labels
        families = Families(*way, self._kept.get(way, {}))
        families.collect(data)
        others = [(other, kept) for other, kept in self._kept.items() if other != way]
        self._kept = dict((*others[1 - _MOST_WAYS :], (way, families.labels)))  # replaced as a whole, for other threads
        return writer.page(families)


def render(data: MetricsData | None, form: Format = TEXT) -> bytes:
    """Return *data* (cumulative) as one page in the format *form*; never raises, whatever *data* contains."""
    return Pages().render(data, form)


def compress(body: bytes) -> bytes:
    """Return *body* compressed with gzip's fastest level; for metrics, higher levels save little and take much longer."""
    return gzip.compress(body, 1)
