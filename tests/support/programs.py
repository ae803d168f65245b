"""Programs in processes of their own: OTel's globals, signals and exits can't be tested in the test's process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

HUNG_S = 55.0
"""Seconds after which a program counts as hung, however busy the machine; below the 60 s that tests let parts hang."""

_FREE_PORTS = {"PROMETHEUS_PORT": "0", "MONITORING_DASHBOARD_PORT": "0"}


class Program:
    """A Python program under test; always ended by its own pid."""

    def __init__(self, source: str | list[str], cwd: Path, env: Mapping[str, str] | None = None) -> None:
        command = [sys.executable, "-c", textwrap.dedent(source)] if isinstance(source, str) else source
        self._error_file = (cwd / "stderr.txt").open("w+", encoding="utf-8")
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, **_FREE_PORTS, "PYTHONUNBUFFERED": "1", **(env or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._error_file,
            text=True,
        )

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(HUNG_S)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        self._error_file.close()

    @property
    def stderr(self) -> str:
        """What the program wrote to stderr so far."""
        return Path(self._error_file.name).read_text(encoding="utf-8")

    def line(self) -> str:
        """The next line the program prints."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def line_with(self, pattern: str, within_s: float = HUNG_S) -> re.Match[str]:
        """The first line that matches *pattern*, skipping others."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            line = self.line()
            if found := re.search(pattern, line):
                return found
            if not line and self.process.poll() is not None:
                break
        raise AssertionError(f"no line matching {pattern!r}; status {self.process.poll()}; stderr: {self.stderr}")

    def go_on(self) -> None:
        """Let the program go on that waits for a line on its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.process.send_signal(signal.SIGTERM)

    def wait(self, within_s: float = HUNG_S) -> int:
        """Wait for the end and return the exit code."""
        return self.process.wait(within_s)


def get(url: str, headers: Mapping[str, str] | None = None, within_s: float = 30) -> tuple[int, str, Mapping[str, str]]:
    """Return status, body and headers of a GET; an HTTP error is an answer too."""
    request = urllib.request.Request(url, headers=dict(headers or {}))
    try:
        with urllib.request.urlopen(request, timeout=within_s) as answer:
            return answer.status, answer.read().decode(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(), dict(error.headers)


def eventually(check: object, within_s: float = HUNG_S, every_s: float = 0.05) -> object:
    """Return the first true result of calling *check*, or fail after *within_s* seconds."""
    deadline = time.monotonic() + within_s
    while True:
        if result := check():  # type: ignore[operator]
            return result
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(every_s)


def samples(text: str, name: str) -> dict[str, float]:
    """Return the samples of *name* in an exposition by their labels as written."""
    found = re.findall(rf"^{name}(?:\{{(.*?)\}})? (\S+)(?: .*)?$", text, re.MULTILINE)
    return {labels: float(value) for labels, value in found}
