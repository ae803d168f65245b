"""The web dashboard over HTTP: who gets in, what a browser may do with its responses, and what is served."""

from __future__ import annotations

import gzip
import json
import logging
import math
import re
import stat
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest

from csg_otel import clocks
from csg_otel.dashboard.http import documents
from support.dashboard_source import SetSource
from support.programs import eventually
from support.web_client import ServedWeb

Serve = Callable[..., ServedWeb]

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'"
)
PATHS = [
    *("/", "/index.html", "/static/index.html", "/static/page.js", "/static/nothing", "/nothing", "/favicon.ico"),
    *("/login", "/login?token=", "/login?token=wrong", "/api/v1", "/api/v1/", "/api/v2/status", "/metrics", "/livez"),
    *(
        f"/api/v1/{path}"
        for path in (
            *("status", "health", "traces", "traces/" + "0" * 32, "logs", "metrics", "metrics/series?name=x", "system"),
            *("alerts", "changed", "events", "export", "import", "session", "login-links", "openapi.json"),
            *("schema.json", "alerts/acknowledge", "services/restart", "nothing"),
        )
    ),
]


# -- who gets in ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong"}, {"Cookie": "csg_otel_PORT=9999999999.00.00"}],
    ids=["nothing", "a wrong token", "a forged cookie"],
)
def test_nothing_is_readable_without_a_credential(
    web: ServedWeb, source: SetSource, path: str, headers: dict[str, str]
) -> None:
    """Whether or not the path exists, by every method; the response to a missing credential is that to a wrong one."""
    headers = {name: value.replace("PORT", str(web.port)) for name, value in headers.items()}
    for method in ("GET", "POST"):
        if path.startswith("/login") and method == "POST":
            continue
        answer, missing = web.ask(path, method, headers=headers), web.ask(path, method)

        assert answer.status == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "set-cookie" not in answer.headers
        assert (answer.body, answer.headers.keys()) == (missing.body, missing.headers.keys())
        assert f"csg-otel dashboard --web --url {web.url}".encode() in answer.body
    assert web.ask(path, "HEAD").status == (405 if path.startswith("/login") else 401)
    assert not source.requests
    assert not source.posts
    assert not source.looks


def test_a_link_works_once_and_its_cookie_is_for_browsers_only(web: ServedWeb) -> None:
    """It leads to the page; scripts do not see the cookie, and no other site's page makes the browser send it."""
    path = web.dashboard.login_url("")
    for link_preview in ("HEAD", "POST"):
        assert web.ask(path, link_preview).status == 405
    first, second = web.ask(path), web.ask(path)

    assert (first.status, first.headers["location"], first.headers["cache-control"]) == (303, "/", "no-store")
    name, *flags = first.headers["set-cookie"].split("; ")
    assert re.fullmatch(rf"csg_otel_{web.port}=\d+\.[0-9a-f]+\.[0-9a-f]+", name)
    assert flags == ["Path=/", "Max-Age=604800", "HttpOnly", "SameSite=Strict"]
    assert second.status == 401
    web.headers["Cookie"] = f'theirs={{"a": 1}}; {name}; other=1'
    assert web.get("status").json == {"overall": "healthy"}
    again = web.ask(path)
    assert (again.status, again.headers.get("set-cookie")) == (303, None)


def test_a_link_on_another_site_s_page_needs_no_cookie_for_the_redirect(web: ServedWeb) -> None:
    """The browser would not send it: the page opens the dashboard itself."""
    answer = web.ask(web.dashboard.login_url(""), headers={"Sec-Fetch-Site": "cross-site"})

    assert answer.status == 200
    assert b'<meta http-equiv="refresh" content="0;url=/">' in answer.body
    assert "set-cookie" in answer.headers


