"""A server of one program that answers on a loopback port, ended by its own pid."""

from __future__ import annotations

import subprocess
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from support.programs import HUNG_S


class Daemon:
    """The process of *command*, ready when *url* with *ready* behind it answers; a context manager."""

    def __init__(self, command: Sequence[str], url: str, log: Path, ready: str = "/-/ready") -> None:
        self.url = url
        self._command = command
        self._ready = url + ready
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        deadline = time.monotonic() + HUNG_S
        while time.monotonic() < deadline:
            assert self._process.poll() is None, self._log.read_text()
            try:
                urllib.request.urlopen(self._ready, timeout=1).close()
            except OSError:
                time.sleep(0.1)
            else:
                return
        self.__exit__(None, None, None)
        raise AssertionError(f"{self._command[0]} is not ready: {self._log.read_text()}")

    @property
    def log(self) -> str:
        """What it has logged."""
        return self._log.read_text()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(30)
