"""
Mistakes in a file of rules for Prometheus, of this package or of other people.

Pure. A finding is a line with its position: the file, the line and column of the expression, the group and the rule.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import yaml

from csg_otel.alerts.queries import mistakes
from csg_otel.alerts.queries.metrics import Metrics

if TYPE_CHECKING:
    from csg_otel.alerts.catalog import Catalog

_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0, "y": 31_536_000.0}
_PART: Final = re.compile(r"(\d+)(ms|[smhdwy])")
_PATTERN: Final = re.compile(r"(\w+)\s*(=~|!~)\s*(?:\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'|`([^`]*)`)")
"""A matcher with a pattern: its label, its operator, and the pattern in any quotes."""


def document(text: str, name: str, catalog: Catalog, scrape_s: float = 15.0) -> list[str]:
    """
    Return the findings about the rules in *text*. Raises MissingExtraError without the parser.

    Args:
        text: a file of rules in YAML or JSON, or a PrometheusRule of Kubernetes.
        name: the file's name, with which each finding begins.
        catalog: the metrics of this package and of the program; others may exist.
        scrape_s: seconds between two scrapes, and between two evaluations. Default 15.
    """
    try:
        roots = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except yaml.YAMLError as error:
        return [f"{name}: is not YAML: {' '.join(str(error).split())}"]
    rules = [rule for root in roots for rule in _rules(root)]
    if not rules:
        return [f"{name}:1:1: there is no rule in this file; give a file of rules that Prometheus reads"]
    recorded = [_text(rule, "record") for _, rule in rules]
    place, halves = mistakes.Place(Metrics(catalog, recorded), scrape_s), _halves(rule for _, rule in rules)
    return [
        f"{name}:{finding}"
        for group, rule in rules
        for finding in _of_rule(group, rule, replace(place, halves=halves[_text(rule, "alert")]))
    ]


def _halves(rules: Iterable[yaml.Node]) -> Mapping[str, frozenset[tuple[str, str]]]:
    """Return by the name of alerts the labels and patterns that one of them selects and another one excludes."""
    operators: defaultdict[tuple[str, str, str], set[str]] = defaultdict(set)
    for rule in rules:
        for label, operator, *quoted in _PATTERN.findall(_text(rule, "expr")):
            operators[_text(rule, "alert"), label, "".join(quoted)].add(operator)
    halves: defaultdict[str, frozenset[tuple[str, str]]] = defaultdict(frozenset)
    for (alert, label, pattern), both in operators.items():
        if len(both) > 1:
            halves[alert] |= {(label, pattern)}
    return halves


def _of_rule(group: str, rule: yaml.Node, place: mistakes.Place) -> Iterator[str]:
    expression = _at(rule, "expr")
    alert = _text(rule, "alert") or _text(rule, "record")
    if not isinstance(expression, yaml.ScalarNode):
        yield f"{_position(rule)} group {group}, {alert}: has no expr; add the expression"
        return
    if not _text(rule, "alert"):
        messages = mistakes.of_recording(expression.value, place)
    else:
        texts = {**_texts(_at(rule, "labels")), **_texts(_at(rule, "annotations"))}
        messages = mistakes.of_alert(expression.value, place, for_s=_seconds(_text(rule, "for")), texts=texts)
    for message in messages:
        yield f"{_position(expression)} group {group}, {alert}: {message}"


def _rules(root: yaml.Node) -> Iterator[tuple[str, yaml.Node]]:
    """Yield each rule with the name of its group."""
    for group in _items(_at(_at(root, "spec") or root, "groups")):
        for rule in _items(_at(group, "rules")):
            yield _text(group, "name"), rule


def _seconds(written: str) -> float:
    return sum(int(number) * _SECONDS[unit] for number, unit in _PART.findall(written))


def _position(node: yaml.Node) -> str:
    return f"{node.start_mark.line + 1}:{node.start_mark.column + 1}:"


def _at(node: yaml.Node | None, key: str) -> yaml.Node | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for name, value in pairs if name.value == key), None)


def _items(node: yaml.Node | None) -> list[yaml.Node]:
    return node.value if isinstance(node, yaml.SequenceNode) else []


def _text(node: yaml.Node, key: str) -> str:
    value = _at(node, key)
    return value.value if isinstance(value, yaml.ScalarNode) else ""


def _texts(node: yaml.Node | None) -> dict[str, str]:
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return {name.value: value.value for name, value in pairs if isinstance(value, yaml.ScalarNode)}
