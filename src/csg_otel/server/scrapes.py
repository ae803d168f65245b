"""
Scrapes: one collection and one rendering for all scrapes that wait when the collection begins.

A scrape that arrives during a collection waits for the next one, so its page is never older than its request. One thread
collects, however many clients scrape, and it rests where they would keep it busy: the interpreter's lock belongs to the
program.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

from csg_otel import clocks, forks
from csg_otel.exporters import prometheus

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricsData

    from csg_otel.server.background import Background


_MOST_REST: Final = 9
"""
Most seconds of rest for each second of work while scrapes wait: many clients together take a tenth of one core. The garbage
collector, whose full runs stop all threads, runs after a number of collections.
"""

_MOST_REST_S: Final = 3.0
"""Longest rest in seconds; scrapers usually wait for ten."""


class Form(NamedTuple):
    """The form of a page: its format, and whether it is compressed."""

    format: prometheus.Format
    gzip: bool


class Scrapes:
    """The scrapes that wait for the next collection."""

    def __init__(self, collect: Callable[[], MetricsData | None], background: Background) -> None:
        """Answer from *collect*, which returns all metrics now, on the thread *background*."""
        self._collect = collect
        self._background = background
        self._pages = prometheus.Pages()
        self.reset_after_fork()
        forks.follow(self.reset_after_fork)

    def reset_after_fork(self) -> None:
        """Start from scratch in a forked child: the parent answers its own clients."""
        self._lock = threading.Lock()
        self._waiting: list[tuple[Form, Callable[[bytes | None], object]]] = []
        self._rest = 0
        """Seconds of rest for a second of work: the collections in a row that more than one client waited for."""

    def request(self, form: Form, done: Callable[[bytes | None], object]) -> None:
        """Call *done* with a page in *form*, or with None if no page can be made; usually later, on another thread."""
        with self._lock:
            self._waiting.append((form, done))
            is_first = len(self._waiting) == 1
        if is_first and not self._background.run(self._answer):
            self._finish(self._take(), {})

    def _take(self) -> list[tuple[Form, Callable[[bytes | None], object]]]:
        with self._lock:
            waiting, self._waiting = self._waiting, []
            return waiting

    def _answer(self) -> None:
        waiting, pages, began_s = self._take(), dict[Form, bytes](), clocks.monotonic()
        try:
            pages = _render(self._pages, self._collect(), {form for form, _ in waiting})
        finally:
            self._finish(waiting, pages)
        # One client alone waits for its page before the next request. A few may scrape at the same moment and then be silent
        # for a while, so the first rests are short.
        is_crowd = len(waiting) > 1 or bool(self._waiting)
        self._rest = min(self._rest + 1, _MOST_REST) if is_crowd else 0
        time.sleep(min(self._rest * (clocks.monotonic() - began_s), _MOST_REST_S))

    @staticmethod
    def _finish(waiting: Iterable[tuple[Form, Callable[[bytes | None], object]]], pages: dict[Form, bytes]) -> None:
        for form, done in waiting:
            done(pages.get(form))


def _render(pages: prometheus.Pages, data: MetricsData | None, forms: Iterable[Form]) -> dict[Form, bytes]:
    """Return a page of *data* in each of the *forms*; each format is rendered once."""
    rendered = dict[Form, bytes]()
    for form in sorted(forms):  # a page comes before its compressed form
        plain = rendered.get(Form(form.format, False))
        if plain is None:
            plain = pages.render(data, form.format)
        rendered[form] = prometheus.compress(plain) if form.gzip else plain
    return rendered
