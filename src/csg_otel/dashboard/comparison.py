"""The series of all instruments as "what changed" compares them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from csg_otel.dashboard.changed import SeriesValues

if TYPE_CHECKING:
    from collections.abc import Iterable

    from csg_otel.dashboard.store.values import Instrument
    from csg_otel.dashboard.view.charts import Window

_FIELDS: Final = ("value", "rate", "mean", "p95")
"""The fields that are compared: other quantiles move with these."""


def series(instruments: Iterable[Instrument], window: Window) -> list[SeriesValues]:
    """Return every series of *instruments* in *window*, and the total of a histogram with several series."""
    times, since_s = window.times, window.start - window.offset_s
    rows: list[SeriesValues] = []
    for instrument in instruments:
        histories = list(instrument.series.items())
        if instrument.total is not None and len(histories) > 1:
            histories.append(((), instrument.total))
        for attributes, history in histories:
            for field in _FIELDS:
                if (line := history.lines.get(field)) is not None:
                    values = window.grid(line.items(since_s))
                    rows.append(
                        SeriesValues(
                            instrument.name,
                            instrument.kind,  # type: ignore[arg-type] # the kinds of points
                            instrument.unit,
                            dict(attributes),
                            field,
                            times,
                            values,
                        )
                    )
    return rows
