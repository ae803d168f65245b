"""
One client's connection: HTTP/1.1 on a non-blocking socket, one request after the other.

``h11`` reads and writes the protocol. The rules: every state has a deadline, and a client can make this process keep only a
bounded number of bytes. Who sends more than the body that is allowed, or a second request before the response to the first, is
disconnected after the response. A stream has no deadline while its client has taken all of it.
"""

from __future__ import annotations

import math
import re
import selectors
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from email.utils import formatdate
from enum import IntEnum
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

import h11

from csg_otel.server import sockets
from csg_otel.server.hosts import client_network
from csg_otel.server.messages import PLAIN_TEXT, Request, Response

if TYPE_CHECKING:
    from csg_otel.server.channel import Channel
    from csg_otel.server.messages import Service
    from csg_otel.server.serving import Purpose
    from csg_otel.server.streams import Stream

_REQUEST_S: Final = 10.0
"""Seconds for a whole request from its first byte, and for the first byte of a new connection: a sound client needs one."""

_UPLOAD_S: Final = 60.0
"""Seconds for a whole request whose body may be large: 32 MiB at 560 kB/s."""

_IDLE_S: Final = 75.0
"""Seconds without a request after a response: longer than the scrape intervals in use, 15 s to 60 s."""

_STALLED_S: Final = 10.0
"""Seconds in which a client that reads a response must take some of it."""

_SENDING_S: Final = 60.0
"""Seconds for sending a response: 10 MB at 170 kB/s."""

_VANISHED_MS: Final = 30_000
"""Milliseconds after which a stream's client whose machine does not confirm what was sent counts as left."""

_SMALL_BYTES: Final = 64 * 1024
"""Most bytes of a piece of a stream that is copied, to be sent by one system call; larger ones are shared by all clients."""

_READ_BYTES: Final = 16 * 1024
_MAX_HEAD_BYTES: Final = 16 * 1024
"""Most bytes of an incomplete head, as in IIS; with one more read, it gets the response 431."""

MAX_BODY_BYTES: Final = 64 * 1024
"""Most bytes of a request's body that is not used; a longer one gets the response 413."""

_ABSOLUTE: Final = re.compile(rb"https?://([^/?]*)", re.IGNORECASE)
"""What a target begins with that names the server, too; its host counts instead of the header's (RFC 9112, 3.2.2)."""


class State(IntEnum):
    """The state of a connection. When connections are too many, most often those with the lowest state are closed first."""

    STREAMING = -1
    """The response is a stream. Such connections are counted apart from the others, and have their turn last."""
    STARTED = 0
    """A part of a request has arrived; a sound client sends all of it at once."""
    WAITING = 1
    """No byte of a first request has arrived."""
    KEPT = 2
    """The client has had a response, and no byte of its next request has arrived."""
    SENDING = 3
    """The client takes the response in parts."""
    COMPUTING = 4
    """The response is computed."""
    FINISHED = 5
    """The connection is to be closed, or is closed."""


_READING: Final = (State.STARTED, State.WAITING, State.KEPT)


