"""A real Pushgateway on a free loopback port, and a stand-in with faults."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from support.daemon import Daemon
from support.programs import get
from support.servers import free_port


class Pushgateway(Daemon):
    """The program of the PATH; a context manager."""

    def __init__(self, directory: Path) -> None:
        address = f"127.0.0.1:{free_port()}"
        # Without a file: Debian keeps the groups of one run for the next.
        command = ["prometheus-pushgateway", f"--web.listen-address={address}", "--persistence.file="]
        super().__init__(command, f"http://{address}", directory / "pushgateway.log")

    def __enter__(self) -> Pushgateway:
        """Start it."""
        self.start()
        return self

    @property
    def metrics(self) -> str:
        """The text that Prometheus would scrape."""
        return get(f"{self.url}/metrics")[1]

    @property
    def groups(self) -> list[dict[str, str]]:
        """The labels of each group."""
        with urllib.request.urlopen(f"{self.url}/api/v1/metrics", timeout=30) as response:
            return [group["labels"] for group in json.load(response)["data"]]


class FaultyGateway:
    """Answers pushes with ``status``; with status 0 it never answers. Keeps what it gets."""

    def __init__(self) -> None:
        self.status = 200
        self.requests: list[tuple[str, str, str, str]] = []
        """Method, path, body, and the header ``Authorization``."""
        self.ended = threading.Event()
        self.url = ""


@contextmanager
def faulty_gateway() -> Iterator[FaultyGateway]:
    """Serve a gateway with faults for the time of the block."""
    gateway = FaultyGateway()

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            gateway.requests.append((self.command, self.path, body, self.headers.get("Authorization") or ""))
            if not gateway.status:
                gateway.ended.wait(30)
                return
            self.send_response(gateway.status)
            self.end_headers()

        do_DELETE = do_PUT  # noqa: N815 - the names are the library's

        def log_message(self, *_arguments: Any) -> None:
            """Write nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    gateway.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield gateway
    finally:
        gateway.ended.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
