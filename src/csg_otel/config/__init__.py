"""
Configuration: the settings as frozen dataclasses, and `load`, which reads them from file, environment and code.

No module outside this package parses a setting. The one rule: every value has one origin, and `Loaded.origins` names it.
"""

from csg_otel.config.load import Config, Loaded, given, load, load_lenient
from csg_otel.config.sections.secret import Secret
from csg_otel.config.sources.exporter_list import exporter_overrides

__all__ = ["Config", "Loaded", "Secret", "exporter_overrides", "given", "load", "load_lenient"]
