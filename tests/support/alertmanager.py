"""A real Alertmanager on a free loopback port."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import TracebackType
from typing import Any

from support.servers import free_port

_START_S = 30.0


class Alertmanager:
    """The *program* with the configuration *file*; a context manager."""

    def __init__(self, file: Path, directory: Path, program: str = "prometheus-alertmanager") -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.address = f"127.0.0.1:{free_port()}"
        self._log = directory / "alertmanager.log"
        self._command = [
            program,
            f"--config.file={file}",
            f"--storage.path={directory / 'data'}",
            f"--web.listen-address={self.address}",
            "--cluster.listen-address=",  # alone
        ]

    def __enter__(self) -> Alertmanager:
        """Start it and wait until it answers."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            assert self._process.poll() is None, self._log.read_text()
            try:
                urllib.request.urlopen(f"http://{self.address}/-/ready", timeout=1).close()
            except OSError:
                time.sleep(0.1)
            else:
                return self
        raise AssertionError(f"Alertmanager is not ready: {self._log.read_text()}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it, by its own pid."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)

    @property
    def log(self) -> str:
        """What it has logged."""
        return self._log.read_text()

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts it has."""
        with urllib.request.urlopen(f"http://{self.address}/api/v2/alerts", timeout=10) as answer:
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
        urllib.request.urlopen(request, timeout=10).close()
