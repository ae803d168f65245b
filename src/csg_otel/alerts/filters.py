"""
The filters of a rule: attributes that its metric has, each with values that the attribute can take.

Pure. A plain text is one whole value. The rule: a text that can't be meant as a whole value is a mistake, and so is a filter
that no value or every value meets: its rule would never fire, and look like one that has nothing to report.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from csg_otel import attribute_values, names
from csg_otel.alerts.expr import Matcher
from csg_otel.alerts.text import as_pattern
from csg_otel.errors import suggestion

if TYPE_CHECKING:
    from csg_otel.alerts.catalog import Ref


@dataclass(frozen=True, slots=True)
class Filter:
    """
    A filter of a rule: the attribute, which is *label* in series, has one of *values*, or none of them.

    With ``matches`` and ``matches_not`` there is one value, a regular expression that the whole text of the attribute matches.
    """

    attribute: str
    label: str
    values: tuple[str, ...]
    how: Literal["is", "is_not", "matches", "matches_not"] = "is"

    @property
    def matcher(self) -> Matcher:
        """The same as a matcher of PromQL."""
        no = "!" if self.how.endswith("not") else ""
        if self.how.startswith("matches"):
            return Matcher(self.label, f"{no or '='}~", self.values[0])  # type: ignore[arg-type]
        if len(self.values) == 1:
            return Matcher(self.label, "!=" if no else "=", self.values[0])
        return Matcher(self.label, f"{no or '='}~", "|".join(map(as_pattern, self.values)))  # type: ignore[arg-type]

    def is_met(self, value: str | None) -> bool:
        """Return whether a series meets the filter whose attribute has *value*; None for a series without it."""
        if self.how.startswith("matches"):
            return (re.fullmatch(self.values[0], value or "") is not None) == (self.how == "matches")
        return ((value or "") in self.values) == (self.how == "is")

    def __str__(self) -> str:
        """Return the filter in words, for messages."""
        words = {"is": "=", "is_not": " not ", "matches": " matches ", "matches_not": " does not match "}
        return f"{self.attribute}{words[self.how]}{' or '.join(self.values)}"


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


def resolve(filters: Mapping[str, Any], ref: Ref, label: Callable[[str], str]) -> Iterator[tuple[str, Filter | str]]:
    """
    Yield each key of *filters* with its filters, or with the reason why it can't be one.

    Args:
        filters: the forms by attribute, as in the configuration; None where there is none.
        ref: the metric of the rule.
        label: returns the label of an attribute of a metric that declares none.
    """
    keys: dict[str, str] = {}
    for key, form in filters.items():
        attribute = ref.attribute(key) or ((key, label(key)) if ref.open else None)
        if attribute is None:
            declared = [name for name, _ in ref.attributes]
            hint = suggestion(key, declared) or f" (it has {', '.join(declared)})" if declared else " (it has none)"
            yield key, f"{ref.name!r} has no attribute {key!r}{hint}"
        elif (other := keys.setdefault(attribute[1], key)) != key:
            yield key, f"{key!r} and {other!r} are the same attribute, which has one value; remove one of them"
        elif form is None or form == ():
            yield (
                key,
                "has no value, and without it the rule would look at all series; write a value, or remove the key",
            )
        else:
            yield from ((key, result) for result in _resolved(ref, *attribute, form))


def _resolved(ref: Ref, attribute: str, label: str, form: Any) -> Iterator[Filter | str]:
    """
    Yield the filters of one *form*, or why it can't be one.

    Args:
        ref: the metric of the rule.
        attribute: the attribute.
        label: its label.
        form: a text, a tuple of texts, or the mapping of the configuration.
    """
    if isinstance(form, (str, tuple)):
        lists = {"is": form}
        patterns = {}
    else:
        lists = {"is": form.in_, "is_not": form.not_}
        patterns = {"matches": form.matches, "matches_not": form.not_matches}
        if not any((*lists.values(), *patterns.values())):
            yield "has no value; write {matches: regex}, {not: value}, {in: [values]} or {not_matches: regex}"
    for how, written in lists.items():
        values = (written,) if isinstance(written, str) else written or ()
        exact = [_MARKED.fullmatch(value) for value in values]
        mistakes = [_mistake(ref, attribute, value, mark) for value, mark in zip(values, exact, strict=True)]
        yield from filter(None, mistakes)
        if values and not any(mistakes):
            plain = tuple(mark[1] if mark else value for value, mark in zip(values, exact, strict=True))
            yield Filter(attribute, label, plain, how)  # type: ignore[arg-type] # one of the words
    for how, pattern in patterns.items():
        if pattern is not None:
            problem = _pattern_mistake(ref, attribute, pattern, how)
            yield problem or Filter(attribute, label, (pattern,), how)  # type: ignore[arg-type] # one of the words


def _pattern_mistake(ref: Ref, attribute: str, pattern: str, how: str) -> str:
    """Return why *pattern*, a regular expression, is no filter; empty if it is one."""
    compiled = re.compile(pattern)
    values = _values(ref, attribute)
    matching = [value for value in values if compiled.fullmatch(value)]
    every = compiled.fullmatch("") and compiled.fullmatch("any text/1.")
    if every or (values and len(matching) == len(values)):
        return f"{pattern!r} matches every value{', so no series is left' if how != 'matches' else ''}; remove it"
    if values and not matching:
        return f"{pattern!r} matches no value of {attribute} (its values are {', '.join(filter(None, values))})"
    return ""


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
        f"{value!r} looks like a pattern, and a text is one whole value: write {{matches: regex}}, a list of values,"
        f" or {{not: value}}{escape}"
    )


def _values(ref: Ref, attribute: str) -> tuple[str, ...]:
    """Return the values that *attribute* of *ref* can have; empty if they are not known here."""
    if ref.alias:
        service = next((matcher.value for matcher in ref.matchers), "")
        fixed = names.ALIASES[ref.name].fixed_labels(service)
        if attribute in fixed:
            return (fixed[attribute],) if fixed[attribute] else ()
    return attribute_values.of(ref.name, attribute)
