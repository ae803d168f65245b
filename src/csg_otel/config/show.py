"""
Print an effective configuration: one ``key = value`` a line, secrets as ``***``.

What is printed can be read back: values are JSON. The one rule: no secret and no password inside a URL is ever printed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from csg_otel.config.bind import URL_PASSWORD
from csg_otel.config.sections.fields import is_section, settings_of
from csg_otel.config.sections.secret import MASK, Secret
from csg_otel.config.tree import join

if TYPE_CHECKING:
    from collections.abc import Mapping

    from csg_otel.config.root import ConfigRoot


def flatten(section: Any, prefix: str = "") -> dict[str, Any]:
    """Return every value below *section* by its dotted key; empty lists and mappings count as values."""
    found: dict[str, Any] = {}
    for key, item, known in settings_of(type(section)):
        if known.free == "environments":
            continue
        value = getattr(section, item.name)
        path = join(prefix, key)
        if known.free == "names":
            for name, child in value.items():
                found.update(flatten(child, join(prefix, name)))
        elif is_section(type(value)):
            found.update(flatten(value, path))
        elif isinstance(value, tuple) and value and is_section(type(value[0])):
            for at, child in enumerate(value):
                found.update(flatten(child, join(path, at)))
        elif isinstance(value, dict) and value and all(is_section(type(child)) for child in value.values()):
            for name, child in value.items():
                found.update(flatten(child, join(path, name)))
        else:
            found[path] = value
    return found


def printable(value: object) -> str:
    """Return *value* as one line of JSON, with secrets as ``***``."""
    if isinstance(value, Secret):
        return MASK
    return json.dumps(_plain(value), ensure_ascii=False)


def lines(config: ConfigRoot, origins: Mapping[str, str] | None = None) -> list[str]:
    """Return ``key = value`` for every setting, with ``   # origin`` when *origins* is given."""
    shown = []
    for path, value in flatten(config).items():
        origin = f"   # {origins.get(path, 'default')}" if origins is not None else ""
        shown.append(f"{path} = {printable(value)}{origin}")
    return shown


def _plain(value: object) -> Any:
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, str):
        return URL_PASSWORD.sub(rf"\1{MASK}@", value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value if isinstance(value, (bool, int, float)) or value is None else str(value)
