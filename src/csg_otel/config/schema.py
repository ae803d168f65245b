"""
The JSON Schema of the configuration file, for completion and checks in editors.

Generated from the declarations; the shipped ``monitoring_config.schema.json`` is this function's output. It is a little
more generous than `load`, which also checks what a schema can't say. The one rule: what `load` accepts, it accepts.
"""

from __future__ import annotations

import dataclasses
import json
import typing
from typing import Any, Final, Literal

from csg_otel.config.root import ConfigRoot
from csg_otel.config.sections.fields import Setting, default_of, is_section, settings_of
from csg_otel.config.sections.health_monitoring import Target
from csg_otel.config.sections.secret import Secret
from csg_otel.config.walk import kinds, without_none

FORM: Final = {"type": "string", "pattern": r"\$\{[^{}]+\}"}
_WORDS: Final = {
    "type": "string",
    "pattern": "^([Tt]rue|TRUE|[Ff]alse|FALSE|[Yy]es|YES|[Nn]o|NO|[Oo]n|ON|[Oo]ff|OFF|0|1)$",
}
_TEXTS: Final = {
    "s": {"type": "string", "pattern": r"^\s*(\d+(\.\d+)?\s*(ms|s|m|h|d|w|MS|S|M|H|D|W)\s*)+$"},
    "By": {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*([kKmMgG][iI]?)?[bB]\s*$"},
}


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of ``monitoring_config.yaml``."""
    definitions: dict[str, Any] = {}
    root = _section(ConfigRoot, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "csg_otel: monitoring_config.yaml",
        **root,
        "$defs": dict(sorted(definitions.items())),
    }


def text() -> str:
    """Return the schema as the shipped file has it."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def _section(section: type, definitions: dict[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    required: list[str] = []
    others: Any = False
    for key, item, known in settings_of(section):
        kind = kinds(section)[item.name]
        if known.free == "names":
            others = {"anyOf": [_kind(typing.get_args(kind)[1], known, definitions), {"type": "null"}]}
            continue
        if known.free == "extra":
            others = True
        described = {"description": _description(known)}
        if known.free == "environments":
            body: dict[str, Any] = {"type": ["object", "null"], "additionalProperties": {"$ref": "#"}}
        else:
            body = {"anyOf": [_kind(kind, known, definitions), {"type": "null"}]}
        default = default_of(item)
        if default is dataclasses.MISSING:
            required.append(key)
        elif isinstance(default, (bool, int, float, str)):
            described["default"] = default  # type: ignore[assignment]
        properties[key] = {**described, **body, **({"deprecated": True} if known.warn else {})}
    made: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": others}
    # A check may be given in parts, some of them by an environment, so only items of lists can be wanted whole.
    if required and others is False:
        made["required"] = required
    if section.__doc__:
        made["description"] = section.__doc__.strip()
    return made


def _description(known: Setting) -> str:
    unit = f" [{known.unit}]" if known.unit else ""
    return f"{known.doc}{unit}" + (f" ({known.no_effect})" if known.no_effect else "")


def _kind(kind: Any, known: Setting, definitions: dict[str, Any]) -> dict[str, Any]:
    kind = without_none(kind)
    if is_section(kind):
        if kind.__name__ not in definitions:
            definitions[kind.__name__] = {}
            definitions[kind.__name__] = _section(kind, definitions)
        return {"$ref": f"#/$defs/{kind.__name__}"}
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        item = {"type": ["string", "object"]} if arguments[0] == Target else _kind(arguments[0], known, definitions)
        return {"anyOf": [{"type": "array", "items": item}, FORM]}
    if isinstance(origin, type) and issubclass(origin, typing.Mapping):
        inner = arguments[1]
        plain = inner is Any or inner == (str | Secret)
        return {"type": "object", "additionalProperties": True if plain else _kind(inner, known, definitions)}
    if origin is Literal:
        return {"anyOf": [{"enum": _spellings(arguments, known)}, FORM]}
    if arguments:
        return {"anyOf": [_kind(part, known, definitions) for part in arguments]}
    return _plain(kind, known)


def _spellings(words: tuple[str, ...], known: Setting) -> list[str]:
    every = [*words, *known.aliases]
    return list(dict.fromkeys([*every, *(word.upper() for word in every), *(word.capitalize() for word in every)]))


def _plain(kind: Any, known: Setting) -> dict[str, Any]:
    if kind is bool:
        return {"anyOf": [{"type": "boolean"}, {"enum": [0, 1]}, _WORDS, FORM]}
    if kind in {int, float}:
        number: dict[str, Any] = {"type": "integer" if kind is int else "number"}
        limits = {"minimum": known.low, "maximum": known.high, "exclusiveMinimum": known.above}
        number.update({name: limit for name, limit in limits.items() if limit is not None})
        return {"anyOf": [number, *([_TEXTS[known.unit]] if known.unit in _TEXTS else []), FORM]}
    return {"type": ["string", "number", "boolean"]}
