"""
The dashboard as a service of the server: the page at ``/``, its files below ``/static``, the API below ``/api/v1``, and logins.

Nothing can be read without a credential (see ``access``). The order is: host, rate limit, credential, path. No code of the
program runs on the server's thread: documents and actions have threads of their own.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

from csg_otel import interruptions
from csg_otel.dashboard import openapi, schema
from csg_otel.dashboard.http.access import Access, Credential
from csg_otel.dashboard.http.assets import Assets
from csg_otel.dashboard.http.documents import BUSY, Documents
from csg_otel.dashboard.http.events import TOPICS, Events
from csg_otel.dashboard.http.headers import HTML, JSON, SECURE
from csg_otel.dashboard.http.rendering import document, problem, wants_gzip
from csg_otel.server.background import Background
from csg_otel.server.guards import access_log, guards, unauthorized
from csg_otel.server.hosts import is_loopback
from csg_otel.server.messages import PLAIN_TEXT, Response
from csg_otel.server.rate_limit import RateLimit
from csg_otel.server.serving import Purpose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from csg_otel.config import Config
    from csg_otel.dashboard.http.events import Live
    from csg_otel.server.messages import Done, Request

PURPOSE: Final = Purpose("no web dashboard here", "dashboard", "dashboard-http", is_private=True, headers=SECURE)

_API: Final = "/api/v1/"
_STATIC: Final = "/static/"

_LOGIN_LINKS: Final = "login-links"
_IMPORT: Final = "import"
_ACTIONS: Final = frozenset({"alerts/acknowledge", "services/restart", _IMPORT, _LOGIN_LINKS})

_DESCRIPTIONS: Final = {"openapi.json": openapi.document, "schema.json": schema.all_documents}

_OWN_SITES: Final = ("same-origin", "none")
"""Values of the header ``Sec-Fetch-Site`` of a request that no other site's page has sent."""

_MAX_IMPORT_BYTES: Final = 32 * 1024 * 1024
_MAX_ACTION_BYTES: Final = 64 * 1024

_LOCKED: Final = """\
<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<title>Dashboard: log in</title></head>
<body><h1>Log in</h1>
<p>This page needs a link that works once. On the machine of the program, this command prints a new one:</p>
<pre>csg-otel dashboard --web --url {url}</pre>
</body>
</html>
"""

_ENTER: Final = b"""\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=/"><title>Dashboard</title></head>
<body><a href="/">Dashboard</a></body></html>
"""
"""The response to a link on another site's page: after a redirect from there, the browser would not send the cookie."""


