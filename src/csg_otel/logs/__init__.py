"""
Records of the standard ``logging`` module: to every destination, correlated with the current span, and to the log file.

OTel API only. The rules: what telemetry itself logs is never exported, and no record costs the program an exception.
"""

from csg_otel.logs.tap import LogTap

__all__ = ["LogTap"]
