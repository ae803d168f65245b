"""
The form of alert rules: each has one value, one comparison and one limit.

Pure. The metrics that a rule names are checked when it is compiled. The one rule: a key that another key makes meaningless is a
problem, never ignored in silence.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from csg_otel.config.sections.alerting import SEVERITIES
from csg_otel.config.tree import join
from csg_otel.errors import suggestion

if TYPE_CHECKING:
    from csg_otel.config.root import ConfigRoot

_FUNCTIONS: Final = ("age", "changes", "resets", "delta", "derivative", "predict")
_INTERVALS: Final = ("outside", "between")
_SELECTOR: Final = re.compile(r'[A-Za-z_]\w*(?:="[^"\\]+")?', re.ASCII)
"""What `alerting.selector` may be."""


def mistakes(config: ConfigRoot, present: Container[str]) -> Iterator[tuple[str, str]]:
    """
    Yield (dotted key, message) for each rule of *config* that has too few or too many of these keys.

    Args:
        config: The configuration.
        present: The dotted keys that are set; a key with a wrong value is a problem already, and not missing.
    """
    selector = config.alerting.selector
    if not _SELECTOR.fullmatch(selector):
        yield (
            "alerting.selector",
            f'{selector!r} is neither a label nor one with its value; write job, service_name, or job="shop-web"',
        )
    for at, rule in enumerate(config.alerting.rules):
        if rule.enabled:
            path = join("alerting.rules", at)
            yield from _Forms(present).rule(path, rule)
            yield from _levels(path, rule, (*SEVERITIES, *config.alerting.severities))


class _Forms:
    """Checks rules; see :func:`mistakes`."""

    def __init__(self, present: Container[str]) -> None:
        self._present = present

    def rule(self, path: str, rule: Any) -> Iterator[tuple[str, str]]:
        yield from self._compared(path, rule, levels=bool(rule.levels), promql=rule.promql)
        if rule.levels and f"{path}.severity" in self._present:
            yield f"{path}.severity", "has no effect beside 'levels', which have a severity each; remove it"
        if rule.promql and rule.condition is None and rule.no_data == "alert":
            yield (
                f"{path}.no_data",
                "can't tell missing data from a false condition, as 'promql' is both; write 'condition' and 'threshold' apart",
            )
        for key, further in (("and", rule.and_), ("unless", rule.unless)):
            for at, comparison in enumerate(further):
                yield from self._compared(join(f"{path}.{key}", at), comparison)

    def _missing(self, path: str, key: str, advice: str = "add it") -> Iterator[tuple[str, str]]:
        if f"{path}.{key}" not in self._present:
            yield path, f"{key!r} is missing; {advice}"

    def _compared(self, path: str, rule: Any, *, levels: bool = False, promql: str = "") -> Iterator[tuple[str, str]]:
        """
        Yield the mistakes of one comparison.

        Args:
            path: Its dotted key.
            rule: The comparison, or the rule that it belongs to.
            levels: Whether the rule has a limit for each severity. Default False.
            promql: The rule's PromQL. Default none.
        """
        values = [key for key, value in (("metric", rule.metric), ("ratio", rule.ratio), ("promql", promql)) if value]
        if len(values) != 1:
            several = [(path, f"has {_listed(values)}; remove all but one")]
            yield from several if values else self._missing(path, "metric")
        if rule.parts and "metric" not in values:
            yield (
                f"{path}.parts",
                "has no effect without a formula of them in 'metric'; write one, such as metric: a / b",
            )
        intervals = [key for key in _INTERVALS if getattr(rule, key)]
        limits = [*intervals, *(["threshold"] if rule.threshold is not None else []), *(["levels"] if levels else [])]
        if len(limits) > 1:
            yield path, f"has {_listed(limits)}; remove all but one"
        elif not limits and not (promql and rule.condition is None):
            yield from self._missing(path, "threshold")
        elif limits and intervals and rule.condition is not None:
            yield f"{path}.condition", f"has no effect beside {intervals[0]!r}; remove one of them"
        elif limits and not intervals and rule.condition is None:
            yield from self._missing(path, "condition", "add it, such as condition: '>'")
        for key in intervals:
            if len(limits := getattr(rule, key)) != 2:
                yield f"{path}.{key}", "needs two limits, such as [2, 8]"
            elif limits[0] == limits[1]:
                limit = _written(limits[0])
                instead = "!=" if key == "outside" else "=="
                yield (
                    f"{path}.{key}",
                    f"has the limit {limit} twice; write two, or condition: '{instead}' and threshold: {limit}",
                )
        yield from _value(path, rule)
        parts = {"threshold": rule.threshold} if hasattr(rule.threshold, "metric") else {}
        parts |= {"ratio.of": rule.ratio.of, "ratio.to": rule.ratio.to} if rule.ratio is not None else {}
        parts |= {f"parts.{name}": part for name, part in rule.parts.items()}
        for key, part in parts.items():
            if not part.metric:
                yield from self._missing(f"{path}.{key}", "metric")
            yield from _value(f"{path}.{key}", part)


def _levels(path: str, rule: Any, severities: Iterable[str]) -> Iterator[tuple[str, str]]:
    words = tuple(severities)
    for word in rule.levels:
        if word not in words:
            hint = suggestion(word, words) or f" (known: {', '.join(words)})"
            yield f"{path}.levels.{word}", f"{word!r} is not a severity{hint}"
    if len(rule.levels) == 1:
        ((word, limit),) = rule.levels.items()
        yield (
            f"{path}.levels",
            f"has one level; add another, or write threshold: {_written(limit)} and severity: {word} instead",
        )


def _written(limit: float | str) -> str:
    return limit if isinstance(limit, str) else f"{limit:.15g}"


def _value(path: str, part: Any) -> Iterator[tuple[str, str]]:
    functions = [key for key in _FUNCTIONS if getattr(part, key)]
    if len(functions) > 1:
        yield path, f"has {_listed(functions)}; remove all but one"
    if part.by is not None and part.without:
        yield f"{path}.without", "has no effect beside 'by'; remove one of them"


def _listed(keys: list[str]) -> str:
    return " and ".join(map(repr, keys))
