"""
Proxies of the SDK's tracers, meters and loggers: they pass every call on, and never raise into the program.

Tracers and loggers can be bound to others while the program uses them: real ones, or no-ops. Uses the OTel API only. The rule:
no call raises into the program, whatever its arguments are.
"""

from csg_otel.proxies.base import Clients, scope
from csg_otel.proxies.loggers import SafeLogger
from csg_otel.proxies.meters import SafeMeter
from csg_otel.proxies.tracers import SafeTracer

__all__ = ["Clients", "SafeLogger", "SafeMeter", "SafeTracer", "scope"]
