"""
Configuration: the settings as frozen dataclasses, and `load`, which reads them from file, environment and code.

Nothing outside this package parses a setting. The one rule: every value has one origin, and `Loaded.origins` names it.
"""

from csg_otel.config.model import Config, Secret

__all__ = ["Config", "Secret"]
