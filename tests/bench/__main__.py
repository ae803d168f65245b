"""
Compare with what a careful user would write by hand on the official SDK: ratios, side by side, in one run.

Each side of a case is a program of its own that prints seconds, or bytes. Rounds are interleaved and medians compared, because
machines are noisy and only the ratio means something. Run by ``make bench``; ``--check`` fails above 1.5 x the ratio that is
held: the target, or what was measured where the target is not reached.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import statistics
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bench.case import Case
from bench.cases import CASES
from support import neighbours

ROUNDS = 5
TOLERANCE = 1.5
_SOURCE = Path(__file__).resolve().parents[2] / "src"
_UNITS = {"s": (1e6, "us"), "B": (2**-20, "MiB")}
"""How the values of each unit are printed: a factor, and the unit that it leads to."""
_HEALTHY = b'{"status": "pass", "state": "healthy", "checks": {"queue": [{"state": "healthy"}]}}'
RESULTS = Path("bench-results.json")


class _Sink(BaseHTTPRequestHandler):
    """A collector that takes everything and keeps nothing, and a program that is healthy."""

    def do_GET(self) -> None:
        """Answer as a health endpoint does."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(_HEALTHY)))
        self.end_headers()
        self.wfile.write(_HEALTHY)

    def do_POST(self) -> None:
        """Read the request and answer that all is well."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@contextmanager
def sink() -> Iterator[str]:
    """Serve a sink on a free loopback port; give its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _value(program: str, url: str, *, beside: bool) -> float:
    """Return the last line of *program*, which runs in the environment of the neighbours if it is *beside* them."""
    python, more = (neighbours.python(), neighbours.VARIABLES) if beside else (sys.executable, {})
    done = subprocess.run(
        [python, "-c", program, url],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **more},
        # As a shell does: in the group of this program it would be one of its workers, and publish its metrics for the others.
        start_new_session=True,
    )
    return float(done.stdout.splitlines()[-1])


def measure(case: Case, url: str) -> dict[str, float]:
    """Return the medians of both sides, their ratio, the ratio to reach and the one that is held."""
    rounds = [
        (_value(case.ours, url, beside=case.ours_beside), _value(case.theirs, url, beside=case.needs_neighbours))
        for _ in range(ROUNDS)
    ]
    ours, theirs = (statistics.median(side) for side in zip(*rounds, strict=True))
    return {"ours": ours, "theirs": theirs, "ratio": ours / theirs, "target": case.target, "held": case.held}


def main() -> int:
    """Measure every case, print the table, write the results; 1 if ``--check`` finds a ratio too high."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--check", action="store_true", help=f"fail above {TOLERANCE} x the ratio that is held")
    parser.add_argument("--only", default="", metavar="TEXT", help="measure the cases with TEXT in their names")
    options = parser.parse_args()
    results: dict[str, dict[str, float]] = {}
    print(f"{'case':<44} {'ours':>12} {'theirs':>12} {'ratio':>8} {'target':>8}")
    compileall.compile_dir(_SOURCE, quiet=1)  # as an installed package is; the first start would do it
    with sink() as url:
        for case in CASES:
            if options.only not in case.name:
                continue
            if case.needs_neighbours and not neighbours.is_built():
                print(f"{case.name:<44} left out: `.ci/neighbours` builds the environment it needs")
                continue
            result = results[case.name] = measure(case, url)
            factor, unit = _UNITS[case.unit]
            ours, theirs = (f"{result[side] * factor:,.1f} {unit}" for side in ("ours", "theirs"))
            print(f"{case.name:<44} {ours:>12} {theirs:>12} {result['ratio']:>8.3f} {case.target:>8.3f}", flush=True)
    units = {case.name: case.unit for case in CASES}
    written = {name: {"unit": units[name], **result} for name, result in results.items()}
    RESULTS.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    missed = [name for name, result in results.items() if result["ratio"] > TOLERANCE * result["held"]]
    for name in missed:
        print(f"above {TOLERANCE} x {results[name]['held']}: {name}")
    return 1 if options.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
