"""
From what a check's function did to a result. Pure.

The rule: a message passed to ``Critical`` or ``Warn`` is public; that of any other exception is not, because it may hold an
address, a query or a password.
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any, Final

from csg_otel.status import CheckFailure, CheckResult, HealthStatus

WITHHELD: Final = "reason withheld"
TIMEOUT: Final = "timeout"
_PACKAGE: Final = str(Path(__file__).parents[1])


def of_value(value: Any, failure: HealthStatus) -> CheckResult:
    """Return the result of a check that returned *value*; *failure* is what False means."""
    if isinstance(value, CheckResult):
        return value
    if isinstance(value, HealthStatus):
        return CheckResult(value)
    if value is None or value is True:
        return CheckResult(HealthStatus.HEALTHY)
    if value is False:
        return CheckResult(failure, "the check returned False", error_type="returned_false")
    kind = type(value).__name__
    return CheckResult(
        HealthStatus.UNKNOWN,
        f"the check returned {kind}, which is no verdict (None, a bool, a HealthStatus or a CheckResult)",
        error_type="no_verdict",
    )


def of_error(error: BaseException, failure: HealthStatus) -> CheckResult:
    """Return the result of a check that raised *error*; *failure* is what an exception means."""
    if isinstance(error, CheckFailure):
        return CheckResult(
            error.status,
            str(error),
            details=error.details,
            measurements=error.measurements,
            error_type=type(error).__name__.lower(),
        )
    return CheckResult(failure, WITHHELD, error_type=type(error).__qualname__)


def raised(error: BaseException) -> str:
    """Return the kind of *error* and the place it comes from, in the program's own files if it passed through any."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if not frame.filename.startswith(_PACKAGE)] or frames
    place = f" at {ours[-1].filename}:{ours[-1].lineno} in {ours[-1].name}" if ours else ""
    return f"{type(error).__qualname__}{place}"


def of_timeout(timeout_s: float, hanging_s: float) -> CheckResult:
    """Return the result of a run that missed its deadline, or whose predecessor has been hanging for *hanging_s*."""
    message = f"no answer within {timeout_s:g} s"
    if hanging_s > timeout_s * 1.5:
        message = f"no answer for {hanging_s:.0f} s; the run that hangs is left alone and none is started beside it"
    return CheckResult(HealthStatus.CRITICAL, message, error_type=TIMEOUT)
