"""
The Datadog push: what carries our tags is listed, compared by its hash, created, updated, or removed.

The rule: a thing without both our tags is never touched, whatever a listing says.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from csg_otel.alerts.datadog import monitors, notify
from csg_otel.alerts.push.plan import Plan, PushError, Thing, mark, plan

if TYPE_CHECKING:
    from csg_otel.alerts.push.api import Api
    from csg_otel.alerts.spec import AlertSpec

_PAGE: Final = 100
_HOOKS: Final = "/api/v1/integration/webhooks/configuration"


class DatadogPush:
    """One push of a specification to one Datadog account."""

    def __init__(self, api: Api, spec: AlertSpec, compiled: str, *, today: str) -> None:
        """Push the file *compiled* of *spec*; *today* is the date (``YYYY-MM-DD``) recurring downtimes begin with."""
        self._api = api
        self._own = monitors.owner(spec)
        self._content = json.loads(compiled)
        self._secrets = notify.secrets(spec)
        self._today = today
        self._objectives: dict[str, str] = {}

    def plan(self, *, prune: bool, secrets: bool = False) -> Plan:
        """Return what is to be done; *secrets* writes those that are there already again, because none can be read."""
        present = [*self._hooks(), *self._slos(), *self._monitors(), *self._downtimes()]
        if secrets:
            present = [replace(thing, mark="old") if thing.kind == "variable" else thing for thing in present]
        self._objectives = {thing.key: thing.id for thing in present if thing.kind == "slo"}
        return plan(self._wanted(), present, prune=prune)

    def apply(self, planned: Plan) -> None:
        """Do what is planned, in its order. Raises PushError at the first thing that can't be done."""
        for change in planned.changes:
            thing = change.thing
            path, envelope = self._place(thing)
            if change.action == "remove" and change.present is not None:
                self._api.call("DELETE", f"{path}/{change.present.id}", missing_ok=True)
                continue
            body = self._filled(thing)
            if change.present is None:
                made = self._api.call("POST", path, envelope(body))
                if thing.kind == "slo":
                    self._objectives[thing.key] = str(made["data"][0]["id"])
            else:
                method = "PATCH" if thing.kind == "downtime" else "PUT"
                self._api.call(method, f"{path}/{change.present.id}", envelope(body, change.present.id))

    # -- what is wanted ------------------------------------------------------------------------------------------------

    def _wanted(self) -> Iterator[Thing]:
        for body in self._content["webhook_variables"]:
            yield Thing("variable", body["name"], body["name"], "there", body)
        for body in self._content["webhooks"]:
            yield Thing("webhook", body["name"], body["name"], mark(body), body)
        for body in self._content["slos"]:
            yield _tagged("slo", "csg_slo:", body)
        for body in self._content["monitors"]:
            yield _tagged("monitor", "csg_rule:", body)
        for body in self._content["downtimes"]:
            yield Thing("downtime", body["message"], body["message"], mark(_timed(body)), body)

    def _place(self, thing: Thing) -> tuple[str, Any]:
        """Return the path of *thing*'s kind and what puts a body into the shape the API takes."""
        if thing.kind == "downtime":
            return "/api/v2/downtime", _v2
        paths = {
            "variable": f"{_HOOKS}/custom-variables",
            "webhook": f"{_HOOKS}/webhooks",
            "slo": "/api/v1/slo",
            "monitor": "/api/v1/monitor",
        }
        return paths[thing.kind], lambda body, _id="": body

    def _filled(self, thing: Thing) -> dict[str, Any]:
        """Return the body of *thing* with what only the push knows: values of secrets, ids of objectives, today."""
        body = dict(thing.body)
        if thing.kind == "variable":
            body["value"] = self._secrets[thing.key]
        if thing.kind == "downtime":
            (once,) = body["schedule"]["recurrences"]
            start = f"{self._today}T{once['start'].partition('T')[2]}"
            body["schedule"] = {**body["schedule"], "recurrences": [{**once, "start": start}]}
        if thing.kind == "monitor" and "${slo:" in body["query"]:
            name = body["query"].partition("${slo:")[2].partition("}")[0]
            if name not in self._objectives:
                raise PushError(f"monitor {thing.name!r} is about the objective {name!r}, which is not there")
            body["query"] = body["query"].replace(f"${{slo:{name}}}", self._objectives[name])
        return body

    # -- what is there -------------------------------------------------------------------------------------------------

    def _ours(self, found: Mapping[str, Any]) -> bool:
        return set(self._own) <= set(found.get("tags") or ())

    def _monitors(self) -> Iterator[Thing]:
        page = 0
        while True:
            query = {"monitor_tags": ",".join(self._own), "page": page, "page_size": _PAGE}
            found = self._api.call("GET", "/api/v1/monitor", query=query) or []
            yield from (_tagged("monitor", "csg_rule:", one) for one in found if self._ours(one))
            page += 1
            if len(found) < _PAGE:
                return

    def _slos(self) -> Iterator[Thing]:
        offset = 0
        while True:
            query = {"tags_query": self._own[1], "limit": _PAGE, "offset": offset}
            found = (self._api.call("GET", "/api/v1/slo", query=query) or {}).get("data") or []
            yield from (_tagged("slo", "csg_slo:", one) for one in found if self._ours(one))
            offset += len(found)
            if len(found) < _PAGE:
                return

    def _downtimes(self) -> Iterator[Thing]:
        offset = 0
        while True:
            query = {"current_only": "true", "page[limit]": _PAGE, "page[offset]": offset}
            found = (self._api.call("GET", "/api/v2/downtime", query=query) or {}).get("data") or []
            for one in found:
                body = one.get("attributes") or {}
                message = str(body.get("message") or "")
                if message.startswith(f"csg_otel {self._own[1]}: "):
                    yield Thing("downtime", message, message, mark(_timed(body)), body, id=str(one["id"]))
            offset += len(found)
            if len(found) < _PAGE:
                return

    def _hooks(self) -> Iterator[Thing]:
        """Yield the webhooks and variables that are wanted and there; Datadog has no list of them."""
        for kind in ("variable", "webhook"):
            for wanted in self._content["webhook_variables" if kind == "variable" else "webhooks"]:
                name = wanted["name"]
                path = f"{_HOOKS}/{'custom-variables' if kind == 'variable' else 'webhooks'}/{name}"
                found = self._api.call("GET", path, missing_ok=True)
                if found is not None:
                    same = "there" if kind == "variable" else mark(found, wanted)
                    yield Thing(kind, name, name, same, found, id=name)


def _tagged(kind: str, prefix: str, body: Mapping[str, Any]) -> Thing:
    tags = {found.partition(":")[0]: found for found in reversed(body["tags"])}
    key = next((found.removeprefix(prefix) for found in body["tags"] if found.startswith(prefix)), "")
    loud = str(body.get("query", "")) if kind == "monitor" and "burn_rate" not in str(body.get("query")) else ""
    return Thing(kind, key, str(body["name"]), tags.get("csg_hash", ""), body, id=str(body.get("id", "")), loud=loud)


def _timed(body: Mapping[str, Any]) -> Any:
    """Return what of a downtime is compared: not when it began."""
    schedule = body.get("schedule") or {}
    repeated = [{key: one.get(key) for key in ("rrule", "duration")} for one in schedule.get("recurrences") or ()]
    return {"timezone": schedule.get("timezone"), "recurrences": repeated, "of": body.get("monitor_identifier")}


def _v2(body: Mapping[str, Any], known: str = "") -> dict[str, Any]:
    return {"data": {"type": "downtime", **({"id": known} if known else {}), "attributes": dict(body)}}
