"""The endpoints as ASGI and WSGI applications, for the SDK's own server and for mounting into the user's application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import Any

from csg_otel.server.messages import Handler, Request

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def asgi(handler: Handler) -> Asgi:
    """Return *handler* as an ASGI application; this imports the web framework."""
    from starlette.requests import Request as AsgiRequest
    from starlette.responses import Response as AsgiResponse
    from starlette.routing import Router

    router = Router()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await router(scope, receive, send)  # it follows the lifespan protocol and refuses WebSockets
            return
        asgi_request = AsgiRequest(scope, receive)
        request = Request(
            method=asgi_request.method,
            path=_path_below_mount(scope),
            query=asgi_request.url.query,
            headers={key.lower(): value for key, value in asgi_request.headers.items()},
            client=asgi_request.client.host if asgi_request.client is not None else "",
        )
        # On a thread, because rendering thousands of series would block the event loop.
        response = await in_thread(handler, request)
        await AsgiResponse(response.body, response.status, dict(response.headers))(scope, receive, send)

    return application


def _path_below_mount(scope: Any) -> str:
    """Return the path below the mount's path. A route cannot be used for this, because it matches no path with a line break."""
    path: str = scope["path"]
    mount = scope.get("root_path", "").rstrip("/")
    below = path.removeprefix(mount)
    return below if below.startswith("/") else "/" + below


async def in_thread(call: Callable[..., Any], *arguments: Any) -> Any:
    """Run *call* on the framework's thread pool, and return its result."""
    from starlette.concurrency import run_in_threadpool

    return await run_in_threadpool(call, *arguments)


def wsgi(handler: Handler) -> Wsgi:
    """Return *handler* as a WSGI application (PEP 3333)."""

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        response = handler(_request_of(environ))
        length = ("Content-Length", str(len(response.body)))
        status_line = f"{response.status} {HTTPStatus(response.status).phrase}"
        start_response(status_line, [*response.headers.items(), length])
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else response.body]

    return application


def _request_of(environ: dict[str, Any]) -> Request:
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
