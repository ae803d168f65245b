"""
The definitions of instruments by name: each is made once, and a later one of its name that differs is logged.

OpenTelemetry ignores a second registration of an instrument without a word.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import FrameType
from typing import Any, Final, get_args

from csg_otel import attributes as clean
from csg_otel import names, worker_policy
from csg_otel.errors import InstrumentError, suggestion

Declared = str | Sequence[str] | Mapping[str, str | Sequence[str]] | None
"""Attributes of an instrument: their names, or their names with all values; None allows every attribute. A text is one name."""

_KEY: Final = "instrument "
_log = logging.getLogger("csg_otel")

_shared: dict[str, Any] = {}


def once(key: str, make: Callable[[], Any]) -> Any:
    """Return the object of *key*, created by *make* at the first call: OTel ignores a second registration of an instrument."""
    if key not in _shared:
        _shared.setdefault(key, make())
    return _shared[key]


class Definition:
    """The first definition of an instrument, to which later ones of its name are compared."""

    def __init__(self, kind: str, instrument: Any, options: Mapping[str, Any]) -> None:
        self.kind = kind
        self.instrument = instrument
        self._options = options
        self._place = _place()
        self._warned = False

    def compare(self, name: str, options: Mapping[str, Any]) -> None:
        """Log once that a later definition has other options, which have no effect; options left out are no difference."""
        differing = [key for key, option in options.items() if option and option != self._options[key]]
        if differing and not self._warned:
            self._warned = True
            _log.warning(
                "instrument %r is defined again at %s with other %s, which have no effect; the first definition counts, at %s: "
                "use one name for one instrument",
                clean.text(name),
                _place(),
                " and ".join(differing),
                self._place,
            )


def _place() -> str:
    """Return file and line of the program's code that calls this package."""
    frame: FrameType | None = sys._getframe()  # noqa: SLF001 - documented, although its name is private
    while frame is not None and str(frame.f_globals.get("__name__")).startswith("csg_otel.instruments"):
        frame = frame.f_back
    return "an unknown place" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _listed(declared: Declared) -> Any:
    """Return declared attributes in a form in which equal ones are equal."""
    if isinstance(declared, Mapping):
        return {key: sorted(clean.one_or_more(values)) for key, values in declared.items()}
    return sorted(clean.one_or_more(declared or ()))


def define(
    kind: str,
    name: str,
    make: Callable[[], Any],
    workers: names.Workers | None = None,
    *,
    unit: str = "",
    declared: Declared = None,
    buckets: Sequence[float] | None = None,
) -> Any:
    """
    Return the instrument of this name, made at the first call; raise InstrumentError if it is of another kind.

    Args:
        kind: The kind, for the error message.
        name: The instrument's name, in upper or lower case.
        make: Makes the instrument.
        workers: How values of several worker processes are combined; None for ``each``.
        unit: The unit of this call.
        declared: The declared attributes of this call.
        buckets: The bucket bounds of this call.
    """
    if workers is not None:
        if workers not in get_args(names.Workers):
            valid = get_args(names.Workers)
            raise InstrumentError(
                f"{name}: workers={workers!r} is not valid{suggestion(workers, valid)}; valid are {', '.join(valid)}"
            )
        worker_policy.declare(str(name), workers)
    options = {"unit": unit, "attributes": _listed(declared), "buckets": list(buckets or ())}
    first: Definition = once(f"{_KEY}{str(name).lower()}", lambda: Definition(kind, make(), options))
    if first.kind != kind:
        raise InstrumentError(f"{name!r} is a {first.kind} already and can't be a {kind} too; choose another name")
    first.compare(name, options)
    return first.instrument


def instruments() -> Iterable[Any]:
    """Return the instruments that the program has defined so far."""
    return [shared.instrument for key, shared in _shared.items() if key.startswith(_KEY)]
