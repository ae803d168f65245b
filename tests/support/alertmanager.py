"""A real Alertmanager on a free loopback port."""

from __future__ import annotations

import json
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from support.daemon import Daemon
from support.servers import free_port


class Alertmanager(Daemon):
    """The *program* with the configuration *file*; a context manager."""

    def __init__(
        self, file: Path, directory: Path, program: str = "prometheus-alertmanager", *, address: str = ""
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.address = address or f"127.0.0.1:{free_port()}"
        command = [
            program,
            f"--config.file={file}",
            f"--storage.path={directory / 'data'}",
            f"--web.listen-address={self.address}",
            "--cluster.listen-address=",  # alone
        ]
        super().__init__(command, f"http://{self.address}", directory / "alertmanager.log")

    def __enter__(self) -> Alertmanager:
        """Start it and wait until it answers."""
        self.start()
        return self

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts it has."""
        with urllib.request.urlopen(f"http://{self.address}/api/v2/alerts", timeout=30) as answer:
            found: list[dict[str, Any]] = json.load(answer)
        return found

    def silence(self, alertname: str, hours: float = 1) -> None:
        """Silence *alertname*, which is how people say that they know."""
        now = datetime.now(timezone.utc)
        matcher = {"name": "alertname", "value": alertname, "isRegex": False, "isEqual": True}
        silence = {
            "matchers": [matcher],
            "startsAt": now.isoformat(),
            "endsAt": (now + timedelta(hours=hours)).isoformat(),
            "createdBy": "test",
            "comment": "known",
        }
        request = urllib.request.Request(
            f"http://{self.address}/api/v2/silences", json.dumps(silence).encode(), {"Content-Type": "application/json"}
        )
        urllib.request.urlopen(request, timeout=30).close()
