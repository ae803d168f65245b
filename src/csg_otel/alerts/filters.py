"""
The filters of a rule: attributes that its metric has, each with a value that the attribute can take.

Pure. A filter compares whole values. The rule: a value that can't be meant as a whole value is a mistake, because its rule
would never fire and look like one that has nothing to report.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from csg_otel import names
from csg_otel.errors import suggestion
from csg_otel.status import HealthStatus

if TYPE_CHECKING:
    from csg_otel.alerts.catalog import Ref

Filter = tuple[str, str, str]
"""A filter of a rule: attribute, label and value."""

_EXACTLY: Final = "="
"""The mark in front of a value that looks like a pattern and is none."""

_PATTERN: Final = re.compile(
    r"""
    ^(!|=~|~=|\^|[<>]=?\s*\d)     # a comparison or an anchor
    | \* | \| | \$$               # a wildcard, alternatives, an anchor
    | (?<![./])\.\.(?![./])       # two characters of any kind, not the parent of a folder
    | \.[+?]                      # the same, repeated
    | \\[dwsDWS](?![\w.\\])       # a class of characters, not a folder of Windows
    | \[[^\]:]*-[^\]:]*\]         # a range of characters, not an address
    | \?(?!.*=)                   # a wildcard, not the query of a URL
    """,
    re.VERBOSE,
)

_STATES: Final = tuple(status.value for status in HealthStatus)
_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    names.HEALTH_STATE: _STATES,
    names.HEALTH_FROM: _STATES,
    names.HEALTH_TO: _STATES,
    names.CHECK_CRITICAL: ("true", "false"),
    names.CACHE_RESULT: ("hit", "miss"),
    names.NETWORK_DIRECTION: ("transmit", "receive"),
    names.DISK_DIRECTION: ("read", "write"),
    names.FILESYSTEM_MODE: (names.WRITABLE, names.READ_ONLY),
}
"""The attributes whose values this package defines."""

_OF_ALIASES: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "system_cpu_usage_percent": {"type": ("total", "per_cpu")},
    "system_memory_usage_bytes": {"type": ("used", "available")},
    "system_disk_usage_bytes": {"type": ("used", "free")},
    "system_network_bytes_total": {"direction": ("sent", "received")},
    "system_network_packets_total": {"direction": ("sent", "received")},
    "system_load_average": {"period": ("1m", "5m", "15m")},
    "application_memory_usage_bytes": {"type": ("rss", "vms")},
}
"""The labels that distinguish the series of an alias, where its recording rules define their values."""


def resolve(filters: Mapping[str, str], ref: Ref, label: Callable[[str], str]) -> Iterator[tuple[str, Filter | str]]:
    """
    Yield each key of *filters* with its filter, or with the reason why it can't be one.

    Args:
        filters: the values by attribute, as in the configuration.
        ref: the metric of the rule.
        label: returns the label of an attribute of a metric that declares none.
    """
    for key, value in filters.items():
        attribute = ref.attribute(key) or ((key, label(key)) if ref.open else None)
        if attribute is None:
            declared = [name for name, _ in ref.attributes]
            hint = suggestion(key, declared) or f" (it has {', '.join(declared)})" if declared else " (it has none)"
            yield key, f"{ref.name!r} has no attribute {key!r}{hint}"
        elif problem := _mistake(ref, attribute[0], str(value)):
            yield key, problem
        else:
            yield key, (*attribute, str(value).removeprefix(_EXACTLY))


def _mistake(ref: Ref, attribute: str, value: str) -> str:
    """Return why *value* is no value of *attribute*; empty if it may be one."""
    values = _of_alias(ref, attribute) if ref.alias else _VALUES.get(attribute, ())
    if values:
        choices = f" (its values are {', '.join(values)})"
        return "" if value in values else f"{value!r} is no value of {attribute}{suggestion(value, values) or choices}"
    if value.startswith(_EXACTLY) and len(value) > 1 and value[1] != "~":
        return ""
    if _PATTERN.search(value):
        return (
            f"{value!r} looks like a pattern, and a filter compares whole values: write one value, and a rule for each value"
            f" (or {_EXACTLY + value!r}, if the value is exactly this text)"
        )
    return ""


def _of_alias(ref: Ref, label: str) -> tuple[str, ...]:
    """Return the values that *label* of the alias *ref* can have; empty if they are not known here."""
    service = next((matcher.value for matcher in ref.matchers), "")
    fixed = names.ALIASES[ref.name].fixed_labels(service)
    if label in fixed:
        return (fixed[label],) if fixed[label] else ()
    return _OF_ALIASES.get(ref.name, {}).get(label, ())
