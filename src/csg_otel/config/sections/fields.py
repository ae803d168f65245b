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

    *doc* is its description; *unit* ``"s"`` makes it a duration (``30``, ``"30s"``, ``"5m"``), ``"By"`` a size;
    *env* are its variables; *low*, *high* and *above* its limits; *key* its name in the file where that is no Python
    name; *noun* a word for its values in messages; *aliases* other spellings of its values; *free* the kind of text or
    of open mapping it holds. *warn* is for a setting that can't have an effect: what to use instead. *not_yet* is for a
    setting, or a section, that a later version uses: the consequence for now.
    """

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
    not_yet: str = ""
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
