"""The mounted endpoints as plain ASGI and WSGI applications: they need no framework, and never block an event loop."""

from __future__ import annotations

import asyncio
import threading
import wsgiref.util
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from csg_otel.server import Request, Response, apps
from csg_otel.server.messages import Done


class Answers:
    """A handler that answers on another thread when its gate opens."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.gate = threading.Event()
        self.threads: list[threading.Thread] = []

    def __call__(self, request: Request, done: Done) -> None:
        """Answer with the path."""
        self.requests.append(request)

        def answer() -> None:
            self.gate.wait(30)
            done(Response(200, request.path.encode()))

        self.threads.append(threading.Thread(target=answer))
        self.threads[-1].start()


@pytest.fixture
def answers() -> Iterator[Answers]:
    """A handler whose threads end with the test."""
    handler = Answers()
    yield handler
    handler.gate.set()
    for thread in handler.threads:
        thread.join()


def scope(method: str = "GET", path: str = "/monitoring/metrics", **fields: Any) -> dict[str, Any]:
    """Return the scope of a request, as servers write it."""
    return {
        "type": "http",
        "method": method,
        "path": path,
        "root_path": "/monitoring",
        "query_string": b"verbose&x=%20",
        "headers": [(b"host", b"a"), (b"X-A", b"\xe9")],
        "client": ("192.0.2.1", 1),
        **fields,
    }


async def _nothing() -> dict[str, Any]:
    raise AssertionError("the body of a request is not read")


def test_a_request_on_asyncio_leaves_the_loop_free(answers: Answers) -> None:
    """Other tasks run until the response is there; a client that leaves meanwhile does no harm."""
    application, sent = apps.asgi(answers), list[dict[str, Any]]()

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def main() -> None:
        leaving = asyncio.ensure_future(application(scope(), _nothing, send))
        staying = asyncio.ensure_future(application(scope("HEAD"), _nothing, send))
        await asyncio.sleep(0)
        leaving.cancel()
        assert not staying.done()
        answers.gate.set()
        await asyncio.wait_for(staying, 50)

    asyncio.run(main())

    assert sent[0]["status"] == 200
    assert (b"content-length", b"8") in sent[0]["headers"]
    assert sent[1]["body"] == b""  # of a HEAD
    request = answers.requests[0]
    assert (request.path, request.query, request.client) == ("/metrics", "verbose&x=%20", "192.0.2.1")
    assert request.headers["x-a"] == "é"


def _run_without_a_loop(coroutine: Any) -> None:
    with pytest.raises(StopIteration):
        coroutine.send(None)


def test_another_event_loop_is_served_as_well(answers: Answers) -> None:
    """Trio's, for example: nothing of asyncio is needed."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    answers.gate.set()
    _run_without_a_loop(apps.asgi(answers)(scope(client=None), _nothing, send))

    assert (sent[0]["status"], sent[1]["body"]) == (200, b"/metrics")
    assert answers.requests[0].client == ""


@pytest.mark.parametrize(
    ("kind", "received", "expected"),
    [
        (
            "lifespan",
            ["lifespan.startup", "lifespan.shutdown"],
            ["lifespan.startup.complete", "lifespan.shutdown.complete"],
        ),
        ("websocket", ["websocket.connect"], ["websocket.close"]),
    ],
)
def test_what_is_no_request_is_confirmed_or_refused(
    answers: Answers, kind: str, received: list[str], expected: list[str]
) -> None:
    """A server waits for the lifespan's answers; a WebSocket is refused."""
    sent: list[str] = []

    async def receive() -> dict[str, Any]:
        return {"type": received.pop(0)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message["type"])

    _run_without_a_loop(apps.asgi(answers)({"type": kind}, receive, send))

    assert sent == expected
    assert answers.requests == []


def _call_wsgi(handler: Callable[..., None], method: str = "GET") -> tuple[str, bytes]:
    environ: dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": "/livez", "HTTP_X_A": "b"}
    wsgiref.util.setup_testing_defaults(environ)
    statuses: list[str] = []
    body = b"".join(apps.wsgi(handler)(environ, lambda status, headers: statuses.append(status)))
    return statuses[0], body


def test_a_thread_of_a_wsgi_server_waits(answers: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the response; not for ever, where a collection hangs."""
    threading.Timer(0.05, answers.gate.set).start()
    assert _call_wsgi(answers) == ("200 OK", b"/livez")
    assert _call_wsgi(answers, "HEAD") == ("200 OK", b"")

    monkeypatch.setattr(apps, "_WAIT_S", 0.01)
    answers.gate.clear()
    assert _call_wsgi(answers)[0] == "503 Service Unavailable"


def test_a_request_on_asyncio_ends_where_no_response_comes(answers: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    """A collection that hangs keeps no request of the user's server for ever; a late response does no harm."""
    monkeypatch.setattr(apps, "_WAIT_S", 0.01)
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def main() -> None:
        await apps.asgi(answers)(scope(), _nothing, send)
        answers.gate.set()
        answers.threads[0].join()
        await asyncio.sleep(0)

    asyncio.run(main())
    assert (sent[0]["status"], sent[1]["body"]) == (503, b"no response in time\n")
