"""
Real OTLP receivers on loopback: they decode what arrives with the official protobuf messages and keep it.

Faults are asked for by attributes (`status`, `hang`), so that one receiver serves the round trips and the outages.
"""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
from collections.abc import Mapping
from concurrent import futures
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

_MOST_REQUESTS = 16
"""Requests that are answered at a time."""


class Received:
    """Everything a receiver was sent, decoded, with views of it that tests ask for."""

    def __init__(self) -> None:
        self.traces: list[Any] = []
        self.metrics: list[Any] = []
        self.logs: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self._lock = threading.Lock()

    def keep(self, signal: str, request: Any, headers: dict[str, str]) -> None:
        """Add *request* and its *headers* at once, so that both lists have the same order although threads receive them."""
        with self._lock:
            self.headers.append(headers)
            getattr(self, signal).append(request)

    @property
    def spans(self) -> list[Any]:
        return [s for r in self.traces for rs in r.resource_spans for ss in rs.scope_spans for s in ss.spans]

    @property
    def records(self) -> list[Any]:
        return [x for r in self.logs for rl in r.resource_logs for sl in rl.scope_logs for x in sl.log_records]

    @property
    def resources(self) -> list[dict[str, Any]]:
        found = [rs.resource for r in self.traces for rs in r.resource_spans]
        return [attributes(resource) for resource in found]

    def points(self, name: str) -> list[Any]:
        """All data points of the metric *name*, oldest first."""
        return [
            point
            for request in self.metrics
            for rm in request.resource_metrics
            for sm in rm.scope_metrics
            for metric in sm.metrics
            if metric.name == name
            for point in getattr(metric, metric.WhichOneof("data")).data_points
        ]

    def temporalities(self, name: str) -> set[int]:
        """Aggregation temporalities the metric *name* was sent with."""
        return {
            getattr(metric, metric.WhichOneof("data")).aggregation_temporality
            for request in self.metrics
            for rm in request.resource_metrics
            for sm in rm.scope_metrics
            for metric in sm.metrics
            if metric.name == name
        }


def attributes(message: Any) -> dict[str, Any]:
    """The attributes of a protobuf message as a plain dictionary."""
    return {kv.key: getattr(kv.value, kv.value.WhichOneof("value") or "string_value") for kv in message.attributes}


def is_poisoned(request: Any, poison: set[str]) -> bool:
    """Tell whether one of the spans of *request* has a name that is in *poison*."""
    spans = [s for rs in getattr(request, "resource_spans", ()) for ss in rs.scope_spans for s in ss.spans]
    return any(span.name in poison for span in spans)


