"""
Proxy providers: OTel providers whose real provider can be swapped while instruments are in use.

OpenTelemetry's global providers can be set only once in a process. These proxies are set there, and real providers are plugged
in behind them as often as needed: instruments and tracers created at import keep working after every swap. Uses the OTel API
only. The rule: no call raises into the program, whatever its arguments are. The classes are not called ``Proxy*``, because
OpenTelemetry recognises its own default providers by that name.
"""

from csg_otel.proxies.loggers import SwappableLoggerProvider
from csg_otel.proxies.meters import SwappableMeterProvider
from csg_otel.proxies.tracers import SwappableTracerProvider

__all__ = ["SwappableLoggerProvider", "SwappableMeterProvider", "SwappableTracerProvider"]
