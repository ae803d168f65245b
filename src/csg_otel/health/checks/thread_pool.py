"""The check ``thread_pool``: a pool of threads starts new work in time."""

from __future__ import annotations

from concurrent.futures import Executor, Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, field
from typing import Any

from csg_otel import clocks
from csg_otel.check_result import CheckResult, Critical, Measurement
from csg_otel.health.checks.levels import judge
from csg_otel.health.checks.references import load_object


@dataclass(slots=True)
class ThreadPool:
    """
    WARNING if work waits more than *warning_s* seconds for a thread of *pool*, CRITICAL if more than *critical_s*.

    *pool* is a ``concurrent.futures`` executor, or ``module:name`` of one. A run submits an empty task and measures its wait.
    There is one such task at a time, so that a saturated pool does not get more work.
    """

    pool: Executor | str
    warning_s: float = 1.0
    critical_s: float = 10.0
    _probe: Future[float] | None = field(default=None, init=False, repr=False)
    _submitted: float = field(default=0.0, init=False, repr=False)

    def __call__(self) -> CheckResult:
        pool: Any = load_object(self.pool) if isinstance(self.pool, str) else self.pool
        if self._probe is None:
            self._submitted = clocks.monotonic()
            try:
                self._probe = pool.submit(clocks.monotonic)
            except RuntimeError:
                raise Critical("the pool is shut down: it accepts no work") from None
        try:
            waited_s = self._probe.result(self.warning_s) - self._submitted
            self._probe = None
        except NotYet:
            waited_s = clocks.monotonic() - self._submitted
        measurement = Measurement("wait", max(0.0, waited_s), "s", self.warning_s, self.critical_s, 0)
        return judge([measurement], advice="all threads of the pool are busy; look for tasks that hang, or add threads")
