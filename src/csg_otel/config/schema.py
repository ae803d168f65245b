"""
The JSON Schema of the configuration file, for completion and checks in editors.

Generated from the declarations; the shipped ``monitoring_config.schema.json`` is the output of `text`. The one rule: the
schema accepts every file that `load` accepts. `load` checks more than a schema can express.
"""

from __future__ import annotations

import dataclasses
import json
import typing
from typing import Any, Final, Literal

from csg_otel.config.root import ConfigRoot
from csg_otel.config.sections.alerting import SEVERITIES, Severity
from csg_otel.config.sections.fields import Setting, default_of, is_section, settings_of
from csg_otel.config.sections.health_monitoring import Target
from csg_otel.config.sections.secret import Address, Secret
from csg_otel.config.sources import spellings
from csg_otel.config.walk import kinds, variants, without_none

FORM: Final = {"type": "string", "pattern": r"\$\{[^{}]+\}"}
_UNSET: Final = {"enum": [None, ""]}
_NUMBER: Final = {"type": "string", "pattern": r"^\s*[+-]?(\d[\d_]*(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*$"}
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
    for key, item, declared in settings_of(section):
        kind = kinds(section)[item.name]
        if declared.free == "names":
            others = {"anyOf": [_kind(typing.get_args(kind)[1], declared, definitions), _UNSET]}
            continue
        if declared.free == "extra":
            others = True
        described = {"description": _description(declared)}
        if declared.free == "environments":
            body: dict[str, Any] = {"type": ["object", "null"], "additionalProperties": {"$ref": "#"}}
        else:
            body = {"anyOf": [_kind(kind, declared, definitions), _UNSET]}
        default = default_of(item)
        if default is dataclasses.MISSING:
            required.append(key)
        elif isinstance(default, (bool, int, float, str)):
            described["default"] = default  # type: ignore[assignment]
        properties[key] = {**described, **body, **({"deprecated": True} if declared.warn else {})}
        properties.update(dict.fromkeys(declared.also, properties[key]))
    result: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": others}
    # An environment may hold only a part of a check, so its keys can't be required; items of lists are always complete.
    if required and others is False:
        result["required"] = required
    if section.__doc__:
        result["description"] = section.__doc__.strip()
    return result


def _description(declared: Setting) -> str:
    unit = f" [{declared.unit}]" if declared.unit else ""
    return f"{declared.doc}{unit}" + (f" ({declared.no_effect})" if declared.no_effect else "")


def _kind(kind: Any, declared: Setting, definitions: dict[str, Any]) -> dict[str, Any]:
    kind = without_none(kind)
    if is_section(kind):
        return _reference(kind, definitions)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        item = {"type": ["string", "object"]} if arguments[0] == Target else _kind(arguments[0], declared, definitions)
        return {"anyOf": [{"type": "array", "items": item}, FORM]}
    if isinstance(origin, type) and issubclass(origin, typing.Mapping):
        inner = arguments[1]
        plain = inner is Any or inner == (str | Secret)
        return {"type": "object", "additionalProperties": True if plain else _kind(inner, declared, definitions)}
    if origin is Literal:
        ranks = [{"type": "integer", "minimum": 0}] if declared.ranks else []
        return {"anyOf": [{"enum": _spellings(arguments, declared)}, *ranks, FORM]}
    if arguments and kind != Address:
        # An item of one of several kinds has a type, which decides about the other keys.
        typed = {"required": ["type", "name"]} if variants(kind) else {}
        return {"anyOf": [{**_kind(part, declared, definitions), **typed} for part in arguments]}
    return _plain(kind, declared)


def _reference(section: type, definitions: dict[str, Any]) -> dict[str, Any]:
    """Return a reference to the definition of *section*, made at the first use."""
    name = section.__name__
    if name not in definitions:
        definitions[name] = {}
        definitions[name] = _section(section, definitions)
    reference = {"$ref": f"#/$defs/{name}"}
    if not spellings.is_switches(section):
        return reference
    return {"anyOf": [reference, {"type": "array", "items": {"enum": list(definitions[name]["properties"])}}]}


def _spellings(words: tuple[str, ...], declared: Setting) -> list[str]:
    every = [*words, *declared.aliases]
    return list(dict.fromkeys([*every, *(word.upper() for word in every), *(word.capitalize() for word in every)]))


def _plain(kind: Any, declared: Setting) -> dict[str, Any]:
    if kind is Severity:  # any word may be one, by alerting.severities
        return {"anyOf": [{"enum": _spellings(SEVERITIES, declared)}, {"type": "string"}]}
    if kind is bool:
        return {"anyOf": [{"type": "boolean"}, {"enum": [0, 1]}, _WORDS, FORM]}
    if kind in {int, float}:
        number: dict[str, Any] = {"type": "integer" if kind is int else "number"}
        limits = {"minimum": declared.low, "maximum": declared.high, "exclusiveMinimum": declared.above}
        number.update({name: limit for name, limit in limits.items() if limit is not None})
        return {"anyOf": [number, _NUMBER, *([_TEXTS[declared.unit]] if declared.unit in _TEXTS else []), FORM]}
    return {"type": ["string", "number", "boolean"]}
