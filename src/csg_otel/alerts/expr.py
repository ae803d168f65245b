"""
Expressions over series, as values: ``str()`` writes them as PromQL, ``evaluate`` evaluates them for a preview.

Pure. Covers the part of PromQL that rules, objectives and aliases need. The rule: a preview evaluates the same expression that
is compiled.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from csg_otel.alerts.text import duration, number

Operator = Literal["+", "-", "*", "/", ">", "<", ">=", "<=", "==", "!=", "or", "and", "unless"]


@dataclass(frozen=True, slots=True)
class Matcher:
    """A condition on the value of *label*, as PromQL and Alertmanager have it; a missing label has an empty value."""

    label: str
    operator: Literal["=", "!=", "=~", "!~"]
    value: str

    def __str__(self) -> str:
        return f"{self.label}{self.operator}{quoted(self.value)}"

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Return whether *labels* meet the condition; a pattern matches a whole value."""
        value = labels.get(self.label, "")
        if self.operator in ("=~", "!~"):
            return (re.fullmatch(self.value, value) is not None) == (self.operator == "=~")
        return (value == self.value) == (self.operator == "=")


@dataclass(frozen=True, slots=True)
class Select:
    """The series of one of *names* that meet all *matchers*, as they were *offset_s* seconds ago."""

    names: tuple[str, ...]
    matchers: tuple[Matcher, ...] = ()
    offset_s: float = 0.0

    def __str__(self) -> str:
        return self.written()

    def written(self, window: str = "", back_s: float = 0.0) -> str:
        """Return the selector; with *window*, a duration, of that range; *back_s* seconds further back."""
        matchers = [str(matcher) for matcher in self.matchers]
        if len(self.names) > 1:
            matchers.insert(0, f"__name__=~{quoted('|'.join(self.names))}")
        name = self.names[0] if len(self.names) == 1 else ""
        offset_s = self.offset_s + back_s
        offset = f" offset {duration(offset_s)}" if offset_s else ""
        return name + ("{" + ",".join(matchers) + "}" if matchers else "") + (f"[{window}]" if window else "") + offset


@dataclass(frozen=True, slots=True)
class Over:
    """A *function* over the last *window_s* seconds of series; ``predict_linear`` is the value in *ahead_s* seconds."""

    function: Literal[
        "avg_over_time",
        "min_over_time",
        "max_over_time",
        "sum_over_time",
        "last_over_time",
        "changes",
        "resets",
        "delta",
        "deriv",
        "predict_linear",
    ]
    of: Select
    window_s: float
    ahead_s: float = 0.0

    def __str__(self) -> str:
        ahead = f", {number(self.ahead_s)}" if self.ahead_s else ""
        return f"{self.function}({self.of.written(duration(self.window_s))}{ahead})"


@dataclass(frozen=True, slots=True)
class Age:
    """The time since values that are times, in Unix seconds."""

    of: Expr

    def __str__(self) -> str:
        return f"time() - {self.of}"


@dataclass(frozen=True, slots=True)
class Life:
    """
    The series by which an expression recognizes the start and the end of a program.

    *target* is 1 or 0 for each address that Prometheus scrapes. *present* are series that every program has, *uptime* is the
    age of its process in seconds; if *is_start*, the Unix time of its start. Both are None where no such series exists.
    """

    target: Select
    present: Select | None = None
    uptime: Select | None = None
    is_start: bool = False


