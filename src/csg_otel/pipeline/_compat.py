"""
The only module that uses private parts of the OpenTelemetry SDK and its exporters.

Each docstring gives the reason why the public API is not enough. Each function has a test that fails when the private part
changes.
"""

from __future__ import annotations

import os
import threading
import uuid
from typing import TYPE_CHECKING, Final

from opentelemetry._logs._internal import ProxyLoggerProvider
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach, set_value
from opentelemetry.metrics._internal import _ProxyMeterProvider
from opentelemetry.sdk import resources
from opentelemetry.sdk.trace import _Span as SdkSpan
from opentelemetry.trace import ProxyTracerProvider

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import MetricReader
    from opentelemetry.sdk.metrics.view import View
    from opentelemetry.sdk.resources import Resource


__all__ = ["API_DEFAULT_PROVIDERS", "SdkSpan"]

# SdkSpan is the class of the SDK's spans. The SDK's tracer accepts no other class, so ``safe_spans`` changes the ``__class__``
# of each span when it starts.

API_DEFAULT_PROVIDERS: Final = (ProxyTracerProvider, _ProxyMeterProvider, ProxyLoggerProvider)
"""
The classes of the API's own default providers, which are in use until a program sets a provider.

Two of these classes are private. Without them, a default provider could be recognised only by the name of its class.
"""


def suppress_instrumentation() -> None:
    """
    Mark this thread as one of this package's, so that instrumented HTTP and gRPC clients record nothing on it.

    The key is private to the API; only the separate instrumentation package has a public function for it.
    """
    attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))


def hand_over(provider: MeterProvider, old: MetricReader, new: MetricReader) -> None:
    """
    Move the aggregations of *old* to *new*, and let *old* collect no more; both must have the same temporality and aggregation.

    The public API adds a reader only without aggregations: cumulative sums would start again at 0, and up-down counters would
    lose everything counted so far.
    """
    consumer = provider._measurement_consumer
    with consumer._lock:
        storages = dict(consumer._reader_storages)
        storages[new] = storages.pop(old)
        consumer._reader_storages = storages
    with provider._all_metric_readers_lock:
        provider._all_metric_readers.discard(old)
        provider._all_metric_readers.add(new)
    new._set_collect_callback(consumer.collect)  # type: ignore[arg-type] # the SDK's own annotation is off
    old._set_collect_callback(None)


def reconfigure_metrics(provider: MeterProvider, resource: Resource, views: tuple[View, ...]) -> None:
    """
    Set another resource and other views on a meter provider in use; instruments already collected keep their buckets.

    The public API sets both only when a provider is created, and a new provider would start every cumulative sum at 0.
    """
    provider._sdk_config.resource = resource
    provider._sdk_config.views = views


def reset_after_fork(provider: MeterProvider) -> None:
    """
    Set fresh locks and empty sums in a forked child.

    A thread of the parent may have held a lock (a collection holds several), and no thread releases it in the child. The
    sums start at 0, because the parent exports its own measurements. The SDK's own fork handler replaces only two locks.
    """
    consumer = provider._measurement_consumer
    consumer._lock = threading.Lock()
    for storage in consumer._reader_storages.values():
        storage._lock = threading.RLock()
        # The next measurement creates new matches, with new locks and aggregations.
        storage._instrument_view_instrument_matches.clear()
    for meter in provider._meters.values():
        meter._instrument_registration_lock = threading.Lock()


def resource_after_fork(resource: Resource) -> Resource:
    """
    Return *resource* for a forked child: with an instance id of its own, unless the id was configured.

    With the public API only a new resource gets another id. The SDK creates it on a thread pool, which hangs in fork handlers.
    """
    resources._service_instance_id_lock = threading.Lock()
    instance_id = resource.attributes.get(resources.SERVICE_INSTANCE_ID)
    if instance_id is None or instance_id != resources._service_instance_id:
        return resource
    resources._service_instance_id, resources._service_instance_id_pid = str(uuid.uuid4()), os.getpid()
    attributes = {**resource.attributes, resources.SERVICE_INSTANCE_ID: resources._service_instance_id}
    return resources.Resource(attributes, resource.schema_url)


def prometheus_name(name: str) -> str:
    """
    Return the Prometheus name of a metric, as the package ``opentelemetry-exporter-prometheus`` translates it.

    The package's functions are private, but a second implementation could one day translate a name differently.
    """
    from opentelemetry.exporter.prometheus._mapping import sanitize_full_name

    return sanitize_full_name(name)


def prometheus_label(key: str) -> str:
    """Return the Prometheus label of an attribute's key; a private function is used for the same reason."""
    from opentelemetry.exporter.prometheus._mapping import sanitize_attribute

    return sanitize_attribute(key)


def prometheus_unit(unit: str) -> str:
    """Return the Prometheus name of a unit; a private function is used for the same reason."""
    from opentelemetry.exporter.prometheus._mapping import map_unit

    return map_unit(unit)
