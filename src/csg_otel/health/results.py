"""
The result of a run: computed from the value a check returned, the exception it raised, or its timeout. Pure.

A message passed to ``Critical`` or ``Warn`` is public. The message of any other exception is withheld, because it may hold
an address, a query or a password.
"""

from __future__ import annotations

import re
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from csg_otel import attributes as clean
from csg_otel.check_result import CheckFailure, CheckResult
from csg_otel.lines import one_line
from csg_otel.privacy import active
from csg_otel.status import HealthStatus

WITHHELD: Final = "reason withheld"
TIMEOUT: Final = "timeout"
_MAX_MESSAGE: Final = 500
"""Most characters of an exception's message in the log."""
_CREDENTIALS: Final = re.compile(r"//[^/\s@]+@")
_PACKAGE: Final = str(Path(__file__).parents[1])


def from_value(value: Any, failure: HealthStatus) -> CheckResult:
    """Return the result of a check that returned *value*; *failure* is the status for False."""
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
        f"the check returned {kind}; a check returns None, a bool, a HealthStatus or a CheckResult",
        error_type="no_verdict",
    )


def from_error(error: BaseException, failure: HealthStatus) -> CheckResult:
    """Return the result of a check that raised *error*; *failure* is the status for an unexpected exception."""
    if isinstance(error, CheckFailure):
        return CheckResult(
            error.status,
            str(error),
            details=error.details,
            measurements=error.measurements,
            error_type=type(error).__name__.lower(),
        )
    return CheckResult(failure, WITHHELD, error_type=type(error).__qualname__)


def scrubbed(result: CheckResult) -> CheckResult:
    """Return *result* without secrets and personal data, wherever it is shown; details that are no plain values stay."""
    scrubber = active.scrubber()
    return replace(
        result,
        message=scrubber.text(result.message if type(result.message) is str else clean.text(result.message)),
        details=scrubber.mapping(result.details),
        measurements=tuple(
            replace(measured, name=scrubber.text(measured.name), attributes=scrubber.mapping(measured.attributes))
            for measured in result.measurements
        ),
        error_type=scrubber.text(result.error_type),
    )


def error_reason(error: BaseException) -> str:
    """
    Return the type and message of *error*, and the line that raised it: the last line outside this package, if there is one.

    For the program's own log and terminal only. The message has one line, and no user and password of a URL.
    """
    frames = traceback.extract_tb(error.__traceback__)
    outside = [frame for frame in frames if not frame.filename.startswith(_PACKAGE)] or frames
    location = f" at {outside[-1].filename}:{outside[-1].lineno} in {outside[-1].name}" if outside else ""
    message = _CREDENTIALS.sub("//***@", one_line(active.scrubber().text(clean.text(error))[:_MAX_MESSAGE]))
    return f"{type(error).__qualname__}{f': {message}' if message else ''}{location}"


def from_timeout(timeout_s: float, running_s: float) -> CheckResult:
    """Return the result of a run that has no result *timeout_s* seconds after its start; it began *running_s* ago."""
    message = f"no answer within {timeout_s:g} s"
    if running_s > timeout_s * 1.5:
        # An earlier run still hangs: its own deadline passed some time ago.
        message = f"no answer for {running_s:.0f} s (limit {timeout_s:g} s); no other run starts until this one returns"
    return CheckResult(HealthStatus.CRITICAL, message, error_type=TIMEOUT)
