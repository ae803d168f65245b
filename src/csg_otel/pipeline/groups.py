"""
The filter of metrics: it applies a configuration's switches, and removes metrics that must not be exported from collections.

Every reader filters its collections here. The rule: metrics of other instrumentation scopes belong to the program or to a
library and are never removed, except those of one package that measures the same under the same names.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from csg_otel import metric_groups, names
from csg_otel.metrics.observations import APPLICATION_GROUP, SYSTEM_GROUP
from csg_otel.metrics.runtime import GC_COUNTERS

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricsData, ScopeMetrics

    from csg_otel.config import Config

_SYSTEM_METRICS: Final = "opentelemetry.instrumentation.system_metrics"
"""The scope of the instrumentation that measures host and process under the same names: a sum would count them twice."""

_measured: frozenset[str] = frozenset()
"""The names of the metrics of host and process that this package measures, by the configuration in use."""

_noted: Final[list[bool]] = []
"""Holds True once it has been logged that another package measures the same."""

_log = logging.getLogger("csg_otel")


def apply(config: Config) -> None:
    """Switch the groups of metrics on and off according to *config*, for the whole process."""
    global _measured  # noqa: PLW0603 - for the whole process, as the switches
    monitoring, performance = config.system_monitoring, config.performance
    groups = monitoring.metrics
    metric_groups.apply(
        metric_groups.Switches(
            business=groups.business_metrics,
            custom=groups.custom_metrics,
            sdk=groups.sdk_metrics,
            durations=performance.enabled and performance.response_time_tracking.enabled,
        )
    )
    host = [metric.name for metric, _ in SYSTEM_GROUP] if groups.system_metrics else []
    process = [metric.name for metric, _ in APPLICATION_GROUP] if groups.application_metrics else []
    collector = [metric.name for metric in GC_COUNTERS] if groups.application_metrics else []
    _measured = frozenset((*host, *process, *collector) if monitoring.enabled else ())


def exported(data: MetricsData) -> MetricsData:
    """Return *data* without the metrics of the groups that are off, and without metrics of the host that it has twice."""
    return replace(
        data,
        resource_metrics=[
            replace(resource, scope_metrics=[_filtered(scope) for scope in resource.scope_metrics])
            for resource in data.resource_metrics
        ],
    )


def named(data: MetricsData, wanted: frozenset[str]) -> MetricsData:
    """Return the metrics of *data* whose names are *wanted*."""
    return replace(
        data,
        resource_metrics=[
            replace(
                resource,
                scope_metrics=[
                    replace(scope, metrics=[metric for metric in scope.metrics if metric.name in wanted])
                    for scope in resource.scope_metrics
                ],
            )
            for resource in data.resource_metrics
        ],
    )


def _filtered(scope: ScopeMetrics) -> ScopeMetrics:
    if scope.scope.name == names.SCOPE:
        switches = metric_groups.current()
        if switches is metric_groups.ALL_ON:
            return scope
        return replace(scope, metrics=[metric for metric in scope.metrics if switches.shows(metric.name)])
    if scope.scope.name == _SYSTEM_METRICS:
        doubles = [metric.name for metric in scope.metrics if metric.name in _measured]
        _note(doubles)
        return replace(scope, metrics=[metric for metric in scope.metrics if metric.name not in doubles])
    return scope


def _note(doubles: list[str]) -> None:
    """Log *doubles*, if there are any, once."""
    if doubles and not _noted:
        _noted.append(True)
        _log.info(
            "%s measures %d metrics that csg_otel measures, too, such as %s; csg_otel exports its own ones only",
            _SYSTEM_METRICS,
            len(doubles),
            doubles[0],
        )
