"""
Expressions over series, as values: ``str()`` writes them as PromQL, ``evaluate`` evaluates them for a preview.

Pure. Covers the part of PromQL that rules, objectives and aliases need. The rule: a preview evaluates the same expression that
is compiled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from csg_otel.alerts.text import duration, number

Operator = Literal["+", "-", "*", "/", ">", "<", ">=", "<=", "==", "!=", "or", "and"]


@dataclass(frozen=True, slots=True)
class Matcher:
    """A condition on a label: its value equals *value* (``=``) or matches it as a regular expression (``=~``), or does not."""

    label: str
    operator: Literal["=", "!=", "=~", "!~"]
    value: str

    def __str__(self) -> str:
        return f"{self.label}{self.operator}{quoted(self.value)}"


@dataclass(frozen=True, slots=True)
class Select:
    """The series of one of *names* that meet all *matchers*."""

    names: tuple[str, ...]
    matchers: tuple[Matcher, ...] = ()

    def __str__(self) -> str:
        matchers = [str(matcher) for matcher in self.matchers]
        if len(self.names) > 1:
            matchers.insert(0, f"__name__=~{quoted('|'.join(self.names))}")
        return (self.names[0] if len(self.names) == 1 else "") + ("{" + ",".join(matchers) + "}" if matchers else "")


@dataclass(frozen=True, slots=True)
class Over:
    """A *function* over the last *window_s* seconds of series."""

    function: Literal["avg_over_time", "min_over_time", "max_over_time", "sum_over_time"]
    of: Select
    window_s: float

    def __str__(self) -> str:
        return f"{self.function}({self.of}[{duration(self.window_s)}])"


@dataclass(frozen=True, slots=True)
class Life:
    """
    The series by which an expression recognizes the start and the end of a program.

    *present* are series that every program has, *uptime* is the age of its process in seconds, *target* is 1 or 0 for each
    address that Prometheus scrapes.
    """

    present: Select
    uptime: Select
    target: Select


@dataclass(frozen=True, slots=True)
class Growth:
    """
    The growth of counters over *window_s* seconds, in total or per second; a counter that appears within them grew from 0.

    PromQL's own functions ignore the first value of a series, so the first failure would be invisible. The first value does not
    count if Prometheus has first seen the program within the window, and the program is older: such a counter grew before.
    """

    function: Literal["rate", "increase"]
    of: Select
    window_s: float
    life: Life

    def __str__(self) -> str:
        window, seconds = duration(self.window_s), number(self.window_s)
        present, uptime = self.life.present, self.life.uptime
        seen_late = f"last_over_time({present}[{window}]) unless on (job, instance) {present} offset {window}"
        started = f"last_over_time({uptime}[{window}]) < {seconds}"
        new = (
            f"last_over_time({self.of}[{window}]) unless {self.of} offset {window}"
            f" unless on (job, instance) ({seen_late} unless on (job, instance) {started})"
        )
        per_second = f" / {seconds}" if self.function == "rate" else ""
        return f"(({new}){per_second} or {self.function}({self.of}[{window}]))"


@dataclass(frozen=True, slots=True)
class Rate:
    """The growth per second of counters over *window*, a text: a duration, or a variable that a dashboard fills in."""

    of: Select
    window: str

    def __str__(self) -> str:
        return f"rate({self.of}[{self.window}])"


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One value per combination of the labels *by*; one in all without labels."""

    how: Literal["sum", "avg", "min", "max"]
    by: tuple[str, ...]
    of: Expr

    def __str__(self) -> str:
        by = f" by ({', '.join(self.by)})" if self.by else ""
        return f"{self.how}{by} ({self.of})"


@dataclass(frozen=True, slots=True)
class Relabel:
    """The same series with a further label *target* that has the value of the label *source*."""

    of: Expr
    target: str
    source: str

    def __str__(self) -> str:
        return f'label_replace({self.of}, "{self.target}", "$1", "{self.source}", "(.*)")'


@dataclass(frozen=True, slots=True)
class Quantile:
    """The quantile *share* (0 to 1) of histograms, whose buckets have the label ``le``."""

    share: float
    of: Expr

    def __str__(self) -> str:
        return f"histogram_quantile({number(self.share)}, {self.of})"


@dataclass(frozen=True, slots=True)
class Binary:
    """An operator between two sides. It pairs series with equal labels. A comparison returns the value on the left."""

    left: Expr | float
    operator: Operator
    right: Expr | float

    def __str__(self) -> str:
        return f"{_side(self.left)} {self.operator} {_side(self.right)}"


@dataclass(frozen=True, slots=True)
class UserPromql:
    """PromQL that a user wrote; it is compiled unchanged, and a preview can't evaluate it."""

    promql: str

    def __str__(self) -> str:
        return f"({self.promql})"


Expr = Select | Over | Growth | Rate | Aggregate | Relabel | Quantile | Binary | UserPromql


def _side(side: Expr | float) -> str:
    if isinstance(side, (int, float)):
        return number(side)
    return f"({side})" if isinstance(side, Binary) else str(side)


def quoted(value: str) -> str:
    """Return *value* as a string literal of PromQL."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
