"""
The repr of a section: the credentials in its texts are ``***``, also where its settings are plain text.

Pure. The one rule: every section with a text or a mapping inherits from `Printed`, and keeps this repr.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from csg_otel.config import credentials
from csg_otel.config.sections.secret import MASK

_SMALLEST: Final = 100_000
"""The smallest number that may be a secret."""


class Printed:
    """A section whose repr has no credential: a password in an address, a pair, or the value of a key such as ``api_key``."""

    def __init_subclass__(cls) -> None:
        """Keep this repr: a dataclass makes its own only in a class without one."""
        super().__init_subclass__()
        if "__repr__" not in cls.__dict__:
            cls.__repr__ = Printed.__repr__  # type: ignore[method-assign]

    def __repr__(self) -> str:
        """Return the settings with their values, as a dataclass does."""
        shown = (
            f"{item.name}={hidden(getattr(self, item.name))!r}"
            for item in dataclasses.fields(self)  # type: ignore[arg-type]
            if item.repr
        )
        return f"{type(self).__qualname__}({', '.join(shown)})"


def hidden(value: Any, key: str = "") -> Any:
    """Return *value* with ``***`` for the credentials in its texts; *key* is its name in a mapping that the user wrote."""
    if isinstance(value, str):
        return MASK if credentials.sensitive(key) else credentials.printable_text(value)
    if isinstance(value, Mapping):
        return {
            hidden(name): hidden(item, str(name) if credentials.sensitive(str(name)) else key)
            for name, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        items = [hidden(item, key) for item in value]
        return tuple(items) if isinstance(value, tuple) else items
    is_number = (
        isinstance(value, int) and abs(value) >= _SMALLEST
    )  # such as a password of digits; not `max_tokens: 1000`
    return MASK if is_number and credentials.sensitive(key) else value
