"""
Instructions per call instead of time, which no other program disturbs: ``PYTHONPATH=tests python -m bench.instructions``.

Needs valgrind. Nothing is exported on either side. Each program runs twice, with few and with many calls, and the difference
counts.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.programs import BLOCK, BOUND_PAIR, BY_HAND, FAILING, OBSERVED, PAIR, instrumented

_CALLS = 1_000
_EXPORTING = 'tracing.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(sys.argv[1] + "/v1/traces")))\n'
_RUN = """
for _ in range(200 + int(sys.argv[2])):
    work()
import os
os._exit(0)
"""
_SIDES = {
    "SDK by hand": BY_HAND.replace(_EXPORTING, ""),
    "recorded call": instrumented(destinations=0) + OBSERVED,
    "recorded block": instrumented(destinations=0) + BLOCK,
    "failing call": instrumented(destinations=0) + FAILING,
    "counter.add + histogram.record": instrumented(destinations=0) + PAIR,
    "the pair, bound": instrumented(destinations=0) + BOUND_PAIR,
}


def _instructions(program: str, calls: int, folder: Path) -> int:
    """Return the instructions of *program* with so many *calls*."""
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder / 'out'}", sys.executable, "-c"]
    # One seed, so that both runs have the same collisions in their dictionaries.
    environ = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run(
        [*command, program, "http://127.0.0.1:9", str(calls)], env=environ, capture_output=True, text=True, check=True
    )
    collected = re.search(r"Collected : (\d+)", done.stderr)
    assert collected, done.stderr
    return int(collected[1])


def main() -> int:
    """Print the instructions of each side, and the ratio to the SDK by hand."""
    if shutil.which("valgrind") is None:
        print("valgrind is not installed: `apt-get install valgrind`")
        return 1
    by_hand = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for name, program in _SIDES.items():
            few, many = (_instructions(program + _RUN, calls, Path(folder)) for calls in (0, _CALLS))
            per_call = (many - few) / _CALLS
            by_hand = by_hand or per_call
            print(f"{name:<34} {per_call:10,.0f} {per_call / by_hand:8.3f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
