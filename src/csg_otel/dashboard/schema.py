"""
The JSON Schema (2020-12) of every document of the dashboard and of the report, generated from the types of ``model``.

All keys are required. Later versions may add keys, so a reader must accept keys that it does not know.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Mapping
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

from csg_otel.dashboard import model
from csg_otel.dashboard.model.report import Report

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

DOCUMENTS: Final[Mapping[str, type]] = {
    "status": model.Status,
    "health": model.HealthPage,
    "traces": model.TracesPage,
    "traces/{trace_id}": model.TracePage,
    "logs": model.LogsPage,
    "metrics": model.MetricsPage,
    "metrics/series": model.Chart,
    "system": model.SystemPage,
    "alerts": model.AlertsPage,
    "changed": model.ChangedPage,
}
"""The type of the document at each path below ``/api/v1``."""

_SIMPLE: Final[Mapping[Any, Mapping[str, Any]]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    Any: {},
}


def of(kind: type) -> dict[str, Any]:
    """Return the schema of documents of *kind*, a type of the model; it needs no other schema."""
    return {"$schema": DIALECT, "$ref": f"#/$defs/{kind.__name__}", "$defs": definitions("#/$defs/")}


def all_documents() -> dict[str, Any]:
    """Return ``/api/v1/schema.json``: a schema that every document matches, with the schema of each type in ``$defs``."""
    return {
        "$schema": DIALECT,
        "title": "Documents of the csg_otel dashboard",
        "description": f"Version {model.SCHEMA_VERSION}. Times are Unix seconds, durations seconds, sizes bytes.",
        "anyOf": [{"$ref": f"#/$defs/{kind.__name__}"} for kind in (*DOCUMENTS.values(), Report)],
        "$defs": definitions("#/$defs/"),
    }


@functools.cache
def definitions(prefix: str) -> dict[str, Any]:
    """Return the schema of every type, by its name; they refer to each other by *prefix* and name."""
    kinds = [*(getattr(model, name) for name in model.__all__), Report]
    return {kind.__name__: _object(kind, prefix) for kind in kinds if is_typeddict(kind)}


def _object(kind: type, prefix: str) -> dict[str, Any]:
    properties = {name: _schema(hint, prefix) for name, hint in get_type_hints(kind).items()}
    text = inspect.cleandoc(kind.__doc__ or "").replace("``", "`")
    return {
        "type": "object",
        "description": " ".join(text.split()),
        "properties": properties,
        "required": list(properties),
    }


def _schema(hint: Any, prefix: str) -> dict[str, Any]:
    """Return the schema of the values of the type *hint*."""
    origin, arguments = get_origin(hint), get_args(hint)
    if is_typeddict(hint):
        return {"$ref": f"{prefix}{hint.__name__}"}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is list:
        return {"type": "array", "items": _schema(arguments[0], prefix)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(arguments[1], prefix)}
    if origin in (Union, types.UnionType):
        return _union([_schema(argument, prefix) for argument in arguments])
    return dict(_SIMPLE[hint])


def _union(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    if all(schema.keys() == {"type"} for schema in schemas):
        return {"type": [schema["type"] for schema in schemas]}
    return {"anyOf": schemas}
