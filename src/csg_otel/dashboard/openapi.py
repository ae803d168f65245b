"""The OpenAPI 3.1 document of the dashboard's API: every path, its parameters, its answers, and how a client gets access."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from csg_otel._version import VERSION
from csg_otel.dashboard import schema

_JSON: Final = "application/json"
_LINES: Final = "application/x-ndjson"
_PLAIN: Final = "text/plain"
BODY_TYPES: Final = {"import": (_LINES, _JSON), "": (_JSON,)}
"""Content types of the body of an action, by its path; those of the empty path are for all others."""

_TEXT: Final = {"type": "string"}
_NUMBER: Final = {"type": "number"}
_SWITCH: Final = {"type": "boolean"}
_SWITCHES: Final = {"enum": ["true", "false", "1", "0", "yes", "no"]}
_ATTRIBUTE: Final = {"type": "array", "items": {"type": "string", "pattern": "^[^=]+="}}

_Parameter = tuple[Mapping[str, Any], str]
"""Schema and description."""

_TRACE_FILTERS: Final[Mapping[str, _Parameter]] = {
    "limit": ({"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}, "Most rows."),
    "before": (_NUMBER, "Only traces that began before this time: `next` of the page before."),
    "text": (_TEXT, "Text in a name, an attribute or a message of any span."),
    "name": (_TEXT, "Text in the name of a span."),
    "service": (_TEXT, "Name of the service."),
    "min_ms": (_NUMBER, "Shortest duration in milliseconds."),
    "max_ms": (_NUMBER, "Longest duration in milliseconds."),
    "error": (_SWITCHES, "Whether only traces with an error are listed."),
    "running": (_SWITCHES, "Whether only traces with a running span are listed."),
    "attr": (_ATTRIBUTE, "`key=value` of an attribute of a span; repeatable."),
}
_LOG_FILTERS: Final[Mapping[str, _Parameter]] = {
    "limit": ({"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}, "Most rows."),
    "before": ({"type": "integer"}, "Only records before this `id`: `next` of the page before."),
    "level": ({"enum": ["trace", "debug", "info", "warn", "error", "fatal"]}, "Lowest level."),
    "logger": (_TEXT, "Beginning of the logger's name."),
    "text": (_TEXT, "Text in the message, an attribute or the exception."),
    "trace": (_TEXT, "Id of a trace."),
    "span": (_TEXT, "Id of a span."),
}
_WINDOW: Final[Mapping[str, _Parameter]] = {
    "range": ({"type": "number", "minimum": 1, "maximum": 86400}, "Period of the chart in seconds."),
    "end": (_NUMBER, "End of the period in Unix seconds; now by default."),
    "points": ({"type": "integer", "minimum": 2, "maximum": 2000}, "Most points of a line."),
}


def _some(words: str) -> _Parameter:
    """Return the parameter that takes some of *words*, which have commas between them."""
    word = f"(?:{words.replace(',', '|')})"
    return {"type": "string", "pattern": f"^(?:{word}(?:,{word})*)?$"}, f"Some of `{words}`; all by default."


PARAMETERS: Final[Mapping[str, Mapping[str, _Parameter]]] = {
    "traces": _TRACE_FILTERS,
    "logs": _LOG_FILTERS,
    "metrics": {"text": (_TEXT, "Text in the name or the description.")},
    "metrics/series": {
        "name": (_TEXT, "Name of the instrument."),
        **_WINDOW,
        "by": (
            {"type": "array", "items": _TEXT},
            "Attribute, or a part of its name, that splits the lines; repeatable.",
        ),
        "attr": (_ATTRIBUTE, "`key=value` of an attribute; repeatable."),
        "limit": ({"type": "integer", "minimum": 1, "maximum": 40, "default": 12}, "Most lines."),
    },
    "system": _WINDOW,
    "changed": {
        "from": (_NUMBER, "Begin of the window in Unix seconds; five minutes before its end by default."),
        "to": (_NUMBER, "End of the window; now by default."),
        "limit": ({"type": "integer", "minimum": 1, "maximum": 1000, "default": 10}, "Most changes."),
    },
    "export": {"signals": _some("traces,logs,metrics")},
    "events": {"topics": _some("status,health,traces,logs,metrics,alerts")},
}
"""The parameters of each path; paths that are missing have none."""

_REQUIRED: Final = frozenset({("metrics/series", "name")})

_SUMMARIES: Final[Mapping[str, str]] = {
    "status": "The snapshot of everything",
    "health": "All health checks, the worst first",
    "traces": "The newest traces",
    "traces/{trace_id}": "One trace",
    "logs": "The newest log records",
    "metrics": "All instruments",
    "metrics/series": "The chart of one instrument",
    "system": "The charts of host and process",
    "alerts": "The alert rules, those that fire first",
    "changed": "The series that moved most in a window",
}

_ACTIONS: Final[Mapping[str, tuple[str, Mapping[str, Any] | None, Mapping[str, Any]]]] = {
    "alerts/acknowledge": (
        "Create a silence in Alertmanager; 400 where none is configured, or none answers",
        {
            "alert": {"type": "string", "minLength": 1},
            "labels": {"type": "object", "additionalProperties": _TEXT},
            "duration_s": {"type": "number", "exclusiveMinimum": 0, "maximum": 30 * 86400},
            "comment": _TEXT,
            "author": _TEXT,
        },
        {"silence_id": _TEXT},
    ),
    "services/restart": ("Restart the monitoring services", {}, {"restarted": _SWITCH}),
    "login-links": ("Create a link that opens the page once", None, {"url": _TEXT}),
}
"""Summary, body and answer of each action; None for an action whose body is not read."""

_EVENT: Final = {
    "type": "object",
    "properties": {"event": _TEXT, "data": {"type": "string", "contentMediaType": _JSON}, "retry": {"type": "integer"}},
}
"""One server-sent event."""

_PROBLEMS: Final = {
    400: "The request is not possible; the text has the reason",
    401: "There is no credential, or it is not valid",
    403: "The request may come from another site's page: a session needs X-CSRF-Token",
    404: "There is no such document or action here",
    413: "The body is too large",
    415: "The content type is none of those of the body",
    421: "The host is not allowed",
    429: "Too many requests; Retry-After has the seconds",
    503: "Busy: try again in a second",
}
"""The meaning of every status other than 200."""

_GENERAL: Final = (401, 413, 421, 429)
"""Statuses that any request may get."""

_ACTED: Final = (403,)
_PARTIAL: Final = frozenset({"traces/{trace_id}", "metrics/series"})
"""Paths whose document may not exist."""


def document() -> dict[str, Any]:
    """Return ``/api/v1/openapi.json``."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "csg_otel dashboard",
            "version": VERSION,
            "description": "What a program does, live: health, traces, logs, metrics, alerts.",
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}, {"password": []}, {"session": []}],
        "paths": {**_pages(), **_actions(), **_transfers(), **_descriptions()},
        "components": {
            "schemas": schema.definitions("#/components/schemas/"),
            "responses": _problems(),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "A token of security.api_auth."},
                "password": {"type": "http", "scheme": "basic"},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "csg_otel_PORT",
                    "description": "The cookie of a login. Actions need the header X-CSRF-Token, too: `csrf` of `/session`.",
                },
            },
        },
    }


