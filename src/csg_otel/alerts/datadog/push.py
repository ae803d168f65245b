"""
The push to Datadog: list the resources with this package's tags, compare them by their hash, create, update or remove them.

The rule: a resource without both tags is never touched, whatever a listing contains.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from csg_otel.alerts.datadog import monitors, notify
from csg_otel.alerts.push.plan import Plan, PushError, Resource, fingerprint, plan

if TYPE_CHECKING:
    from csg_otel.alerts.model import AlertSpec
    from csg_otel.alerts.push.api import Api

_PAGE: Final = 100
"""Resources per page of a listing: the largest number that all listings of the API allow."""

_HOOKS: Final = "/api/v1/integration/webhooks/configuration"


class DatadogPush:
    """One push of a specification to one Datadog account."""

    def __init__(self, api: Api, spec: AlertSpec, compiled: str, *, today: str) -> None:
        """
        Push the compiled file of a specification.

        Args:
            api: API of the account, with both of its keys.
            spec: the specification, which has the values of the secrets.
            compiled: text of the file.
            today: the date (``YYYY-MM-DD``) on which recurring downtimes begin.
        """
        self._api = api
        self._owner_tags = monitors.owner(spec)
        self._content = json.loads(compiled)
        self._secrets = notify.secrets(spec)
        self._today = today
        self._objective_ids: dict[str, str] = {}

    def plan(self, *, prune: bool, secrets: bool = False) -> Plan:
        """Return the plan; with *secrets*, variables that exist are written again: their values can't be read and compared."""
        actual = [*self._hooks(), *self._slos(), *self._monitors(), *self._downtimes()]
        if secrets:
            actual = [
                replace(resource, fingerprint="old") if resource.kind == "variable" else resource for resource in actual
            ]
        self._objective_ids = {resource.key: resource.id for resource in actual if resource.kind == "slo"}
        return plan(self._desired(), actual, prune=prune)

    def secrets(self, planned: Plan) -> tuple[str, ...]:
        """Return the secrets that the changes write; the command refuses those that are not set before it changes anything."""
        return tuple(
            self._secrets[change.resource.key]
            for change in planned.changes
            if change.resource.kind == "variable" and change.desired is not None
        )

    def apply(self, planned: Plan) -> None:
        """Make the planned changes in their order. Raises PushError at the first change that fails."""
        for change in planned.changes:
            resource = change.resource
            path, envelope = self._endpoint(resource)
            if change.action == "remove" and change.actual is not None:
                self._api.call("DELETE", f"{path}/{change.actual.id}", missing_ok=True)
                continue
            body = self._filled(resource)
            if change.actual is None:
                created = self._api.call("POST", path, envelope(body))
                if resource.kind == "slo":
                    self._objective_ids[resource.key] = str(created["data"][0]["id"])
            else:
                method = "PATCH" if resource.kind == "downtime" else "PUT"
                self._api.call(method, f"{path}/{change.actual.id}", envelope(body, change.actual.id))

    # -- the desired resources -----------------------------------------------------------------------------------------

    def _desired(self) -> Iterator[Resource]:
        for body in self._content["webhook_variables"]:
            yield Resource("variable", body["name"], body["name"], "exists", body)
        for body in self._content["webhooks"]:
            yield Resource("webhook", body["name"], body["name"], fingerprint(body), body)
        for body in self._content["slos"]:
            yield _tagged("slo", "csg_slo:", body)
        for body in self._content["monitors"]:
            yield _tagged("monitor", "csg_rule:", body)
        for body in self._content["downtimes"]:
            yield Resource("downtime", body["message"], body["message"], fingerprint(_recurring(body)), body)

    def _endpoint(self, resource: Resource) -> tuple[str, Any]:
        """Return the path for the kind of *resource*, and a function that wraps a body as that endpoint expects it."""
        if resource.kind == "downtime":
            return "/api/v2/downtime", _downtime_envelope
        paths = {
            "variable": f"{_HOOKS}/custom-variables",
            "webhook": f"{_HOOKS}/webhooks",
            "slo": "/api/v1/slo",
            "monitor": "/api/v1/monitor",
        }
        return paths[resource.kind], lambda body, _id="": body

    def _filled(self, resource: Resource) -> dict[str, Any]:
        """Return the body of *resource* with the values that the compiled file lacks: secrets, ids of objectives, the date."""
        body = dict(resource.body)
        if resource.kind == "variable":
            body["value"] = self._secrets[resource.key]
        if resource.kind == "downtime":
            (recurrence,) = body["schedule"]["recurrences"]
            start = f"{self._today}T{recurrence['start'].partition('T')[2]}"
            body["schedule"] = {**body["schedule"], "recurrences": [{**recurrence, "start": start}]}
        if resource.kind == "monitor" and "${slo:" in body["query"]:
            name = body["query"].partition("${slo:")[2].partition("}")[0]
            if name not in self._objective_ids:
                raise PushError(
                    f"monitor {resource.name!r} needs the objective {name!r}, which Datadog does not have; push again"
                )
            body["query"] = body["query"].replace(f"${{slo:{name}}}", self._objective_ids[name])
        return body

    # -- the actual resources ------------------------------------------------------------------------------------------

    def _is_owned(self, body: Mapping[str, Any]) -> bool:
        return set(self._owner_tags) <= set(body.get("tags") or ())

    def _monitors(self) -> Iterator[Resource]:
        page = 0
        while True:
            query = {"monitor_tags": ",".join(self._owner_tags), "page": page, "page_size": _PAGE}
            bodies = self._api.call("GET", "/api/v1/monitor", query=query) or []
            yield from (_tagged("monitor", "csg_rule:", body) for body in bodies if self._is_owned(body))
            page += 1
            if len(bodies) < _PAGE:
                return

    def _slos(self) -> Iterator[Resource]:
        offset = 0
        while True:
            query = {"tags_query": self._owner_tags[1], "limit": _PAGE, "offset": offset}
            bodies = (self._api.call("GET", "/api/v1/slo", query=query) or {}).get("data") or []
            yield from (_tagged("slo", "csg_slo:", body) for body in bodies if self._is_owned(body))
            offset += len(bodies)
            if len(bodies) < _PAGE:
                return

    def _downtimes(self) -> Iterator[Resource]:
        offset = 0
        while True:
            query = {"current_only": "true", "page[limit]": _PAGE, "page[offset]": offset}
            items = (self._api.call("GET", "/api/v2/downtime", query=query) or {}).get("data") or []
            for item in items:
                body = item.get("attributes") or {}
                message = str(body.get("message") or "")
                if message.startswith(f"csg_otel {self._owner_tags[1]}: "):
                    compared = fingerprint(_recurring(body))
                    yield Resource("downtime", message, message, compared, body, id=str(item["id"]))
            offset += len(items)
            if len(items) < _PAGE:
                return

    def _hooks(self) -> Iterator[Resource]:
        """Yield the desired webhooks and variables that exist. Datadog can't list them, so each is requested by its name."""
        for kind in ("variable", "webhook"):
            for desired in self._content["webhook_variables" if kind == "variable" else "webhooks"]:
                name = desired["name"]
                path = f"{_HOOKS}/{'custom-variables' if kind == 'variable' else 'webhooks'}/{name}"
                body = self._api.call("GET", path, missing_ok=True)
                if body is not None:
                    compared = "exists" if kind == "variable" else fingerprint(body, desired)
                    yield Resource(kind, name, name, compared, body, id=name)


