"""The push to Datadog over real HTTP: a second one changes nothing, and other resources stay untouched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from csg_otel.alerts.compilers import Options
from csg_otel.alerts.datadog import monitors
from csg_otel.alerts.datadog.push import DatadogPush
from csg_otel.alerts.model import AlertSpec
from csg_otel.alerts.push.api import Api
from csg_otel.alerts.push.plan import Plan, PushError, describe
from support.alert_specs import CATALOG, EVERYTHING, rule, spec
from support.datadog_api import DatadogApi, datadog_api

MONITORS = "/api/v1/monitor"


@pytest.fixture
def account() -> Iterator[DatadogApi]:
    """An empty account."""
    with datadog_api() as api:
        yield api


def planned(
    account: DatadogApi, specification: AlertSpec, *, prune: bool = False, apply: bool = True, **options: Any
) -> Plan:
    """Push *specification*, and return the plan."""
    (text,) = monitors.compile_files(specification, CATALOG, Options()).values()
    api = Api(account.url, {"DD-API-KEY": "api-k3y"}, timeout_s=20)
    push = DatadogPush(api, specification, text, today="2026-11-25")
    pushed_plan = push.plan(prune=prune, **options)
    if apply:
        push.apply(pushed_plan)
    return pushed_plan


def test_everything_arrives_once_and_a_second_push_changes_nothing(account: DatadogApi) -> None:
    """The first push creates monitors, objective, webhook, variable and downtime; the second plans no change."""
    specification = spec(rule(), **EVERYTHING)

    assert len(planned(account, specification).changes) == 9
    assert account.changes == [change for change in account.changes if change.startswith("POST")]
    account.changes.clear()
    assert planned(account, specification) == Plan((), 9, ())
    assert account.changes == []


def test_the_push_fills_in_ids_secrets_and_the_date(account: DatadogApi) -> None:
    """Burn monitors have the objective's id, the variable has the secret, and the downtime begins today."""
    planned(account, spec(rule(), **EVERYTHING))

    (objective,) = account.held["/api/v1/slo"]
    queries = [monitor["query"] for monitor in account.held[MONITORS].values()]
    assert sum(f'burn_rate("{objective}")' in query for query in queries) == 4
    (variable,) = account.held["/api/v1/integration/webhooks/configuration/custom-variables"].values()
    assert (variable["value"], variable["is_secret"]) == ("Bearer s3cret", True)
    (downtime,) = account.held["/api/v2/downtime"].values()
    assert downtime["attributes"]["schedule"]["recurrences"][0]["start"] == "2026-11-25T22:00"


def test_a_changed_rule_is_updated_in_place(account: DatadogApi) -> None:
    """The monitor keeps its id, and the dry run before shows the difference and the new notification, and changes nothing."""
    planned(account, spec(rule(), rule(name="other")))
    before = list(account.held[MONITORS])
    changed = spec(rule(threshold=90), rule(name="other"))
    lines = describe("datadog", planned(account, changed, apply=False))

    assert lines[0] == "~ datadog monitor [shop] high_cpu_usage"
    assert any(line.startswith('    -  "critical": 85') or '"critical": 85.0' in line for line in lines)
    assert lines[-2:] == [
        "    notifies again if it fires now",
        "datadog: 0 to create, 1 to update, 0 to remove, 1 unchanged",
    ]
    assert account.held[MONITORS][before[0]]["query"].endswith("> 85")
    planned(account, changed)
    assert list(account.held[MONITORS]) == before
    assert account.held[MONITORS][before[0]]["query"].endswith("> 90")


def test_pruning_removes_this_services_resources_only(account: DatadogApi) -> None:
    """A rule that was removed is deleted on request; monitors of other services and of people stay."""
    planned(account, spec(rule(), rule(name="old")))
    planned(account, spec(rule(name="old"), service={"name": "other"}))
    account.held[MONITORS]["7"] = {"name": "by hand", "query": "q", "tags": ["managed_by:csg_otel"]}
    account.held[MONITORS]["8"] = {"name": "by hand too", "query": "q", "tags": []}
    kept = planned(account, spec(rule()))
    gone = planned(account, spec(rule()), prune=True)

    assert ([thing.name for thing in kept.kept], kept.changes) == (["[shop] old"], ())
    assert [(change.action, change.resource.name) for change in gone.changes] == [("remove", "[shop] old")]
    assert sorted(body["name"] for body in account.held[MONITORS].values()) == [
        "[other] old",
        "[shop] high_cpu_usage",
        "by hand",
        "by hand too",
    ]


def test_monitors_on_further_pages_are_listed(account: DatadogApi) -> None:
    """With two and a half pages of monitors, the second push still changes nothing."""
    specification = spec(*(rule(name=f"rule {number}") for number in range(250)))
    planned(account, specification)
    account.changes.clear()

    assert planned(account, specification).unchanged == 250
    assert account.changes == []


def test_a_secret_is_written_again_only_on_request(account: DatadogApi) -> None:
    """The API does not show a secret, so it is written again only with the option."""
    specification = spec(rule(), **EVERYTHING)
    planned(account, specification)
    (change,) = planned(account, specification, secrets=True).changes

    assert (change.action, change.resource.kind) == ("update", "variable")
    assert account.changes[-1].startswith("PUT")


def test_a_refusal_names_the_request_and_shows_no_key(account: DatadogApi) -> None:
    """The error has the path, the status and the answer, and never a header."""
    account.refusing = 500
    with pytest.raises(PushError, match=r"GET http://127.0.0.1:\d+/api/v1/slo: HTTP 500: .*not now") as caught:
        planned(account, spec(rule()))

    assert "k3y" not in str(caught.value)


def test_a_push_without_a_server_ends_in_time() -> None:
    """Without a server the push is a PushError that names the address."""
    api = Api("http://user:pa55@127.0.0.1:9", timeout_s=2)
    with pytest.raises(PushError, match=r"GET http://127.0.0.1:9/x: ConnectionRefusedError") as caught:
        api.call("GET", "/x")

    assert "pa55" not in str(caught.value)
