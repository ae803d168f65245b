"""
How a setting is declared: a dataclass field with a description, a unit, limits and its environment variables.

The environment mapping, the JSON Schema, the reference in docs/ and the suggestions for misspelt keys are all read from
these declarations. The one rule: what can be said about a setting is said here, once.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_KEY: Final = "csg_otel.setting"


@dataclass(frozen=True)
class Setting:
    """What is known about one setting beyond its Python type and default."""

    doc: str
    unit: str = ""
    env: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    above: float | None = None
    key: str = ""
    noun: str = ""
    aliases: Mapping[str, str] = dataclasses.field(default_factory=dict)
    warn: str = ""
    free: str = ""


def setting(default: Any = dataclasses.MISSING, doc: str = "", **known: Any) -> Any:
    """
    Declare a setting: *default* (a class or a `dict` is called for one), *doc* and what `Setting` can hold.

    *unit* ``"s"`` makes it a duration (``30``, ``"30s"``, ``"5m"``); *low*, *high*, *above* are limits; *key* is its
    name in the file where that isn't a Python name; *aliases* are other spellings of its values; *warn* marks a key
    that is accepted and says what to use instead.
    """
    metadata = {_KEY: Setting(doc=doc, **known)}
    if default is dataclasses.MISSING:
        return field(metadata=metadata)
    if isinstance(default, type):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


def settings_of(section: type) -> Iterator[tuple[str, dataclasses.Field[Any], Setting]]:
    """Yield ``(key in the file, dataclass field, Setting)`` for every setting of the dataclass *section*."""
    for item in dataclasses.fields(section):
        if (known := item.metadata.get(_KEY)) is not None:
            yield known.key or item.name, item, known


def is_section(kind: object) -> bool:
    """Tell whether *kind* is one of the configuration's dataclasses."""
    return isinstance(kind, type) and dataclasses.is_dataclass(kind)
