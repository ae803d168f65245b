"""
The result of one run of a check: status, message, details and measurements, returned or raised by the check. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from csg_otel.status import HealthStatus


@dataclass(frozen=True, slots=True)
class Range:
    """
    A range of good values: from *low* to *high*, both included; with *inside* the values outside of it are good.

    The text form is that of the Nagios plugin guidelines: ``10`` (0 to 10), ``10:`` (at least 10), ``~:10`` (at most 10),
    ``10:20``, ``@10:20`` (not from 10 to 20).
    """

    low: float = 0.0
    high: float = math.inf
    inside: bool = False

    @classmethod
    def parse(cls, text: str) -> Range:
        """Return the range that *text* describes. Raises ValueError if *text* is not a range."""
        inside = text.startswith("@")
        first, colon, last = text.removeprefix("@").partition(":")
        if not colon:
            first, last = "0", first or "none"
        try:
            low = -math.inf if first == "~" else float(first or 0)
            high = float(last) if last else math.inf
        except ValueError:
            raise ValueError(f"{text!r} is not a range (10, 10:, ~:10, 10:20, @10:20)") from None
        if not low <= high:
            raise ValueError(f"{text!r} is an empty range")
        return cls(low, high, inside)

    def allows(self, value: float) -> bool:
        """Return whether *value* is good."""
        return (self.low <= value <= self.high) is not self.inside

    def __str__(self) -> str:
        low = "~" if self.low == -math.inf else f"{self.low:g}"
        high = "" if self.high == math.inf else f"{self.high:g}"
        return f"{'@' if self.inside else ''}{high if low == '0' and high else f'{low}:{high}'}"


@dataclass(frozen=True, slots=True)
class Measurement:
    """
    One number a check measured, and its limits.

    ``unit`` is the UCUM unit (``%``, ``s``, ``By``). ``warning`` and ``critical`` are in that unit: a number is the largest
    good value, a :class:`Range` the range of good values. ``attributes`` are added to the measurement's series.
    """

    name: str
    value: float
    unit: str = ""
    warning: float | Range | None = None
    critical: float | Range | None = None
    minimum: float | None = None
    maximum: float | None = None
    attributes: Mapping[str, str | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """
    The result of one run of a check.

    The registry sets ``response_time_ms``, ``timestamp`` (Unix seconds) and the check's ``category``. ``error_type`` is the
    class name of an exception or a word such as ``timeout``; it is empty on success.
    """

    status: HealthStatus
    message: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    measurements: tuple[Measurement, ...] = ()
    error_type: str = ""
    response_time_ms: float = 0.0
    timestamp: float = 0.0
    category: str = ""


class CheckFailure(Exception):  # noqa: N818 - a result of a check, not an error of the program
    """
    The result of a check as an exception. Its message is public, unlike that of any other exception.

    Raise :class:`Warn` or :class:`Critical`.
    """

    status = HealthStatus.CRITICAL

    def __init__(
        self, message: str, *, details: Mapping[str, Any] | None = None, measurements: tuple[Measurement, ...] = ()
    ) -> None:
        super().__init__(message)
        self.details = dict(details or {})
        self.measurements = measurements


class Critical(CheckFailure):
    """A check raises this when something does not work; the message is public."""


class Warn(CheckFailure):
    """A check raises this when something works, with issues; the message is public."""

    status = HealthStatus.WARNING
