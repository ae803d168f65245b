"""
The text of a recorded exception's stack, written after the program has gone on; it is equal to that of ``traceback``.

A stack holds the code and the place in it of each frame. It holds no frame, so that no local variable of the program lives on.
The rules: no code of the program runs when the text is written, and whatever is unusual is written at once.
"""

from __future__ import annotations

import builtins
import linecache
import sys
import traceback
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from types import CodeType, TracebackType

_MOST_FRAMES: Final = 50
"""Most frames of a stack that are recorded, the last ones: with all, a deep recursion of observed functions takes minutes."""

_EXPLAINED: Final[tuple[type[BaseException], ...]] = (
    *(SyntaxError, ImportError, NameError, AttributeError),
    getattr(builtins, "BaseExceptionGroup", SyntaxError),
)
"""Classes whose text has more than a message: source, other exceptions, or a suggestion, for which the program is searched."""

_GROUPS_ARE_BACKPORTED: Final = sys.version_info < (3, 11)
_INTERPRETER: Final = vars(sys)

_NAMELESS_HAVE_NO_SOURCE: Final = sys.version_info < (3, 13)
"""Whether code without a file, such as ``<string>``, has no source; later versions keep that of typed lines, by the code."""

_HEAD: Final = "Traceback (most recent call last):\n"
_CUT: Final = f"  [only the last {_MOST_FRAMES} frames]\n"


_Frames = tuple[tuple["CodeType", int, int], ...]
"""Code, last instruction and line of each frame."""

_MOST_KEPT: Final = 128
"""Most stacks whose lines are kept."""

_kept: Final[dict[Any, tuple[_Frames | None, tuple[Any, ...], str]]] = {}
"""Frames, the sources that ``linecache`` had of their files, and the lines; the frames keep the ids of their code in use."""


class Stack:
    """The stack of one exception, and the line with the exception itself."""

    __slots__ = ("_frames", "_is_cut", "_last_line")

    def __init__(self, frames: _Frames, last_line: str, *, is_cut: bool) -> None:
        """Keep code, last instruction and line of each frame; *is_cut* if there were more frames before."""
        self._frames = frames
        self._last_line = last_line
        self._is_cut = is_cut

    def text(self) -> str:
        """Return the text, with the lines that the source files have now."""
        return "".join((_HEAD, _CUT if self._is_cut else "", _lines(self._frames), self._last_line))


def _lines(frames: _Frames) -> str:
    """Return the lines of *frames*; those of the same places are kept, because a program usually fails at few."""
    files = dict.fromkeys([code.co_filename for code, _, _ in frames])
    for filename in files:
        linecache.checkcache(filename)
    key = tuple([(id(code), instruction, line) for code, instruction, line in frames])
    _, sources, lines = _kept.get(key, (None, (), ""))
    read = linecache.cache
    if sources and all([read.get(filename) is source for filename, source in zip(files, sources, strict=True)]):
        return lines
    lines = "".join(traceback.StackSummary.from_list([_summary(*frame) for frame in frames]).format())
    sources = tuple(map(read.get, files))
    if None not in sources:
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        _kept[key] = frames, sources, lines
    return lines


def of(exception: BaseException, message: str) -> Stack | None:
    """Return the stack of *exception* with this *message*, its ``str()``; None if the text must be written at once."""
    kind = type(exception)
    if (
        issubclass(kind, _EXPLAINED)
        or (_GROUPS_ARE_BACKPORTED and hasattr(kind, "exceptions"))
        or exception.__cause__ is not None
        or (exception.__context__ is not None and not exception.__suppress_context__)
        or getattr(exception, "__notes__", None) is not None
        or "tracebacklimit" in _INTERPRETER
    ):
        return None
    traces = _traces(exception)
    is_cut = len(traces) > _MOST_FRAMES
    if is_cut:
        del traces[:-_MOST_FRAMES]
    frames = tuple([(trace.tb_frame.f_code, trace.tb_lasti, trace.tb_lineno) for trace in traces])
    module, name = kind.__module__, kind.__qualname__
    is_usual = frames and type(module) is str and all(map(_is_read, {code.co_filename for code, _, _ in frames}))
    if not is_usual:
        return None
    name = name if module in {"__main__", "builtins"} else f"{module}.{name}"
    return Stack(frames, f"{name}: {message}\n" if message else f"{name}\n", is_cut=is_cut)


def _is_read(filename: str) -> bool:
    """
    Return whether ``linecache`` has read a file, or there is none.

    Else it is read at once: its loader may be the program's, and needs the variables of the module.
    """
    present = linecache.cache.get(filename)
    if present is None:
        return _NAMELESS_HAVE_NO_SOURCE and filename.startswith("<") and filename.endswith(">")
    return len(present) > 1


def written(exception: BaseException) -> str:
    """Return the text of the stack of *exception*, written at once."""
    if len(_traces(exception)) <= _MOST_FRAMES:
        return "".join(traceback.format_exception(exception))
    head, *lines = traceback.format_exception(exception, limit=-_MOST_FRAMES)
    return "".join((head, _CUT, *lines))


def _traces(exception: BaseException) -> list[TracebackType]:
    traces, trace = [], exception.__traceback__
    while trace is not None:
        traces.append(trace)
        trace = trace.tb_next
    return traces


if sys.version_info >= (3, 11):

    def _summary(code: CodeType, instruction: int, line: int) -> traceback.FrameSummary:
        """Return one frame, with the place in its line that failed."""
        positions = islice(code.co_positions(), instruction // 2, None) if instruction >= 0 else iter(())
        first, last, start, end = next(positions, (None, None, None, None))
        return traceback.FrameSummary(
            code.co_filename,
            line if first is None else first,
            code.co_name,
            lookup_line=False,
            end_lineno=last,
            colno=start,
            end_colno=end,
        )

else:

    def _summary(code: CodeType, _instruction: int, line: int) -> traceback.FrameSummary:
        """Return one frame."""
        return traceback.FrameSummary(code.co_filename, line, code.co_name, lookup_line=False)
