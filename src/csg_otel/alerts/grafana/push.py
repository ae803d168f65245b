"""
The Grafana push over its provisioning API: what stands in our folder and bears our names is compared, exchanged or removed.

The rule: of the notification policy only the routes of this service's alerts are exchanged; everybody else's stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from csg_otel.alerts.grafana import notify, provisioning
from csg_otel.alerts.grafana.notify import SecretPlace
from csg_otel.alerts.push.plan import Plan, Thing, mark, plan
from csg_otel.alerts.text import digest

if TYPE_CHECKING:
    from csg_otel.alerts.catalog import Catalog
    from csg_otel.alerts.push.api import Api
    from csg_otel.alerts.spec import AlertSpec, Options

_API: Final = "/api/v1/provisioning"
_PATHS: Final = {
    "folder": "/api/folders",
    "template": f"{_API}/templates",
    "contact point": f"{_API}/contact-points",
    "mute timing": f"{_API}/mute-timings",
    "rule": f"{_API}/alert-rules",
}


class GrafanaPush:
    """One push of a specification to one Grafana."""

    def __init__(self, api: Api, spec: AlertSpec, catalog: Catalog, options: Options) -> None:
        """Push what ``grafana.provisioned`` makes of *spec*."""
        self._api = api
        self._made = provisioning.provisioned(spec, catalog, options)
        self._prefix = notify.prefix(spec)
        self._service = notify.service(spec)
        self._secrets = notify.secrets(spec)
        self._folder = {"uid": f"csg-{digest(provisioning.folder(spec))}", "title": provisioning.folder(spec)}

    def plan(self, *, prune: bool, secrets: bool = False) -> Plan:
        """Return what is to be done; *secrets* writes contact points that have some again, because none can be read."""
        wanted = tuple(self._wanted())
        spoken = {(thing.kind, thing.key): thing.body for thing in wanted}
        present = []
        for kind, key, name, body in self._present():
            against = spoken.get((kind, key), body)
            shown = _public(against)
            rewritten = secrets and shown != against
            equal = "" if rewritten else mark(body, shown)
            loud = equal if kind in ("rule", "policy") else ""
            present.append(Thing(kind, key, name, equal, body, id=key, loud=loud))
        return plan(wanted, present, prune=prune)

    def apply(self, planned: Plan) -> None:
        """Do what is planned, in its order. Raises PushError at the first thing that can't be done."""
        for change in planned.changes:
            thing = change.thing
            body = self._filled(dict(thing.body))
            if thing.kind == "policy":
                self._exchange(body["routes"])
            elif change.action == "remove":
                self._api.call("DELETE", f"{_PATHS[thing.kind]}/{quote(thing.id, safe='')}", missing_ok=True)
            elif thing.kind == "template":
                self._api.call("PUT", f"{_PATHS[thing.kind]}/{thing.key}", {"template": body["template"]})
            elif change.action == "create":
                self._api.call("POST", _PATHS[thing.kind], body)
            else:
                self._api.call("PUT", f"{_PATHS[thing.kind]}/{quote(thing.key, safe='')}", body)

    def _exchange(self, ours: list[Any]) -> None:
        tree = self._api.call("GET", f"{_API}/policies")
        others = [one for one in tree.get("routes") or () if not self._is_ours(one)]
        self._api.call("PUT", f"{_API}/policies", {**tree, "routes": [*ours, *others]})

    def _is_ours(self, route: Mapping[str, Any]) -> bool:
        return [notify.SERVICE, "=", self._service] in (route.get("object_matchers") or ())

    def _filled(self, body: Any) -> Any:
        """Return *body* with the values of its secrets."""
        if isinstance(body, dict):
            return {key: self._filled(value) for key, value in body.items()}
        if isinstance(body, list):
            return [self._filled(value) for value in body]
        return self._secrets[body] if isinstance(body, SecretPlace) else body

    def _wanted(self) -> Iterator[Thing]:
        yield _wanted("folder", self._folder["uid"], self._folder["title"], self._folder)
        for one in self._made["templates"]:
            yield _wanted("template", one["name"], one["name"], {key: one[key] for key in ("name", "template")})
        for point in self._made["contactPoints"]:
            for one in point["receivers"]:
                yield _wanted("contact point", one["uid"], point["name"], {"name": point["name"], **one})
        for one in self._made["muteTimes"]:
            body = {key: one[key] for key in ("name", "time_intervals")}
            yield _wanted("mute timing", one["name"], one["name"], body)
        yield _wanted("policy", "routes", "routes", {"routes": self._made["policies"][0]["routes"]})
        for group in self._made["groups"]:
            for one in group["rules"]:
                body = {**one, "orgID": 1, "folderUID": self._folder["uid"], "ruleGroup": group["name"]}
                yield _wanted("rule", one["uid"], one["title"], body)

    def _present(self) -> Iterator[tuple[str, str, str, Mapping[str, Any]]]:
        """Yield kind, key, name and body of all that is there and ours."""
        found = self._api.call("GET", f"/api/folders/{self._folder['uid']}", missing_ok=True)
        if found is not None:
            yield "folder", self._folder["uid"], self._folder["title"], found
        for one in self._made["templates"]:
            found = self._api.call("GET", f"{_API}/templates/{one['name']}", missing_ok=True)
            if found is not None:
                yield "template", one["name"], one["name"], found
        for kind, key in (("contact point", "uid"), ("mute timing", "name")):
            for one in self._api.call("GET", _PATHS[kind]) or ():
                if one["name"].startswith(self._prefix):
                    yield kind, one[key], one["name"], one
        tree = self._api.call("GET", f"{_API}/policies")
        yield "policy", "routes", "routes", {"routes": [one for one in tree.get("routes") or () if self._is_ours(one)]}
        for one in self._api.call("GET", _PATHS["rule"]) or ():
            if one.get("folderUID") == self._folder["uid"]:
                yield "rule", one["uid"], one["title"], one


def _wanted(kind: str, key: str, name: str, body: Mapping[str, Any]) -> Thing:
    equal = mark(_public(body))
    return Thing(kind, key, name, equal, body, id=key, loud=equal if kind in ("rule", "policy") else "")


def _public(body: Any) -> Any:
    """Return *body* without its secrets, which no answer shows."""
    if isinstance(body, Mapping):
        return {key: _public(value) for key, value in body.items() if not isinstance(value, SecretPlace)}
    return [_public(value) for value in body] if isinstance(body, list) else body
