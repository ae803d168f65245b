"""
Mistakes in PromQL that is valid and yet does not do what it was written for; each message says what to write instead.

Pure. The rule: a finding is certain, or a convention that Prometheus' own documentation teaches; what may be meant is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from csg_otel.alerts.queries import conditions, functions, labels, pairs, selectors
from csg_otel.alerts.queries.metrics import Metrics
from csg_otel.alerts.queries.tree import (
    COMPARISONS,
    Aggregation,
    Call,
    Node,
    Operation,
    Series,
    Subquery,
    SyntaxMistakeError,
    every,
    parse,
    quoted,
)
from csg_otel.alerts.text import duration

_ACTION: Final = re.compile(r"\{\{((?:\"(?:[^\"\\]|\\.)*\"|`[^`]*`|[^\"`}]|\}(?!\}))*)\}\}")
"""An action of a template; its texts may contain braces."""

_LABEL: Final = re.compile(r"(?:\$labels|\.Labels)\.([A-Za-z_]\w*)")
_LITERAL: Final = re.compile(r"\"(?:[^\"\\]|\\.)*\"|`[^`]*`")


@dataclass(frozen=True, slots=True)
class Place:
    """
    What is known about the place of an expression.

    *scrape_s* are the seconds between two scrapes, and between two evaluations; None to look at no window. *halves* are labels
    and patterns that one alert selects and another one of the same name excludes: one of the two may well be empty.
    """

    metrics: Metrics = field(default_factory=Metrics)
    scrape_s: float | None = 15.0
    halves: frozenset[tuple[str, str]] = frozenset()


def of_alert(promql: str, place: Place, *, for_s: float = 0.0, texts: Mapping[str, str] | None = None) -> Iterator[str]:
    """
    Yield the mistakes of an alert. Raises MissingExtraError without the parser.

    Args:
        promql: its expression.
        place: what is known about its place.
        for_s: the time in seconds for which it must hold.
        texts: its labels and annotations by their names, with templates.
    """
    node = _parsed(promql)
    if isinstance(node, str):
        yield node
        return
    yield from dict.fromkeys([*_of_parts(node, place), *conditions.alert(node, place.metrics)])
    if place.scrape_s is not None and 0 < for_s < place.scrape_s:
        yield (
            f"`for: {duration(for_s)}` is shorter than the {place.scrape_s:g} s between two evaluations, so it has no effect;"
            f" remove it, or set it to {duration(2 * place.scrape_s)} or more"
        )
    yield from _lost_labels(node, texts or {})


def of_recording(promql: str, place: Place) -> Iterator[str]:
    """Yield the mistakes of the expression of a recording rule. Raises MissingExtraError without the parser."""
    node = _parsed(promql)
    if isinstance(node, str):
        yield node
    else:
        yield from dict.fromkeys(_of_parts(node, place))


def lost(promql: str, names: Iterable[str]) -> list[str]:
    """Return those of the labels *names* that no series of *promql* has. Raises MissingExtraError without the parser."""
    node = _parsed(promql)
    return [] if isinstance(node, str) else [name for name in names if name not in labels.of(node)]


def _parsed(promql: str) -> Node | str:
    try:
        return parse(promql)
    except SyntaxMistakeError as error:
        return f"`{' '.join(promql.split())}` is not PromQL: {error}; correct it"


def _of_parts(node: Node, place: Place) -> Iterator[str]:
    for part in every(node):
        if isinstance(part, Series):
            yield from selectors.mistakes(part, place.metrics, place.halves)
        elif isinstance(part, (Call, Aggregation)):
            yield from functions.mistakes(part, place.metrics, place.scrape_s)
            if isinstance(part, Aggregation):
                yield from pairs.grouping(part)
        elif isinstance(part, Operation):
            yield from pairs.mistakes(part)
            if part.operator in COMPARISONS:
                yield from conditions.comparison(part, place.metrics)
        elif isinstance(part, Subquery) and part.offset_s < 0:
            yield f"{quoted(part)}: a negative offset reads the future, which has no samples yet; remove the minus"


def _lost_labels(node: Node, texts: Mapping[str, str]) -> Iterator[str]:
    """Yield the labels that templates in *texts* print and that no series of *node* can have."""
    present = labels.of(node)
    for name, text in texts.items():
        actions = " ".join(_LITERAL.sub("", action) for action in _ACTION.findall(text))
        for label in dict.fromkeys(_LABEL.findall(actions)):
            if label not in present and label not in ("__name__", "alertname"):
                yield (
                    f"{name}: the expression has no label {label} any more, so $labels.{label} is empty;"
                    f" add it to the aggregation, or remove it from the text"
                )
