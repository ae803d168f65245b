"""
The limits of one span or log record, as the SDK's classes.

The ``OTEL_*_LIMIT`` variables apply as OpenTelemetry's environment variable specification defines them. Where no variable is
set, values are cut at 16,384 characters: enough for a stack trace, and too little for one item to fill a request.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from opentelemetry.sdk import environment_variables as variables
from opentelemetry.sdk._logs import LogRecordLimits
from opentelemetry.sdk.trace import SpanLimits

from csg_otel.config.sources import sdk_env
from csg_otel.names import LONGEST_VALUE

_DEFAULT_COUNT: Final = 128
"""Most attributes, events and links of an item; the specification's default."""


def span_limits(environ: Mapping[str, str]) -> SpanLimits:
    """Return the limits of spans, their events and links."""
    count = _whole(environ, variables.OTEL_ATTRIBUTE_COUNT_LIMIT, _DEFAULT_COUNT)
    length = _whole(environ, variables.OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT, LONGEST_VALUE)
    return SpanLimits(
        max_attributes=count,
        max_events=_whole(environ, variables.OTEL_SPAN_EVENT_COUNT_LIMIT, _DEFAULT_COUNT),
        max_links=_whole(environ, variables.OTEL_SPAN_LINK_COUNT_LIMIT, _DEFAULT_COUNT),
        max_span_attributes=_whole(environ, variables.OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT, count),
        max_event_attributes=_whole(environ, variables.OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT, count),
        max_link_attributes=_whole(environ, variables.OTEL_LINK_ATTRIBUTE_COUNT_LIMIT, count),
        max_attribute_length=length,
        max_span_attribute_length=_whole(environ, variables.OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT, length),
    )


def log_limits(environ: Mapping[str, str]) -> LogRecordLimits:
    """Return the limits of log records."""
    count = _whole(environ, variables.OTEL_ATTRIBUTE_COUNT_LIMIT, _DEFAULT_COUNT)
    length = _whole(environ, variables.OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT, LONGEST_VALUE)
    return LogRecordLimits(
        max_attributes=count,
        max_attribute_length=length,
        max_log_record_attributes=_whole(environ, variables.OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT, count),
        max_log_record_attribute_length=_whole(environ, variables.OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT, length),
    )


def _whole(environ: Mapping[str, str], name: str, default: int) -> int:
    """Return the whole number in the variable *name*, or else *default*; the SDK would raise for a text that is no number."""
    number = sdk_env.whole(environ, name)
    return default if number is None else number
