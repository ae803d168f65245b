"""A real OpenTelemetry Collector with one of the files of collector-config/, on free loopback ports."""

from __future__ import annotations

import functools
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import trustme

from support.programs import HUNG_S, eventually, get
from support.servers import free_port

FOLDER = Path(__file__).resolve().parents[2] / "collector-config"
SECRETS = {"GATEWAY_TOKEN": "canary-gateway-token", "DD_API_KEY": "canary-datadog-key"}
_ADDRESSES = ("OTLP_GRPC_ENDPOINT", "OTLP_HTTP_ENDPOINT", "HEALTH_ENDPOINT", "METRICS_ENDPOINT")


@functools.cache
def binary() -> str:
    """Return where the collector is; it was looked for before a test that needs it was let in."""
    found = subprocess.run([FOLDER / "build", "--find"], check=True, capture_output=True, text=True)
    return found.stdout.strip()


def certificate(directory: Path) -> dict[str, str]:
    """Write a server's certificate for this machine, and the authority that signed it; return the files: ca, cert, key."""
    authority = trustme.CA()
    made = authority.issue_cert("localhost", "127.0.0.1")
    files = {name: str(directory / f"{name}.pem") for name in ("ca", "cert", "key")}
    authority.cert_pem.write_to_path(files["ca"])
    made.cert_chain_pems[0].write_to_path(files["cert"])
    made.private_key_pem.write_to_path(files["key"])
    return files


class Collector:
    """The collector running *file*; a context manager that ends it by its own pid, and can be started again."""

    def __init__(self, file: str, directory: Path, env: Mapping[str, str] | None = None) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.addresses = {name: f"127.0.0.1:{free_port()}" for name in _ADDRESSES}
        self._telemetry_port = free_port()
        self.env = {
            **os.environ,
            **SECRETS,
            **self.addresses,
            "TELEMETRY_PORT": str(self._telemetry_port),
            **(env or {}),
        }
        self._directory = directory
        self._command = [binary(), "--config", str(FOLDER / file)]
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def grpc(self) -> str:
        """``host:port`` of OTLP over gRPC."""
        return self.addresses["OTLP_GRPC_ENDPOINT"]

    @property
    def http(self) -> str:
        """``host:port`` of OTLP over HTTP."""
        return self.addresses["OTLP_HTTP_ENDPOINT"]

    @property
    def metrics(self) -> str:
        """``host:port`` of the Prometheus exporter."""
        return self.addresses["METRICS_ENDPOINT"]

    @property
    def own_metrics(self) -> str:
        """What the collector says about itself, in Prometheus' text."""
        return get(f"http://127.0.0.1:{self._telemetry_port}/metrics", within_s=60)[1]

    @property
    def log(self) -> str:
        """What it printed."""
        return (self._directory / "collector.log").read_text(encoding="utf-8", errors="replace")

    def __enter__(self) -> Collector:
        """Start it and wait until its health check says it is up."""
        with (self._directory / "collector.log").open("ab") as log:
            self.process = subprocess.Popen(
                self._command, env=self.env, cwd=self._directory, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            eventually(self._is_up)
        except BaseException:
            self.kill()
            raise
        return self

    def _is_up(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log
        try:
            return get(f"http://{self.addresses['HEALTH_ENDPOINT']}/", within_s=1)[0] == 200
        except OSError:
            return False

    def __exit__(self, *_: object) -> None:
        self.kill()

    def end(self) -> None:
        """Ask it to end, which delivers what it holds in memory."""
        assert self.process is not None
        self.process.terminate()
        self.process.wait(HUNG_S)

    def kill(self) -> None:
        """End it the hard way, if it hasn't ended."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)
