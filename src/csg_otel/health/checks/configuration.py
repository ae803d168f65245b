"""Whether the program has the configuration it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from csg_otel.status import CheckResult, Critical, HealthStatus, Warn


def _none() -> Iterable[str]:
    return ()


@dataclass(frozen=True, slots=True)
class Configuration:
    """
    Healthy if *file* can be read, *required_variables* are set in *environ*, and *problems* returns nothing.

    Names keys and never values. Problems are settings the program goes on without, so they are a warning.
    """

    file: str | None = None
    required_variables: Sequence[str] = ()
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    problems: Callable[[], Iterable[str]] = _none

    def __call__(self) -> CheckResult:
        if self.file is not None:
            try:
                with Path(self.file).open("rb") as file:
                    file.read(1)
            except OSError as error:
                raise Critical(f"{self.file}: {error.strerror}") from None
        missing = [name for name in self.required_variables if not self.environ.get(name)]
        if missing:
            raise Critical(f"not set: {', '.join(missing)}")
        problems = tuple(self.problems())
        if problems:
            # A problem may quote what was given, so only where it is and what it is about are told.
            keys = ", ".join(": ".join(problem.split(": ")[:2]) for problem in problems[:3])
            raise Warn(f"{len(problems)} settings are wrong and left at their defaults ({keys})")
        return CheckResult(HealthStatus.HEALTHY, "complete")
