"""
The API under attack by schemathesis, which makes requests from the OpenAPI document: valid ones, and ones that break it.

No response is a fault, each is one of the document, and nothing can be read without a credential.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import schemathesis

from csg_otel.dashboard import openapi
from csg_otel.dashboard.api import Api
from csg_otel.dashboard.http import web_dashboard
from support.json_server import json_server
from support.programs import Program
from support.web_client import ServedWeb, Web

TOKEN = "t" * 40
TESTS = Path(__file__).parents[1]

SOURCE = """
import logging, sys
import csg_otel

telemetry = csg_otel.instrument("shop", exporters=["prometheus"], dashboard__enabled=True, dashboard__port=0,
    system_monitoring__collection_interval=1, health_monitoring__enabled=False,
    alerting__alertmanagers=[ALERTMANAGER], SECURITY)
log = logging.getLogger("shop.orders")
orders = csg_otel.counter("orders", attributes=("kind",))
for number in range(20):
    with csg_otel.observe("order", {"number": number}):
        orders.add(1, {"kind": "book"})
        log.warning("order %s", number)
print(telemetry.dashboard_url, flush=True)
sys.stdin.readline()
"""

RUNS = {
    "short": ("fuzzing", 5, "/"),
    "states": ("coverage,stateful", 25, "/"),
    "traces": ("fuzzing", 250, "^/traces"),
    "logs": ("fuzzing", 250, "^/(logs|export|status|health)"),
    "metrics": ("fuzzing", 250, "^/(metrics|system)"),
    "events": ("fuzzing", 40, "^/events"),
    "actions": ("fuzzing", 250, "^/(alerts|services|import)"),
    "others": ("fuzzing", 250, "^/(changed|session|login|schema|openapi)"),
}
"""Phases, cases of the random phases for each operation, and paths of each run; all but the first one are slow."""

# Whether a valid request is possible depends on what is kept, on the time and on each other's parameters.
CONFIGURATION = """
hooks = "support.schemathesis_hooks"
max-redirects = 0
max-stream-events = 2  # the greeting and the first one

[[operations]]
include-path = ["/metrics/series", "/changed", "/import"]
checks.positive_data_acceptance.expected-statuses = ["2xx", 400, 401, 404]
"""


@contextmanager
def shop(folder: Path, *, auth: bool) -> Iterator[tuple[Program, Web]]:
    """Run a program with a dashboard, whose silences go to a stand-in of Alertmanager."""

    def silences(method: str, _target: str, _headers: Any, _body: Any) -> tuple[int, Any]:
        return 200, {"silenceID": "1"} if method == "POST" else []

    security = f'security={{"api_auth": {{"enabled": True, "tokens": ["{TOKEN}"]}}}}' if auth else ""
    with json_server(silences) as address:
        source = SOURCE.replace("ALERTMANAGER", repr(address)).replace("SECURITY", security)
        with Program(source, folder, {"XDG_STATE_HOME": str(folder / "state")}) as program:
            link = program.line()
            assert link, program.stderr
            yield program, Web(link.partition("/login")[0])


def attack(web: Web, folder: Path, token: str, run: tuple[str, int, str]) -> tuple[Counter[int], str]:
    """Let schemathesis loose on *web*; return the number of responses by status, and its report if it finds anything."""
    phases, count, paths = run
    document, settings, cases = folder / "openapi.json", folder / "schemathesis.toml", folder / "cases.txt"
    document.write_text(json.dumps(openapi.document()), encoding="utf-8")
    settings.write_text(CONFIGURATION, encoding="utf-8")
    cases.write_text("", encoding="utf-8")
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(settings), "run", str(document)),
        *("--url", f"{web.url}/api/v1", "--phases", phases, "--max-examples", str(count), "--checks", "all"),
        *("--include-path-regex", paths),
        *("--seed", "14", "--generation-deterministic", "--request-timeout", "30"),
        *("--warnings", "off", "--suppress-health-check", "all", "--no-color", "--continue-on-failure"),
        *(("-H", f"Authorization: Bearer {token}") if token else ()),
    ]
    variables = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")]),
        "CASES": str(cases),
        "LOCKED": "" if token == TOKEN else "yes",
    }
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False, timeout=280)
    statuses = Counter(int(line.split()[0]) for line in cases.read_text(encoding="utf-8").splitlines())
    return statuses, "" if done.returncode == 0 else done.stdout + done.stderr


def test_the_openapi_document_is_valid() -> None:
    """By the schema of OpenAPI 3.1."""
    schemathesis.openapi.from_dict(openapi.document()).validate()


def test_the_openapi_document_has_every_route(api: Api) -> None:
    """What the server answers is in the document, and the other way round, with the method; `HEAD` goes with `GET`."""
    documents = (*api._pages, "traces/{trace_id}", "events", "session", *web_dashboard._DESCRIPTIONS)
    served = {
        **{f"/{path}": ["get"] for path in documents},
        **{f"/{path}": ["post"] for path in web_dashboard._ACTIONS},
    }

    assert {path: list(methods) for path, methods in openapi.document()["paths"].items()} == served


@pytest.mark.parametrize("run", [pytest.param(run, marks=() if run == "short" else pytest.mark.slow) for run in RUNS])
def test_no_request_made_from_the_document_is_a_fault(tmp_path: Path, run: str) -> None:
    """
    Each response is one of the document, by status, content type and schema; other methods get 405.

    What the document allows is possible, what it forbids is refused, nothing is logged, and the program goes on.
    """
    with shop(tmp_path, auth=True) as (program, web):
        statuses, report = attack(web, tmp_path, TOKEN, RUNS[run])
        print(f"{sum(statuses.values())} cases: {dict(sorted(statuses.items()))}")

        assert report == ""
        assert set(statuses) <= {200, 400, 404, 405, 415}
        assert statuses[200] > 20
        assert web.ask("/api/v1/status", headers={"Authorization": f"Bearer {TOKEN}"}).status == 200
        assert [line for line in program.stderr.splitlines() if " order " not in line] == []


@pytest.mark.parametrize("header", ["", f"Bearer {'T' * 40}", "Basic dDp0", "Bearer"])
@pytest.mark.parametrize("tokens", [(), (TOKEN,)], ids=["no tokens", "tokens"])
def test_no_operation_passes_without_a_credential(
    serve_web: Callable[..., ServedWeb], tokens: tuple[str, ...], header: str
) -> None:
    """Each, and each other method, gets 401 with a challenge, where tokens are configured and where none are."""
    web = serve_web(security={"api_auth": {"enabled": bool(tokens), "tokens": list(tokens)}})
    for path, method in product(openapi.document()["paths"], ("GET", "HEAD", "POST", "DELETE", "OPTIONS")):
        answer = web.ask(f"/api/v1{path}", method, b"{}", {"Authorization": header} if header else {})
        assert answer.status == 401, (method, path)
        assert answer.headers["www-authenticate"], (method, path)


@pytest.mark.slow
@pytest.mark.parametrize(("auth", "token"), [(False, ""), (True, "T" * 40)], ids=["no token", "a wrong token"])
def test_no_request_made_from_the_document_passes_without_a_credential(tmp_path: Path, auth: bool, token: str) -> None:
    """All get 401 with a challenge, whatever is valid about them, where tokens are configured and where none are."""
    with shop(tmp_path, auth=auth) as (program, web):
        statuses, report = attack(web, tmp_path, token, ("coverage,fuzzing", 20, "/"))

        assert report == ""
        assert set(statuses) == {401}
        assert statuses[401] > 500
        assert [line for line in program.stderr.splitlines() if " order " not in line] == []
