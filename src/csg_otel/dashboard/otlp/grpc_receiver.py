"""The receiver of OTLP over gRPC, on grpcio's own server; needs the extra ``grpc``. The port is the loopback interface's."""

from __future__ import annotations

import logging
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from csg_otel import faults
from csg_otel.dashboard.otlp import signals
from csg_otel.dashboard.otlp.errors import InvalidRequestError, TooLargeError
from csg_otel.errors import MissingExtraError

if TYPE_CHECKING:
    from csg_otel.dashboard.otlp.receiver import Intake
    from csg_otel.dashboard.otlp.signals import Signal

_log = logging.getLogger("csg_otel")

_HOST: Final = "127.0.0.1"
_THREADS: Final = 2
_MOST_REQUESTS: Final = 100
"""Most requests at once; further ones are refused, and their programs send them again."""

_GRACE_S: Final = 1.0
"""Seconds in which the requests that have arrived are answered at the end."""


class GrpcReceiver:
    """The server of the port 4317."""

    def __init__(self, port: int, intake: Intake) -> None:
        """Prepare to listen on *port*, 0 for a free one, and to decode requests into *intake*."""
        self._requested_port = port
        self._intake = intake
        self._server: Any = None
        self.port = 0
        """The port on which it listens; 0 before :meth:`start`, or if it does not."""

    def start(self) -> bool:
        """Listen; return whether it does. If the port is in use, or the extra is missing, log one warning."""
        try:
            import grpc
        except ImportError:
            _log.warning("no OTLP over gRPC here: %s; the program goes on", MissingExtraError("the receiver", "grpc"))
            return False
        # gRPC's library would write its own lines about a port in use, or share it with another process.
        try:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((_HOST, self._requested_port))
                port = probe.getsockname()[1]
            server = grpc.server(
                ThreadPoolExecutor(_THREADS, "csg-otel-grpc"),
                handlers=[self._handler(signal) for signal in signals.SIGNALS],
                options=[("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", signals.MAX_BODY_BYTES)],
                maximum_concurrent_rpcs=_MOST_REQUESTS,
            )
            self.port = server.add_insecure_port(f"{_HOST}:{port}")
        except (OSError, RuntimeError) as error:
            reason = getattr(error, "strerror", None) or error
            _log.warning(
                "no OTLP over gRPC here: can't listen on %s:%s: %s; the program goes on. Set --otlp-grpc-port to another "
                "one (port 0 takes a free port)",
                _HOST,
                self._requested_port,
                reason,
            )
            return False
        server.start()
        self._server = server
        return True

    def stop(self) -> None:
        """Stop listening, after the requests that have arrived; takes a second at most."""
        if self._server is not None:
            self._server.stop(_GRACE_S).wait(_GRACE_S)
            self._server = None

    def _handler(self, signal: Signal) -> Any:
        import grpc

        export = grpc.unary_unary_rpc_method_handler(partial(self._export, signal))  # bytes in, bytes out
        return grpc.method_handlers_generic_handler(signal.service, {"Export": export})

    def _export(self, signal: Signal, body: bytes, context: Any) -> bytes:
        import grpc

        try:
            counts = self._intake.accept(signal, signals.decode(signal, body, signals.PROTOBUF))
        except TooLargeError as error:
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, str(error))
        except InvalidRequestError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except Exception:  # noqa: BLE001 - one request must not stop the receiver
            faults.contain("otlp receiver")
            context.abort(grpc.StatusCode.INTERNAL, "internal error")
        return signals.encode(signals.response(signal, counts.rejected, counts.reason), signals.PROTOBUF)
