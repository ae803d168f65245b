"""Export of what a dashboard keeps, and import of a file, as lines of OTLP's JSON."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final

from csg_otel.dashboard.otlp import lines
from csg_otel.dashboard.otlp.errors import InvalidRequestError
from csg_otel.dashboard.otlp.resources import of
from csg_otel.dashboard.otlp.unknown import Unknown
from csg_otel.dashboard.source import SourceError

if TYPE_CHECKING:
    from csg_otel.dashboard.model.actions import Imported
    from csg_otel.dashboard.otlp.receiver import Intake
    from csg_otel.dashboard.store.kept import Store

SIGNALS: Final = ("traces", "logs", "metrics")


class Transfer:
    """The export and the import of one store; ``intake`` takes what is imported."""

    def __init__(self, store: Store, intake: Callable[[], Intake] | None = None) -> None:
        """
        Export and import what *store* has.

        Args:
            store: The store.
            intake: Returns the way into it, which others send to, too. Default: there is none, because a program fills the
                store; then metrics are not imported, as they would change those of the program.
        """
        self._store = store
        self._takes_metrics = intake is not None
        self._intake = intake or functools.partial(_new_intake, store)

    def export(self, signals: Iterable[str] | None = None) -> str:
        """Return what is kept of *signals* (default: all) as lines, without running spans. Raises SourceError."""
        wanted = set(SIGNALS if signals is None else signals)
        if unknown := sorted(wanted.difference(SIGNALS)):
            raise SourceError(f"there is no signal {unknown[0][:40]!r}; there are {', '.join(SIGNALS)}")
        self._store.look()
        return "".join(self._lines(wanted))

    def _lines(self, wanted: set[str]) -> Iterator[str]:
        latest, resources = self._store.latest_points(), self._store.resources
        spans, logs = self._store.recent.everything()
        if "traces" in wanted:
            yield from lines.span_lines((span.row() for span in spans), resources)
        if "logs" in wanted:
            yield from lines.log_lines((log.row() for log in logs), resources)
        if "metrics" in wanted:
            for each in latest:
                yield from lines.point_lines(each.points, of(each.resource).service, each.time, resources)

    def read(self, text: str) -> Imported:
        """
        Keep what the lines in *text* have and the store has not, and return the numbers of their items.

        Raises SourceError if nothing can be read.
        """
        self._store.look()
        intake = self._intake().behind(lambda receiver: Unknown(receiver, self._store))
        try:
            return lines.read(text.encode("utf-8", "replace"), intake, metrics=self._takes_metrics)
        except InvalidRequestError as error:
            raise SourceError(f"this is no file of OTLP's JSON, one request per line: {error}") from None


def _new_intake(store: Store) -> Intake:
    from csg_otel.dashboard.otlp.arrivals import Arrivals
    from csg_otel.dashboard.otlp.receiver import Intake

    return Intake(Arrivals(store.recent, store.values))
