"""
The command ``python -m snapshot_generator``, also ``python examples/snapshot_generator`` and ``csg-otel demo``.

Signals are taken before anything heavy is imported, so Ctrl-C and SIGTERM end it cleanly from the first moment on.
"""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path


def _run() -> int:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    # Run by its path or from inside the wheel, the folder that holds this package is not on the path yet.
    folder = str(Path(__file__).resolve().parents[1])
    if folder not in sys.path:
        sys.path.insert(0, folder)
    from snapshot_generator import command

    return command.main(sys.argv[1:], stop)


if __name__ == "__main__":
    sys.exit(_run())
