"""
The push to Grafana's provisioning API: compare the resources in this package's folder and with its names, and change them.

The rule: of the notification policy, only the routes of this service's alerts are replaced; all other routes stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from csg_otel.alerts.grafana import notify, provisioning
from csg_otel.alerts.grafana.notify import SecretPlace
from csg_otel.alerts.model import SERVICE_LABEL
from csg_otel.alerts.push.plan import Plan, Resource, fingerprint, plan

if TYPE_CHECKING:
    from csg_otel.alerts.catalog import Catalog
    from csg_otel.alerts.compilers import Options
    from csg_otel.alerts.model import AlertSpec
    from csg_otel.alerts.push.api import Api

_API: Final = "/api/v1/provisioning"
_API_KEYS: Final = {"keepFiringFor": "keep_firing_for"}
"""The fields of a rule that the API calls otherwise than the file."""

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
        """
        Push *spec* as the provisioning file contains it.

        Args:
            api: API of the Grafana, with the token of a service account.
            spec: the specification to push.
            catalog: the metrics that its rules name.
            options: addresses and versions of the backends.
        """
        self._api = api
        self._content = provisioning.provisioned(spec, catalog.of_service(spec.service, spec.selector), options)
        self._prefix = notify.prefix(spec)
        self._service = notify.service(spec)
        self._secrets = notify.secrets(spec)
        self._folder = provisioning.folder_of(spec)

    def plan(self, *, prune: bool, secrets: bool = False) -> Plan:
        """Return the plan; with *secrets*, contact points with secrets are written again, because these can't be compared."""
        desired = tuple(self._desired())
        bodies = {(resource.kind, resource.key): resource.body for resource in desired}
        actual = []
        for kind, key, name, body in self._actual():
            desired_body = bodies.get((kind, key), body)
            template = _public(desired_body)
            rewrite = secrets and template != desired_body
            actual.append(_resource(kind, key, name, body, "" if rewrite else fingerprint(body, template)))
        return plan(desired, actual, prune=prune)

    def secrets(self, planned: Plan) -> tuple[str, ...]:
        """Return the secrets that the changes write; the command refuses those that are not set before it changes anything."""
        bodies = (change.desired.body for change in planned.changes if change.desired is not None)
        return tuple(self._secrets[place] for body in bodies for place in _places(body))

    def apply(self, planned: Plan) -> None:
        """Make the planned changes in their order. Raises PushError at the first change that fails."""
        for change in planned.changes:
            resource = change.resource
            body = self._filled(dict(resource.body))
            if resource.kind == "policy":
                self._replace_routes(body["routes"])
            elif change.action == "remove":
                self._api.call("DELETE", f"{_PATHS[resource.kind]}/{quote(resource.id, safe='')}", missing_ok=True)
            elif resource.kind == "template":
                self._api.call("PUT", f"{_PATHS[resource.kind]}/{resource.key}", {"template": body["template"]})
            elif change.action == "create":
                self._api.call("POST", _PATHS[resource.kind], body)
            else:
                self._api.call("PUT", f"{_PATHS[resource.kind]}/{quote(resource.key, safe='')}", body)

    def _replace_routes(self, routes: list[Any]) -> None:
        tree = self._api.call("GET", f"{_API}/policies")
        others = [route for route in tree.get("routes") or () if not self._is_owned(route)]
        self._api.call("PUT", f"{_API}/policies", {**tree, "routes": [*routes, *others]})

    def _is_owned(self, route: Mapping[str, Any]) -> bool:
        return [SERVICE_LABEL, "=", self._service] in (route.get("object_matchers") or ())

    def _filled(self, body: Any) -> Any:
        """Return *body* with the values of its secrets."""
        if isinstance(body, dict):
            return {key: self._filled(value) for key, value in body.items()}
        if isinstance(body, list):
            return [self._filled(value) for value in body]
        return self._secrets[body] if isinstance(body, SecretPlace) else body

    def _desired(self) -> Iterator[Resource]:
        yield _desired("folder", self._folder["uid"], self._folder["title"], self._folder)
        for template in self._content["templates"]:
            body = {key: template[key] for key in ("name", "template")}
            yield _desired("template", template["name"], template["name"], body)
        for point in self._content["contactPoints"]:
            for receiver in point["receivers"]:
                body = {"name": point["name"], **receiver}
                yield _desired("contact point", receiver["uid"], point["name"], body)
        for timing in self._content["muteTimes"]:
            body = {key: timing[key] for key in ("name", "time_intervals")}
            yield _desired("mute timing", timing["name"], timing["name"], body)
        yield _desired("policy", "routes", "routes", {"routes": self._content["policies"][0]["routes"]})
        for group in self._content["groups"]:
            for rule in group["rules"]:
                body = {_API_KEYS.get(key, key): value for key, value in rule.items()}
                body |= {"orgID": 1, "folderUID": self._folder["uid"], "ruleGroup": group["name"]}
                yield _desired("rule", rule["uid"], rule["title"], body)

    def _actual(self) -> Iterator[tuple[str, str, str, Mapping[str, Any]]]:
        """Yield kind, key, name and body of each resource of this service that Grafana has."""
        folder = self._api.call("GET", f"/api/folders/{self._folder['uid']}", missing_ok=True)
        if folder is not None:
            yield "folder", self._folder["uid"], self._folder["title"], folder
        for desired in self._content["templates"]:
            template = self._api.call("GET", f"{_API}/templates/{desired['name']}", missing_ok=True)
            if template is not None:
                yield "template", desired["name"], desired["name"], template
        for kind, key in (("contact point", "uid"), ("mute timing", "name")):
            for item in self._api.call("GET", _PATHS[kind]) or ():
                if item["name"].startswith(self._prefix):
                    yield kind, item[key], item["name"], item
        tree = self._api.call("GET", f"{_API}/policies")
        routes = [route for route in tree.get("routes") or () if self._is_owned(route)]
        yield "policy", "routes", "routes", {"routes": routes}
        for rule in self._api.call("GET", _PATHS["rule"]) or ():
            if rule.get("folderUID") == self._folder["uid"]:
                yield "rule", rule["uid"], rule["title"], rule


def _desired(kind: str, key: str, name: str, body: Mapping[str, Any]) -> Resource:
    """
    Return a desired resource.

    Args:
        kind: a key of ``_PATHS``, or "policy".
        key: Grafana's identifier of the resource.
        name: its name for people.
        body: the body of the request that creates it.
    """
    return _resource(kind, key, name, body, fingerprint(_public(body)))


def _resource(kind: str, key: str, name: str, body: Mapping[str, Any], compared: str) -> Resource:
    """
    Return a resource, desired or actual.

    Args:
        kind: a key of ``_PATHS``, or "policy".
        key: Grafana's identifier of the resource.
        name: its name for people.
        body: its body.
        compared: its fingerprint.
    """
    notified_by = compared if kind in ("rule", "policy") else ""
    return Resource(kind, key, name, compared, body, id=key, notified_by=notified_by)


def _places(body: Any) -> Iterator[SecretPlace]:
    """Yield the secrets that *body* names."""
    if isinstance(body, SecretPlace):
        yield body
    elif isinstance(body, (Mapping, list)):
        for value in body.values() if isinstance(body, Mapping) else body:
            yield from _places(value)


def _public(body: Any) -> Any:
    """Return *body* without its secrets, which no answer of Grafana contains."""
    if isinstance(body, Mapping):
        return {key: _public(value) for key, value in body.items() if not isinstance(value, SecretPlace)}
    return [_public(value) for value in body] if isinstance(body, list) else body
