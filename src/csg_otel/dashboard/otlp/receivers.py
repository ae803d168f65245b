"""The two receivers of OTLP on the loopback interface, in front of one store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from csg_otel.dashboard.otlp.grpc_receiver import GrpcReceiver
from csg_otel.dashboard.otlp.http_receiver import HttpReceiver
from csg_otel.dashboard.otlp.receiver import Intake
from csg_otel.server import Server
from csg_otel.server.serving import Purpose

if TYPE_CHECKING:
    from collections.abc import Iterable

    from csg_otel.dashboard.otlp.receiver import Receiver

HTTP_PORT: Final = 4318
GRPC_PORT: Final = 4317
"""The ports that OpenTelemetry's SDKs send to if nothing is configured."""

_HOST: Final = "127.0.0.1"
_PURPOSE: Final = Purpose("no OTLP over HTTP here", "", "otlp-http", option="--otlp-http-port")
_STOP_S: Final = 2.0


class Receivers:
    """The receivers over HTTP and over gRPC."""

    def __init__(
        self,
        receiver: Receiver,
        *,
        http_port: int = HTTP_PORT,
        grpc_port: int = GRPC_PORT,
        allowed_hosts: Iterable[str] = (),
    ) -> None:
        """
        Prepare to receive; :meth:`start` starts.

        Args:
            receiver: The store.
            http_port: The port of OTLP over HTTP; 0 takes a free one.
            grpc_port: The port of OTLP over gRPC; 0 takes a free one.
            allowed_hosts: Names of this machine besides ``localhost``, as in ``security.allowed_hosts``.
        """
        self.intake = Intake(receiver)
        self._http = Server(_HOST, http_port, HttpReceiver(self.intake, allowed_hosts), purpose=_PURPOSE)
        self._grpc = GrpcReceiver(grpc_port, self.intake)

    @property
    def otlp_http(self) -> str:
        """The address of OTLP over HTTP; empty if it is not received."""
        return self._http.url

    @property
    def otlp_grpc(self) -> str:
        """Host and port of OTLP over gRPC; empty if it is not received."""
        return f"{_HOST}:{self._grpc.port}" if self._grpc.port else ""

    def addresses(self) -> dict[str, str]:
        """Return the addresses that are received at, as ``OTEL_EXPORTER_OTLP_ENDPOINT`` takes them, by protocol."""
        grpc = f"http://{self.otlp_grpc}" if self.otlp_grpc else ""
        addresses = {"http/protobuf": self.otlp_http, "grpc": grpc}
        return {protocol: address for protocol, address in addresses.items() if address}

    def start(self) -> bool:
        """Start both; return whether one of them receives. Each logs one warning if its port is in use."""
        http, grpc = self._http.start(), self._grpc.start()
        return http or grpc

    def stop(self) -> None:
        """Stop both, within three seconds."""
        self._http.stop(_STOP_S)
        self._grpc.stop()