@dataclass(frozen=True, slots=True)
class Growth:
    """
    The growth of counters over *window_s* seconds, in total or per second; a counter that appears within them grew from 0.

    PromQL's own functions ignore the first value of a series, so the first failure would be invisible. The first value does not
    count if Prometheus has first seen the program within the window, and the program is older: such a counter grew before.
    After a restart within the window, PromQL's own function counts more. Without a *life* that has all series, it is that
    function.
    """

    function: Literal["rate", "increase"]
    of: Select
    window_s: float
    life: Life | None = None

    @property
    def has_first(self) -> bool:
        """Whether the first value of a series counts."""
        return self.life is not None and self.life.present is not None and self.life.uptime is not None

    def __str__(self) -> str:
        if self.life is None or self.life.present is None or self.life.uptime is None:
            return f"{self.function}({self.of.written(duration(self.window_s))})"
        window, seconds = duration(self.window_s), number(self.window_s)
        back_s, of = self.of.offset_s, self.of
        present, uptime = self.life.present, f"last_over_time({self.life.uptime.written(window, back_s)})"
        before = present.written(back_s=back_s + self.window_s)
        seen_late = f"last_over_time({present.written(window, back_s)}) unless on (job, instance) {before}"
        started = (
            f"time() - {uptime} < {number(self.window_s + back_s)}" if self.life.is_start else f"{uptime} < {seconds}"
        )
        new = (
            f"last_over_time({of.written(window)}) unless {of.written(back_s=self.window_s)}"
            f" unless on (job, instance) ({seen_late} unless on (job, instance) {started})"
            f" unless resets({of.written(window)}) > 0"
        )
        per_second = f" / {seconds}" if self.function == "rate" else ""
        return f"(({new}){per_second} or {self.function}({of.written(window)}))"


@dataclass(frozen=True, slots=True)
class Rate:
    """The growth per second of counters over *window*, a text: a duration, or a variable that a dashboard fills in."""

    of: Select
    window: str

    def __str__(self) -> str:
        return f"rate({self.of}[{self.window}])"


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One value per combination of the labels *by*, or of all but these if *without*; one in all without labels."""

    how: Literal["sum", "avg", "min", "max", "count"]
    by: tuple[str, ...]
    of: Expr
    without: bool = False

    def __str__(self) -> str:
        by = f" {'without' if self.without else 'by'} ({', '.join(self.by)})" if self.by or self.without else ""
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
class Absent:
    """One series if *of* has no sample within *window_s* seconds (0: now); its labels are those that *of* is selected by."""

    of: Expr
    window_s: float = 0.0

    def __str__(self) -> str:
        if isinstance(self.of, Select) and self.window_s:
            return f"absent_over_time({self.of.written(duration(self.window_s))})"
        return f"absent({self.of})"


@dataclass(frozen=True, slots=True)
class Constant:
    """One series without labels."""

    value: float

    def __str__(self) -> str:
        return f"vector({number(self.value)})"


@dataclass(frozen=True, slots=True)
class Binary:
    """
    An operator between two sides. A comparison returns the value on the left.

    It pairs series with equal labels; with *on*, those that are equal in these labels, or if *ignoring* in all others. *more*
    is the side of which several series have the same partner, from which they get the labels *included*.
    """

    left: Expr | float
    operator: Operator
    right: Expr | float
    on: tuple[str, ...] | None = None
    more: Literal["", "left", "right"] = ""
    ignoring: bool = False
    included: tuple[str, ...] = ()

    def __str__(self) -> str:
        matching = ""
        if self.on is not None:
            # Without its own parentheses, `group_left` would take those of the right side.
            group = f" group_{self.more} ({', '.join(self.included)})" if self.more else ""
            matching = f" {'ignoring' if self.ignoring else 'on'} ({', '.join(self.on)}){group}"
        return f"{_side(self.left)} {self.operator}{matching} {_side(self.right)}"


@dataclass(frozen=True, slots=True)
class UserPromql:
    """PromQL that a user wrote; it is compiled unchanged, and evaluated as far as ``queries.expressions`` reads it."""

    promql: str

    def __str__(self) -> str:
        end = "\n" if "#" in self.promql else ""  # a comment at its end would swallow the parenthesis
        return f"({self.promql.rstrip() if end else self.promql}{end})"


Expr = Select | Over | Age | Growth | Rate | Aggregate | Relabel | Quantile | Absent | Constant | Binary | UserPromql


def _side(side: Expr | float) -> str:
    if isinstance(side, (int, float)):
        return number(side)
    return f"({side})" if isinstance(side, (Binary, Age)) else str(side)


def quoted(value: str) -> str:
    """Return *value* as a string literal of PromQL."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
