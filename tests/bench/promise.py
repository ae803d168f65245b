"""
What telemetry costs a service: ``PYTHONPATH=tests python -m bench.promise``.

The same HTTP service runs twice, with everything on and without telemetry, and gets the same requests in the same minute. The
difference of their processor time and memory is what telemetry costs: idle, at 85 requests a second, and at 200.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from support.load import services
from support.servers import free_port

RATES = (0, 85, 200)
_SETTLE_S = 5.0
_MB = 1e6


def main() -> None:
    """Print a line for each rate."""
    parser = argparse.ArgumentParser(prog="bench.promise")
    parser.add_argument("--seconds", type=float, default=60.0, help="seconds for each rate (default 60)")
    seconds = parser.parse_args().seconds
    print(
        f"{'requests/s':>10} {'sent/s':>8} {'telemetry':>10} {'service':>8} {'telemetry':>10} {'in all':>8} {'growth':>8}"
    )
    with tempfile.TemporaryDirectory() as folder, services(Path(folder), free_port()) as both:
        both.under(RATES[-1], _SETTLE_S)  # imports, first exports, and the rules of scrubbing
        for rate in RATES:
            cost = both.under(rate, seconds)
            memory = (f"{value / _MB:6.1f} MB" for value in (cost.more_bytes, cost.resident, cost.growth))
            cpu = (f"{value:8.2%}" for value in (cost.cpu, cost.bare_cpu))
            print(f"{rate:>10} {cost.requests / seconds:>8.1f}", *cpu, *memory, flush=True)


if __name__ == "__main__":
    main()
