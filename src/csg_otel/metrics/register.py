"""
The instruments of the host and the process; their callbacks return the newest sample.

The instruments are created once in a process, because OTel ignores the callbacks of an instrument that is created again. When
telemetry starts again, only the source of samples is replaced. The rule: a callback uses the newest sample and takes no
reading.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from opentelemetry.metrics import CallbackOptions, Observation

from csg_otel import clocks, forks, scope
from csg_otel.markers import reads_snapshot
from csg_otel.metrics.observations import APPLICATION_GROUP, SYSTEM_GROUP, Values

if TYPE_CHECKING:
    from csg_otel.metrics.sample import Sample
    from csg_otel.names import Metric

_GRACE_S: Final = 15.0
"""Seconds beyond three intervals after which a sample is too old to be shown: its sampler has stopped or hangs."""


class Source(Protocol):
    """A source of samples: the sampler, or a stand-in in tests."""

    @property
    def interval_s(self) -> float:
        """Seconds between samples."""

    def latest(self) -> Sample | None:
        """Return the newest complete sample."""


@dataclass(frozen=True, slots=True)
class _Current:
    source: Source | None = None
    system: bool = False
    application: bool = False
    last: Sample | None = None
    """The newest sample of the previous source, shown until the present one has its own."""

    def sample(self) -> Sample | None:
        """Return the sample to show; None if it is so old that its sampler has stopped or hangs."""
        if self.source is None:
            return None
        sample = self.source.latest() or self.last
        if sample is None or clocks.monotonic() - sample.monotonic_s > 3 * self.source.interval_s + _GRACE_S:
            return None
        return sample


class Observables:
    """The instruments of the host and the process, and the source of their samples."""

    def __init__(self) -> None:
        """Show nothing."""
        self._current = _Current()
        self._created: dict[str, object] = {}

    def show(self, source: Source, *, system: bool, application: bool) -> None:
        """Show the samples of *source* from now on; a group that is off yields nothing."""
        shown = self._current.sample()
        self._current = _Current(source, system, application, shown)

    def create(self, create: Callable[[Metric, list[Any]], Any] = scope.create) -> None:
        """Create the instruments with *create*; only the first call does so."""
        token = object()
        if self._created.setdefault("by", token) is not token:
            return
        for metric, read in SYSTEM_GROUP:
            create(metric, [_Callback(self, read, system=True)])
        for metric, read in APPLICATION_GROUP:
            create(metric, [_Callback(self, read, system=False)])

    def values(self, read: Callable[[Sample], Values], *, system: bool) -> Values:
        """Return the values of *read* for the sample shown; nothing while its group is off."""
        current = self._current
        sample = current.sample() if (current.system if system else current.application) else None
        return () if sample is None else read(sample)

    def reset_after_fork(self) -> None:
        """Drop the parent's last sample."""
        self._current = replace(self._current, last=None)


@reads_snapshot
class _Callback:
    """The callback of one instrument."""

    def __init__(self, observables: Observables, read: Callable[[Sample], Values], *, system: bool) -> None:
        self._observables = observables
        self._read = read
        self._system = system

    def __call__(self, _options: CallbackOptions) -> Iterable[Observation]:
        values = self._observables.values(self._read, system=self._system)
        return [Observation(value, attributes) for value, attributes in values]


_observables: Final = Observables()


def register(sampler: Source, *, system: bool, application: bool) -> None:
    """Show the samples of *sampler* as OTel metrics, in place of an earlier sampler; each group on or off."""
    forks.follow(_observables.reset_after_fork)
    _observables.show(sampler, system=system, application=application)
    _observables.create()