class HttpSink:
    """An OTLP/HTTP receiver; `status` is what it answers, `hang` makes it accept and never answer."""

    REQUESTS: Mapping[str, tuple[str, Any]] = {
        "/v1/traces": ("traces", trace_service_pb2.ExportTraceServiceRequest),
        "/v1/metrics": ("metrics", metrics_service_pb2.ExportMetricsServiceRequest),
        "/v1/logs": ("logs", logs_service_pb2.ExportLogsServiceRequest),
    }

    def __init__(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.received = Received()
        self.paths: list[str] = []
        self.status = 200
        self.answer = b""
        self.content_type = "application/x-protobuf"
        self.extra_headers: dict[str, str] = {}
        self.poison: set[str] = set()
        """Names of spans because of which a request is refused."""
        self.hang = threading.Event()
        self._released = threading.Event()
        self._connections: set[socket.socket] = set()
        self._answering = threading.Semaphore(_MOST_REQUESTS)
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                sink._connections.add(self.connection)

            def finish(self) -> None:
                sink._connections.discard(self.connection)
                super().finish()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with sink._answering:
                    self.answer(body)

            def answer(self, body: bytes) -> None:
                if sink.hang.is_set():
                    sink._released.wait(60)
                    return
                sink.paths.append(self.path)
                status = sink.judge(self.path, dict(self.headers), body)
                if status == 200:
                    sink._keep(self.path, dict(self.headers), body)
                self.send_response(status)
                self.send_header("Content-Type", sink.content_type)
                self.send_header("Content-Length", str(len(sink.answer)))
                for name, value in sink.extra_headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(sink.answer)

            def log_message(self, *_: Any) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                pass

        self._server = Quiet(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        self.endpoint = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        if tls is not None:
            # The handshake waits for the first read, on the request's own thread.
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def judge(self, path: str, headers: Mapping[str, str], body: bytes) -> int:
        """The status a request is answered with; only with 200 it is kept."""
        if self.poison and is_poisoned(self._decoded(path, headers, body), self.poison):
            return 400
        return self.status

    def _decoded(self, path: str, headers: Mapping[str, str], body: bytes) -> Any:
        plain = gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body
        return self.REQUESTS[path][1].FromString(plain)

    def _keep(self, path: str, headers: dict[str, str], body: bytes) -> None:
        lower = {name.lower(): value for name, value in headers.items()}
        self.received.keep(self.REQUESTS[path][0], self._decoded(path, headers, body), lower)

    def close(self) -> None:
        """Stop listening, let go whoever hangs, and end all connections once what was received is answered."""
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        taken = sum(self._answering.acquire(timeout=5) for _ in range(_MOST_REQUESTS))
        self._answering.release(taken)
        for connection in tuple(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class GrpcSink:
    """An OTLP/gRPC receiver; `code` is what it refuses with, `trailers` go with that, `partial` into its answers."""

    def __init__(self, port: int = 0, tls: Any = None, clients: Any = None, path: Path | None = None) -> None:
        """Listen; with *tls*, a certificate of trustme, over TLS; with *clients*, an authority, its clients; at a socket."""
        self.received = Received()
        self.code: grpc.StatusCode | None = None
        self.trailers: tuple[tuple[str, bytes], ...] = ()
        self.partial: dict[str, Any] = {}
        self.poison: set[str] = set()
        self.compression = grpc.Compression.NoCompression
        self._server = grpc.server(futures.ThreadPoolExecutor(4))
        for signal, add, base, response in (
            ("traces", trace_service_pb2_grpc.add_TraceServiceServicer_to_server,
             trace_service_pb2_grpc.TraceServiceServicer, trace_service_pb2.ExportTraceServiceResponse),
            ("metrics", metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server,
             metrics_service_pb2_grpc.MetricsServiceServicer, metrics_service_pb2.ExportMetricsServiceResponse),
            ("logs", logs_service_pb2_grpc.add_LogsServiceServicer_to_server,
             logs_service_pb2_grpc.LogsServiceServicer, logs_service_pb2.ExportLogsServiceResponse),
        ):  # fmt: skip
            add(self._servicer(signal, base, response), self._server)  # type: ignore[no-untyped-call]
        if tls is None:
            self.port = self._server.add_insecure_port(f"127.0.0.1:{port}" if path is None else f"unix:{path}")
        else:
            pair = (tls.private_key_pem.bytes(), b"".join(pem.bytes() for pem in tls.cert_chain_pems))
            roots = clients.cert_pem.bytes() if clients else None
            credentials = grpc.ssl_server_credentials([pair], roots, clients is not None)
            self.port = self._server.add_secure_port(f"127.0.0.1:{port}", credentials)
        self.endpoint = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._server.start()

    def _servicer(self, signal: str, base: Any, response: Any) -> Any:
        sink = self

        class Servicer(base):  # type: ignore[misc] # gRPC generates untyped code
            def Export(self, request: Any, context: Any) -> Any:
                if sink.code is not None:
                    context.set_trailing_metadata(sink.trailers)
                    context.abort(sink.code, "as the test says")
                if is_poisoned(request, sink.poison):
                    context.abort(grpc.StatusCode.INVALID_ARGUMENT, "poisoned")
                sink.received.keep(signal, request, dict(context.invocation_metadata()))
                context.set_compression(sink.compression)
                return response(partial_success=sink.partial if signal == "traces" else {})

        return Servicer()

    def close(self) -> None:
        """Stop listening."""
        self._server.stop(0).wait()
