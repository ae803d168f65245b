"""What a dashboard shows: the program of its process, or the programs that send to it, as functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from csg_otel.config import Config
    from csg_otel.dashboard.model import Service, ServiceRow
    from csg_otel.exporters.delivery.destination import DestinationStatus
    from csg_otel.health import HealthSnapshot
    from csg_otel.health.trends import CheckHistory


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """
    The functions that a dashboard calls, on its own threads; all return at once.

    Attributes:
        config: The configuration.
        service: Returns the identity of the program.
        health: Returns the latest results of all checks.
        histories: Returns the kept past of each check by name.
        destinations: Returns the state of each destination by name.
        snapshot: Returns the newest sample as ``metrics.snapshot`` describes.
        trends: Returns the names of the series that ``trend`` has.
        trend: Returns Unix times and values of one series.
        url: Returns the address of ``/metrics`` and the probes without a path; empty while they are not served.
        workers: Returns the number of worker processes.
        restart: Starts the monitoring services again.
    """

    config: Config
    service: Callable[[], Service]
    health: Callable[[], HealthSnapshot]
    histories: Callable[[], Mapping[str, CheckHistory]]
    destinations: Callable[[], Mapping[str, DestinationStatus]]
    snapshot: Callable[[], Mapping[str, Any]]
    trends: Callable[[], Sequence[str]]
    trend: Callable[[str], list[tuple[float, float]]]
    url: Callable[[], str]
    workers: Callable[[], int]
    restart: Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Senders:
    """
    The functions that a dashboard calls where other programs fill its store; all return at once.

    Attributes:
        service: Returns the identity of the program that sends; of several, their number.
        services: Returns the programs that send.
        addresses: Returns the address to send to by each value of ``OTEL_EXPORTER_OTLP_PROTOCOL``.
    """

    service: Callable[[], Service]
    services: Callable[[], list[ServiceRow]]
    addresses: Callable[[], dict[str, str]]
