"""The answers of the probes: status codes that load balancers rely on, text for people, details for authorised callers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from csg_otel.check_result import CheckResult, Measurement
from csg_otel.health.report import render
from csg_otel.health.snapshot import CheckView, HealthSnapshot, aggregate
from csg_otel.status import HealthStatus

HEALTHY, WARNING, CRITICAL, UNKNOWN = (
    HealthStatus.HEALTHY,
    HealthStatus.WARNING,
    HealthStatus.CRITICAL,
    HealthStatus.UNKNOWN,
)
ALL = ("liveness", "readiness", "startup")


def view(name: str, status: HealthStatus, message: str = "", **result: Any) -> CheckView:
    """Return a check that is in every group."""
    return CheckView(name, "application", ALL, True, status, status, CheckResult(status, message, **result))


def snapshot(*views: CheckView, **options: Any) -> HealthSnapshot:
    """Return a snapshot of *views*."""
    groups: Mapping[str, HealthStatus] = dict.fromkeys(("overall", *ALL), aggregate(views))
    return HealthSnapshot(views, groups, **options)


@pytest.mark.parametrize(
    ("status", "codes"),
    [
        (HEALTHY, (200, 200, 200, 200)),
        (WARNING, (200, 200, 200, 200)),
        (UNKNOWN, (200, 503, 503, 503)),
        (CRITICAL, (503, 503, 503, 503)),
    ],
)
def test_the_codes_of_each_state(status: HealthStatus, codes: tuple[int, ...]) -> None:
    """A process with an UNKNOWN state is alive but not ready."""
    state = snapshot(view("one", status))

    assert tuple(render(state, probe).status for probe in ("livez", "readyz", "startupz", "healthz")) == codes


@pytest.mark.parametrize("options", [{"shutting_down": True}, {}])
def test_shutting_down_and_maintenance_are_not_ready_but_alive(options: dict[str, bool]) -> None:
    """Liveness passes, readiness fails with the reason."""
    state = snapshot(view("one", HEALTHY), maintenance="" if options else "migration")
    replies = {probe: render(state, probe, **options) for probe in ("livez", "readyz", "startupz", "healthz")}  # type: ignore[arg-type]

    assert [reply.status for reply in replies.values()] == [200, 503, 503, 200]
    assert (b"shutting down" if options else b"maintenance: migration") in replies["readyz"].body


def test_bypass_passes_and_is_named() -> None:
    """Nothing is checked, nothing is healthy, and the probe passes."""
    reply = render(snapshot(view("one", UNKNOWN), bypass=True), "readyz")

    assert reply.status == 200
    assert b"switched off" in reply.body
    assert json.loads(render(snapshot(bypass=True), "readyz", accept="application/json").body)["bypass"] is True


def test_probes_pass_where_health_monitoring_is_off() -> None:
    """No check is wanted, so none keeps the program from getting work; the answer says so."""
    state = snapshot(view("one", UNKNOWN), monitored=False)
    for probe in ("livez", "readyz", "startupz", "healthz"):
        reply = render(state, probe)
        assert (reply.status, b"health monitoring is off" in reply.body) == (200, True)
    assert json.loads(render(state, "readyz", accept="application/json").body)["bypass"] is True


def test_the_text_is_as_kubernetes_writes_it() -> None:
    """A line a check when verbose or wrong; withheld reasons stay withheld."""
    state = snapshot(view("disk", HEALTHY), view("db", CRITICAL, "reason withheld"), view("queue", WARNING, "long"))

    assert render(state, "readyz").body.decode() == (
        "[+]disk ok\n[-]db CRITICAL: reason withheld\n[!]queue WARNING: long\nreadyz check failed (CRITICAL)\n"
    )
    assert render(snapshot(view("disk", HEALTHY)), "livez").body == b"ok\n"


def test_excluded_checks_do_not_count() -> None:
    """An excluded check does not count, and an unknown name is reported, as Kubernetes does."""
    state = snapshot(view("disk", HEALTHY), view("db", CRITICAL))
    reply = render(state, "readyz", exclude=("db", "dbb"), verbose=True)

    assert reply.status == 200
    assert "not excluded, because this probe has no such check: dbb" in reply.body.decode()


def test_one_check_can_be_asked_for() -> None:
    """One check is selected by its name; an unknown name is 404 and the answer says where the names are."""
    state = snapshot(view("disk", HEALTHY), view("db", CRITICAL))

    assert render(state, "healthz", check="disk").status == 200
    assert render(state, "healthz", check="db").status == 503
    assert render(state, "healthz", check="application").status == 503
    unknown = render(state, "healthz", check="nope")
    assert (unknown.status, unknown.body) == (404, b"no check 'nope' in healthz; /healthz?verbose lists its checks\n")


def test_json_has_states_and_details_only_for_the_authorised() -> None:
    """JSON has the draft's status and our state; measurements are for authorised callers only."""
    measured = Measurement("usage", 91.2, "%", warning=80, critical=95)
    state = snapshot(
        view("disk", WARNING, "91 % used", details={"mount": "/"}, measurements=(measured,), timestamp=1.0)
    )
    public = render(state, "healthz", accept="application/health+json")
    private = render(state, "healthz", accept="application/health+json", authorized=True)
    always = render(state, "healthz", accept="application/json", show_details="always")
    never = render(state, "healthz", accept="application/json", show_details="never", authorized=True)

    assert public.content_type == "application/health+json"
    assert (json.loads(public.body)["status"], json.loads(public.body)["state"]) == ("warn", "warning")
    assert "details" not in json.loads(public.body)["checks"]["disk"][0]
    (check,) = json.loads(private.body)["checks"]["disk"]
    assert check["details"] == {"mount": "/"}
    assert (check["observedValue"], check["observedUnit"]) == (91.2, "%")
    assert (always.body == private.body, never.body == public.body) == (True, True)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_null_in_json(value: float) -> None:
    """NaN and infinity are null, because other parsers than Python's refuse the whole answer."""
    odd = view("disk", HEALTHY, details={"free": value}, measurements=(Measurement("usage", value),))
    body = render(snapshot(odd), "healthz", accept="application/health+json", authorized=True).body

    assert b"NaN" not in body
    assert b"Infinity" not in body
    (check,) = json.loads(body)["checks"]["disk"]
    assert (check["details"], check["observedValue"]) == ({"free": None}, None)


def test_a_message_can_not_forge_lines() -> None:
    """Line breaks and control characters of a message stay in its line."""
    state = snapshot(view("db", CRITICAL, "bad\n[+]all ok\x1b[2J"))

    assert render(state, "readyz").body.count(b"\n") == 2
    assert b"\x1b" not in render(state, "readyz").body
