"""
The builders of destinations: one function per kind of destination creates it from the settings.

A new kind needs only one function here and one module in this folder.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from csg_otel import environment
from csg_otel.config.presets import otlp_destinations
from csg_otel.exporters.delivery import left_behind
from csg_otel.exporters.delivery.destination import Destination
from csg_otel.exporters.otlp import sender as otlp
from csg_otel.net import addresses
from csg_otel.pipeline.global_providers import exporters_of_others
from csg_otel.pipeline.readers import LocalReader, PushReader, Ticker
from csg_otel.private_folder import state_home

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from csg_otel.config import Config
    from csg_otel.config.sections.exporters import Exporters, OtlpExporter, Queue, Spool
    from csg_otel.exporters.delivery.persistent_queue import PersistentQueue
    from csg_otel.pipeline.sink import Sink

_log = logging.getLogger("csg_otel")

_MAX_COLLECTIONS = 256
"""Metric collections that one destination keeps in memory: those of 43 minutes at an interval of 10 s."""

_MAX_ALERTS = 1000
"""Alerts that the queue of one receiver keeps in memory: more than a program sends during an outage of one day."""

_ALERTS_IN_A_FRAME = 100
"""Most alerts of a channel that are written to the spool as one frame."""

_LEFT_BEHIND = (
    "%d alerts wait on disk for %s at %s, which is no longer configured; they are sent when it is configured again, and to no"
    " other address. To discard them, delete %s"
)

_CONSOLE_TICK_S = 0.2
"""Seconds an item waits before it is shown: too short to notice, and long enough to draw a burst of items at once."""


def build_destinations(config: Config, local: LocalReader, *, worker: bool = False) -> list[Destination]:
    """
    Return the destinations that *config* switches on, not yet started.

    Args:
        config: The configuration.
        local: The reader of this process's cumulative metrics.
        worker: Whether this process is one of several workers of a program. Default False.
    """
    built: list[Destination] = []
    for build in _KINDS:
        built.extend(build(config, local))
    if config.integrations.prometheus.enabled:
        built.append(_build_pushgateway(config, local, worker=worker))
    return built


def metric_interval_s(config: Config) -> float:
    """Return the seconds between two pushes of metrics: the configured interval, or else the interval of the samples."""
    return config.exporters.metric_interval or config.system_monitoring.collection_interval


def console_enabled(exporters: Exporters) -> bool:
    """Return whether the console is on. ``auto``: if there is no other destination and stderr is a terminal."""
    if exporters.console.enabled != "auto":
        return exporters.console.enabled
    others = any(destination.enabled for destination in exporters.otlp) or exporters.datadog.enabled
    return not others and sys.stderr is not None and sys.stderr.isatty()


def _build_console(config: Config, local: LocalReader) -> Sequence[Destination]:
    if not console_enabled(config.exporters):
        return ()
    from csg_otel.exporters.console.screen import Console
    from csg_otel.exporters.console.sender import ConsoleSender, ConsoleSink

    settings = config.exporters.console
    stream = sys.stderr
    color = stream.isatty() and "NO_COLOR" not in environment.snapshot()
    screen = Console(stream, style=settings.style, level=settings.level, color=color)
    destination = Destination("console", "stderr")
    queue = destination.add_memory_queue(
        "console",
        ConsoleSender(screen),
        max_items=config.exporters.queue.max_items,
        batch_size=_batch_size(config.exporters.queue),
        delay_s=_CONSOLE_TICK_S,
    )
    if "traces" in settings.signals:
        destination.sinks["traces"] = ConsoleSink(queue, "traces")
    if "logs" in settings.signals:
        destination.sinks["logs"] = ConsoleSink(queue, "logs")
    if "metrics" in settings.signals:
        work = _collect_into(ConsoleSink(queue, "metrics"), local)
        destination.ticker = Ticker("console-metrics", metric_interval_s(config), work)
    return (destination,)


def _batch_size(queue: Queue) -> int:
    """Return the items of one request: a smaller queue lowers the default."""
    return min(queue.batch_size, queue.max_items)


def _collect_into(sink: Sink, local: LocalReader) -> Callable[[], None]:
    """Return a function for a ticker that collects the metrics of this process and queues them in *sink*."""

    def collect() -> None:
        if (data := local.read()) is not None:
            sink.enqueue(data)

    return collect


def _build_otlp(config: Config, _local: LocalReader) -> Sequence[Destination]:
    return tuple(_otlp_destination(config, settings) for settings in otlp_destinations(config))


def _build_datadog(config: Config, _local: LocalReader) -> Sequence[Destination]:
    from csg_otel.exporters import datadog

    settings = config.exporters.datadog
    if not settings.enabled:
        return ()
    headers: dict[str, Mapping[str, str]] = {signal: datadog.headers(settings, signal) for signal in settings.signals}
    return (_otlp_destination(config, datadog.as_otlp(settings), headers),)


def _otlp_destination(
    config: Config,
    settings: OtlpExporter,
    headers: Mapping[str, Mapping[str, str]] | None = None,
) -> Destination:
    queue = config.exporters.queue
    destination = Destination(settings.name, addresses.shown(otlp.endpoint(settings)))
    spool = config.exporters.spool
    if settings.spool:
        _keep_on_disk(destination, spool)
    signals = _not_served(settings)
    for signal in signals:
        options: dict[str, Any] = {
            "max_items": queue.max_items,
            "batch_size": _batch_size(queue),
            "delay_s": queue.delay,
        }
        if signal == "metrics":
            options.update(max_items=_MAX_COLLECTIONS, batch_size=1)
        shares = _are_several(config, signal)
        sender = otlp.OtlpSender(settings, signal, (headers or {}).get(signal), shares=shares)
        destination.sinks[signal] = destination.add_persistent_queue(
            signal,
            sender,
            timeout_s=settings.timeout,
            max_age_s=spool.max_age,
            component=otlp.component(settings, signal),
            **options,
        )
    if "metrics" in signals:
        reader = PushReader(
            otlp.temporality(settings.temporality),
            destination.sinks.pop("metrics"),
            settings.name,
            otlp.aggregation(settings.histograms),
        )
        destination.reader = reader
        destination.ticker = Ticker(f"{settings.name}-collect", metric_interval_s(config), reader.push)
    return destination


def _are_several(config: Config, signal: str) -> bool:
    """Return whether several destinations of OTLP get *signal*."""
    datadog = config.exporters.datadog
    configured = [item.signals for item in otlp_destinations(config)] + [datadog.signals] * datadog.enabled
    return sum(signal in signals for signals in configured) > 1


def _not_served(settings: OtlpExporter) -> list[str]:
    """Return the signals of a destination that the program's own exporters do not send there already."""
    served = [s for s in settings.signals if otlp.is_served(settings, s, exporters_of_others(s))]
    if served:
        text = "exporter %s: the program's own exporter sends %s to %s; nothing is sent there twice"
        _log.warning(text, settings.name, ", ".join(served), addresses.shown(otlp.endpoint(settings)))
    return [signal for signal in settings.signals if signal not in served]


