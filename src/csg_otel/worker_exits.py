"""
The ends of workers that do not run ``atexit``: multiprocessing, Celery and uWSGI call functions of their own instead.

Only packages that the program has imported are used. The rule: the telemetry's end may be called more than once.
"""

from __future__ import annotations

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

    def _on_end(self, **_: object) -> None:
        self._finish()