def _pages() -> dict[str, Any]:
    """Return the paths of the documents."""
    return {
        f"/{path}": {
            "get": {
                "summary": _SUMMARIES[path],
                "parameters": _parameters(path),
                "responses": _responses(
                    {"$ref": f"#/components/schemas/{kind.__name__}"},
                    problems=(400, 404, 503) if path in _PARTIAL else (400, 503),
                ),
            }
        }
        for path, kind in schema.DOCUMENTS.items()
    }


def _actions() -> dict[str, Any]:
    return {
        f"/{path}": {
            "post": {
                "summary": summary,
                **(
                    {}
                    if body is None
                    else {"requestBody": _body(_JSON, _object(body, required=("alert",) if body else ()))}
                ),
                "responses": _responses(
                    _object(result), problems=_ACTED if body is None else (*_ACTED, 400, 404, 415, 503)
                ),
            }
        }
        for path, (summary, body, result) in _ACTIONS.items()
    }


def _transfers() -> dict[str, Any]:
    """Return the paths of streams and files."""
    integer = {"type": "integer"}
    counts = _object({"spans": integer, "logs": integer, "metrics": integer, "left_out": _TEXT})
    return {
        "/events": {
            "get": {
                "summary": "Server-sent events: `hello`, and then what changes",
                "parameters": _parameters("events"),
                "responses": _responses(_EVENT, "text/event-stream", problems=(400, 503)),
            }
        },
        "/export": {
            "get": {
                "summary": "Everything that is kept, as OTLP JSON, one request per line",
                "parameters": _parameters("export"),
                "responses": _responses(_TEXT, _LINES, problems=(400, 503)),
            }
        },
        "/import": {
            "post": {
                "summary": "Show telemetry from an export, at most 32 MiB; of metrics only where no program has its own",
                "requestBody": {
                    "required": True,
                    "content": {
                        media_type: {"schema": _TEXT if media_type == _LINES else {"type": "object"}}
                        for media_type in BODY_TYPES["import"]
                    },
                },
                "responses": _responses(counts, problems=(*_ACTED, 400, 415, 503)),
            }
        },
    }