def _build_alerts(config: Config, _local: LocalReader) -> Sequence[Destination]:
    if not config.alerting.enabled:
        return ()
    from csg_otel.alerts import routing
    from csg_otel.alerts.model import AlertSpec
    from csg_otel.exporters.alert_events import receivers
    from csg_otel.exporters.alert_sink import AlertSink
    from csg_otel.pipeline.resource import service_name

    spool = config.exporters.spool
    options: dict[str, Any] = {"max_items": _MAX_ALERTS, "max_age_s": spool.max_age}
    windows = AlertSpec(window_s=config.alerting.aggregation_window)
    built, service = [], service_name(config)
    for receiver in receivers(config, spool_folder(spool.directory) if spool.enabled else None):
        destination = Destination(receiver.name, receiver.address)
        queue: PersistentQueue
        _keep_on_disk(
            destination,
            spool,
            identity=receiver.identity,
            about=left_behind.about(service, receiver.name, receiver.address),
        )
        options["timeout_s"] = receiver.timeout_s
        if receiver.channel:
            queue = destination.add_windowed_queue(
                "alerts",
                receiver.sender,
                group=lambda event: (event.name, event.severity),
                window_s=routing.interval_s(windows),
                delay_s=routing.wait_s(windows),
                batch_size=_ALERTS_IN_A_FRAME,
                most=receiver.most,
                **options,
            )
        else:
            queue = destination.add_persistent_queue("alerts", receiver.sender, batch_size=1, delay_s=0.0, **options)
        destination.sinks["alerts"] = AlertSink(queue, receiver.accepts)
        built.append(destination)
    _log_left_behind(built, service, spool)
    return tuple(built)


def _log_left_behind(built: Sequence[Destination], service: str, settings: Spool) -> None:
    """Log which alerts of *service* wait on disk for a destination that is not one of those *built*."""
    folder = spool_folder(settings.directory) if settings.enabled else None
    present = {destination.spool.folder_name for destination in built if destination.spool is not None}
    for left in left_behind.alerts(folder, service, present, settings.max_age) if folder is not None else ():
        _log.warning(_LEFT_BEHIND, left.items, left.name, left.address, left.folder)


def _build_pushgateway(config: Config, local: LocalReader, *, worker: bool) -> Destination:
    from csg_otel.exporters import pushgateway

    settings = config.integrations.prometheus
    destination = Destination(pushgateway.NAME, pushgateway.address(settings))
    sender = pushgateway.make_sender(config, worker=worker)
    queue = destination.add_memory_queue("metrics", sender, delay_s=settings.push_interval)
    work = _collect_into(pushgateway.PushgatewaySink(queue, sender), local)
    destination.ticker = Ticker("pushgateway-collect", settings.push_interval, work)
    return destination


def _keep_on_disk(destination: Destination, settings: Spool, **options: str) -> None:
    """Create the spool of *destination*, if *settings* switch it on and there is a place for it."""
    if not settings.enabled:
        return
    if (folder := spool_folder(settings.directory)) is not None:
        destination.keep_on_disk(folder, settings.max_bytes, **options)
    else:
        _log.warning("exporter %s: telemetry is kept in memory only: %s", destination.name, NO_SPOOL_FOLDER)


NO_SPOOL_FOLDER = (
    "this user has no home directory (HOME) for the spool; set exporters.spool.directory or XDG_STATE_HOME"
)
"""The reason, and the remedy, where :func:`spool_folder` returns None."""


def spool_folder(configured: str | None) -> Path | None:
    """Return the spool's absolute path: as configured, or else in the user's state directory; None if there is none."""
    if configured is not None:
        return Path(configured).absolute()  # the program may change its working directory, as daemons do
    home = state_home(environment.snapshot())
    return None if home is None else home / "csg-otel"


_KINDS: tuple[Callable[[Config, LocalReader], Sequence[Destination]], ...] = (
    _build_console,
    _build_otlp,
    _build_datadog,
    _build_alerts,
)