def test_links_and_sessions_end(web: ServedWeb, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link after a day or when 16 newer ones exist, a session after a week."""
    links = [web.dashboard.login_url("") for _ in range(17)]
    assert web.ask(links[0]).status == 401
    assert web.ask(links[1]).status == 303
    web.log_in()
    now, wall = clocks.monotonic(), time.time()
    monkeypatch.setattr(clocks, "monotonic", lambda: now + 86400 + 60)
    assert web.ask(links[2], headers={"Cookie": ""}).status == 401
    monkeypatch.undo()
    monkeypatch.setattr(time, "time", lambda: wall + 6 * 86400)
    assert web.get("status").status == 200
    renewed = web.ask("/").headers["set-cookie"].partition(";")[0]
    monkeypatch.setattr(time, "time", lambda: wall + 8 * 86400)
    assert web.get("status").status == 401
    assert web.get("status", Cookie=renewed).status == 200


def test_a_session_survives_a_restart_and_is_for_one_port(serve_web: Serve, tmp_path: Path) -> None:
    """By the key in the user's state folder; without the folder, a restart ends it."""
    first, other, stateless = serve_web(), serve_web(), serve_web(state=None)
    for web in (first, stateless):
        web.log_in()
        web.server.stop(30.0)
        web.dashboard.close()
    second, forgetful = serve_web(port=first.port), serve_web(port=stateless.port, state=None)

    cookie = first.headers["Cookie"]
    assert second.get("status", Cookie=cookie).status == 200
    assert forgetful.get("status", Cookie=stateless.headers["Cookie"]).status == 401
    assert other.get("status", Cookie=cookie.replace(str(first.port), str(other.port))).status == 401
    key = tmp_path / "state" / "csg-otel" / "dashboard" / "key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("method", "accepted", "refused"),
    [
        ("token", ["Bearer one", "bearer two"], ["Bearer One", "Bearer one two", "one", "Basic one", "Bearer ön"]),
        ("basic", ["Basic " + b64encode(b"ops:pa55").decode()], ["Bearer ops:pa55", "Basic ops:pa55"]),
    ],
)
def test_configured_tokens_let_in(serve_web: Serve, method: str, accepted: list[str], refused: list[str]) -> None:
    """Several for rotation; never in the query string."""
    tokens = ["one", "two"] if method == "token" else ["ops:pa55"]
    web = serve_web(security={"api_auth": {"enabled": True, "method": method, "tokens": tokens}})

    assert [web.get("status", Authorization=header).status for header in accepted] == [200] * len(accepted)
    assert {web.get("status", Authorization=header).status for header in refused} == {401}
    assert web.get("status?token=one&access_token=one").status == 401
    assert web.get("status").headers["www-authenticate"].partition(" ")[0] == method.replace("token", "bearer").title()


def test_the_token_file_lets_this_user_s_command_line_in(web: ServedWeb, tmp_path: Path) -> None:
    """It is named for the port, only this user reads it, a new link is had by it, and it goes with the dashboard."""
    file = tmp_path / "state" / "csg-otel" / "dashboard" / f"{web.port}.token"
    eventually(file.exists)
    token, host = file.read_text().split()

    assert host == "127.0.0.1"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    answer = web.post("login-links", {}, Authorization=f"Bearer {token}")
    assert answer.status == 200
    assert answer.json["url"].startswith(f"{web.url}/login?token=")
    assert web.ask(answer.json["url"].removeprefix(web.url)).status == 303
    assert web.get(f"status?token={token}").status == 401
    web.server.stop(30.0)
    web.dashboard.close()
    assert not file.exists()


def test_a_token_file_of_another_process_stays(web: ServedWeb, tmp_path: Path) -> None:
    """That process has got the port."""
    file = tmp_path / "state" / "csg-otel" / "dashboard" / f"{web.port}.token"
    eventually(file.exists)
    file.write_text("newer\n")
    web.dashboard.close()

    assert file.read_text() == "newer\n"


def test_without_a_state_folder_the_link_works(serve_web: Serve) -> None:
    """And nothing else."""
    web = serve_web(state=None)
    web.log_in()

    assert web.get("status").status == 200


