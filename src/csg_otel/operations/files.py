"""
Files that the program processes: counted by type and outcome, each observed as a piece of work.

The rule: both outcomes of a type start at 0, so that rates work from the first file on.
"""

from __future__ import annotations

import functools
from typing import Any, Final

from csg_otel import attribute_values, faults, metric_groups, names, scope
from csg_otel import attributes as clean
from csg_otel.operations.decorator import Observe
from csg_otel.tallies import TallySeries

_FAULTS: Final = "files"


def file(file_type: str, *, size_bytes: int | None = None) -> Observe:
    """
    Observe the processing of one file: ``with csg_otel.file("vtt", size_bytes=size) as operation:``, or as a decorator.

    Makes the span and the measurement of an operation named ``file`` and the type. At the end it counts the file, as
    :func:`file_processed` does: with outcome ``error`` if the block raises or calls ``operation.set_error``, else ``ok``.

    Args:
        file_type: A short word such as ``vtt``; each is a series.
        size_bytes: The size of the file in bytes; by default it is not recorded.
    """
    shown_type = clean.text(file_type)
    on_span: dict[str, Any] = {names.FILE_TYPE: shown_type}
    if size_bytes is not None:
        on_span[names.FILE_SIZE] = size_bytes

    def count(failed: bool) -> None:
        file_processed(shown_type, size_bytes=size_bytes, outcome="error" if failed else "ok")

    return Observe(f"file {shown_type}", None, on_span=on_span, count_file=count)


def file_processed(file_type: str, *, size_bytes: int | None = None, outcome: str = "ok") -> None:
    """
    Count a file as processed, under ``csg.files.processed``, and record its size in bytes under ``csg.files.size``.

    It only counts: :func:`file` observes the duration and the outcome, too, for the error rate and the mean duration.

    Args:
        file_type: A short word such as ``vtt``.
        size_bytes: The size of the file in bytes; by default it is not recorded.
        outcome: ``ok``, ``error`` or another word from a small, fixed set.
    """
    if not metric_groups.is_on(names.FILES_PROCESSED.name):
        return
    try:
        _files().processed(clean.text(file_type), size_bytes, clean.text(outcome))
    except Exception:  # noqa: BLE001 - telemetry never raises into the program
        faults.contain(_FAULTS)


class _Files:
    """The two instruments."""

    def __init__(self) -> None:
        self._count = TallySeries(names.FILES_PROCESSED)
        scope.create(names.FILES_PROCESSED, [metric_groups.switchable(names.FILES_PROCESSED, self._count.observe)])
        self._size = scope.create(names.FILES_SIZE)

    def processed(self, file_type: str, size_bytes: Any, outcome: str) -> None:
        for usual_outcome in attribute_values.OUTCOMES:
            self._count.at(file_type, usual_outcome)
        self._count.at(file_type, outcome).increment()
        if size_bytes is None:
            return
        size = clean.number(size_bytes)
        if size is None or size < 0:
            faults.report(_FAULTS, f"{clean.value(size_bytes)!r} is no size in bytes; the file counts without it")
        else:
            self._size.record(size, {names.FILE_TYPE: file_type, names.OUTCOME: outcome})


@functools.lru_cache(maxsize=1)
def _files() -> _Files:
    return _Files()
