"""
The escalations of a configuration: the severities that they are about, and why one can't be compiled.

Pure. The rule: an alert is raised to a higher severity only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from csg_otel.alerts import windows
from csg_otel.errors import suggestion

Severity = str
"""One of `SEVERITIES`, or a word of the user."""

SEVERITIES: Final[tuple[Severity, ...]] = ("info", "warning", "critical", "emergency")
"""The severities that every configuration has, in ascending order."""


def words(config: Any) -> tuple[Severity, ...]:
    """Return the severities of *config*: those that every configuration has, then the words of the user."""
    return (*SEVERITIES, *config.alerting.severities)


def escalated_severities(rule: Any, severities: tuple[Severity, ...] = SEVERITIES) -> tuple[Severity, ...]:
    """
    Return the severities that an escalation *rule* is about, of all *severities*.

    By default it suppresses all severities, and escalates ``critical``. One that raises repeated alerts to a severity is about
    the severity below: to ``critical`` it raises warnings.
    """
    filtered: tuple[Severity, ...] = rule.severity_filter
    if filtered or rule.action != "escalate":
        return filtered or severities
    if rule.condition == "retry_count" and rule.target in SEVERITIES[1:]:
        return (SEVERITIES[SEVERITIES.index(rule.target) - 1],)
    return ("critical",)


def mistakes(config: Any) -> Iterator[tuple[str, str]]:
    """Yield (dotted key, message) for each escalation of *config* that can't be compiled."""
    for at, rule in enumerate(config.escalation.rules):
        if rule.enabled:
            path = f"escalation.rules[{at}]"
            if rule.condition == "time_window":
                yield from ((f"{path}.{key}", message) for key, message in windows.mistakes(rule))
            yield from _suppressing(path, rule) if rule.action == "suppress" else _escalating(path, rule, config)


def _suppressing(path: str, rule: Any) -> Iterator[tuple[str, str]]:
    if rule.condition in ("time_based", "retry_count"):
        yield f"{path}.action", f"{rule.condition} can only escalate; time_window and maintenance_mode suppress"


def _escalating(path: str, rule: Any, config: Any) -> Iterator[tuple[str, str]]:
    """Yield the mistakes of a *rule* that escalates: its target is a receiver or a named channel, or else a severity."""
    severities = words(config)
    channels = {channel.name: channel for channel in config.notifications.channels}
    places = (*config.escalation.receivers, *channels)
    if rule.target not in (*places, *severities):
        hint = suggestion(str(rule.target), (*places, *severities)) or " (add it to escalation.receivers)"
        yield f"{path}.target", f"there is no receiver {rule.target!r}{hint}"
    elif rule.target in channels and not channels[rule.target].enabled:
        yield f"{path}.target", f"the channel {rule.target!r} is off; set its 'enabled' to true"
    elif rule.condition == "retry_count" and rule.target not in places:
        if rule.target not in SEVERITIES:
            if not rule.severity_filter or rule.target in rule.severity_filter:
                others = ", ".join(word for word in severities if word != rule.target)
                yield f"{path}.severity_filter", f"must have what is raised to {rule.target}: some of {others}"
            return
        lower = SEVERITIES[: SEVERITIES.index(rule.target)]
        if not set(escalated_severities(rule)) <= set(lower):
            choices = f"set severity_filter to some of {', '.join(lower)}" if lower else "choose a higher target"
            yield f"{path}.severity_filter", f"can't raise this to {rule.target}; {choices}"