def _tagged(kind: str, prefix: str, body: Mapping[str, Any]) -> Resource:
    """Return *body* as a resource; its tags contain its key, after *prefix*, and its hash."""
    tags = {tag.partition(":")[0]: tag for tag in reversed(body["tags"])}
    key = next((tag.removeprefix(prefix) for tag in body["tags"] if tag.startswith(prefix)), "")
    query = str(body.get("query", ""))
    return Resource(
        kind,
        key,
        str(body["name"]),
        tags.get("csg_hash", ""),
        body,
        id=str(body.get("id", "")),
        notified_by=query if kind == "monitor" and "burn_rate" not in query else "",
    )


def _recurring(body: Mapping[str, Any]) -> Any:
    """Return the compared fields of a downtime; its start date is not one of them."""
    schedule = body.get("schedule") or {}
    recurrences = [{key: item.get(key) for key in ("rrule", "duration")} for item in schedule.get("recurrences") or ()]
    return {"timezone": schedule.get("timezone"), "recurrences": recurrences, "of": body.get("monitor_identifier")}


def _downtime_envelope(body: Mapping[str, Any], resource_id: str = "") -> dict[str, Any]:
    return {"data": {"type": "downtime", **({"id": resource_id} if resource_id else {}), "attributes": dict(body)}}