def _descriptions() -> dict[str, Any]:
    """Return the paths about the API itself."""
    texts = {
        "session": ("The token that actions of this session need", _object({"csrf": _TEXT})),
        "schema.json": ("The JSON Schema of all documents", {"type": "object"}),
        "openapi.json": ("This document", {"type": "object"}),
    }
    return {
        f"/{path}": {"get": {"summary": summary, "responses": _responses(content)}}
        for path, (summary, content) in texts.items()
    }


def _parameters(path: str) -> list[dict[str, Any]]:
    """Return the parameters of *path*; a number or a word without a text counts as not given, as in a form."""
    listed = [
        {
            "name": name,
            "in": "query",
            "required": (path, name) in _REQUIRED,
            "description": description,
            **({"allowEmptyValue": True} if "enum" in content or content["type"] in ("number", "integer") else {}),
            "schema": dict(content),
        }
        for name, (content, description) in PARAMETERS.get(path, {}).items()
    ]
    if "{trace_id}" in path:
        identity = {"type": "string", "pattern": "^[0-9a-fA-F]{32}$"}
        listed.append({"name": "trace_id", "in": "path", "required": True, "schema": identity})
    return listed


def _responses(content: Mapping[str, Any], media_type: str = _JSON, *, problems: Iterable[int] = ()) -> dict[str, Any]:
    """Return the responses of an operation: 200 with *content*, and those to requests that are refused."""
    refused = {str(status): {"$ref": f"#/components/responses/{status}"} for status in sorted({*_GENERAL, *problems})}
    return {"200": _answer(content, "OK", media_type), **refused}


def _problems() -> dict[str, Any]:
    """Return the responses to requests that are refused, by their status; the guards of both servers answer in plain text."""
    error = _object({"error": _TEXT})
    return {
        str(status): _answer(*((_TEXT, text, _PLAIN) if status in (421, 429) else (error, text)))
        for status, text in _PROBLEMS.items()
    }


def _body(media_type: str, content: Mapping[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {media_type: {"schema": dict(content)}}}


def _answer(content: Mapping[str, Any], description: str, media_type: str = _JSON) -> dict[str, Any]:
    return {"description": description, "content": {media_type: {"schema": dict(content)}}}


def _object(properties: Mapping[str, Any], required: Iterable[str] | None = None) -> dict[str, Any]:
    """Return the schema of an object; all of its *properties* are required unless *required* names some."""
    names = list(properties if required is None else required)
    return {"type": "object", "properties": dict(properties), "required": names}
