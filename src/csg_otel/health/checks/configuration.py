"""The check ``configuration``: the program has the file, variables and valid settings it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from csg_otel import regular_file
from csg_otel.check_result import CheckResult, Critical, Warn
from csg_otel.status import HealthStatus


def _none() -> Iterable[str]:
    return ()


@dataclass(frozen=True, slots=True)
class Configuration:
    """
    HEALTHY if *file* can be read, *required_variables* are set in *environ*, and *problems* returns no problem.

    A missing file or variable is CRITICAL. A problem is a WARNING, because the program runs with the setting's default.
    Messages name keys, never values.
    """

    file: str | None = None
    required_variables: Sequence[str] = ()
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    problems: Callable[[], Iterable[str]] = _none

    def __call__(self) -> CheckResult:
        if self.file is not None:
            try:
                with regular_file.opened(self.file) as file:
                    file.read(1)
            except OSError as error:
                raise Critical(f"{self.file} can't be read: {error.strerror}") from None
        missing = [name for name in self.required_variables if not self.environ.get(name)]
        if missing:
            raise Critical(f"not set: {', '.join(missing)}; set these variables in the environment")
        problems = tuple(self.problems())
        if problems:
            # The end of a problem may quote the wrong value, so only its place and its subject are shown.
            keys = ", ".join(": ".join(problem.split(": ")[:2]) for problem in problems[:3])
            count = f"{len(problems)} setting{' is' if len(problems) == 1 else 's are'} wrong and left at the default"
            raise Warn(f"{count} ({keys}); csg-otel config check lists every mistake")
        return CheckResult(HealthStatus.HEALTHY, "the configuration is complete")
