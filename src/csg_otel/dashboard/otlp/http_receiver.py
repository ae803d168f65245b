"""
The receiver of OTLP over HTTP, for the project's server: ``/v1/traces``, ``/v1/logs``, ``/v1/metrics``; protobuf or JSON.

Requests are decoded on a thread of their own, one after the other. A page in a browser cannot send anything here: its request
would need the permission of this server first, or another host's name, and both are refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from google.rpc.status_pb2 import Status

from csg_otel import faults
from csg_otel.dashboard.otlp import signals
from csg_otel.dashboard.otlp.errors import InvalidRequestError, TooLargeError
from csg_otel.server.background import Background
from csg_otel.server.hosts import HostCheck
from csg_otel.server.messages import NO_STORE, Done, Request, Response

if TYPE_CHECKING:
    from csg_otel.dashboard.otlp.receiver import Intake
    from csg_otel.dashboard.otlp.signals import Signal

_BY_PATH: Final = {signal.path: signal for signal in signals.SIGNALS}
_INVALID_ARGUMENT: Final = 3
_NOT_FOUND: Final = 5
_PERMISSION_DENIED: Final = 7
_RESOURCE_EXHAUSTED: Final = 8
_INTERNAL: Final = 13
_UNAVAILABLE: Final = 14
_RETRY_AFTER: Final = {"Retry-After": "1"}


class HttpReceiver:
    """The service of the port 4318."""

    protected = True
    """It listens on the loopback interface only."""

    def __init__(self, intake: Intake, allowed_hosts: Iterable[str] = ()) -> None:
        """Decode requests into *intake*; *allowed_hosts* are names of this machine besides ``localhost``."""
        self._intake = intake
        self._hosts = HostCheck(allowed_hosts)
        self._background = Background("otlp-receiver")

    def prepare(self, url: str) -> None:
        """Nothing is to be prepared."""

    def body_limit(self, request: Request) -> int:
        """Return the most bytes of the body of *request*; 0 for a request that is refused."""
        return signals.MAX_BODY_BYTES if self._refusal(request) is None else 0

    def too_large(self, request: Request) -> Response:
        """Return the response 413, or why *request* is refused whatever its length."""
        problem = f"more than {signals.MAX_BODY_BYTES} bytes"
        return self._refusal(request) or _problem(413, _RESOURCE_EXHAUSTED, problem, _type_of(request))

    def respond(self, request: Request, done: Done) -> None:
        """Call *done* with the response to *request*, on the receiver's thread; returns at once."""
        refusal = self._refusal(request)
        if refusal is not None:
            done(refusal)
        elif not self._background.run(lambda: done(self._accept(request))):
            done(_problem(503, _UNAVAILABLE, "busy: send it again", _type_of(request), _RETRY_AFTER))

    def _refusal(self, request: Request) -> Response | None:
        if (refusal := self._hosts.refusal(request)) is not None:
            text = refusal.body.decode().strip()
            return _problem(refusal.status, _PERMISSION_DENIED, text, _type_of(request))
        if request.path not in _BY_PATH:
            return _problem(404, _NOT_FOUND, f"OTLP is received at {' '.join(_BY_PATH)}", _type_of(request))
        if request.method != "POST":
            return _problem(405, _INVALID_ARGUMENT, "only POST", _type_of(request), {"Allow": "POST"})
        if signals.content_type_of(request.headers) not in signals.CONTENT_TYPES:
            return _problem(
                415,
                _INVALID_ARGUMENT,
                f"the content type must be {' or '.join(signals.CONTENT_TYPES)}",
                _type_of(request),
            )
        return None

    def _accept(self, request: Request) -> Response:
        content_type = _type_of(request)
        try:
            return self._accepted(_BY_PATH[request.path], request, content_type)
        except TooLargeError as error:
            return _problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _RESOURCE_EXHAUSTED, str(error), content_type)
        except InvalidRequestError as error:
            return _problem(HTTPStatus.BAD_REQUEST, _INVALID_ARGUMENT, str(error), content_type)
        except Exception:  # noqa: BLE001 - one request must not stop the receiver
            faults.contain("otlp receiver")
            return _problem(HTTPStatus.INTERNAL_SERVER_ERROR, _INTERNAL, "internal error", content_type)

    def _accepted(self, signal: Signal, request: Request, content_type: str) -> Response:
        body = signals.decompressed(request.body, request.headers.get("content-encoding", "").strip().lower())
        counts = self._intake.accept(signal, signals.decode(signal, body, content_type))
        answer = signals.response(signal, counts.rejected, counts.reason)
        return _response(200, signals.encode(answer, content_type), content_type)


def _type_of(request: Request) -> str:
    """Return the content type of the answer: that of *request*, or JSON, which people can read, if it has another one."""
    content_type = signals.content_type_of(request.headers)
    return content_type if content_type in signals.CONTENT_TYPES else signals.JSON


def _problem(
    status: int, code: int, message: str, content_type: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a response whose body is a ``Status``, as OTLP wants it, with the gRPC status *code*."""
    body = signals.encode(Status(code=code, message=message), content_type)
    return _response(status, body, content_type, headers)


def _response(status: int, body: bytes, content_type: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response(status, body, {**NO_STORE, "Content-Type": content_type, **(headers or {})})
