"""
Conditions on the labels of an alert, from the setting ``match`` of a route.

Pure. The rule: a pattern matches a whole value, and a missing label has an empty value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from csg_otel.alerts.expr import Matcher
from csg_otel.alerts.text import as_pattern, camel


def of(match: Mapping[str, Any]) -> Iterator[Matcher]:
    """Yield the matchers of the setting *match* of a route: its labels with a value, values, or a condition."""
    for key, condition in match.items():
        label = re.sub(r"\W", "_", key)
        if isinstance(condition, Mapping):
            ((form, value),) = condition.items()
            if form == "not":
                yield _one_of(label, value, negated=True)
            else:
                yield Matcher(label, "=~" if form == "matches" else "!~", str(value))
        else:
            yield _one_of(label, condition)


def _one_of(label: str, condition: Any, *, negated: bool = False) -> Matcher:
    values = [str(value) for value in (condition if isinstance(condition, (list, tuple)) else (condition,))]
    if label == "alertname":  # people write the name of a rule, too
        values = list(dict.fromkeys(name for value in values for name in (value, camel(value)) if name or not value))
    if len(values) == 1:
        return Matcher(label, "!=" if negated else "=", values[0])
    return Matcher(label, "!~" if negated else "=~", "|".join(map(as_pattern, values)))
