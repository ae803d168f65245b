"""
The one place that asks OpenTelemetry for a meter, a tracer or a logger.

Asking the global function in one module and a provider in another makes two scopes for one library, so everybody asks here.
Uses the OTel API only: without an SDK every handle is a no-op, and starts working when one is installed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from opentelemetry import _logs, metrics, trace

from csg_otel._version import VERSION
from csg_otel.names import DURATION_BUCKETS_S, PAUSE_BUCKETS_S, SCOPE, SIZE_BUCKETS_BY, Metric

Callback = Callable[[metrics.CallbackOptions], Iterable[metrics.Observation]]

_ADVICE: Final = {"s": DURATION_BUCKETS_S, "By": SIZE_BUCKETS_BY}


def meter() -> metrics.Meter:
    """Return the package's meter."""
    return metrics.get_meter(SCOPE, VERSION)


def tracer() -> trace.Tracer:
    """Return the package's tracer."""
    return trace.get_tracer(SCOPE, VERSION)


def logger() -> _logs.Logger:
    """Return the package's event logger."""
    return _logs.get_logger(SCOPE, VERSION)


def create(
    metric: Metric, callbacks: Sequence[Callback] | None = None, *, bounds: Sequence[float] | None = None
) -> Any:
    """
    Make the instrument *metric* describes: a synchronous one, or an observable one when *callbacks* are given.

    *bounds* are a histogram's buckets; without them those in seconds and bytes carry bucket advice, because the SDK's
    default buckets suit milliseconds.
    """
    made, kind = meter(), metric.kind
    name, unit, description = metric.name, metric.unit, metric.description
    if kind == "histogram":
        return made.create_histogram(
            name, unit, description, explicit_bucket_boundaries_advisory=bounds or buckets(metric)
        )
    if callbacks is None:
        return getattr(made, f"create_{kind}")(name, unit, description)
    return getattr(made, f"create_observable_{kind}")(name, callbacks, unit, description)


def buckets(metric: Metric) -> Sequence[float] | None:
    """Return the bucket bounds for a histogram, in its own unit; None leaves them to the SDK."""
    if metric.name.startswith("csg.runtime."):
        return PAUSE_BUCKETS_S
    return _ADVICE.get(metric.unit)
