"""
The instrumentation scope of this package: its one meter, tracer and logger.

All modules get them here, so that all telemetry of this package has the same scope name and version. Uses the OTel API only:
without an SDK every instrument is a no-op, and it starts to record when an SDK is set up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeVar

from opentelemetry import _logs, metrics, trace

from csg_otel import environment, interruptions
from csg_otel._version import VERSION
from csg_otel.names import DURATION_BUCKETS_S, PAUSE_BUCKETS_S, SCOPE, SIZE_BUCKETS_BY, Metric

Callback = Callable[[metrics.CallbackOptions], Iterable[metrics.Observation]]

_PROVIDER_VARIABLES: Final = (
    "OTEL_PYTHON_TRACER_PROVIDER",
    "OTEL_PYTHON_METER_PROVIDER",
    "OTEL_PYTHON_LOGGER_PROVIDER",
)
_Provided = TypeVar("_Provided")
_meters: Final[list[tuple[metrics.MeterProvider, metrics.Meter]]] = []
"""The meters of this package, each with its provider; the last one is in use."""

era: Final[list[object]] = [object()]
"""
``era[0]`` changes whenever the providers or what their tracers do change.

What is kept of a tracer or a meter is compared with it, which takes less time than to get the provider.
"""

_ADVICE: Final = {"s": DURATION_BUCKETS_S, "By": SIZE_BUCKETS_BY}


def begin_era() -> None:
    """Let what was looked up at the providers be looked up again, because they have changed."""
    era[0] = object()


def load_providers() -> None:
    """Load the providers that variables of the environment name, if any, as the first look at a provider does."""
    provided(trace.get_tracer_provider)
    provided(metrics.get_meter_provider)


def meter() -> metrics.Meter:
    """Return the package's meter."""
    provider = provided(metrics.get_meter_provider)
    if not _meters or _meters[-1][0] is not provider:
        # Kept for ever, because providers that can be changed (logfire's) forget the instruments of a meter that is gone.
        _meters.append((provider, provider.get_meter(SCOPE, VERSION)))
    return _meters[-1][1]


def tracer() -> trace.Tracer:
    """Return the package's tracer."""
    return provided(lambda: trace.get_tracer(SCOPE, VERSION))


def logger() -> _logs.Logger:
    """Return the package's event logger."""
    return provided(lambda: _logs.get_logger(SCOPE, VERSION))


def provided(get: Callable[[], _Provided]) -> _Provided:
    """Return the result of *get*, which needs a provider; a variable that names one that can't be loaded is ignored."""
    try:
        return get()
    except Exception:  # noqa: BLE001 - the API logs and raises what it meets when it loads the provider
        interruptions.let_through()
        with environment.without(_PROVIDER_VARIABLES):
            return get()


def create(
    metric: Metric, callbacks: Sequence[Callback] | None = None, *, bounds: Sequence[float] | None = None
) -> Any:
    """
    Return the instrument that *metric* describes: an observable one if there are *callbacks*, else a synchronous one.

    *bounds* are the upper bounds of a histogram's buckets. Without them a histogram in seconds or bytes gets bounds from
    :func:`buckets`, because the SDK's default buckets suit milliseconds.
    """
    own_meter, kind = meter(), metric.kind
    name, unit, description = metric.name, metric.unit, metric.description
    if kind == "histogram":
        return own_meter.create_histogram(
            name, unit, description, explicit_bucket_boundaries_advisory=bounds or buckets(metric)
        )
    if callbacks is None:
        return getattr(own_meter, f"create_{kind}")(name, unit, description)
    return getattr(own_meter, f"create_observable_{kind}")(name, callbacks, unit, description)


def buckets(metric: Metric) -> Sequence[float] | None:
    """Return the bucket bounds for the histogram *metric*, in its own unit; with None the SDK chooses."""
    if metric.name.startswith("csg.runtime."):
        return PAUSE_BUCKETS_S
    return _ADVICE.get(metric.unit)
