"""
The file of the metric history: it carries the charts over a restart of the process.

Its layout: the length of the header as text and a line end, a header in JSON, and for each line 360 and 1,440 numbers of four
bytes, steps of 10 s and of 1 min before the time in the header; all of it compressed. What can't be read is ignored.
"""

from __future__ import annotations

import json
import math
import os
import secrets
import sys
import zlib
from array import array
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from csg_otel.metrics.history import COARSE_SPAN_S, COARSE_STEP_S, FINE_SPAN_S, FINE_STEP_S
from csg_otel.private_folder import make_private_folder, open_private

if TYPE_CHECKING:
    from collections.abc import Iterator

    from csg_otel.dashboard.store.series import Line, SeriesHistory
    from csg_otel.dashboard.store.values import Values

_FINE: Final = int(FINE_SPAN_S / FINE_STEP_S)
_COARSE: Final = int(COARSE_SPAN_S / COARSE_STEP_S)
_BYTES: Final = 4 * (_FINE + _COARSE)
_MOST_BYTES: Final = 8 * 1024 * 1024
_VERSION: Final = 1


def save(path: Path, values: Values, now: float, offset_s: float) -> None:
    """
    Write the history of *values* to *path*. Raises OSError.

    Args:
        path: The file; it is replaced as a whole.
        values: The history.
        now: Unix seconds.
        offset_s: Difference between Unix time and the monotonic time of the history.
    """
    header: dict[str, Any] = {"version": _VERSION, "time": now, "order": sys.byteorder, "lines": []}
    blocks: list[bytes] = []
    with values.lock:
        for name, kind, unit, description, attributes, field, line in _lines(values):
            header["lines"].append([name, kind, unit, description, attributes, field])
            last = int((now - offset_s) // FINE_STEP_S) + 1
            blocks.append(line.fine.stored(last - _FINE, last).tobytes())
            blocks.append(_coarse(line, now - offset_s))
    text = json.dumps(header).encode()
    body = zlib.compress(b"%d\n%b%b" % (len(text), text, b"".join(blocks)), 1)
    make_private_folder(path.parent)
    candidate = path.with_suffix(f".{os.getpid()}-{secrets.token_hex(4)}")
    descriptor = os.open(candidate, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
        candidate.replace(path)
    except OSError:
        candidate.unlink(missing_ok=True)  # a full disk has no room for halves of files
        raise


def _lines(values: Values) -> Iterator[tuple[str, str, str, str, Any, str, Line]]:
    for instrument in values.instruments():
        series: list[tuple[Any, SeriesHistory]] = list(instrument.series.items())
        if instrument.total is not None:
            series.append((None, instrument.total))
        head = instrument.name, instrument.kind, instrument.unit, instrument.description
        for attributes, history in series:
            for field, line in history.lines.items():
                yield (*head, attributes, field, line)


def _coarse(line: Line, now_s: float) -> bytes:
    """Return the values of *line* by minutes, a day before the monotonic time *now_s*; those that are missing are NaN."""
    first = int(now_s // COARSE_STEP_S) - _COARSE + 1
    if line.coarse is not None:
        return line.coarse.stored(first, first + _COARSE).tobytes()
    block = array("f", [math.nan]) * _COARSE
    for at_s, value in line.coarse_items():
        step = int(at_s // COARSE_STEP_S) - first
        if 0 <= step < _COARSE:
            block[step] = value
    return block.tobytes()


def load(path: Path, values: Values, now: float, offset_s: float) -> None:
    """Put the history in the file *path* before that of *values*; arguments as for :func:`save`. Never raises."""
    try:
        with os.fdopen(open_private(path), "rb") as file:
            compressed = file.read(_MOST_BYTES + 1)
        decompressor = zlib.decompressobj()
        body = decompressor.decompress(compressed, 4 * _MOST_BYTES)
        if not decompressor.eof:
            return
        length, _, rest = body.partition(b"\n")
        header = json.loads(rest[: int(length)])
        if header["version"] != _VERSION or header["order"] != sys.byteorder:
            return
        blocks = rest[int(length) :]
        ended_s = float(header["time"]) - offset_s
        with values.lock:
            for index, row in enumerate(header["lines"]):
                _restore(values, row, blocks[index * _BYTES : (index + 1) * _BYTES], ended_s, now - offset_s)
    except (OSError, ValueError, KeyError, TypeError, IndexError, OverflowError, RecursionError, zlib.error):
        return


def _restore(values: Values, row: Any, block: bytes, ended_s: float, now_s: float) -> None:
    name, kind, unit, description, attributes, field = row
    line = values.restored_line(
        (str(name), str(kind), str(unit), str(description)),
        None if attributes is None else tuple((str(key), str(text)) for key, text in attributes),
        str(field),
        ended_s,
    )
    if line is None or len(block) != _BYTES:
        return
    numbers = array("f", block)
    for size, step_s, put, part in (
        (_FINE, FINE_STEP_S, line.fine.put, numbers[:_FINE]),
        (_COARSE, COARSE_STEP_S, line.put_coarse, numbers[_FINE:]),
    ):
        first = int(ended_s // step_s) - size + 1
        for step, value in enumerate(part):
            if not math.isnan(value) and (first + step) * step_s <= now_s:
                put((first + step) * step_s, value)
                values.oldest_s = min(values.oldest_s, (first + step) * step_s)
