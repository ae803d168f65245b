"""
A stand-in of Datadog's API on loopback: real HTTP, everything in memory, each payload held against the typed client's models.

It forgets nothing it was asked, so that a test can count the changes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from datadog_api_client.model_utils import validate_and_convert_types
from datadog_api_client.v1.model.event_create_request import EventCreateRequest
from datadog_api_client.v1.model.monitor import Monitor
from datadog_api_client.v1.model.service_level_objective_request import ServiceLevelObjectiveRequest
from datadog_api_client.v1.model.webhooks_integration import WebhooksIntegration
from datadog_api_client.v1.model.webhooks_integration_custom_variable import WebhooksIntegrationCustomVariable
from datadog_api_client.v2.model.downtime_create_request import DowntimeCreateRequest
from datadog_api_client.v2.model.downtime_update_request import DowntimeUpdateRequest

from support.json_server import json_server

_HOOKS = "/api/v1/integration/webhooks/configuration"
_MODELS: dict[str, Any] = {
    "/api/v1/monitor": Monitor,
    "/api/v1/slo": ServiceLevelObjectiveRequest,
    "/api/v1/events": EventCreateRequest,
    f"{_HOOKS}/webhooks": WebhooksIntegration,
    f"{_HOOKS}/custom-variables": WebhooksIntegrationCustomVariable,
    "/api/v2/downtime": DowntimeCreateRequest,
}


def accepted(thing: dict[str, Any], model: type) -> bool:
    """Tell whether Datadog's client takes *thing* for a *model*: every key known, every value of its type."""
    try:
        made = validate_and_convert_types(thing, (model,), ["it"], True, True)  # type: ignore[no-untyped-call]
    except (ValueError, TypeError):
        return False
    return not getattr(made, "_unparsed", False) and not (made._data_store.keys() - made.openapi_types.keys())


class DatadogApi:
    """What the account holds (path of the kind -> id -> body), and what was asked that was no GET."""

    def __init__(self) -> None:
        self.url = ""
        self.held: dict[str, dict[str, dict[str, Any]]] = {path: {} for path in _MODELS}
        self.changes: list[str] = []
        self.arrived = threading.Condition()
        self.refusing = 0
        """Status of every answer, unless it is 0."""
        self._next = 1000

    def answer(self, method: str, target: str, headers: Any, body: Any) -> tuple[int, Any]:
        """Return status and body of the answer."""
        if headers.get("DD-API-KEY") != "api-k3y":
            return 403, {"errors": ["Forbidden"]}
        if self.refusing:
            return self.refusing, {"errors": ["not now"]}
        path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        kind = next((known for known in _MODELS if path == known or path.startswith(f"{known}/")), None)
        if kind is None:
            return 404, {"errors": [f"no {path}"]}
        known = path[len(kind) + 1 :]
        if method == "GET":
            return self._read(kind, known, query)
        with self.arrived:
            self.changes.append(f"{method} {kind}")
            self.arrived.notify_all()
            return self._write(method, kind, known, body)

    def _read(self, kind: str, known: str, query: dict[str, list[str]]) -> tuple[int, Any]:
        if known:
            found = self.held[kind].get(known)
            return (200, {key: found[key] for key in found if key != "value"}) if found else (404, {"errors": ["no"]})
        number = int if kind == "/api/v1/monitor" else str
        things = [{**body, "id": number(key)} for key, body in self.held[kind].items()]
        if kind == "/api/v1/monitor":
            wanted = set(query["monitor_tags"][0].split(","))
            size, page = int(query["page_size"][0]), int(query["page"][0])
            return 200, [one for one in things if wanted <= set(one["tags"])][page * size : (page + 1) * size]
        return 200, {"data": things}

    def _write(self, method: str, kind: str, known: str, body: Any) -> tuple[int, Any]:
        if method == "DELETE":
            return (200, {}) if self.held[kind].pop(known, None) is not None else (404, {"errors": ["no"]})
        model = DowntimeUpdateRequest if kind == "/api/v2/downtime" and method == "PATCH" else _MODELS[kind]
        if not accepted(body, model):
            return 400, {"errors": [f"not a {model.__name__}"]}
        if method == "POST":
            self._next += 1
            known = body["name"] if kind.startswith(_HOOKS) else str(self._next)
        elif known not in self.held[kind]:
            return 404, {"errors": ["no"]}
        self.held[kind][known] = body["data"] if "downtime" in kind else body
        made = {**self.held[kind][known], "id": known}
        return 200, {"data": [made]} if kind == "/api/v1/slo" else made


@contextmanager
def datadog_api() -> Iterator[DatadogApi]:
    """Serve a new account for the time of the block; its API key is ``api-k3y``."""
    account = DatadogApi()
    with json_server(account.answer) as account.url:
        yield account
