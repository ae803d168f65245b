"""Whether a pool of threads still takes up work."""

from __future__ import annotations

import time
from concurrent.futures import Executor, Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, field
from typing import Any

from csg_otel.health.checks.levels import judge
from csg_otel.health.checks.references import load_object
from csg_otel.status import CheckResult, Critical, Measurement


@dataclass(slots=True)
class ThreadPool:
    """
    Warn if work waits longer than *warning_s*, and fail if it waits longer than *critical_s* seconds for a thread of *pool*.

    *pool* is a ``concurrent.futures`` executor or ``module:name`` of one. Puts a task that does nothing into its queue and
    times it, one at a time: a saturated pool is not given more of them.
    """

    pool: Executor | str
    warning_s: float = 1.0
    critical_s: float = 10.0
    _probe: Future[float] | None = field(default=None, init=False, repr=False)
    _asked: float = field(default=0.0, init=False, repr=False)

    def __call__(self) -> CheckResult:
        pool: Any = load_object(self.pool) if isinstance(self.pool, str) else self.pool
        if self._probe is None:
            self._asked = time.monotonic()
            try:
                self._probe = pool.submit(time.monotonic)
            except RuntimeError:
                raise Critical("the pool is shut down") from None
        try:
            waited = self._probe.result(self.warning_s) - self._asked
            self._probe = None
        except NotYet:
            waited = time.monotonic() - self._asked
        return judge([Measurement("wait", max(0.0, waited), "s", self.warning_s, self.critical_s, 0)])