def test_a_dashboard_that_everybody_can_reach_needs_a_token(serve_web: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """Without one it does not start, and one line has what to set."""
    caplog.set_level(logging.WARNING, "csg_otel")
    web = serve_web("0.0.0.0")

    assert web.url == ""
    problem = "0.0.0.0:0 can be reached from other machines without a token; set security.api_auth, or dashboard.host"
    assert caplog.messages == [f"no web dashboard here: {problem} to 127.0.0.1"]
    assert serve_web("0.0.0.0", security={"api_auth": {"enabled": True, "tokens": ["one"]}}).url


# -- what a browser may do --------------------------------------------------------------------------------------------------


def test_every_response_has_the_headers_of_the_policy(web: ServedWeb) -> None:
    """The page, its files, documents, refusals and errors; nothing allows another origin."""
    answers = [web.ask(path) for path in ("/", "/nothing", "/login?token=x", "/api/v1/status")]
    answers.append(web.ask("/", headers={"Host": "evil.example"}))
    web.log_in()
    for path in ("/", "/nothing", "/static/page.js", "/api/v1/status", "/api/v1/nothing", "/api/v1/events?topics=x"):
        answers += [web.ask(path), web.ask(path, "DELETE")]

    for answer in answers:
        assert answer.headers["content-security-policy"] == CSP
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert not [name for name in answer.headers if name.startswith("access-control")]
    assert web.get("status").headers["cache-control"] == "no-store"
    assert web.get("nothing").headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        *(
            ("localhost", 200),
            ("localhost:8080", 200),
            ("app.localhost", 200),
            ("127.0.0.1:1", 200),
            ("[::1]:8080", 200),
        ),
        *(("evil.example", 421), ("localhost.evil.example", 421), ("127.0.0.1.evil.example", 421), ("evil", 421)),
    ],
)
def test_another_name_of_this_address_is_refused(web: ServedWeb, host: str, status: int) -> None:
    """DNS rebinding: the name of a page's host that leads to this machine; even with the cookie, and without a setting."""
    web.log_in()

    assert web.get("status", Host=host).status == status


def test_on_a_network_every_name_leads_to_the_dashboard(serve_web: Serve) -> None:
    """There the token is the protection; the names are limited where a setting lists them."""
    auth = {"enabled": True, "tokens": ["one"]}
    for hosts, status in (([], 200), (["shop.internal"], 421)):
        web = serve_web("0.0.0.0", dashboard={"host": "0.0.0.0"}, security={"api_auth": auth, "allowed_hosts": hosts})

        assert web.get("status", Host="shop-1:8080", Authorization="Bearer one").status == status


def test_allowed_hosts_are_allowed(serve_web: Serve) -> None:
    """As for the endpoints; ``*`` allows every name."""
    for allowed, statuses in ((["dash.example.org"], [200, 421]), (["*"], [200, 200])):
        web = serve_web(security={"allowed_hosts": allowed})
        web.log_in()

        assert [web.get("status", Host=host).status for host in ("dash.example.org:8080", "evil.example")] == statuses


def test_actions_need_the_token_of_the_session(web: ServedWeb, source: SetSource) -> None:
    """Another site's page cannot send it; a request with a token instead of a cookie needs none."""
    web.log_in()
    csrf = web.get("session").json["csrf"]
    other = ServedWeb(web.server, web.dashboard)
    other.log_in()

    for headers in ({}, {"X_CSRF_Token": "wrong"}, {"X_CSRF_Token": other.get("session").json["csrf"]}):
        assert web.post("services/restart", {}, **headers).status == 403
    assert web.post("services/restart", {}, X_CSRF_Token=csrf, Origin="http://evil.example").status == 403
    assert not source.posts
    answer = web.post("services/restart", {}, X_CSRF_Token=csrf, Origin=web.url)
    assert (answer.status, answer.json) == (200, {"restarted": True})
    bearer = f"Bearer {web.dashboard._access._token}"
    assert web.post("alerts/acknowledge", {"alert": "x"}, Authorization=bearer, Cookie="").status == 200
    assert source.posts == [("services/restart", {}), ("alerts/acknowledge", {"alert": "x"})]
    assert "csg-otel-dashboard-http" not in source.threads


