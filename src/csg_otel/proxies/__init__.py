"""
OTel providers that can be exchanged under live instruments.

OpenTelemetry's global providers can be set once in a process. These are set, and the real ones are plugged in behind them
as often as needed: instruments and tracers made at import keep working through every exchange. OTel API only; the one rule:
nothing here raises into the program, whatever it is given.
"""

from csg_otel.proxies.loggers import SwappableLoggerProvider
from csg_otel.proxies.meters import SwappableMeterProvider
from csg_otel.proxies.tracers import SwappableTracerProvider

__all__ = ["SwappableLoggerProvider", "SwappableMeterProvider", "SwappableTracerProvider"]
