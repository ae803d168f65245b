"""Documents as bytes: JSON without numbers that JSON does not have, compressed where the client accepts it. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final

from csg_otel.dashboard.http.headers import JSON
from csg_otel.exporters.prometheus import accepts_gzip, compress
from csg_otel.server.messages import Response

_WORTH_COMPRESSING: Final = 1000
"""Bytes from which a document is compressed: one that fits into a packet gains nothing."""


def json_bytes(document: Any) -> bytes:
    """Return *document* as JSON in ASCII; NaN and the infinities become null."""
    try:
        text = json.dumps(document, allow_nan=False, separators=(",", ":"), default=str)
    except ValueError:
        text = json.dumps(_finite(document), allow_nan=False, separators=(",", ":"), default=str)
    return text.encode()


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


def document(content: Any, *, gzip: bool = False) -> Response:
    """Return *content* as a response: text as lines of JSON, everything else as a JSON document."""
    if isinstance(content, str):
        name = {"Content-Disposition": 'attachment; filename="telemetry.jsonl"'}
        return _packed(content.encode(), {**JSON, "Content-Type": "application/x-ndjson", **name}, gzip=gzip)
    return _packed(json_bytes(content), JSON, gzip=gzip)


def _packed(body: bytes, headers: Mapping[str, str], *, gzip: bool) -> Response:
    headers = {**headers, "Vary": "Accept-Encoding"}
    if gzip and len(body) >= _WORTH_COMPRESSING:
        return Response(200, compress(body), {**headers, "Content-Encoding": "gzip"})
    return Response(200, body, headers)


def problem(status: int, text: str) -> Response:
    """Return the response of the API to a request that is not possible."""
    return Response(status, json_bytes({"error": text}), JSON)


def wants_gzip(headers: Mapping[str, str]) -> bool:
    """Return whether the client accepts a compressed response."""
    return accepts_gzip(headers.get("accept-encoding", ""))
