"""The page's dialogs in a real browser: export, import, and silences in a real Alertmanager."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import csg_otel
from support.alertmanager import Alertmanager
from support.programs import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from csg_otel.dashboard.api import Api

    Open = Callable[[csg_otel.Telemetry], Page]

pytestmark = pytest.mark.real("chromium")


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Return a function that opens the page of a program; no script of the page may fail."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    errors: list[str] = []

    def open_it(telemetry: csg_otel.Telemetry) -> Page:
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        assert telemetry.dashboard_url
        page.goto(telemetry.dashboard_url)
        page.wait_for_selector("#overall")
        return page

    yield open_it
    context.close()
    assert errors == []


@pytest.fixture
def page(instrumented: Callable[..., csg_otel.Telemetry], open_page: Open) -> Page:
    """The page of a program with a trace, before the dialog of export and import."""
    telemetry = instrumented(health_monitoring__enabled=False)
    with csg_otel.observe("order"):
        pass
    page = open_page(telemetry)
    page.wait_for_selector("[data-count=traces] [title='1']")
    page.keyboard.press("x")
    page.wait_for_selector("dialog[open] >> text=Export and import")
    return page


def test_the_export_has_the_signals_that_are_chosen(page: Page, tmp_path: Path) -> None:
    """A file of OTLP's JSON, one request per line; Escape closes the dialog."""
    page.uncheck("dialog >> text=metrics")
    with page.expect_download() as download:
        page.click("dialog >> text=Export >> nth=-1")
    assert download.value.suggested_filename == "telemetry.jsonl"
    download.value.save_as(tmp_path / "telemetry.jsonl")
    requests = [json.loads(line) for line in (tmp_path / "telemetry.jsonl").read_text().splitlines()]

    assert {kind for request in requests for kind in request} == {"resourceSpans"}
    assert '"name": "order"' in json.dumps(requests)
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")


def test_an_imported_file_is_shown_beside_the_program_s_own(page: Page) -> None:
    """The dialog says how much it had; a file that is none of OTLP's is refused with a sentence."""
    now = time.time_ns()
    span = {
        "traceId": "ab" * 16,
        "spanId": "cd" * 8,
        "name": "order of yesterday",
        "startTimeUnixNano": str(now - 5_000_000),
        "endTimeUnixNano": str(now),
    }
    line = json.dumps({"resourceSpans": [{"resource": {}, "scopeSpans": [{"spans": [span]}]}]})

    def give(text: str) -> None:
        file: Any = {"name": "telemetry.jsonl", "mimeType": "application/json", "buffer": text.encode()}
        page.set_input_files("dialog input[type=file]", file)

    give("no telemetry")
    refusal = eventually(lambda: (text := page.inner_text("dialog [role=status]")) and "…" not in text and text)
    assert "Imported" not in str(refusal)
    give(line)
    page.wait_for_selector("dialog >> text=Imported 1 span, 0 log records, 0 metrics.")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    page.keyboard.press("3")
    page.wait_for_selector("[data-trace] >> text=order of yesterday")
    page.wait_for_selector("[data-trace] >> text=/^order$/")


def _silences(alertmanager: Alertmanager) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{alertmanager.url}/api/v2/silences", timeout=10) as answer:
        found: list[dict[str, Any]] = json.load(answer)
    return found


def _fires(api: Api) -> bool:
    return any(rule["alert"] == "Lost" and rule["state"] == "firing" for rule in api.get("alerts")["rules"])


@pytest.mark.real("prometheus-alertmanager")
def test_a_silence_is_made_in_alertmanager_and_shown_with_its_rule(
    instrumented: Callable[..., csg_otel.Telemetry], open_page: Open, tmp_path: Path
) -> None:
    """With comment, author and time; where Alertmanager does not answer, the dialog stays with what was typed and says why."""
    file = tmp_path / "alertmanager.yml"
    file.write_text("route: {receiver: none}\nreceivers: [{name: none}]\n")
    rule = {"name": "lost", "metric": "increase(test.orders.lost)", "condition": ">", "threshold": 2}
    with Alertmanager(file, tmp_path / "state") as alertmanager:
        telemetry = instrumented(
            health_monitoring__enabled=False, alerting={"rules": [rule], "alertmanagers": [alertmanager.url]}
        )
        api = telemetry.dashboard
        assert api is not None
        csg_otel.counter("test.orders.lost", unit="{order}", attributes=()).add(3)
        eventually(lambda: _fires(api))
        page = open_page(telemetry)
        page.keyboard.press("7")
        page.click("[data-rule=Lost]")
        page.click("text=Silence the rule")
        page.select_option("dialog select", "14400")
        page.fill("dialog [name=comment]", "the queue is being drained")
        page.fill("dialog [name=author]", "Ada")
        page.click("dialog .primary")
        page.wait_for_selector("#notice >> text=Lost is silenced.")
        page.wait_for_selector("[data-rule=Lost] >> text=silenced")
        (silence,) = _silences(alertmanager)
        page.click("text=Silence the rule")
        assert page.input_value("dialog [name=author]") == "Ada"

    assert (silence["createdBy"], silence["comment"]) == ("Ada", "the queue is being drained")
    assert {"name": "alertname", "value": "Lost", "isEqual": True, "isRegex": False} in silence["matchers"]
    page.fill("dialog [name=comment]", "again")
    page.click("dialog .primary")
    page.wait_for_selector("dialog .s-critical >> text=no silence was made")
    assert page.input_value("dialog [name=comment]") == "again"
