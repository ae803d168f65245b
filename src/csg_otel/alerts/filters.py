"""
The filters of a rule: attributes that its metric has, each with a value that the attribute can take.

Pure. A filter compares whole values. The rule: a value that can't be meant as a whole value is a mistake, because its rule
would never fire and look like one that has nothing to report.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from csg_otel import attribute_values, names
from csg_otel.errors import suggestion

if TYPE_CHECKING:
    from csg_otel.alerts.catalog import Ref

Filter = tuple[str, str, str]
"""A filter of a rule: attribute, label and value."""

_EXACTLY: Final = "="
"""The mark in front of a value that looks like a pattern and is none."""

_MARKED: Final = re.compile(r"=(?![=~\s\"'])(.+)", re.DOTALL)
"""A value with the mark; `==`, `=~` and `="` are the beginning of a comparison in a query."""

_ROUTE_PLACE: Final = re.compile(r"(?<=/)(?:\{\w+(?::[^{}/]*)?\}|<[^<>/]*>)")
"""A parameter in a route: `{id}`, `{id:[0-9]+}`, `<id>`; it may hold any text."""

_PATTERN: Final = re.compile(
    r"""
    ^ (?: ! | ~ | \^ | =. | <> | [<>]= | [<>]\s*\d | -[^\W\d] )      # a comparison, a negation, an anchor
    | ^ (?: (?: not | NOT ) [\s:(] | (?: in | IN ) \s* [(\[] | (?: re | regexp? | glob ): \S
          | (?i: matches | contains | (?: starts | ends )[ _]?with ) \s )  # the same in words
    | \* | \| | \$ $                                                # a wildcard, alternatives, an anchor
    | ^ [\w./-]+ (?: \s* [,;] \s* [\w./-]+ )+ $ | ^ \S+ (?: \s+ (?: or | OR ) \s+ \S+ )+ $   # a list of words
    | \{ [^{}]* , [^{}]* \} | [\w.)\]] \{ \d+ \}                    # alternatives, a repetition
    | ^ [(\[] [^()\[\]:]* [)\]] $ | \( \? | \) [+*?{]               # a group, not a text with a remark
    | (?<![./]) \.\. (?![./]) | \. [+?{]                            # characters of any kind, not the parent of a folder
    | \\ [dwsDWS] (?![\w.\\]) | \\ [.^$*+?(){}|\[\]]              # a class of characters, not a folder of Windows
    | \[ [^\]:]* - [^\]:]* \]                                       # a range of characters, not an address
    | \w \[ (?!\d+\]) [^\]:]{2,} \] | \d \[ \d{2,} \] | (?: ^ | \w ) \[ [^\]:]+ \] \w  # a class of characters, not an index
    | ^ [1-5] (?: [xX]{2} | \d[xX] ) (?: [\s/]+ [1-5] (?: [xX]{2} | \d[xX] ) )* $  # a class of status codes
    | (?<=[^\d\s%]) % (?![0-9A-Fa-f]{2}) | ^ % (?![0-9A-Fa-f]{2}) .  # a wildcard of SQL, not a percentage, not %20
    | \? (?!.*=)                                                    # a wildcard, not the query of a URL
    """,
    re.VERBOSE,
)


def resolve(
    filters: Mapping[str, str | None], ref: Ref, label: Callable[[str], str]
) -> Iterator[tuple[str, Filter | str]]:
    """
    Yield each key of *filters* with its filter, or with the reason why it can't be one.

    Args:
        filters: the values by attribute, as in the configuration; None where there is none.
        ref: the metric of the rule.
        label: returns the label of an attribute of a metric that declares none.
    """
    keys: dict[str, str] = {}
    for key, value in filters.items():
        attribute = ref.attribute(key) or ((key, label(key)) if ref.open else None)
        if attribute is None:
            declared = [name for name, _ in ref.attributes]
            hint = suggestion(key, declared) or f" (it has {', '.join(declared)})" if declared else " (it has none)"
            yield key, f"{ref.name!r} has no attribute {key!r}{hint}"
        elif (other := keys.setdefault(attribute[1], key)) != key:
            yield key, f"{key!r} and {other!r} are the same attribute, which has one value; remove one of them"
        elif value is None:
            yield (
                key,
                "has no value, and without it the rule would look at all series; write a value, or remove the key",
            )
        else:
            exact = _MARKED.fullmatch(value)
            yield key, _mistake(ref, attribute[0], value, exact) or (*attribute, exact[1] if exact else value)


def _mistake(ref: Ref, attribute: str, value: str, exact: re.Match[str] | None) -> str:
    """Return why *value*, or what its mark is in front of, is no value of *attribute*; empty if it may be one."""
    if values := _values(ref, attribute):
        choices = f" (its values are {', '.join(filter(None, values))})"
        if (exact[1] if exact else value) in values:
            return ""
        return f"{value!r} is no value of {attribute}{suggestion(value, values) or choices}"
    if exact or not _PATTERN.search(_ROUTE_PLACE.sub("", value)):
        return ""
    marked = _EXACTLY + value
    escape = f" (or {marked!r}, if the value is exactly this text)" if _MARKED.fullmatch(marked) else ""
    return (
        f"{value!r} looks like a pattern, and a filter compares whole values: write one value, and a rule for each value"
        f"{escape}"
    )


def _values(ref: Ref, attribute: str) -> tuple[str, ...]:
    """Return the values that *attribute* of *ref* can have; empty if they are not known here."""
    if ref.alias:
        service = next((matcher.value for matcher in ref.matchers), "")
        fixed = names.ALIASES[ref.name].fixed_labels(service)
        if attribute in fixed:
            return (fixed[attribute],) if fixed[attribute] else ()
    return attribute_values.of(ref.name, attribute)
