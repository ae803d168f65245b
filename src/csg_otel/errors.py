"""
Every exception this package raises on purpose, in one tree.

    CsgOtelError
    ├── ConfigError            a setting is wrong; carries every problem found, not the first
    ├── MissingExtraError      an optional dependency is not installed; the message is the pip command
    ├── HealthDefinitionError  health checks that can't be registered; carries every problem found
    ├── AlertError             alert rules that can't be compiled; carries every problem found
    └── InstrumentError        an instrument declared twice in two ways, or with an impossible name or unit

Faults *inside* running telemetry never appear here: they are contained, logged once on logger ``csg_otel`` and counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class CsgOtelError(Exception):
    """Base of all exceptions raised on purpose by this package."""


class _ProblemsError(CsgOtelError):
    """An error that reports all problems at once, one a line, so that one run of an editor mends them all."""

    def __init__(self, problems: Sequence[object]) -> None:
        self.problems: tuple[str, ...] = tuple(str(problem) for problem in problems)
        super().__init__("\n".join(self.problems))


class ConfigError(_ProblemsError):
    """A setting is wrong. ``problems`` has one located line for each: ``file:line:column: key: what is wrong``."""


class HealthDefinitionError(_ProblemsError):
    """Health checks contradict each other: duplicate names, unknown or cyclic ``depends_on``, bad names or limits."""


class AlertError(_ProblemsError):
    """Alert rules can't be compiled: an unknown metric, a function that does not fit it, a dangling target."""


class InstrumentError(CsgOtelError):
    """An instrument's name, unit or kind is impossible, or contradicts an earlier declaration of the same name."""


class MissingExtraError(CsgOtelError):
    """An optional dependency is missing; the message says which pip command brings it."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs an optional dependency: pip install 'csg-otel[{extra}]'")


def suggestion(given: str, known: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)`` for the closest of *known*, or an empty string."""
    import difflib

    close = difflib.get_close_matches(given, list(known), n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""