def test_user_and_password_need_the_token_too(serve_web: Serve, source: SetSource) -> None:
    """Browsers send them by themselves, as they send cookies."""
    web = serve_web(security={"api_auth": {"enabled": True, "method": "basic", "tokens": ["ops:pa55"]}})
    web.headers["Authorization"] = "Basic " + b64encode(b"ops:pa55").decode()

    assert web.post("services/restart", {}).status == 403
    assert web.post("services/restart", {}, X_CSRF_Token=web.get("session").json["csrf"]).status == 200


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{}", "application/json; charset=utf-8", 200),
        (b"{}", "text/plain", 415),
        (b"[]", "application/json", 400),
        (b"", "application/json", 400),
        (b"[" * 60_000, "application/json", 400),
        (b'{"a": "' + b"x" * 70_000 + b'"}', "application/json", 413),
    ],
)
def test_the_body_of_an_action_is_a_small_json_object(
    web: ServedWeb, body: bytes, content_type: str, status: int
) -> None:
    """Everything else is refused before the action."""
    web.log_in()
    csrf = web.get("session").json["csrf"]

    answer = web.post("alerts/acknowledge", body, X_CSRF_Token=csrf, Content_Type=content_type)

    assert answer.status == status
    assert ("error" in answer.json) == (status != 200)


def test_an_import_may_be_large(web: ServedWeb, source: SetSource) -> None:
    """Megabytes of lines; from a client without a credential, nothing is kept."""
    lines = b'{"resourceSpans": []}\n' * 400_000
    assert web.post("import", b"x" * 60_000, Content_Type="application/x-ndjson").status == 401
    web.log_in()
    answer = web.post(
        "import", lines, Content_Type="application/x-ndjson", X_CSRF_Token=web.get("session").json["csrf"]
    )

    assert answer.status == 200
    assert source.posts == [("import", {"lines": lines.decode()})]


def test_an_import_has_a_content_type(web: ServedWeb, source: SetSource) -> None:
    """That of lines, or of one JSON object; what a form or a careless client sends is refused, with those that are taken."""
    web.log_in()
    token = web.get("session").json["csrf"]
    for media_type in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "",
        "application/x-ndjsonx",
        "multipart/form-data",
    ):
        answer = web.post("import", b"{}", Content_Type=media_type, X_CSRF_Token=token)
        assert (answer.status, answer.json) == (
            415,
            {"error": "the content type must be application/x-ndjson or application/json"},
        )
    assert source.posts == []
    for media_type in ("application/x-ndjson", "application/json", "Application/X-NDJSON; charset=utf-8"):
        assert web.post("import", b"{}", Content_Type=media_type, X_CSRF_Token=token).status == 200


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        *((method, "/", "GET, HEAD") for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE")),
        ("POST", "/static/page.js", "GET, HEAD"),
        ("POST", "/api/v1/status", "GET, HEAD"),
        ("OPTIONS", "/api/v1/status", "GET, HEAD"),
        ("GET", "/api/v1/services/restart", "POST"),
        ("PUT", "/api/v1/services/restart", "POST"),
        ("GET", "/api/v1/import", "POST"),
    ],
)
def test_wrong_methods_are_refused(web: ServedWeb, source: SetSource, method: str, path: str, allowed: str) -> None:
    """With the right ones in a header."""
    web.log_in()
    answer = web.ask(path, method)

    assert (answer.status, answer.headers["allow"]) == (405, allowed)
    assert not source.requests
    assert not source.posts


# -- what is served ---------------------------------------------------------------------------------------------------------


