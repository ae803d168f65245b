"""
The push of the dashboard to Grafana's API: compare the folder and the dashboard with what Grafana has, and write what differs.

The rule: both are found by their uids, so nothing else of this Grafana is touched; Grafana keeps the version before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from csg_otel.alerts.push.plan import Plan, Resource, fingerprint, plan
from csg_otel.dashboard.grafana import model

if TYPE_CHECKING:
    from csg_otel.alerts.push.api import Api


class DashboardPush:
    """One push of one dashboard."""

    def __init__(self, api: Api, dashboard: dict[str, Any], folder: Mapping[str, str]) -> None:
        """
        Prepare the push.

        Args:
            api: API of the Grafana, with a token that may write dashboards.
            dashboard: the dashboard, as ``model.dashboard`` returns it.
            folder: uid and title of its folder, which is created if it is missing.
        """
        self._api = api
        self._dashboard = dashboard
        self._folder = folder

    def plan(self) -> Plan:
        """Return the plan. Raises PushError if Grafana does not answer."""
        return plan(self._desired(), self._actual(), prune=False)

    def apply(self, planned: Plan) -> None:
        """Make the planned changes in their order. Raises PushError at the first change that fails."""
        for change in planned.changes:
            if change.resource.kind == "folder":
                self._api.call("POST", "/api/folders", dict(self._folder))
            else:
                self._api.call("POST", "/api/dashboards/db", model.request(self._dashboard, self._folder["uid"]))

    def _desired(self) -> Iterator[Resource]:
        yield self._resource("folder", self._folder)
        yield self._resource("dashboard", self._dashboard)

    def _actual(self) -> Iterator[Resource]:
        """Yield what Grafana has of both; the folder may have another title there."""
        if self._api.call("GET", f"/api/folders/{self._folder['uid']}", missing_ok=True) is not None:
            yield self._resource("folder", self._folder)
        answer = self._api.call("GET", f"/api/dashboards/uid/{self._dashboard['uid']}", missing_ok=True)
        if answer is not None:
            yield self._resource("dashboard", answer["dashboard"])

    def _resource(self, kind: str, body: Mapping[str, Any]) -> Resource:
        wanted = self._folder if kind == "folder" else self._dashboard
        return Resource(kind, wanted["uid"], wanted["title"], fingerprint(body, wanted), body)
