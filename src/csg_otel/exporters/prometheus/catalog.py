"""The catalog of metrics that rules may name, with the series names and labels of this exporter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from csg_otel.alerts.catalog import Catalog
from csg_otel.exporters.prometheus.naming import family_name, label_name

if TYPE_CHECKING:
    from csg_otel import names
    from csg_otel.config import Config


def of_program(config: Config, declared: Iterable[names.Metric], exposition: str, **further: str) -> Catalog:
    """
    Return the metrics that the rules of *config* may name, bound to the series of its service.

    Args:
        config: the configuration.
        declared: metrics that the program declares.
        exposition: text of the program's ``/metrics``; empty for none.
        further: ``further`` of the catalog.
    """
    every = Catalog(declared, exposition, series=family_name, label=label_name, **further)
    return every.of_service(config.service.name or "", config.alerting.selector)
