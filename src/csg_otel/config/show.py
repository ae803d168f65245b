"""
Print an effective configuration: one ``key = value`` a line, secrets as ``***``.

Values are JSON, so a printed value can be written into a file. The one rule: no secret and no password inside a URL is
ever printed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from csg_otel.config.sections.fields import is_section, settings_of
from csg_otel.config.sections.printed import hidden
from csg_otel.config.sections.secret import MASK, Secret, SecretUrl, UnsetSecret
from csg_otel.config.tree import join

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from csg_otel.config.root import ConfigRoot


def flatten(section: Any) -> dict[str, Any]:
    """Return every value below *section* by its dotted key; empty lists and mappings count as values."""
    return {path: value for path, value, _ in _values(section, "", "")}


def unset_secrets(config: Any) -> Iterator[tuple[str, UnsetSecret]]:
    """Yield each secret of *config* whose variable is not set, with its dotted key."""
    remaining = list(flatten(config).items())
    while remaining:
        path, value = remaining.pop(0)
        if isinstance(value, UnsetSecret):
            yield path, value
        elif isinstance(value, dict):
            remaining += [(join(path, key), item) for key, item in value.items()]
        elif isinstance(value, tuple):
            remaining += [(join(path, at), item) for at, item in enumerate(value)]


def _values(section: Any, prefix: str, no_effect: str) -> Iterator[tuple[str, Any, str]]:
    """Yield each value below *section* as (dotted key, value, *no_effect* or the setting's own)."""
    for key, item, declared in settings_of(type(section)):
        if declared.free == "environments":
            continue
        value, path, reason = getattr(section, item.name), join(prefix, key), declared.no_effect or no_effect
        if declared.free == "names":
            for name, child in value.items():
                yield from _values(child, join(prefix, name), reason)
        elif is_section(type(value)):
            yield from _values(value, path, reason)
        elif isinstance(value, tuple) and value and is_section(type(value[0])):
            for at, child in enumerate(value):
                yield from _values(child, join(path, at), reason)
        elif isinstance(value, dict) and any(is_section(type(child)) for child in value.values()):
            for name, child in value.items():
                inside = is_section(type(child))
                yield from _values(child, join(path, name), reason) if inside else [(join(path, name), child, reason)]
        else:
            yield path, value, reason


def printable(value: object) -> str:
    """Return *value* as one line of JSON, with secrets as ``***``."""
    if isinstance(value, Secret) and not isinstance(value, SecretUrl):
        return MASK
    return json.dumps(_plain(hidden(value)), ensure_ascii=False)


def lines(config: ConfigRoot, origins: Mapping[str, str] | None = None) -> list[str]:
    """Return ``key = value   # origin; no effect ...`` for every setting; the origin only with *origins*."""
    shown = []
    for path, value, no_effect in _values(config, "", ""):
        notes = [origins.get(path, "default")] if origins is not None else []
        notes += [no_effect] if no_effect else []
        shown.append(f"{path} = {printable(value)}" + (f"   # {'; '.join(notes)}" if notes else ""))
    return shown


def _plain(value: object) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value if isinstance(value, (str, bool, int, float)) or value is None else str(value)