class Connection:
    """The connection of one client, used on the server's thread only. Its owner closes the socket when it is finished."""

    def __init__(
        self,
        client_socket: socket.socket,
        client: str,
        now: float,
        service: Service,
        purpose: Purpose,
        *,
        channel: Channel,
    ) -> None:
        """
        Prepare to read requests.

        Args:
            client_socket: The client's socket.
            client: The client's address.
            now: The monotonic time in seconds.
            service: The service of the requests, for the limit of their bodies.
            purpose: What the server is for: the time for a response, and the headers of all responses.
            channel: Reads and writes the socket, plainly or encrypted.
        """
        self._channel = channel
        self._purpose = purpose
        self.socket = client_socket
        self._kept = sockets.KeptSocket(client_socket)
        self.state = State.WAITING
        self.since = now
        """When the state began."""
        self.deadline = now + _REQUEST_S
        self.body: bytes = b""
        """The body of the response that is being sent."""
        self._client = client
        self.network = client_network(client)
        """What stands for the client where connections are counted."""
        self._request: Request | None = None
        self._service = service
        self._body_limit = 0
        self._body_bytes = 0
        self._body: list[bytes] = []
        """The parts of the request's body, if it is used."""
        self._stream: Stream | None = None
        self._unsent: list[bytes] = []
        self._taken_bytes = 0
        """How much of the first piece in ``_unsent`` the system has taken."""

    @cached_property
    def _h11(self) -> h11.Connection:
        """The protocol's state; a client that sends nothing gets none."""
        return h11.Connection(h11.SERVER, max_incomplete_event_size=_MAX_HEAD_BYTES)

    @property
    def event(self) -> int:
        """The events of the socket that the state waits for: ``selectors.EVENT_READ`` and ``EVENT_WRITE``; 0 for none."""
        if self.is_reading:
            return selectors.EVENT_READ
        if self.state is State.STREAMING:
            return selectors.EVENT_READ | (selectors.EVENT_WRITE if self._unsent or self._channel.is_pending else 0)
        return selectors.EVENT_WRITE if self.state is State.SENDING else 0

    @property
    def is_reading(self) -> bool:
        """Whether no whole request has arrived."""
        return self.state in _READING

    @property
    def received_bytes(self) -> int:
        """The bytes kept of a request's body that is not complete."""
        return self._body_bytes if self._body and self.is_reading else 0

    def read(self, now: float) -> Request | Response | None:
        """Read what has arrived; return a request that is complete, the response that refuses it, or None."""
        if not self._kept.is_own:
            self.state = State.FINISHED
            return None
        try:
            data = self._channel.receive(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError:
            self.state = State.FINISHED
            return None
        if not data:  # the client has left
            self.state = State.FINISHED
            return None
        if self.state is not State.STARTED:
            self._become(State.STARTED, now, _REQUEST_S)
        self._h11.receive_data(data)
        try:
            result = self._next()
        except h11.RemoteProtocolError as error:
            result = _refusal(error.error_status_hint)
        if result is not None:
            self._become(State.COMPUTING, now, self._purpose.response_s)
        return result

    def _next(self) -> Request | Response | None:
        while True:
            event = self._h11.next_event()
            if isinstance(event, h11.Request):
                self._request, self._body_bytes, self._body = _request_of(event, self._client), 0, []
                self._body_limit = self._service.body_limit(self._request)
                if (refusal := self._framing_refusal(self._request)) is not None:
                    return refusal
                if self._body_limit > MAX_BODY_BYTES:
                    self.deadline = self.since + _UPLOAD_S
                if self._h11.they_are_waiting_for_100_continue:
                    if not self._body_limit:
                        return self._request  # the response comes before the body, which is not read
                    self._request_body()
            elif isinstance(event, h11.Data):
                self._body_bytes += len(event.data)
                if self._request is not None and self._body_bytes > (self._body_limit or MAX_BODY_BYTES):
                    return self._service.too_large(self._request)
                if self._body_limit:
                    self._body.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                if self._request is not None and self._body:
                    self._request, self._body = replace(self._request, body=b"".join(self._body)), []
                return self._request
            else:
                return None

    def _framing_refusal(self, request: Request) -> Response | None:
        """Return the response to a head whose body would be too long, or whose length two servers may read differently."""
        length = request.headers.get("content-length", "")
        if length and "transfer-encoding" in request.headers:  # a smuggled request (RFC 9112, 6.3)
            return _refusal(400)
        if length.isdigit() and int(length) > (self._body_limit or MAX_BODY_BYTES):
            return self._service.too_large(request)
        return None

    def _request_body(self) -> None:
        """Send ``100 Continue`` to a client that waits for it before it sends the body."""
        interim = self._h11.send(h11.InformationalResponse(status_code=100, headers=[])) or b""
        try:
            self._channel.send(interim, 0, more=False)
        except OSError:  # after a second without this response, clients send the body anyway
            return

    def answer(self, response: Response, now: float) -> None:
        """Begin to send *response*; :meth:`send` continues."""
        stream = response.stream
        is_last = self._h11.their_state is not h11.DONE or bool(self._h11.trailing_data[0]) or stream is not None
        headers = [*{**self._purpose.headers, **response.headers}.items(), ("Date", formatdate(usegmt=True))]
        if stream is None:
            headers.append(("Content-Length", str(len(response.body))))
        if is_last:
            headers.append(("Connection", "close"))
        head = h11.Response(status_code=response.status, headers=headers, reason=HTTPStatus(response.status).phrase)
        self._unsent = [self._h11.send(head) or b""]
        if stream is not None:
            self._begin_stream(stream, now)
            return
        if response.body and (self._request is None or self._request.method != "HEAD"):
            self.body = response.body
            # With a known length h11 only counts the bytes of a body, so that all clients of a page share them.
            self._h11.send_with_data_passthrough(h11.Data(data=response.body))
            self._unsent.append(response.body)
        self._h11.send(h11.EndOfMessage())
        self._become(State.SENDING, now, _STALLED_S)
        self.send(now)

    def _begin_stream(self, stream: Stream, now: float) -> None:
        self._stream, self._request = stream, None
        with suppress(OSError, AttributeError):  # the client has left, or the system has no such option
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _VANISHED_MS)
        self._become(State.STREAMING, now, _STALLED_S)
        self.send_stream(now)

    def continue_stream(self, now: float) -> None:
        """Go on when the socket is ready: finish if the client has left, or else send."""
        if self._kept.is_own and self._has_left():
            self.state = State.FINISHED
        else:
            self.send_stream(now)

    def send_stream(self, now: float) -> None:
        """Send what the client takes of its stream; finish if it reads too slowly."""
        stream = self._stream
        if stream is None or stream.closed or not self._kept.is_own:
            self.state = State.FINISHED
            return
        try:
            while self._unsent or (piece := stream.take()):
                if not self._unsent:
                    self._unsent = self._h11.send_with_data_passthrough(h11.Data(data=piece)) or []
                    if len(piece) <= _SMALL_BYTES:
                        self._unsent = [b"".join(self._unsent)]
                self._take(self._channel.send(self._unsent[0], self._taken_bytes, more=len(self._unsent) > 1))
                self.deadline = now + _STALLED_S
            self._channel.flush()
            self.deadline = math.inf
        except (BlockingIOError, InterruptedError):
            self.deadline = min(self.deadline, now + _STALLED_S)
        except OSError:
            self.state = State.FINISHED

    def _has_left(self) -> bool:
        """Return whether the client has closed a stream; one that sends something else is disconnected, too."""
        try:
            self._channel.receive(1)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            return True
        return True

    def send(self, now: float) -> None:
        """Send what the client takes; then wait for the next request, or close the connection."""
        if not self._kept.is_own:
            self.state = State.FINISHED
            return
        try:
            while self._unsent:
                self._take(self._channel.send(self._unsent[0], self._taken_bytes, more=len(self._unsent) > 1))
                self.deadline = min(now + _STALLED_S, self.since + _SENDING_S)
            self._channel.flush()
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.state = State.FINISHED
            return
        self.body = b""
        if self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE:
            self._h11.start_next_cycle()
            self._request = None
            self._become(State.KEPT, now, _IDLE_S)
        else:
            self.state = State.FINISHED

    def close(self) -> None:
        """Close the connection for the client, even if a forked child has a copy of the socket."""
        self.state = State.FINISHED
        self._leave_stream()
        if self._kept.is_own:
            self._channel.end()
        self._kept.close()

    def forget(self) -> None:
        """Close this process's copy of the socket; the client notices nothing."""
        self._leave_stream()
        self._kept.forget()

    def _leave_stream(self) -> None:
        if self._stream is not None:
            self._stream.closed = True
            self._stream = None

    def _take(self, count: int) -> None:
        self._taken_bytes += count
        if self._taken_bytes == len(self._unsent[0]):
            del self._unsent[0]
            self._taken_bytes = 0

    def _become(self, state: State, now: float, seconds: float) -> None:
        self.state, self.since, self.deadline = state, now, now + seconds


Connect = Callable[[socket.socket, str, float], Connection]
"""A function that makes the connection of a new client, from its socket, its address and the monotonic time."""


def _refusal(status: int) -> Response:
    return Response(status, f"{HTTPStatus(status).phrase}\n".encode(), PLAIN_TEXT)


def _request_of(event: h11.Request, client: str) -> Request:
    target = event.target
    headers: dict[str, str] = {}
    for name, value in event.headers:
        headers[name.decode("ascii")] = value.decode("latin-1")
    if absolute := _ABSOLUTE.match(target):
        headers["host"] = absolute[1].decode("latin-1")
        target = target[absolute.end() :] or b"/"
    path, _, query = target.partition(b"?")
    return Request(
        event.method.decode("ascii"), unquote(path.decode("latin-1")), query.decode("latin-1"), headers, client
    )
