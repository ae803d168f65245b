"""
The loop of the server: accepts connections, watches their sockets, and closes those that are too many or too slow.

It has one thread. It is not asyncio's event loop, because the program may replace, instrument or debug that one, and because
asyncio repeats and logs each failure to accept. The rules: the server uses a small share of the descriptors that the process
may have, a new client is always served, and no code of the program runs on this thread.
"""

from __future__ import annotations

import errno
import resource
import selectors
import socket
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from csg_otel import clocks, faults, threads
from csg_otel.server import admission, sockets
from csg_otel.server.connection import MAX_BODY_BYTES, Connect, Connection, State
from csg_otel.server.messages import PLAIN_TEXT, Request, Response, Service

if TYPE_CHECKING:
    from csg_otel.server.background import Background
    from csg_otel.server.streams import Stream

_TOO_MANY_STREAMS: Final = Response(
    503,
    b"too many clients watch this program; close a page of its dashboard\n",
    {**PLAIN_TEXT, "Retry-After": "10", "Connection": "close"},
)

_RESERVE_SHARE: Final = 8
"""The program is near its limit when fewer than one in this many descriptors is free; then two connections are served."""

_ACCEPTS: Final = 16
"""Most connections that are accepted in a row, before those that are open have their turn again."""

_TURN_S: Final = 0.005
"""
Seconds after which new clients have their turn again while others are served, because a probe is usually a new client; and
others while new clients are accepted, because each handshake of TLS takes a millisecond.
"""

_SENDS: Final = 4
"""Most responses that are begun in a row; a page takes a millisecond, and all scrapers get theirs at the same time."""

_NO_DESCRIPTORS: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

_PAUSE_S: Final = 0.5
"""Seconds before the next attempt to accept when the process has no descriptor left."""

_LOOK_S: Final = 1.0
"""Most seconds between two looks at the sockets: closing them does not wake the loop if their numbers are used at once."""

_SILENT_S: Final = 60.0
"""Seconds between two reports of one component."""

_UNSENT_BYTES: Final = 8 * 1024 * 1024
"""Most bytes of pages that slow clients make the process keep, unless two pages are larger."""


_RECEIVED_BYTES: Final = 64 * 1024 * 1024
"""Most bytes of unfinished uploads that the process keeps: two of the largest that are allowed."""


