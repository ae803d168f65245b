"""The Grafana push over real HTTP, against a stand-in of its provisioning API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from csg_otel.alerts.compilers import Options
from csg_otel.alerts.grafana.push import GrafanaPush
from csg_otel.alerts.model import AlertSpec
from csg_otel.alerts.push.api import Api
from csg_otel.alerts.push.plan import Plan, describe
from support.alert_specs import CATALOG, EVERYTHING, rule, spec
from support.grafana_api import GrafanaApi, grafana_api


@pytest.fixture
def grafana() -> Iterator[GrafanaApi]:
    """An empty Grafana, with a policy of another team."""
    with grafana_api() as api:
        yield api


def planned(grafana: GrafanaApi, specification: AlertSpec, *, apply: bool = True, **options: Any) -> Plan:
    """Push *specification*, and return the plan."""
    api = Api(grafana.url, {"Authorization": "Bearer t0ken"}, timeout_s=20)
    push = GrafanaPush(api, specification, CATALOG, Options())
    pushed_plan = push.plan(**{"prune": False, **options})
    if apply:
        push.apply(pushed_plan)
    return pushed_plan


def test_everything_arrives_once_and_a_second_push_changes_nothing(grafana: GrafanaApi) -> None:
    """The first push creates folder, template, contact points, mute timing, routes and rules; the second plans no change."""
    specification = spec(rule(), **EVERYTHING)
    assert len(planned(grafana, specification).changes) == 12
    grafana.changes.clear()

    assert planned(grafana, specification).changes == ()
    assert grafana.changes == []
    kinds = {kind: len(things) for kind, things in grafana.held.items()}
    assert kinds == {"alert-rules": 3, "contact-points": 5, "mute-timings": 1, "templates": 1, "folders": 1}


def test_contact_points_have_the_secrets_themselves(grafana: GrafanaApi) -> None:
    """The push writes the value of each variable that the file names."""
    planned(grafana, spec(rule(), **EVERYTHING))

    settings = {one["type"]: one["settings"] for one in grafana.held["contact-points"].values()}
    assert settings["slack"]["url"] == "https://s.example/T"
    assert settings["pagerduty"]["integrationKey"] == "k3y"
    assert settings["webhook"]["headers"] == {"Authorization": "Bearer s3cret", "X-Team": "ops"}


def test_other_peoples_routes_stay(grafana: GrafanaApi) -> None:
    """Each push replaces only the routes of this service's alerts."""
    planned(grafana, spec(rule(), **EVERYTHING))
    planned(grafana, spec(rule(), notifications=EVERYTHING["notifications"], service={"name": "other"}))
    planned(grafana, spec(rule(), notifications=EVERYTHING["notifications"]))

    receivers = [route["receiver"] for route in grafana.policy["routes"]]
    assert receivers.count("theirs") == 1
    assert sum(one.startswith("csg_otel/other/") for one in receivers) == 4
    assert sum(one.startswith("csg_otel/shop/") for one in receivers) == 4


def test_a_changed_rule_is_shown_and_updated_alone(grafana: GrafanaApi) -> None:
    """The dry run shows the threshold and the new notification, and the push updates one rule."""
    planned(grafana, spec(rule(), rule(name="other")))
    grafana.changes.clear()
    changed = spec(rule(threshold=90), rule(name="other"))
    lines = describe("grafana", planned(grafana, changed, apply=False))

    assert grafana.changes == []
    assert lines[0] == "~ grafana rule high_cpu_usage"
    assert "    notifies again if it fires now" in lines
    planned(grafana, changed)
    assert grafana.changes == ["PUT alert-rules"]


def test_pruning_removes_this_services_resources_only(grafana: GrafanaApi) -> None:
    """A rule that was removed from the configuration is deleted on request; rules of another service stay."""
    planned(grafana, spec(rule(), rule(name="old"), **EVERYTHING))
    planned(grafana, spec(rule(name="old"), service={"name": "shop b"}))
    kept = planned(grafana, spec(rule()))
    planned(grafana, spec(rule()), prune=True)

    assert sorted(thing.kind for thing in kept.kept) == ["contact point"] * 5 + ["mute timing"] + ["rule"] * 3
    assert sorted(one["title"] for one in grafana.held["alert-rules"].values()) == ["high_cpu_usage", "old"]
    assert grafana.held["contact-points"] == {}


def test_secrets_are_written_again_only_on_request(grafana: GrafanaApi) -> None:
    """Grafana shows no secret, so only contact points with secrets are written again."""
    specification = spec(rule(), **EVERYTHING)
    planned(grafana, specification)

    again = [change.resource.name for change in planned(grafana, specification, secrets=True).changes]
    assert again == ["csg_otel/shop/slack", "csg_otel/shop/webhook", "csg_otel/shop/pagerduty"]


def test_a_rule_has_the_fields_of_the_api(grafana: GrafanaApi) -> None:
    """The API has another name than the file for the time for which an alert goes on to fire."""
    planned(grafana, spec(rule(keep_firing_for="10m")))

    (pushed,) = grafana.held["alert-rules"].values()
    assert pushed["keep_firing_for"] == "10m"
    assert "keepFiringFor" not in pushed