def test_the_page_s_files_are_served(web: ServedWeb) -> None:
    """Compressed for those that accept it, and not sent again to a client that has them."""
    web.log_in()
    page, script = web.ask("/"), web.ask("/static/page.js")
    zipped = web.ask("/", headers={"Accept-Encoding": "gzip, br"})

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert zipped.headers["content-encoding"] == "gzip"
    assert gzip.decompress(zipped.body) == page.body
    assert (page.headers["cache-control"], page.headers["vary"]) == ("no-cache", "Accept-Encoding, Cookie")
    known = web.ask("/", headers={"If-None-Match": page.headers["etag"]})
    assert (known.status, known.body) == (304, b"")
    assert web.ask("/", headers={"If-None-Match": script.headers["etag"]}).status == 200


def test_a_browser_keeps_a_file_of_the_page_as_long_as_its_version_is_the_page_s(web: ServedWeb) -> None:
    """The page names its files with their versions; at an address without the version, they are asked for each time."""
    web.log_in()
    names = re.findall(r'(?:src|href)="(/static/[^"]+)"', web.ask("/").body.decode())
    caching = {name.partition("?")[0]: web.ask(name).headers["cache-control"] for name in names}

    assert caching.keys() == {"/static/page.css", "/static/page.js", "/static/icon.svg"}
    assert set(caching.values()) == {"private, max-age=31536000, immutable"}
    assert {web.ask(name).headers["cache-control"] for name in ("/static/page.js", "/static/page.js?v=old")} == {
        "no-cache"
    }


def test_the_page_comes_in_the_theme_of_its_user(web: ServedWeb) -> None:
    """As the cookie says, which the page sets; by the system without one, or with one that it has not set."""
    web.log_in()
    session = web.headers["Cookie"]
    choices = ("", "dark", "light", "dark2", '"><script>')
    pages = [web.ask("/", headers={"Cookie": f"{session}; csg_otel_theme={choice}"}) for choice in choices]
    heads = [page.body.decode().splitlines()[1] for page in pages]

    assert heads == [
        *('<html lang="en">', '<html data-theme="dark" lang="en">', '<html data-theme="light" lang="en">'),
        *('<html lang="en">', '<html lang="en">'),
    ]
    assert len({page.headers["etag"] for page in pages}) == 3


@pytest.mark.parametrize(
    "path",
    [
        *(
            "../outside.js",
            "js/../../outside.js",
            "..%2foutside.js",
            "%2e%2e/outside.js",
            "/etc/passwd",
            "//etc/passwd",
        ),
        *("..\\outside.js", "js", "js/", "", ".", "..", "js/main.js", "js//main.js", "page.js/", "%00", "page.js%00"),
        *("index.html", "vendor/uPlot.LICENSE", "../http/access.py"),
    ],
)
def test_no_path_leads_out_of_the_page_s_files(web: ServedWeb, path: str) -> None:
    """Nor to a file of another kind: the page's files are known by name."""
    web.log_in()

    assert web.ask(f"/static/{path}").status == 404


def test_documents_are_json_without_nan(web: ServedWeb, source: SetSource) -> None:
    """Compressed where that is accepted; parameters arrive as text, those that are repeated as a list."""
    values = [1.5, math.nan, math.inf, -math.inf]
    source.documents["metrics/series"] = {"values": values, "label": "\ud800 <b>" + "x" * 2000}
    web.log_in()
    answer = web.get("metrics/series?name=a%20b&by=x&by=y&text=")
    zipped = web.get("metrics/series?name=a%20b&by=x&by=y&text=", Accept_Encoding="gzip")

    assert answer.json["values"] == [1.5, None, None, None]
    assert answer.headers["content-type"] == "application/json"
    assert zipped.headers["content-encoding"] == "gzip"
    assert gzip.decompress(zipped.body) == answer.body
    assert source.requests[0] == ("metrics/series", {"name": "a b", "by": ["x", "y"], "text": ""})
    assert "csg-otel-dashboard-http" not in source.threads
    assert web.ask("/api/v1/status", "HEAD").body == b""


def test_an_export_is_a_file_of_lines(web: ServedWeb, source: SetSource) -> None:
    """As the source returns them."""
    source.documents["export"] = '{"resourceSpans": []}\n{"resourceLogs": []}\n'
    web.log_in()
    answer = web.get("export?signals=traces")

    assert answer.body.decode() == source.documents["export"]
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["content-disposition"] == 'attachment; filename="telemetry.jsonl"'


