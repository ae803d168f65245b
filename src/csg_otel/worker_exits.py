"""
The ends of workers that do not run ``atexit``: multiprocessing, Celery, uWSGI and rq call functions of their own instead.

Only packages that the program has imported are used. The rule: the telemetry's end may be called more than once.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any, Final

_LAST: Final = -1000
"""Priority of the finalizer in a multiprocessing worker: it runs after all other finalizers."""


class WorkerExits:
    """Calls *finish* when a worker ends, where ``atexit`` does not."""

    def __init__(self, finish: Callable[[], Any]) -> None:
        """Set the function that ends the telemetry; it must be idempotent."""
        self._finish = finish
        self._registered: set[str] = set()

    def register(self) -> None:
        """Register with each package that is imported; call it again in a forked child, which may have imported more."""
        for package, register in (
            ("multiprocessing.util", self._with_multiprocessing),
            ("celery.signals", self._with_celery),
            ("uwsgi", self._with_uwsgi),
            ("rq.worker", self._with_rq),
        ):
            if package in sys.modules and package not in self._registered:
                self._registered.add(package)
                register(sys.modules[package])

    def _with_multiprocessing(self, util: Any) -> None:
        # A worker, forked or spawned, forgets its finalizers when its work begins, and then calls the functions registered
        # here. A spawned worker imports the main module before that.
        util.register_after_fork(self, WorkerExits._add_finalizer)
        process = sys.modules.get("multiprocessing.process")
        if process is not None and process.parent_process() is not None:
            self._add_finalizer()  # the work of this worker has begun already

    def _add_finalizer(self) -> None:
        sys.modules["multiprocessing.util"].Finalize(None, self._finish, exitpriority=_LAST)

    def _with_celery(self, signals: Any) -> None:
        signals.worker_process_shutdown.connect(self._on_end, weak=False)

    def _with_uwsgi(self, uwsgi: Any) -> None:
        previous = getattr(uwsgi, "atexit", None)

        def at_exit() -> None:
            if callable(previous):
                previous()
            self._finish()

        uwsgi.atexit = at_exit

    def _with_rq(self, module: Any) -> None:
        # The process of a job ends by `os._exit` after one of these; the first job imports its module, so it may be running.
        for name in ("handle_job_success", "handle_job_failure", "handle_job_retry"):
            for owner in module.Worker.__mro__:
                if name in vars(owner):
                    setattr(owner, name, self._finishing(vars(owner)[name]))
                    break

    def _finishing(self, method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def handle(worker: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                return method(worker, *args, **kwargs)
            finally:
                if getattr(worker, "is_horse", False):  # a worker without forks goes on to the next job
                    self._finish()

        return handle

    def _on_end(self, **_: object) -> None:
        self._finish()
