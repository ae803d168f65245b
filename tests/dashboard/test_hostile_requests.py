"""Requests with numbers, addresses and texts that cannot be read: each is refused or answered, and none is a fault."""

from __future__ import annotations

import http.client
import logging
from collections.abc import Callable, Iterator
from itertools import product
from urllib.parse import urlsplit

import pytest

import csg_otel
from support.programs import eventually
from support.web_client import Web

TOKEN = "t" * 40

NUMBERS = ("1e308", "-1e308", "1e309", "nan", "-1", "1e-320", "9" * 400, "9" * 5000, "1_0", "%F3", "", "1e18", "%D9%A1")

PARAMETERS = {
    "traces": ("limit", "before", "min_ms", "max_ms", "error", "attr"),
    "logs": ("limit", "before", "level"),
    "metrics/series": ("range", "end", "by", "points"),
    "system": ("range", "end", "points"),
    "changed": ("from", "to", "limit"),
}

HEADERS = tuple(
    product(
        ("Origin", "Host", "Cookie", "X-CSRF-Token", "Accept-Encoding"),
        (
            "http://[",
            "http://[::1",
            "//[",
            "[",
            "http://\xff[",
            "http://[v1.x]",
            "gzip;q=nan",
            "{cookie}=\xff.\xe9.\xff",
        ),
    )
)

BIG, HUGE = "9" * 973, "9" * 5000
BODIES = (
    *(f'{{"alert":"x","duration_s":{each}}}' for each in (BIG, HUGE, "NaN", "Infinity", "1e999", "-1", '"5"', "true")),
    '{"alert":"x","labels":[1]}',
    f'{{"alert":"x","labels":{{"a":{BIG}}}}}',
    '{"alert":"\\ud800","comment":"\\ud800","labels":{"\\ud800":null}}',
    *("[]", "5", "null", "{", "[" * 60_000, '{"a":' * 10_000),
)

Ask = Callable[..., int]


@pytest.fixture
def ask(instrumented: Callable[..., csg_otel.Telemetry]) -> Iterator[Ask]:
    """Return a function that sends a request to the dashboard of a program, and returns the status of the response."""
    auth = {"api_auth": {"enabled": True, "tokens": [TOKEN]}}
    telemetry = instrumented(
        security=auth, alerting__alertmanagers=["http://127.0.0.1:9"], health_monitoring__enabled=False
    )
    csg_otel.counter("orders").add(1)
    port = urlsplit(telemetry.dashboard_url).port
    assert port is not None
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def send(method: str, path: str, headers: dict[str, str] | None = None, body: str | None = None) -> int:
        given = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json", **(headers or {})}
        content = None if body is None else body.encode()
        client.putrequest(method, f"/api/v1/{path}", skip_host="Host" in given)
        for name, value in given.items():
            client.putheader(name, value.replace("{cookie}", f"csg_otel_{port}").encode("latin-1"))
        if content is not None:
            client.putheader("Content-Length", str(len(content)))
        client.endheaders(content)
        response = client.getresponse()
        response.read()
        return response.status

    assert telemetry.dashboard is not None
    eventually(lambda: telemetry.dashboard.get("metrics", {"text": "orders"})["metrics"])
    yield send
    client.close()


def test_no_number_of_a_request_is_a_fault(ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    """Neither one that overflows nor one that is none; and none makes the program work for ever."""
    caplog.set_level(logging.WARNING)
    for path, names in PARAMETERS.items():
        subject = "name=orders&" if path == "metrics/series" else ""
        for name, value in product(names, NUMBERS):
            assert ask("GET", f"{path}?{subject}{name}={value}") in (200, 400, 414), (path, name, value)
    for start, end in product(NUMBERS[:6], NUMBERS[:6]):
        assert ask("GET", f"changed?from={start}&to={end}") in (200, 400)
    assert caplog.text == ""


def test_no_address_in_a_header_is_a_fault(ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    """Such as one that begins with a bracket; with the token, too."""
    caplog.set_level(logging.WARNING)
    for (name, value), (method, path, body) in product(
        HEADERS, (("GET", "status", None), ("POST", "alerts/acknowledge", "{}"), ("POST", "login-links", ""))
    ):
        for token in ({}, {"Authorization": ""}):
            assert ask(method, path, {**token, name: value}, body) in (200, 400, 401, 403, 421), (name, value)
    assert ask("POST", "login-links", {"Origin": "http://["}, "") == 403
    assert caplog.text == ""


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body[:40])
def test_no_body_of_an_action_is_a_fault(ask: Ask, body: str, caplog: pytest.LogCaptureFixture) -> None:
    """A number of a thousand digits, a half of a character, or ten thousand levels."""
    caplog.set_level(logging.WARNING)
    assert ask("POST", "alerts/acknowledge", {}, body) == 400
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("addresses", "reason"),
    [
        ([], "there is no Alertmanager to silence it in; set alerting.alertmanagers"),
        (["http://127.0.0.1:9"], "127.0.0.1:9"),
    ],
)
def test_a_silence_that_no_alertmanager_takes_is_no_fault(
    instrumented: Callable[..., csg_otel.Telemetry], addresses: list[str], reason: str
) -> None:
    """It is 400, as the OpenAPI document says, and the text names the setting, or the address that does not answer."""
    auth = {"api_auth": {"enabled": True, "tokens": [TOKEN]}}
    telemetry = instrumented(security=auth, alerting__alertmanagers=addresses, health_monitoring__enabled=False)
    web = Web(telemetry.dashboard_url.partition("/login")[0])
    answer = web.post("alerts/acknowledge", {"alert": "QueueLong"}, Authorization=f"Bearer {TOKEN}")

    assert answer.status == 400
    assert reason in answer.json["error"]
