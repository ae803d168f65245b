"""
The definitions of instruments by name: each is made once, and a later one of its name that differs is logged.

OpenTelemetry ignores a second registration of an instrument without a word.
"""

from __future__ import annotations

import itertools
import logging
import math
import reprlib
import sys
from collections.abc import Callable, Iterable, Mapping
from types import FrameType
from typing import Any, Final, get_args

from csg_otel import attributes as clean
from csg_otel import name_lists, names, worker_policy
from csg_otel.errors import InstrumentError, suggestion

Declared = str | Iterable[str] | Mapping[str, Any] | None
"""Attributes of an instrument: their names, or their names with all values; None allows every attribute. A text is one name."""

Attributes = tuple[str, ...] | dict[str, tuple[Any, ...]] | None
"""Declared attributes, checked: their names, or their names with all values; None allows every attribute."""

Bounds = tuple[float, ...] | None
"""Bounds of buckets, checked; None for those that the unit implies."""

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


def _checked(what: str, declared: Declared) -> Attributes:
    """Return *declared* attributes. Raises InstrumentError, with *what*, if they are not names, or names with values."""
    if declared is None:
        return None
    keys = name_lists.names(declared, f"{what}: attributes", InstrumentError)
    if not isinstance(declared, Mapping):
        return keys
    return {
        key: name_lists.values(raw, f"{what}: attribute {key!r}", InstrumentError)
        for key, raw in zip(keys, tuple(declared.values()), strict=True)
    }


def bounds(name: str, buckets: Any) -> Bounds:
    """Return the bucket bounds of the histogram *name*, without infinity, which every histogram has; None for None."""
    if buckets is None:
        return None
    items = None if isinstance(buckets, str) else name_lists.items_of(buckets)
    numbers = [clean.number(item) for item in items or () if item != math.inf]
    if items is None or None in numbers:
        raise InstrumentError(
            f"histogram {name!r}: buckets={reprlib.repr(buckets if items is None else items)} are no list of numbers: "
            "write their upper bounds, as [0.1, 1, 10]"
        )
    checked = tuple(number for number in numbers if number is not None)
    if any(a >= b for a, b in itertools.pairwise(checked)):
        raise InstrumentError(f"the buckets of {name!r} must be in ascending order: {checked}")
    return checked


def _listed(declared: Attributes) -> Any:
    """Return declared attributes in a form in which equal ones are equal."""
    if isinstance(declared, dict):
        return {key: sorted(values, key=repr) for key, values in declared.items()}
    return sorted(declared or ())


def define(
    kind: str,
    name: str,
    make: Callable[[Attributes], Any],
    workers: names.Workers | None = None,
    *,
    unit: str = "",
    declared: Declared = None,
    buckets: Bounds = None,
) -> Any:
    """
    Return the instrument of this name, made at the first call.

    Raises InstrumentError if it is of another kind, or *declared* are no attributes.

    Args:
        kind: The kind, for the error message.
        name: The instrument's name, in upper or lower case.
        make: Makes the instrument with these attributes.
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
    attributes = _checked(f"{kind} {name!r}", declared)
    options = {"unit": unit, "attributes": _listed(attributes), "buckets": list(buckets or ())}
    first: Definition = once(f"{_KEY}{str(name).lower()}", lambda: Definition(kind, make(attributes), options))
    if first.kind != kind:
        raise InstrumentError(f"{name!r} is a {first.kind} already and can't be a {kind} too; choose another name")
    first.compare(name, options)
    return first.instrument


def instruments() -> Iterable[Any]:
    """Return the instruments that the program has defined so far."""
    return [shared.instrument for key, shared in _shared.items() if key.startswith(_KEY)]
