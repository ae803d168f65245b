"""
What is allowed in a rule and yet probably not meant. Pure; each finding is a dotted key and a message with a cure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from csg_otel.alerts.spec import AlertSpec, Rule

_SCRAPE_S: Final = 15.0
"""How often Prometheus scrapes unless somebody says otherwise."""


def warnings(spec: AlertSpec) -> Iterator[tuple[str, str]]:
    """Yield every finding about the rules of *spec*."""
    for rule in spec.rules:
        if not rule.path.startswith("shipped."):
            yield from _of_rule(rule)


def _of_rule(rule: Rule) -> Iterator[tuple[str, str]]:
    below = rule.condition in ("less_than", "less_than_or_equal")
    counts = rule.function in ("rate", "increase", "quantile")
    if rule.severity in ("critical", "emergency") and not rule.runbook_url:
        yield (
            f"{rule.path}.runbook_url",
            f"a {rule.severity} alert without a runbook leaves who is woken alone (add its URL)",
        )
    if below and counts and rule.for_s < rule.window_s:
        yield (
            f"{rule.path}.for",
            f"shorter than the window of {rule.window_s:g} s, so it fires while a restarted program fills it (make it longer)",
        )
    if counts and rule.window_s < 4 * _SCRAPE_S:
        yield (
            f"{rule.path}.window",
            f"{rule.window_s:g} s hold too few samples of a program scraped every {_SCRAPE_S:g} s (60 s or more)",
        )
    if counts and rule.threshold <= 0 and below:
        yield f"{rule.path}.threshold", "nothing that counts is below nought, so it never fires"
