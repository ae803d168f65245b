"""A client of the web dashboard: requests with a cookie or a token, and the events of a stream."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from support.endpoints import WITHIN_S

if TYPE_CHECKING:
    from csg_otel.dashboard.http import WebDashboard
    from csg_otel.server import Server


class Answer(NamedTuple):
    """A response; the names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as a document."""
        return json.loads(self.body)


class Event(NamedTuple):
    """A server-sent event."""

    name: str
    data: Any


class Web:
    """Requests to the dashboard at ``url``; ``headers`` are sent with each."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.headers: dict[str, str] = {}

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self.url.rsplit(":", 1)[1])

    def ask(
        self, path: str, method: str = "GET", body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request on a connection of its own; *headers* replace or add to those of every request."""
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=WITHIN_S)
        connection.request(method, path, body, {**self.headers, **(headers or {})})
        response = connection.getresponse()
        answer = Answer(response.status, {key.lower(): value for key, value in response.getheaders()}, response.read())
        connection.close()
        return answer

    def get(self, path: str, **headers: str) -> Answer:
        """Request a path of the API; ``_`` in the names of headers stands for ``-``."""
        return self.ask(f"/api/v1/{path}", headers={name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        """Run an action with *body* as JSON."""
        sent = {
            "Content-Type": "application/json",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.ask(f"/api/v1/{path}", "POST", content, sent)

    def open(self, link: str) -> Answer:
        """Open a link to the page and keep its cookie."""
        answer = self.ask(link.removeprefix(self.url))
        self.headers["Cookie"] = answer.headers["set-cookie"].partition(";")[0]
        return answer

    @contextmanager
    def events(self, query: str = "") -> Iterator[Iterator[Event]]:
        """Open a stream of events, and return them as they come."""
        host, port = self.url.removeprefix("http://").rsplit(":", 1)
        with socket.create_connection((host, int(port)), WITHIN_S) as client:
            lines = [f"GET /api/v1/events{query} HTTP/1.1", "Host: localhost"]
            lines += [f"{name}: {value}" for name, value in self.headers.items()]
            client.sendall("\r\n".join([*lines, "", ""]).encode())
            with closing(http.client.HTTPResponse(client)) as response:  # otherwise it keeps the connection open
                response.begin()
                assert response.status == 200, response.status
                yield _events(response)


class ServedWeb(Web):
    """A dashboard that this process serves."""

    def __init__(self, server: Server, dashboard: WebDashboard) -> None:
        super().__init__(server.url)
        self.server = server
        self.dashboard = dashboard

    def log_in(self) -> Answer:
        """Open a new link."""
        return self.open(self.dashboard.login_url(""))


def _events(response: http.client.HTTPResponse) -> Iterator[Event]:
    name = ""
    while line := response.readline():
        field, _, value = line.decode().rstrip("\n").partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield Event(name, json.loads(value))
