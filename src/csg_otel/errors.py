"""
The exceptions of this package, in one tree.

    CsgOtelError
    ├── ConfigError            a setting is wrong; lists every problem, not only the first
    ├── MissingExtraError      an optional dependency is not installed; the message is the pip command
    ├── HealthDefinitionError  health checks that can't be registered; lists every problem
    ├── AlertError             alert rules that can't be compiled; lists every problem
    └── InstrumentError        an instrument declared in two different ways, or with a name or unit that is not allowed

Faults *inside* running telemetry raise none of them: they are contained, logged once on logger ``csg_otel`` and counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class CsgOtelError(Exception):
    """Base class of all exceptions that this package raises on purpose."""


class _ProblemsError(CsgOtelError):
    """An error that lists all problems at once, one a line, so that they can be corrected in one go."""

    def __init__(self, problems: Sequence[object]) -> None:
        self.problems: tuple[str, ...] = tuple(str(problem) for problem in problems)
        super().__init__("\n".join(self.problems))


class ConfigError(_ProblemsError):
    """A setting is wrong. ``problems`` has one located line for each: ``file:line:column: key: what is wrong``."""


class HealthDefinitionError(_ProblemsError):
    """Health checks contradict each other: duplicate names, unknown or cyclic ``depends_on``, bad names or limits."""


class AlertError(_ProblemsError):
    """Alert rules can't be compiled: an unknown metric, a function that does not fit it, a target that does not exist."""


class InstrumentError(CsgOtelError):
    """An instrument's name, unit or kind is not allowed, or contradicts an earlier declaration of the same name."""


class MissingExtraError(CsgOtelError):
    """An optional dependency is missing: *feature* needs the *extra*; the message contains the pip command that installs it."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs an optional dependency: pip install 'csg-otel[{extra}]'")


def suggestion(word: str, valid: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)`` with the word of *valid* that is closest to *word*, or an empty string."""
    import difflib

    close = difflib.get_close_matches(word, list(valid), n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""
