"""
The only module that uses private parts of the OpenTelemetry SDK and its exporters.

Each docstring gives the reason why the public API is not enough. Each function has a test that fails when the private part
changes.
"""

from __future__ import annotations

import functools
import importlib.util
import operator
import os
import sys
import threading
import time
import uuid
from contextlib import suppress
from importlib.machinery import PathFinder
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from opentelemetry._logs._internal import ProxyLoggerProvider
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach, set_value
from opentelemetry.metrics._internal import _ProxyMeterProvider
from opentelemetry.sdk import resources, version
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.view import DefaultAggregation
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace import _Span as SdkSpan
from opentelemetry.sdk.util import BoundedList
from opentelemetry.trace import ProxyTracerProvider

from csg_otel.names import OVERFLOW

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from opentelemetry.sdk._logs import LoggerProvider, LogRecordLimits
    from opentelemetry.sdk.metrics.export import MetricReader
    from opentelemetry.sdk.metrics.view import View
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import SpanLimits, TracerProvider
    from opentelemetry.sdk.trace.sampling import Sampler


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
    Mark the current context, usually that of a thread of this package: instrumented HTTP and gRPC clients record nothing in it.

    The key is private to the API; only the separate instrumentation package has a public function for it.
    """
    attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))


_WITHOUT_LIMIT: Final = {"1.45.0", "1.45.1"}


def limit_cardinality(limit: int) -> None:
    """
    Give instruments *limit* series each, and one for all others, on SDK 1.45.0 and 1.45.1, which have no such limit.

    Later versions have it by themselves. The public API has no place where a series can be refused.
    """
    if version.__version__ not in _WITHOUT_LIMIT:
        return
    from opentelemetry.sdk.metrics._internal import _view_instrument_match

    hashed: Any = _view_instrument_match._hash_attributes
    overflow = {OVERFLOW: True}
    overflow_key = hashed(overflow)

    def series(match: Any, key: Any, attributes: dict[str, Any]) -> Any:
        present = match._attributes_aggregation
        if key not in present and len(present) >= limit:
            key, attributes = overflow_key, overflow
        if key not in present:
            aggregation = match._view._aggregation
            if isinstance(aggregation, DefaultAggregation):
                aggregation = match._instrument_class_aggregation[match._instrument.__class__]
            reservoir = match._view._exemplar_reservoir_factory
            present[key] = aggregation._create_aggregation(
                match._instrument, dict(attributes), reservoir, time.time_ns()
            )
        return present[key]

    def consume_measurement(match: Any, measurement: Any, should_sample_exemplar: bool = True) -> None:
        attributes, keys = dict(measurement.attributes or {}), match._view._attribute_keys
        if keys is not None:
            attributes = {key: value for key, value in attributes.items() if key in keys}
        key = hashed(attributes)
        aggregation = match._attributes_aggregation.get(key)
        if aggregation is None:
            with match._lock:
                aggregation = series(match, key, attributes)
        aggregation.aggregate(measurement, should_sample_exemplar)

    match_class: Any = _view_instrument_match._ViewInstrumentMatch
    match_class.consume_measurement = consume_measurement
    match_class._get_or_create_aggregation = series  # as later versions call it, with the lock held


def hand_over(provider: MeterProvider, old: MetricReader, new: MetricReader) -> None:
    """
    Move the aggregations of *old* to *new*, and let *old* collect no more; both must have the same temporality and aggregation.

    The public API adds a reader only without aggregations: cumulative sums would start again at 0, and up-down counters would
    lose everything counted so far. That happens with a release of the SDK that keeps them elsewhere.
    """
    if not _has_storages(provider):
        forget_reader(provider, old)
        MeterProvider.add_metric_reader(provider, new)
        return
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


def forget_reader(provider: MeterProvider, reader: MetricReader) -> None:
    """
    Remove *reader* from *provider*; an unknown reader changes nothing.

    The public method logs a warning for an unknown reader, and it shuts the reader down, also one that has been shut down.
    """
    if not _has_storages(provider):
        MeterProvider.remove_metric_reader(provider, reader)
        return
    consumer = provider._measurement_consumer
    with consumer._lock:
        consumer._reader_storages = {
            kept: storage for kept, storage in consumer._reader_storages.items() if kept is not reader
        }
    with provider._all_metric_readers_lock:
        provider._all_metric_readers.discard(reader)
    reader._set_collect_callback(None)


def _has_storages(provider: MeterProvider) -> bool:
    return hasattr(getattr(provider, "_measurement_consumer", None), "_reader_storages")


def time_collections(reader: MetricReader, record: Callable[[float], None]) -> None:
    """
    Call *record* with the seconds of each collection of *reader*, in place of the SDK's own metric.

    The public API cannot switch off that metric of one reader; with both, a sum over the readers would count twice.
    """
    reader._metrics = SimpleNamespace(record_collection=record)
    reader._set_meter_provider = lambda _provider: None  # type: ignore[method-assign,assignment] # it would set the SDK's


def count_spans(tracer: Any, counts: Any) -> Any:
    """
    Let *tracer* of the SDK call ``counts.start_span`` for each span; return it.

    Processors see no span that is not sampled, and the SDK's own counts take a lock.
    """
    tracer._tracer_metrics = counts
    return tracer


def count_records(provider: Any, counts: Any) -> None:
    """Let the loggers that *provider* makes from now on call ``counts.emit_log`` for each record, for the same reason."""
    provider._logger_metrics = counts


def remove_processor(provider: Any, processor: Any) -> bool:
    """
    Remove a span or log processor from a provider of the SDK; return False if the provider is of another kind.

    The public API only adds processors.
    """
    for holder, attribute in (
        ("_active_span_processor", "_span_processors"),
        ("_multi_log_record_processor", "_log_record_processors"),
    ):
        processors: Any = getattr(provider, holder, None)
        if isinstance(getattr(processors, attribute, None), tuple):
            with processors._lock:
                setattr(processors, attribute, tuple(p for p in getattr(processors, attribute) if p is not processor))
            return True
    return False


def resource_of(provider: Any) -> Resource | None:
    """Return the resource of a provider of the SDK; None for another provider. A meter provider has no public attribute."""
    resource = getattr(getattr(provider, "_sdk_config", provider), "resource", None)
    return resource if isinstance(resource, resources.Resource) else None


def reconfigure_traces(provider: TracerProvider, sampler: Sampler, resource: Resource, limits: SpanLimits) -> None:
    """
    Set another sampler, resource and limits on a tracer provider in use; tracers created from now on have them.

    The public API sets them only when a provider is created, and the processors of others belong to this provider.
    """
    with provider._tracers_lock:
        provider.sampler, provider._resource, provider._span_limits = sampler, resource, limits
        provider._tracers.clear()


def change_sampler(provider: TracerProvider, sampler: Sampler) -> None:
    """Set another sampler on a tracer provider in use; the provider keeps each tracer it has made, with its sampler."""
    reconfigure_traces(provider, sampler, provider.resource, provider._span_limits)


_SPAN_FIELDS: Final = (
    *("name", "context", "parent", "kind", "start_time", "end_time", "status", "resource", "instrumentation_scope"),
    *("attributes", "events", "links"),
)
_private_fields: Final[Callable[[Any], Any]] = operator.attrgetter(*(f"_{name}" for name in _SPAN_FIELDS))
_public_fields: Final[Callable[[Any], Any]] = operator.attrgetter(
    *_SPAN_FIELDS, *("dropped_attributes", "dropped_events", "dropped_links")
)
_Mapping: Final[Any] = BoundedAttributes
_List: Final[Any] = BoundedList


def span_contents(span: ReadableSpan) -> Any:
    """
    Return the contents of an ended span: name, context, parent, kind, start, end, status, resource, scope; its attributes,
    events and links, to be read only; and how many of each were dropped.

    The public attributes copy attributes, events and links at each access, which takes longer than encoding the span. They are
    read from a span of another class only, except fast spans, which have a method.
    """
    if span.__class__ is not ReadableSpan:
        of_fast_span = getattr(span, "csg_otel_contents", None)
        return _public_fields(span) if of_fast_span is None else of_fast_span()
    name, context, parent, kind, start, end, status, resource, scope, attributes, events, links = _private_fields(span)
    lost_attributes = lost_events = lost_links = 0
    if attributes.__class__ is _Mapping:
        attributes, lost_attributes = attributes._dict, attributes.dropped
    if events.__class__ is _List:
        events, lost_events = events._dq, events.dropped
    if links.__class__ is _List:
        links, lost_links = links._dq, links.dropped
    return (
        *(name, context, parent, kind, start, end, status, resource, scope, attributes, events, links),
        *(lost_attributes, lost_events, lost_links),
    )


def plain(attributes: Any) -> Any:
    """
    Return *attributes*, to be read only, as a dictionary where they are a mapping of the SDK.

    That mapping takes a lock for every item, and its public ``copy()`` takes longer than a look at a few attributes.
    """
    if attributes.__class__ is _Mapping:
        return attributes._dict
    return attributes.copy() if hasattr(attributes, "copy") else attributes


def otlp_target(exporter: Any) -> tuple[str, Mapping[str, str]] | None:
    """Return endpoint and headers of an OTLP exporter of OpenTelemetry; None if it is of an unknown form."""
    endpoint, headers = getattr(exporter, "_endpoint", None), getattr(exporter, "_headers", None)
    if not isinstance(endpoint, str):
        return None
    return endpoint, {str(name).lower(): str(value) for name, value in dict(headers or ()).items()}


def reconfigure_logs(provider: LoggerProvider, resource: Resource, limits: LogRecordLimits) -> None:
    """Set another resource and limits on a logger provider in use, for the same reason."""
    with provider._logger_cache_lock:
        provider._resource, provider._log_record_limits = resource, limits
        provider._logger_cache.clear()


def reconfigure_metrics(provider: MeterProvider, resource: Resource, views: Sequence[View]) -> None:
    """
    Set another resource and other views on a meter provider in use; instruments already collected keep their buckets.

    The public API sets both only when a provider is created, and a new provider would start every cumulative sum at 0.
    """
    provider._sdk_config.resource = resource
    provider._sdk_config.views = views


def reset_provider_locks(provider: Any) -> None:
    """
    Set fresh locks on an installed provider in a forked child, where the threads that held them do not exist.

    The SDK's own fork handler also detects a resource on a thread pool, which hangs in fork handlers.
    """
    for name in ("_tracers_lock", "_logger_cache_lock", "_active_loggers_lock"):
        if hasattr(provider, name):
            setattr(provider, name, threading.Lock())


def reset_after_fork(provider: MeterProvider, own: Collection[MetricReader]) -> None:
    """
    Set fresh locks in a forked child, and empty sums for the readers in *own*.

    A thread of the parent may have held a lock (a collection holds several), and no thread releases it in the child. The
    sums start at 0, because the parent exports its own measurements. The SDK's own fork handler replaces only three locks.
    """
    consumer = provider._measurement_consumer
    consumer._lock = threading.Lock()
    provider._lock, provider._meter_lock = threading.Lock(), threading.Lock()
    MeterProvider._all_metric_readers_lock = threading.Lock()
    with suppress(AttributeError):  # a release of the SDK that keeps them elsewhere
        for reader, storage in consumer._reader_storages.items():
            storage._lock = threading.RLock()
            matches = storage._instrument_view_instrument_matches
            if reader in own:
                # The next measurement creates new matches, with new locks and aggregations.
                matches.clear()
            for match in (match for several in matches.values() for match in several):
                match._lock = threading.Lock()
                for aggregation in match._attributes_aggregation.values():
                    aggregation._lock = threading.Lock()
    for meter in provider._meters.values():
        meter._instrument_registration_lock = threading.Lock()


def has_detected_instance_id(resource: Resource) -> bool:
    """Return whether the SDK has detected the instance id in *resource* for this process; a configured id is another."""
    instance_id = resource.attributes.get(resources.SERVICE_INSTANCE_ID)
    return instance_id is not None and instance_id == resources._service_instance_id


def with_own_instance_id(resource: Resource) -> Resource:
    """
    Return *resource* with an instance id for this process, a forked child.

    With the public API only a new resource gets another id. The SDK creates it on a thread pool, which hangs in fork handlers.
    """
    resources._service_instance_id_lock = threading.Lock()
    if resources._service_instance_id_pid != os.getpid():
        resources._service_instance_id, resources._service_instance_id_pid = str(uuid.uuid4()), os.getpid()
    attributes = {**resource.attributes, resources.SERVICE_INSTANCE_ID: str(resources._service_instance_id)}
    return resources.Resource(attributes, resource.schema_url)


@functools.cache
def _prometheus_names() -> Any:
    """
    Return the module with the names of ``opentelemetry-exporter-prometheus``, without its package.

    The package loads prometheus_client with its web server and TLS, which need 5 MB; the module of names needs nothing.
    """
    name = "opentelemetry.exporter.prometheus._mapping"
    package = importlib.util.find_spec(name.rpartition(".")[0])
    folders = package.submodule_search_locations if package is not None else None
    spec = PathFinder.find_spec(name, folders)
    if name in sys.modules or spec is None or spec.loader is None:  # loaded already, or not in a file of its own
        return importlib.import_module(name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def prometheus_name(name: str) -> str:
    """
    Return the Prometheus name of a metric, as the package ``opentelemetry-exporter-prometheus`` translates it.

    The package's functions are private, but a second implementation could one day translate a name differently.
    """
    translated: str = _prometheus_names().sanitize_full_name(name)
    return translated


def prometheus_label(key: str) -> str:
    """Return the Prometheus label of an attribute's key; a private function is used for the same reason."""
    label: str = _prometheus_names().sanitize_attribute(key)
    return label


def prometheus_unit(unit: str) -> str:
    """Return the Prometheus name of a unit; a private function is used for the same reason."""
    translated: str = _prometheus_names().map_unit(unit)
    return translated
