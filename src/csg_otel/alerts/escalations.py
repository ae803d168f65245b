"""
The escalations of a configuration: the severities that they are about, and why one can't be compiled.

Pure. The rule: an alert is raised to a higher severity only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Literal

from csg_otel.alerts import windows
from csg_otel.errors import suggestion

Severity = Literal["info", "warning", "critical", "emergency"]

SEVERITIES: Final[tuple[Severity, ...]] = ("info", "warning", "critical", "emergency")


def escalated_severities(rule: Any) -> tuple[Severity, ...]:
    """
    Return the severities that an escalation *rule* is about.

    By default it suppresses all severities, and escalates ``critical``. One that raises repeated alerts to a severity is about
    the severity below: to ``critical`` it raises warnings.
    """
    filtered: tuple[Severity, ...] = rule.severity_filter
    if filtered or rule.action != "escalate":
        return filtered or SEVERITIES
    if rule.condition == "retry_count" and rule.target in SEVERITIES[1:]:
        return (SEVERITIES[SEVERITIES.index(rule.target) - 1],)
    return ("critical",)


def mistakes(section: Any) -> Iterator[tuple[str, str]]:
    """Yield (dotted key, message) for each escalation of the *section* that can't be compiled."""
    for at, rule in enumerate(section.rules):
        if rule.enabled:
            path = f"escalation.rules[{at}]"
            if rule.condition == "time_window":
                yield from ((f"{path}.{key}", message) for key, message in windows.mistakes(rule))
            yield from _suppressing(path, rule) if rule.action == "suppress" else _escalating(path, rule, section)


def _suppressing(path: str, rule: Any) -> Iterator[tuple[str, str]]:
    if rule.condition in ("time_based", "retry_count"):
        yield f"{path}.action", f"{rule.condition} can only escalate; time_window and maintenance_mode suppress"


def _escalating(path: str, rule: Any, section: Any) -> Iterator[tuple[str, str]]:
    """Yield the mistakes of a *rule* that escalates: its target is a receiver, or else a severity."""
    targets = (*section.receivers, *SEVERITIES)
    if rule.target not in targets:
        hint = suggestion(str(rule.target), targets) or " (add it to escalation.receivers)"
        yield f"{path}.target", f"there is no receiver {rule.target!r}{hint}"
    elif rule.condition == "retry_count" and rule.target not in section.receivers:
        lower = SEVERITIES[: SEVERITIES.index(rule.target)]
        if not set(escalated_severities(rule)) <= set(lower):
            choices = f"set severity_filter to some of {', '.join(lower)}" if lower else "choose a higher target"
            yield f"{path}.severity_filter", f"can't raise this to {rule.target}; {choices}"