class WebDashboard:
    """The dashboard of one configuration."""

    def __init__(self, config: Config, source: Live, variables: Mapping[str, str]) -> None:
        """
        Show the documents of *source*.

        Args:
            config: The whole configuration.
            source: The documents and events.
            variables: The environment, by which the user's state folder is found.
        """
        security = config.security
        self._auth = security.api_auth
        self._access = Access(security.api_auth, variables)
        host = config.dashboard.host
        # On a network the token is the protection, and the names of this machine are not known.
        self._host = host
        self._guards = guards(security, host, checks_hosts=is_loopback(host))
        self._access_log = access_log(security)
        self._documents = Documents(source)
        self._events = Events(source, self._documents.expire)
        self._assets = Assets()
        self._faults = Background("dashboard-faults")
        self._url = ""

    @property
    def protected(self) -> bool:
        """Whether a client from another machine needs a token of the configuration; nothing is open without a login anyway."""
        return self._auth.enabled

    def prepare(self, url: str) -> None:
        """Let this user's command line in; the server calls this before the first request to *url*."""
        self._url = url
        address = urlsplit(url)
        self._access.open(self._host, address.port or 80, secure=address.scheme == "https")

    def close(self) -> None:
        """Remove the token file; called when the server has stopped."""
        self._access.close()

    def login_url(self, url: str) -> str:
        """Return a new link to the dashboard at *url* (that of the server); it works once, within a day."""
        return f"{url}/login?token={self._access.new_link_token()}"

    def body_limit(self, request: Request) -> int:
        """Return the most bytes of the body of *request*; nothing is kept for a client without a credential."""
        path = request.path.removeprefix(_API)
        if request.method != "POST" or path not in _ACTIONS or self._access.credential(request) is None:
            return 0
        return _MAX_IMPORT_BYTES if path == _IMPORT else _MAX_ACTION_BYTES

    def too_large(self, request: Request) -> Response:  # noqa: ARG002 - see `messages.Service`
        """Return the response 413."""
        return problem(413, "the body is too large")

    def respond(self, request: Request, done: Done) -> None:
        """Call *done* with the response to *request*, now or later on another thread. Returns at once, never raises."""
        if self._access_log is not None:
            done = self._access_log.following(request, done)
        try:
            response = self._response(request, done)
        except Exception as error:  # noqa: BLE001 - telemetry never raises into the program
            interruptions.let_through()
            self._faults.contain(error)  # on a thread of its own, because a handler of the log may hang
            response = Response(500, b"internal error\n", PLAIN_TEXT)
        if response is not None:
            done(response)

    def _response(self, request: Request, done: Done) -> Response | None:
        """Return the response; None if *done* is called with it, later."""
        for guard in self._guards:
            is_limited = not request.path.startswith(_STATIC)  # the page's files are the same for all
            if (is_limited or not isinstance(guard, RateLimit)) and (refusal := guard.refusal(request)) is not None:
                return refusal
        credential = self._access.credential(request)
        if request.path == "/login":
            return self._login(request, credential)
        if credential is None:
            return self._locked(request)
        if request.path.startswith(_API):
            return self._api(request.path.removeprefix(_API), request, credential, done)
        if request.method not in ("GET", "HEAD"):
            return _wrong_method("GET, HEAD")
        return self._page(request, credential)

    # -- the page --------------------------------------------------------------------------------------------------

    def _page(self, request: Request, credential: Credential) -> Response:
        if request.path.startswith(_STATIC):
            return self._assets.file(request.path.removeprefix(_STATIC), request)
        if request.path != "/":
            return Response(404, b"not found; the dashboard is at /\n", PLAIN_TEXT)
        response = self._assets.page(request)
        if not credential.is_session:
            return response
        return replace(response, headers={**response.headers, "Set-Cookie": self._access.new_cookie()})

    def _locked(self, request: Request) -> Response:
        """Return the response to a request without a credential, the same whatever it has sent instead."""
        challenge = {"WWW-Authenticate": unauthorized(self._auth).headers["WWW-Authenticate"]}
        if request.path.startswith(_API):
            command = f"csg-otel dashboard --web --url {self._url}"
            response = problem(401, f"unauthorized: log in by a link ({command}), or send a token")
        else:
            response = Response(401, _LOCKED.format(url=escape(self._url)).encode(), HTML)
        return replace(response, headers={**response.headers, **challenge})

    def _login(self, request: Request, credential: Credential | None) -> Response:
        """Swap the token of a link for a cookie. A client that is logged in comes to the page with a used link, too."""
        if request.method != "GET":
            return _wrong_method("GET")
        token = parse_qs(request.query).get("token", [""])[-1]
        headers = dict(HTML)
        if self._access.redeem(token):
            headers["Set-Cookie"] = self._access.new_cookie()
        elif credential is None:
            return self._locked(request)
        if request.headers.get("sec-fetch-site") == "cross-site":
            return Response(200, _ENTER, headers)
        return Response(303, b"", {**headers, "Location": "/"})

    # -- the API ---------------------------------------------------------------------------------------------------

    def _api(self, path: str, request: Request, credential: Credential, done: Done) -> Response | None:
        is_action = path in _ACTIONS
        if request.method == "POST" and is_action:
            return self._act(path, request, credential, done)
        if is_action or request.method not in ("GET", "HEAD"):
            allowed = "POST" if is_action else "GET, HEAD"
            return replace(problem(405, f"only {allowed}"), headers={**JSON, "Allow": allowed})
        if path == "events":
            return self._stream(request)
        if path == "session":
            return document({"csrf": credential.csrf})
        if path in _DESCRIPTIONS:
            return document(_DESCRIPTIONS[path](), gzip=wants_gzip(request.headers))
        self._documents.get(path, request, done)
        return None

    def _stream(self, request: Request) -> Response:
        text = ",".join(parse_qs(request.query).get("topics", TOPICS))
        topics = frozenset(text.split(","))
        if unknown := sorted(topics.difference(TOPICS)):
            return problem(400, f"there are no events {unknown[0][:40]!r}; there are {', '.join(TOPICS)}")
        if request.method == "HEAD":
            return Response(200, b"", {**JSON, "Content-Type": "text/event-stream"})
        try:
            return self._events.response(topics)
        except RuntimeError:  # the system has no more threads
            return BUSY

    def _act(self, path: str, request: Request, credential: Credential, done: Done) -> Response | None:
        if (refusal := _forged(request, credential)) is not None:
            return refusal
        if path == _LOGIN_LINKS:
            return document({"url": self.login_url(self._url)})
        types = openapi.BODY_TYPES.get(path, openapi.BODY_TYPES[""])
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in types:
            return problem(415, f"the content type must be {' or '.join(types)}")
        if path == _IMPORT:
            body: dict[str, Any] | None = {"lines": request.body.decode("utf-8", "replace")}
        else:
            body = _json_object(request.body)
        if body is None:
            return problem(400, "the body must be a JSON object")
        self._documents.post(path, body, done)
        return None


def _forged(request: Request, credential: Credential) -> Response | None:
    """Return the response to an action that another site's page may have sent; None for all others."""
    origin, host = request.headers.get("origin", ""), request.headers.get("host", "")
    sent = request.headers.get("x-csrf-token", "").encode("utf-8", "surrogateescape")
    # Other ports of this machine are of the same site, so the browser sends the cookie with requests of their pages.
    is_foreign = request.headers.get("sec-fetch-site", "same-origin") not in _OWN_SITES or _is_foreign(origin, host)
    if is_foreign or (credential.csrf and not hmac.compare_digest(sent, credential.csrf.encode())):
        return problem(403, "the header X-CSRF-Token must be the csrf of /api/v1/session; reload the page")
    return None


def _is_foreign(origin: str, host: str) -> bool:
    """Return whether the header ``Origin`` names another site than *host*, or none at all; browsers may leave it out."""
    try:
        return bool(origin) and urlsplit(origin).netloc.lower() != host.strip().lower()
    except ValueError:  # such as an open bracket
        return True


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _wrong_method(allowed: str) -> Response:
    return Response(405, f"only {allowed}\n".encode(), {**PLAIN_TEXT, "Allow": allowed})
