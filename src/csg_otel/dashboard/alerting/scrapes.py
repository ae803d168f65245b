"""The scrapes of the last hour that rates and increases are computed from. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from csg_otel.alerts.evaluate import Labels, Scrape

FIRST_S: Final = 15.0
"""A program that has just started counts as scraped once, this long before: the usual interval of Prometheus."""

_STEPS: Final = ((330.0, 15.0), (3600.0, 300.0))
"""Age up to which scrapes are kept, and their distance, in seconds: 22 of the last minutes, 11 of the hour."""


class Scrapes:
    """The newest scrapes; all times are monotonic seconds."""

    def __init__(self, started_s: float) -> None:
        """Begin with an empty scrape before *started_s*, the start of the program: its counters grow from 0."""
        self._kept = [Scrape(started_s - FIRST_S)]
        self._labels: dict[Labels, Labels] = {}

    def add(self, scrape: Scrape) -> Scrape:
        """Keep *scrape* for later, and return it; it shares its labels with the others."""
        interned = self._labels
        samples = {
            name: {interned.setdefault(labels, labels): value for labels, value in series.items()}
            for name, series in scrape.samples.items()
        }
        self._labels = {labels: labels for series in samples.values() for labels in series}
        shared = Scrape(scrape.at_s, samples, scrape.unix_s)
        if scrape.at_s - self._kept[-1].at_s >= _STEPS[0][1]:
            self._kept = [*_thinned(self._kept, scrape.at_s), shared]
        return shared

    def before(self, now_s: float, window_s: float) -> Scrape:
        """Return the scrape whose age at *now_s* is nearest to *window_s*; the one of *now_s* itself is no choice."""
        earlier = [scrape for scrape in self._kept if scrape.at_s < now_s] or self._kept[:1]
        return min(earlier, key=lambda scrape: abs(now_s - scrape.at_s - window_s))


def _thinned(kept: Iterable[Scrape], now_s: float) -> list[Scrape]:
    """Return the scrapes that later rates need: close ones of the last minutes, and a few of the hour."""
    result: list[Scrape] = []
    for scrape in kept:
        age_s = now_s - scrape.at_s
        step_s = next((step_s for oldest_s, step_s in _STEPS if age_s <= oldest_s), None)
        if step_s is not None and (not result or scrape.at_s - result[-1].at_s >= step_s):
            result.append(scrape)
    return result or list(kept)[-1:]
