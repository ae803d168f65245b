"""The endpoints as plain ASGI and WSGI applications, to be mounted into the user's application; they need no framework."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import Any, Final

from csg_otel import waits
from csg_otel.server.messages import Handler, Request, Response

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_WAIT_S: Final = 30.0
"""Seconds that a request waits for its response in the user's server; a collection takes at most a fraction of it."""


def asgi(handler: Handler) -> Asgi:
    """Return *handler* as an ASGI application."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            request = _request_of_scope(scope)
            await _send(await _response(handler, request), send, with_body=request.method != "HEAD")
        elif scope["type"] == "lifespan":
            await _follow_lifespan(receive, send)
        else:
            await receive()
            await send({"type": "websocket.close"})

    return application


async def _response(handler: Handler, request: Request) -> Response:
    """Return the response to *request* without blocking the event loop of asyncio; another event loop is blocked."""
    import asyncio  # already loaded in a program that has a loop

    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return _blocking_response(handler, request)
    future: asyncio.Future[Response] = loop.create_future()

    def finish(response: Response) -> None:
        if not future.done():  # the client may have left
            future.set_result(response)

    def done(response: Response) -> None:
        try:
            loop.call_soon_threadsafe(finish, response)
        except RuntimeError:  # the program has closed its event loop
            return

    handler(request, done)
    try:
        return await asyncio.wait_for(future, _WAIT_S)
    except asyncio.TimeoutError:
        return _late()


async def _send(response: Response, send: Any, *, with_body: bool) -> None:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
    headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body if with_body else b""})


async def _follow_lifespan(receive: Any, send: Any) -> None:
    """Confirm the start and the end of the server, which waits for it if nothing else is served."""
    message = ""
    while message != "lifespan.shutdown":
        message = (await receive())["type"]
        await send({"type": f"{message}.complete"})


def _request_of_scope(scope: Any) -> Request:
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        headers[name.decode("latin-1").lower()] = value.decode("latin-1")
    return Request(
        method=scope["method"],
        path=_path_below_mount(scope),
        query=scope.get("query_string", b"").decode("latin-1"),
        headers=headers,
        client=(scope.get("client") or ("",))[0] or "",
    )


def _path_below_mount(scope: Any) -> str:
    """Return the path below the mount's path. A route cannot be used for this, because it matches no path with a line break."""
    path: str = scope["path"]
    mount = scope.get("root_path", "").rstrip("/")
    below = path.removeprefix(mount)
    return below if below.startswith("/") else "/" + below


def wsgi(handler: Handler) -> Wsgi:
    """Return *handler* as a WSGI application (PEP 3333)."""

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        response = _blocking_response(handler, _request_of_environ(environ))
        length = ("Content-Length", str(len(response.body)))
        status_line = f"{response.status} {HTTPStatus(response.status).phrase}"
        start_response(status_line, [*response.headers.items(), length])
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else response.body]

    return application


def _blocking_response(handler: Handler, request: Request) -> Response:
    finished = waits.Latch()
    responses: list[Response] = []

    def done(response: Response) -> None:
        responses.append(response)
        finished.set()

    handler(request, done)
    finished.wait(_WAIT_S)
    return responses[0] if responses else _late()


def _late() -> Response:
    return Response(503, b"no response in time\n")


def _request_of_environ(environ: dict[str, Any]) -> Request:
    headers = {
        key.removeprefix("HTTP_").replace("_", "-").lower(): str(value)
        for key, value in environ.items()
        if key.startswith("HTTP_")
    }
    return Request(
        method=environ["REQUEST_METHOD"],
        path=environ.get("PATH_INFO", "") or "/",
        query=environ.get("QUERY_STRING", ""),
        headers=headers,
        client=environ.get("REMOTE_ADDR", ""),
    )
