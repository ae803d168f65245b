"""
Scrubbing: secrets and personal data are replaced by ``[redacted:rule]`` before telemetry leaves the process.

`Scrubber` applies the layers; it has no clock, thread or file. The one rule: what a rule cannot decide, because it fails, is redacted.
"""

from csg_otel.privacy.options import Finding, Match, Options
from csg_otel.privacy.scrubber import Scrubber

__all__ = ["Finding", "Match", "Options", "Scrubber"]