def test_errors_say_what_is_wrong(web: ServedWeb, source: SetSource, monkeypatch: pytest.MonkeyPatch) -> None:
    """A document that does not exist, a wrong parameter, too many of them, and a fault of the source."""
    web.log_in()

    assert (web.get("traces/00").status, web.get("traces/00").json) == (
        404,
        {"error": "there is no document 'traces/00'"},
    )
    assert (web.get("traces?wrong=1").status, web.get("traces?wrong=1").json) == (
        400,
        {"error": "there is no parameter 'wrong'"},
    )
    assert web.get("traces?" + "&".join(["a=1"] * 200)).json == {"error": "more than 100 parameters"}
    assert web.get("events?topics=status,nothing").json["error"].startswith("there are no events 'nothing'")


def test_equal_requests_share_a_rendering_for_a_second(
    web: ServedWeb, source: SetSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those that come while it is computed; an action makes what is kept too old."""
    gate, began = threading.Event(), threading.Event()

    def slow(_: object) -> dict[str, int]:
        began.set()
        gate.wait(60)
        return {"number": len(source.requests)}

    source.documents["system"] = slow
    web.log_in()
    answers: list[bytes] = []
    threads = [threading.Thread(target=lambda: answers.append(web.get("system").body)) for _ in range(20)]
    for thread in threads:
        thread.start()
    assert began.wait(60)
    eventually(lambda: sum(map(len, web.dashboard._documents._waiting.values())) == 20)
    gate.set()
    for thread in threads:
        thread.join()

    assert answers == [b'{"number":1}'] * 20
    monkeypatch.setattr(documents, "_FRESH_S", 60.0)
    eventually(lambda: web.get("system").body == b'{"number":2}')
    assert web.get("system").body == b'{"number":2}'
    assert web.get("system?range=60").body == b'{"number":3}'
    web.post("services/restart", {}, X_CSRF_Token=web.get("session").json["csrf"])
    assert web.get("system").body == b'{"number":4}'


def test_a_slow_document_delays_neither_the_page_nor_an_action(web: ServedWeb, source: SetSource) -> None:
    """The page's files and the login come from the server's thread, what takes long from a thread of its own."""
    gate = threading.Event()
    source.documents["status"] = lambda _: gate.wait(60)
    source.documents["changed"] = {"changes": []}
    web.log_in()
    thread = threading.Thread(target=lambda: web.get("status"))
    thread.start()
    eventually(lambda: source.requests)

    assert [web.ask(path).status for path in ("/", "/static/page.js", "/api/v1/session")] == [200] * 3
    assert web.get("changed").status == 200
    gate.set()
    thread.join()


def test_the_rate_limit_and_the_access_log_are_those_of_the_settings(
    serve_web: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """The page's files are not counted; no query string, which may have the token of a link, is logged."""
    web = serve_web(
        security={
            "rate_limiting": {"enabled": True, "requests_per_minute": 3},
            "access_logging": {"enabled": True},
        }
    )
    caplog.set_level(logging.INFO, "csg_otel.access")
    web.log_in()
    statuses = [web.get("status").status for _ in range(3)]

    assert statuses == [200, 200, 429]
    assert web.ask("/static/nothing.js").status == 404
    eventually(lambda: len(caplog.messages) == 5)
    assert caplog.messages[0].startswith("127.0.0.1 GET /login 303 0 bytes ")
    assert caplog.messages[3].startswith("127.0.0.1 GET /api/v1/status 429 ")
    assert not [line for line in caplog.messages if "token" in line]


def test_the_client_s_identity_is_in_the_page_of_the_login(web: ServedWeb) -> None:
    """A page that is locked is plain HTML, with nothing of the program in it."""
    answer = web.ask("/")

    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert b"<script" not in answer.body
    assert b"<style" not in answer.body
    assert json.loads(web.get("status").body).keys() == {"error"}
