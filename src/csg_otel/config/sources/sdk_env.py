"""
OpenTelemetry's variables that are no settings of the file: the SDK's limits, and names of installed plugins.

The SDK and the API read them when they are imported or first used, and raise for a value that they can't use. The one rule:
such a value is ignored, as OpenTelemetry's specification says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

WHOLE_NUMBERS: Final = (
    "OTEL_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_SPAN_EVENT_COUNT_LIMIT",
    "OTEL_SPAN_LINK_COUNT_LIMIT",
    # This package has one queue per destination, whose settings are OTEL_BSP_*, and one timeout per request.
    "OTEL_BLRP_EXPORT_TIMEOUT",
    "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
    "OTEL_BLRP_MAX_QUEUE_SIZE",
    "OTEL_BLRP_SCHEDULE_DELAY",
    "OTEL_BSP_EXPORT_TIMEOUT",
    "OTEL_METRIC_EXPORT_TIMEOUT",
)
"""Variables whose value is a whole number."""

_EXEMPLAR_FILTER: Final = "OTEL_METRICS_EXEMPLAR_FILTER"
_EXEMPLAR_FILTERS: Final = ("trace_based", "always_on", "always_off")

_PLUGINS: Final[Mapping[str, str]] = {
    "OTEL_PROPAGATORS": "opentelemetry_propagator",
    "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "opentelemetry_resource_detector",
    "OTEL_PYTHON_CONTEXT": "opentelemetry_context",
    "OTEL_PYTHON_TRACER_PROVIDER": "opentelemetry_tracer_provider",
    "OTEL_PYTHON_METER_PROVIDER": "opentelemetry_meter_provider",
    "OTEL_PYTHON_LOGGER_PROVIDER": "opentelemetry_logger_provider",
}
"""Variables whose value is a list of names of plugins, and the group of their entry points."""

_ALWAYS_PRESENT: Final = frozenset(
    {"tracecontext", "baggage", "none", "*", "otel", "service_instance", "contextvars_context"}
)
"""Names that need no search through the installed packages, which takes milliseconds."""

_MAX_DIGITS: Final = 15
"""Most digits of a number, more than any real limit has: ``int`` raises for thousands of digits."""


def whole(environ: Mapping[str, str], name: str) -> int | None:
    """Return the whole number in the variable *name*; None if it is not set or not a whole number."""
    text = environ.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS else None


def exemplar_filter(environ: Mapping[str, str]) -> str:
    """Return the exemplar filter by its name in OpenTelemetry's specification; ``trace_based`` by default."""
    word = environ.get(_EXEMPLAR_FILTER, "").strip().lower()
    return word if word in _EXEMPLAR_FILTERS else _EXEMPLAR_FILTERS[0]


def unusable(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of this module that can't be used, each with the reason."""
    reasons = {
        name: "is not a whole number" for name in WHOLE_NUMBERS if name in environ and whole(environ, name) is None
    }
    word = environ.get(_EXEMPLAR_FILTER, _EXEMPLAR_FILTERS[0]).strip().lower()
    if word not in _EXEMPLAR_FILTERS:
        reasons[_EXEMPLAR_FILTER] = f"is not one of {', '.join(_EXEMPLAR_FILTERS)}"
    for variable, group in _PLUGINS.items():
        names = [name.strip() for name in environ.get(variable, "").split(",")]
        if missing := [name for name in names if name and not _is_installed(group, name)]:
            reasons[variable] = f"no installed package has {', '.join(map(repr, missing))}"
    return reasons


def warnings(environ: Mapping[str, str]) -> list[str]:
    """Return a warning for each variable of this module that can't be used."""
    return [
        f"variable {name}: {environ[name][:60]!r}: {reason}; it is ignored"
        for name, reason in unusable(environ).items()
    ]


def _is_installed(group: str, name: str) -> bool:
    if name.lower() in _ALWAYS_PRESENT:
        return True
    from importlib.metadata import entry_points  # takes milliseconds, which few programs need

    return bool(entry_points(group=group, name=name))
