"""
A stand-in of Grafana's API on loopback: real HTTP, everything in memory, references checked, secrets never shown.

Grafana itself is not among the real parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

from support.json_server import json_server

_KINDS = {"alert-rules": "uid", "contact-points": "uid", "mute-timings": "name", "templates": "name", "folders": "uid"}
_SECRET = {"slack": ("url",), "pagerduty": ("integrationKey",), "webhook": (), "email": ()}


class GrafanaApi:
    """What it holds by kind and key, its tree of policies, and what was asked that was no GET."""

    def __init__(self) -> None:
        self.url = ""
        self.held: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in _KINDS}
        self.policy: dict[str, Any] = {"receiver": "grafana-default-email", "routes": [{"receiver": "theirs"}]}
        self.changes: list[str] = []
        self.dashboards: dict[str, dict[str, Any]] = {}
        """The bodies of the requests that wrote dashboards, by their uids."""

    def answer(self, method: str, target: str, headers: Any, body: Any) -> tuple[int, Any]:
        """Return status and body of the answer."""
        if headers.get("Authorization") != "Bearer t0ken":
            return 401, {"message": "Unauthorized"}
        parts = [unquote(part) for part in urlsplit(target).path.strip("/").split("/")]
        if parts[1] == "dashboards":
            return self._dashboard(method, parts[2:], body)
        return self._resource(method, parts, body)

    def _resource(self, method: str, parts: list[str], body: Any) -> tuple[int, Any]:
        kind, key = (parts[1], parts[2:]) if parts[1] == "folders" else (parts[3], parts[4:])
        if method != "GET":
            self.changes.append(f"{method} {kind}")
        if kind == "policies":
            return self._policies(method, body)
        if method == "GET":
            shown = {known: _shown(kind, one) for known, one in self.held[kind].items()}
            if key:
                return (200, shown[key[0]]) if key[0] in shown else (404, {"message": "not found"})
            return 200, list(shown.values())
        if method == "DELETE":
            return (204, None) if self.held[kind].pop(key[0], None) is not None else (404, {})
        return self._write(method, kind, key, body)

    def _dashboard(self, method: str, key: list[str], body: Any) -> tuple[int, Any]:
        if method == "GET":
            found = self.dashboards.get(key[-1])
            return (200, {"dashboard": found["dashboard"], "meta": {}}) if found else (404, {"message": "not found"})
        self.changes.append(f"{method} dashboards")
        dashboard = body.get("dashboard") or {}
        if not dashboard.get("title"):
            return 400, {"message": "Dashboard title cannot be empty", "status": "empty-name"}
        if body.get("folderUid", "") not in ("", *self.held["folders"]):
            return 404, {"message": "folder not found"}
        before = self.dashboards.get(dashboard["uid"])
        if before is not None and not body.get("overwrite"):
            return 412, {"status": "version-mismatch"}
        version = before["dashboard"]["version"] + 1 if before else 1
        self.dashboards[dashboard["uid"]] = {**body, "dashboard": {**dashboard, "id": 7, "version": version}}
        return 200, {"status": "success", "uid": dashboard["uid"], "version": version}

    def _policies(self, method: str, body: Any) -> tuple[int, Any]:
        if method == "GET":
            return 200, self.policy
        points = {one["name"] for one in self.held["contact-points"].values()}
        for route in body["routes"]:
            unknown = set(route.get("mute_time_intervals") or ()) - set(self.held["mute-timings"])
            if route["receiver"].startswith("csg_otel/") and (route["receiver"] not in points or unknown):
                return 400, {"message": f"{route['receiver']} or {unknown} does not exist"}
        self.policy = body
        return 202, {"message": "policies updated"}

    def _write(self, method: str, kind: str, key: list[str], body: Any) -> tuple[int, Any]:
        known = key[0] if key else body[_KINDS[kind]]
        if kind == "templates":
            self.held[kind][known] = {**self.held[kind].get(known, {}), **body, "name": known}
            return 202, self.held[kind][known]
        if (method == "POST") == (known in self.held[kind]):
            return 409, {"message": "conflict"}
        if kind == "alert-rules" and body["folderUID"] not in self.held["folders"]:
            return 400, {"message": "no such folder"}
        self.held[kind][known] = {**body, "provenance": "api"}
        return 201, _shown(kind, self.held[kind][known])


def _shown(kind: str, one: dict[str, Any]) -> dict[str, Any]:
    """Return *one* as Grafana shows it: with no secret of a contact point."""
    if kind != "contact-points":
        return one
    hidden = dict.fromkeys(_SECRET[one["type"]], "[REDACTED]")
    settings = {**one["settings"], **{field: value for field, value in hidden.items() if field in one["settings"]}}
    return {**one, "settings": settings}


@contextmanager
def grafana_api() -> Iterator[GrafanaApi]:
    """Serve a new Grafana for the time of the block; its token is ``t0ken``."""
    grafana = GrafanaApi()
    with json_server(grafana.answer) as grafana.url:
        yield grafana
