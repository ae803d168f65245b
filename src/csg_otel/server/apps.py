"""The endpoints as ASGI and WSGI applications, for our own server and for mounting into the user's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

    from csg_otel.server.endpoints import Answer

Ask = Callable[[str, str, str, Mapping[str, str]], "Answer"]
"""Answers method, path, query and headers (names in lower case); see ``Endpoints.answer``."""

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def asgi(ask: Ask) -> Starlette:
    """Return an ASGI application; imports the framework."""
    from starlette.applications import Starlette
    from starlette.responses import Response
    from starlette.routing import Route

    async def answer(request: Request) -> Response:
        # On a thread, because rendering thousands of series takes longer than a loop should be held.
        headers = {key.lower(): value for key, value in request.headers.items()}
        path = "/" + request.path_params["path"]
        found = await in_thread(ask, request.method, path, request.url.query, headers)
        return Response(found.body, found.status, dict(found.headers))

    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    return Starlette(routes=[Route("/{path:path}", answer, methods=methods)])


async def in_thread(call: Callable[..., Any], *arguments: Any) -> Any:
    """Return what *call* returns, from the pool of threads that requests are answered on."""
    from starlette.concurrency import run_in_threadpool

    return await run_in_threadpool(call, *arguments)


def wsgi(ask: Ask) -> Wsgi:
    """Return a WSGI application (PEP 3333)."""

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        headers = {
            key.removeprefix("HTTP_").replace("_", "-").lower(): str(value)
            for key, value in environ.items()
            if key.startswith("HTTP_")
        }
        method = environ["REQUEST_METHOD"]
        found = ask(method, environ.get("PATH_INFO", "") or "/", environ.get("QUERY_STRING", ""), headers)
        length = ("Content-Length", str(len(found.body)))
        start_response(f"{found.status} {HTTPStatus(found.status).phrase}", [*found.headers.items(), length])
        return [b"" if method == "HEAD" else found.body]

    return application
