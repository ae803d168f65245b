"""
The filter of metric groups: it applies a configuration's switches, and removes switched-off metrics from collections.

Every reader filters its collections here. The rule: metrics of other instrumentation scopes are never removed, because they
belong to the program or to a library.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from csg_otel import metric_groups, names

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricsData, ScopeMetrics

    from csg_otel.config import Config


def apply(config: Config) -> None:
    """Switch the groups of metrics on and off according to *config*, for the whole process."""
    groups, performance = config.system_monitoring.metrics, config.performance
    metric_groups.apply(
        metric_groups.Switches(
            business=groups.business_metrics,
            custom=groups.custom_metrics,
            durations=performance.enabled and performance.response_time_tracking.enabled,
        )
    )


def without_switched_off(data: MetricsData) -> MetricsData:
    """Return *data* without the metrics of the groups that are off."""
    switches = metric_groups.current()
    if switches is metric_groups.ALL_ON:
        return data
    return replace(
        data,
        resource_metrics=[
            replace(resource, scope_metrics=[_shown(scope, switches) for scope in resource.scope_metrics])
            for resource in data.resource_metrics
        ],
    )


def _shown(scope: ScopeMetrics, switches: metric_groups.Switches) -> ScopeMetrics:
    if scope.scope.name != names.SCOPE:
        return scope
    return replace(scope, metrics=[metric for metric in scope.metrics if switches.shows(metric.name)])