class Loop:
    """The connections of one listening socket."""

    def __init__(
        self,
        listener: sockets.KeptSocket,
        service: Service,
        background: Background,
        connect: Connect,
    ) -> None:
        """
        Prepare to serve *listener*; :meth:`run` serves.

        Args:
            listener: A listening socket; it stays open when the loop ends.
            service: Answers the requests.
            background: Logs problems, because a handler of the program's log may hang.
            connect: Returns the connection of a new client, from its socket, its address and the monotonic time.
        """
        self._connect = connect
        self._listener = listener.socket
        self._kept_listener = listener
        self._service = service
        self._background = background
        self._connections: dict[Connection, int] = {}
        """The watched event of each connection; the connection whose event is oldest comes first."""
        self._streams: dict[Connection, int] = {}
        """The connections whose response is a stream, which take no place among the others; as above."""
        self._awake: deque[Connection] = deque()
        """The streams that have something to send."""
        self._responses: deque[tuple[Connection, Response]] = deque()
        self._accept_at: float | None = None
        self._silent_until: dict[str, float] = {}
        self._stopped = False
        self._is_woken = False
        """Whether a byte that wakes the loop is on its way."""
        self._thread_id = 0
        self._listener.setblocking(False)
        self._selector = _make_selector()
        self._wake_receiver, self._wake_sender = socket.socketpair()
        self._wake_receiver.setblocking(False)
        self._wake_sender.setblocking(False)
        self._kept_wakers = [sockets.KeptSocket(end) for end in (self._wake_receiver, self._wake_sender)]

    # -- control ---------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Make :meth:`run` return soon; may be called on any thread."""
        self._stopped = True
        self._wake()

    def _wake(self) -> None:
        """Let the loop look at its queues; the caller has queued before, so that one byte is enough for many."""
        if self._is_woken:
            return
        self._is_woken = True
        try:
            if self._kept_wakers[1].is_own:
                self._wake_sender.send(b".")
        except OSError:  # the buffer is full, so the loop wakes anyway; or the loop has ended
            return

    def close(self) -> None:
        """Close this process's copies of all connections, but not the listening socket."""
        for connection in (*self._connections, *self._streams):
            connection.forget()
        for _, response in self._responses:
            if response.stream is not None:
                response.stream.closed = True
        self._connections.clear()
        self._streams.clear()
        self._selector.close()
        for waker in self._kept_wakers:
            waker.forget()

    def run(self) -> None:
        """Serve until :meth:`stop`. Raises DescriptorsClosedError soon after the program has closed the sockets."""
        self._thread_id = threading.get_ident()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._wake_receiver, selectors.EVENT_READ)
        while not self._stopped:
            events = self._selector.select(self._timeout_s())
            if not all(kept.is_own for kept in (self._kept_listener, *self._kept_wakers)):
                raise sockets.DescriptorsClosedError
            if any(key.fileobj is self._wake_receiver for key, _ in events):
                self._wake_receiver.recv(4096)
            # After the bytes are read, or one that comes meanwhile would be read and none would be sent for the next response;
            # and before the queues are looked at.
            self._is_woken = False
            accepted = now = clocks.monotonic()
            for key, _ in sorted(events, key=_urgency):
                if key.fileobj is self._wake_receiver:
                    continue
                if key.fileobj is not self._listener:
                    self._continue(key.data, now)
                    now = clocks.monotonic()
                    if now < accepted + _TURN_S:
                        continue
                if self._accept_at is None:
                    self._accept(now)
                    accepted = clocks.monotonic()
            self._send_responses(now)
            self._send_streams(now)
            self._close_late(now)
        while self._responses:  # they were computed before the end, so their clients get them
            self._send_responses(clocks.monotonic())

    def _timeout_s(self) -> float:
        if self._responses or self._awake:
            return 0.0
        now = clocks.monotonic()
        times = [connection.deadline for connection in (*self._connections, *self._streams)]
        if self._accept_at is not None:
            times.append(self._accept_at)
        return max(0.0, min([now + _LOOK_S, *times]) - now)

    # -- connections -----------------------------------------------------------------------------------------------

    def _accept(self, now: float) -> None:
        for _ in range(_ACCEPTS):
            try:
                client_socket, client = sockets.accept(self._listener)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno not in _NO_DESCRIPTORS:
                    continue  # the client has left, or the network failed for it
                self._report("connections", f"no connection can be accepted: {error.strerror}", now)
                if self._streams:
                    self._close(next(iter(self._streams)))
                elif self._connections:
                    self._give_up(admission.least(self._connections, 1), now)
                else:
                    self._pause(now + _PAUSE_S)
                    return
                continue
            connection = self._connect(client_socket, client, now)
            self._connections[connection] = 0
            self._continue(connection, now)
            most = self._most(client_socket.fileno(), now)
            while len(self._connections) > most:
                self._give_up(admission.least(self._connections, most), now)
            while len(self._streams) > most:
                self._close(next(iter(self._streams)))
            if clocks.monotonic() >= now + _TURN_S:
                return

    def _pause(self, until: float) -> None:
        """Accept nothing for a while: the listening socket stays ready, so the loop would run without rest."""
        self._selector.unregister(self._listener)
        self._accept_at = until

    def _most(self, descriptor: int, now: float) -> int:
        """Return how many connections leave the program the descriptors it needs, given the *descriptor* of the newest one."""
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        most, reason = admission.most_connections(limit), "clients keep too many connections open"
        # The system returns the lowest free descriptor, so a high one shows that nearly all are in use.
        if limit != resource.RLIM_INFINITY and descriptor >= limit - limit // _RESERVE_SHARE:
            most, reason = 2, f"the process has nearly all of its {limit} descriptors in use"
        if len(self._connections) > most:
            self._report("connections", f"{reason}; of those to the endpoints the oldest beyond {most} are closed", now)
        return most

    def _give_up(self, connection: Connection, now: float) -> None:
        """Close *connection*, unless its request has arrived since its last turn."""
        was_reading = connection.is_reading
        if was_reading:
            self._continue(connection, now)
        if connection.is_reading or not was_reading:
            self._close(connection)

    def _continue(self, connection: Connection, now: float) -> None:
        self._guarded(connection, partial(self._step, connection, now))
        self._send_responses(now)

    def _guarded(self, connection: Connection, action: Callable[[], None]) -> None:
        """Run *action* on *connection*, and watch it; one client must not end the connections of the others."""
        try:
            action()
            self._watch(connection)
        except Exception as error:  # noqa: BLE001 - see above
            self._close(connection)
            self._background.contain(error)

    def _step(self, connection: Connection, now: float) -> None:
        if connection.state is State.SENDING:
            connection.send(now)
        elif connection.state is State.STREAMING:
            connection.continue_stream(now)
        elif connection.is_reading:
            result = connection.read(now)
            if isinstance(result, Request):
                self._service.respond(result, partial(self._queue_response, connection))
            elif result is not None:
                self._queue_response(connection, result)
            if connection.received_bytes > MAX_BODY_BYTES:
                self._limit_received(now)

    def _queue_response(self, connection: Connection, response: Response) -> None:
        """Queue *response* for *connection*; may be called on any thread. What this thread responds is sent first: no page."""
        if threading.get_ident() == self._thread_id:
            self._responses.appendleft((connection, response))
        else:
            self._responses.append((connection, response))
            self._wake()

    def _send_responses(self, now: float) -> None:
        """Begin to send some of the responses."""
        for _ in range(min(_SENDS, len(self._responses))):
            connection, response = self._responses.popleft()
            if connection.state is not State.COMPUTING:
                if response.stream is not None:  # the client has left
                    response.stream.closed = True
                continue
            if response.stream is not None and not self._admit(connection, response.stream):
                response = _TOO_MANY_STREAMS
            self._guarded(connection, partial(connection.answer, response, now))
            self._limit_unsent(now)

    def _admit(self, connection: Connection, stream: Stream) -> bool:
        """Count *connection* among the streams, and return True; False if they are too many."""
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if len(self._streams) >= admission.most_streams(limit):
            stream.closed = True
            return False
        self._streams[connection] = self._connections.pop(connection, 0)
        stream.open(partial(self._wake_stream, connection))
        return True

    def _wake_stream(self, connection: Connection) -> None:
        """Let *connection* send from its stream; may be called on any thread."""
        self._awake.append(connection)
        self._wake()

    def _send_streams(self, now: float) -> None:
        for _ in range(len(self._awake)):
            connection = self._awake.popleft()
            if connection in self._streams:
                self._guarded(connection, partial(connection.send_stream, now))

    def _limit_unsent(self, now: float) -> None:
        """Close the connections that send slowest while they keep too many bytes; clients of one page share its bytes."""
        while True:
            sending = [connection for connection in self._connections if connection.body]
            sizes = {id(connection.body): len(connection.body) for connection in sending}
            if sum(sizes.values()) <= max(_UNSENT_BYTES, 2 * max(sizes.values(), default=0)):
                return
            self._report("pages", "clients do not read the pages that they request; the oldest are disconnected", now)
            self._close(min(sending, key=lambda connection: connection.since))

    def _limit_received(self, now: float) -> None:
        """Close the connections whose uploads began first while unfinished uploads keep too many bytes."""
        while True:
            receiving = [connection for connection in self._connections if connection.received_bytes]
            if len(receiving) <= 1 or sum(each.received_bytes for each in receiving) <= _RECEIVED_BYTES:
                return
            self._report("uploads", "clients do not finish what they upload; the oldest are disconnected", now)
            self._close(min(receiving, key=lambda connection: connection.since))

    def _watch(self, connection: Connection) -> None:
        """Watch the socket of *connection* for the event that its state waits for; close it if it is finished."""
        table = self._streams if connection in self._streams else self._connections
        watched = table.get(connection)
        if watched is None:  # it was closed since the selector returned
            return
        event = connection.event
        if connection.state is State.FINISHED:
            self._close(connection)
        elif event != watched:
            if not watched:
                self._selector.register(connection.socket, event, connection)
            elif event:
                self._selector.modify(connection.socket, event, connection)
            else:
                self._selector.unregister(connection.socket)
            del table[connection]
            table[connection] = event

    def _close(self, connection: Connection) -> None:
        if self._connections.pop(connection, 0) or self._streams.pop(connection, 0):
            self._selector.unregister(connection.socket)
        connection.close()

    def _close_late(self, now: float) -> None:
        for connection in [each for each in (*self._connections, *self._streams) if each.deadline <= now]:
            self._close(connection)
        if self._accept_at is not None and self._accept_at <= now:
            self._accept_at = None
            self._selector.register(self._listener, selectors.EVENT_READ)

    def _report(self, component: str, problem: str, now: float) -> None:
        """Report *problem*, unless *component* had one in the last minute: an attack has thousands."""
        if now >= self._silent_until.get(component, now):
            self._silent_until[component] = now + _SILENT_S
            self._background.run(partial(faults.report, component, problem))


def _make_selector() -> selectors.BaseSelector:
    """Return a selector without a descriptor: a program that closes all descriptors could have another selector there."""
    # gevent's greenlets have a selector of their own, which lets the others run.
    if threads.are_greenlets() or not hasattr(selectors, "PollSelector"):
        return selectors.DefaultSelector()
    return selectors.PollSelector()


def _urgency(ready: tuple[selectors.SelectorKey, int]) -> int:
    """Return the place of a socket among those that are ready: new clients first, those that send parts of requests last."""
    connection: Connection | None = ready[0].data
    return -1 if connection is None else -connection.state
