"""
Metrics of the host, the process and the interpreter, the values of their aliases, and a bounded history.

Uses the OTel API only. The rule: only the sampler takes readings; everything else reads its samples.
"""

from csg_otel.metrics.history import History
from csg_otel.metrics.register import register
from csg_otel.metrics.runtime import RuntimeMonitor, loops
from csg_otel.metrics.sample import Sample
from csg_otel.metrics.sampler import Sampler
from csg_otel.metrics.snapshot import snapshot

__all__ = ["History", "RuntimeMonitor", "Sample", "Sampler", "loops", "register", "snapshot"]
