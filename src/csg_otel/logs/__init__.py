"""
Records of the standard ``logging`` module: they go to every destination, with the ids of the current span, and to the log file.

OTel API only. The rules: telemetry's own log lines are never exported, and no record costs the program an exception.
"""

from csg_otel.logs.interceptor import LogInterceptor

__all__ = ["LogInterceptor"]
