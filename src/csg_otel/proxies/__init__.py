"""
Proxy providers: OTel providers whose real provider can be swapped while instruments are in use.

OpenTelemetry's global providers can be set once in a process. These are set, and the real ones are plugged in behind them
as often as needed: instruments and tracers made at import keep working through every swap. Uses the OTel API only. The rule:
nothing here raises into the program, whatever its arguments are. The classes are not called ``Proxy*``, because that is how
OpenTelemetry names its own default providers.
"""

from csg_otel.proxies.loggers import SwappableLoggerProvider
from csg_otel.proxies.meters import SwappableMeterProvider
from csg_otel.proxies.tracers import SwappableTracerProvider

__all__ = ["SwappableLoggerProvider", "SwappableMeterProvider", "SwappableTracerProvider"]
