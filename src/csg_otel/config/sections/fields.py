"""
The declaration of a setting: a dataclass field with a description, a unit, limits and its environment variables.

The environment mapping, the JSON Schema, the reference in docs/ and the suggestions for misspelt keys are all read from
these declarations. The one rule: every fact about a setting is written in its declaration, once.
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
    """
    The facts about one setting beyond its Python type and default.

    Attributes:
        doc: Its description.
        unit: ``"s"`` makes it a duration (``30``, ``"30s"``, ``"5m"``), ``"By"`` a size; other units are only shown.
        env: Its environment variables besides the ``CSG_OTEL_`` one.
        low: Its smallest value.
        high: Its largest value.
        above: The limit that its value must exceed.
        key: Its name in the file, if that is no Python name.
        also: Other names of it in the file.
        noun: A word for its values in messages, such as ``condition``.
        aliases: Other spellings of its values.
        ranks: Numbers that stand for its values, ascending; a number between two of them stands for the higher one.
        several: What to write instead of several values, where that is no list.
        warn: For a setting that can't have an effect: the advice what to use instead.
        not_yet: For a setting or section that only a later version uses: the consequence for now.
        like: For settings with the keys of another section, which the reference has already: its dotted key.
        free: The kind of free text (``regex``, ``function``, ``quantity``) or of open mapping (``names``, ``extra``,
            ``environments``).
    """

    doc: str
    unit: str = ""
    env: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    above: float | None = None
    key: str = ""
    also: tuple[str, ...] = ()
    noun: str = ""
    aliases: Mapping[str, str] = dataclasses.field(default_factory=dict)
    ranks: Mapping[int, str] = dataclasses.field(default_factory=dict)
    several: str = ""
    warn: str = ""
    not_yet: str = ""
    like: str = ""
    free: str = ""

    @property
    def no_effect(self) -> str:
        """Return ``no effect: reason`` for a setting that changes nothing, or an empty text."""
        if self.warn:
            return f"no effect: {self.warn}"
        return f"no effect yet: {self.not_yet}" if self.not_yet else ""


def setting(default: Any = dataclasses.MISSING, doc: str = "", **facts: Any) -> Any:
    """Declare a setting: *default* (of a class or `dict`, a new instance), *doc*, and the other facts of `Setting`."""
    metadata = {_KEY: Setting(doc=doc, **facts)}
    if default is dataclasses.MISSING:
        return field(metadata=metadata)
    if isinstance(default, type):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


def settings_of(section: type) -> Iterator[tuple[str, dataclasses.Field[Any], Setting]]:
    """Yield ``(key in the file, dataclass field, Setting)`` for every setting of the dataclass *section*."""
    for item in dataclasses.fields(section):
        if (declared := item.metadata.get(_KEY)) is not None:
            yield declared.key or item.name, item, declared


def is_section(kind: object) -> bool:
    """Return whether *kind* is one of the configuration's dataclasses."""
    return isinstance(kind, type) and dataclasses.is_dataclass(kind)


def default_of(item: dataclasses.Field[Any]) -> Any:
    """Return a field's default, or `dataclasses.MISSING` for a required one."""
    return item.default_factory() if item.default_factory is not dataclasses.MISSING else item.default
