"""
uWSGI: it loads the application before it forks its workers, in C, where Python runs no fork hooks.

A thread that holds the interpreter's lock at the moment of such a fork blocks the worker for ever. The rule: no thread of
telemetry runs before uWSGI has forked; each worker starts everything itself.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from csg_otel import forks

_log = logging.getLogger("csg_otel")


def start_now_or_in_workers(start: Callable[[], object]) -> bool:
    """
    Return True if telemetry may start now. Otherwise return False, and call *start* in each process that serves the program.

    A later call replaces *start*, so only the function of the last call runs.
    """
    uwsgi: Any = sys.modules.get("uwsgi")
    _postponed.clear()
    if not hasattr(uwsgi, "worker_id"):
        if not _is_uwsgi_starting():
            return True
    else:
        if _hook(uwsgi):
            _warn_without_threads(uwsgi)
        if not _is_loading(uwsgi):
            return True
    _postponed.append(start)
    forks.follow(_start_in_child)
    return False


_postponed: Final[list[Callable[[], object]]] = []


def _is_uwsgi_starting() -> bool:
    """Return whether this is uWSGI, although it has not made its module yet: ``csg-otel run`` comes before it."""
    try:
        return Path("/proc/self/exe").readlink().name.startswith("uwsgi")
    except OSError:  # no /proc
        return Path(sys.executable or "").name.startswith("uwsgi")


def _is_loading(uwsgi: Any) -> bool:
    """Return whether this process has neither become a worker yet, nor a mule or spooler."""
    is_mule = hasattr(uwsgi, "mule_id") and uwsgi.mule_id()
    is_spooler = hasattr(uwsgi, "i_am_the_spooler") and uwsgi.i_am_the_spooler()
    return not (uwsgi.worker_id() or is_mule or is_spooler)


def _hook(uwsgi: Any) -> bool:
    """Set uWSGI's hook, and return whether it was another one."""
    present = getattr(uwsgi, "post_fork_hook", None)
    if isinstance(present, _AfterFork):
        return False
    uwsgi.post_fork_hook = _AfterFork(present)
    return True


def _start_in_child() -> None:
    uwsgi = sys.modules.get("uwsgi")
    if uwsgi is not None and _is_loading(uwsgi):
        # With the option py-call-uwsgi-fork-hooks this is one of Python's fork hooks, in which the SDK can't make a resource.
        # uWSGI calls its own hook next, unless the program has set another one meanwhile, as uwsgidecorators does.
        _hook(uwsgi)
    else:
        forks.afterwards(_start)


def _start() -> None:
    while _postponed:
        _postponed.pop()()


class _AfterFork:
    """uWSGI's hook when a process becomes a worker, usually by a fork; it calls the program's own hook as well."""

    def __init__(self, previous: Callable[[], Any] | None) -> None:
        self._previous = previous

    def __call__(self) -> None:
        forks.notice()
        _start()
        if callable(self._previous):
            self._previous()


def _warn_without_threads(uwsgi: Any) -> None:
    """Warn once, although each worker may load the application."""
    if not getattr(uwsgi, "has_threads", True) and uwsgi.worker_id() <= 1:
        _log.warning(
            "uWSGI runs this program without threads: telemetry is sent and scraped only while a request is served, and the "
            "rest when a worker ends; set `enable-threads = true` in uWSGI's configuration"
        )
