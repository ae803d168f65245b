"""The input of a comparison, and the candidates for rows that it makes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["counter", "up_down_counter", "gauge", "histogram"]

Field = Literal["value", "rate", "mean", "p50", "p95", "p99"]

Period = tuple[float, float]
"""From and to, in Unix seconds."""

Aspect = Literal["duration", "errors", "rate", "level", "health"]
"""The property of a subject that moved; two rows of the same subject and aspect show one event twice."""


@dataclass(frozen=True, slots=True)
class SeriesValues:
    """
    The values of one series at *times* (Unix seconds, ascending); None is a gap.

    *kind* is that of the instrument. A counter has the field ``rate`` (per second), a histogram ``mean``, ``p95`` (or another
    quantile) and ``rate``, a gauge or an up-down counter ``value``. *unit* is the instrument's, also for rates.
    """

    name: str
    kind: Kind
    unit: str
    attributes: Mapping[str, Any]
    field: Field
    times: Sequence[float]
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Candidate:
    """
    A series that moved. *score* is between 0 and 100.

    *before* and *after* are typical values in *unit*. *subject* names the part of the program it belongs to, such as a route;
    empty if there is none. *values* covers baseline and window. *text* begins the sentence, *link* is the page's fragment.
    """

    score: float
    what: Literal["metric", "traces", "logs", "health"]
    name: str
    attributes: Mapping[str, Any]
    field: str
    unit: str
    before: float
    after: float
    aspect: Aspect
    subject: str
    text: str
    link: str
    values: Sequence[float | None] = dataclasses.field(repr=False)
