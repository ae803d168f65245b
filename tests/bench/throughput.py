"""
The throughput of a FastAPI service with everything on and without telemetry: ``PYTHONPATH=tests python -m bench.throughput``.

Both services run behind uvicorn with one worker, and eight connections send requests to one of them at a time, in turns, as
fast as they are answered. Printed are the medians of requests a second, and their ratio.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from bench.__main__ import sink
from bench.loads import APPLICATION_ALONE, OWN_APPLICATION, WITH_EVERYTHING, WITHOUT
from support.programs import Program, eventually, get
from support.servers import free_port

_SERVED = """
import uvicorn
uvicorn.run(app, port={port}, log_level="error", access_log=False)
"""
_CONNECTIONS = 8


def answered(port: int, seconds: float) -> float:
    """Return the requests a second that the service at *port* answers."""
    until, counts = time.monotonic() + seconds, [0] * _CONNECTIONS

    def send(place: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while time.monotonic() < until:
            connection.request("GET", "/orders/7")
            assert json.loads(connection.getresponse().read())["number"] == 7
            counts[place] += 1
        connection.close()

    threads = [threading.Thread(target=send, args=(place,)) for place in range(_CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def main() -> None:
    """Print a line with FastAPI's own telemetry, and one without it."""
    parser = argparse.ArgumentParser(prog="bench.throughput")
    parser.add_argument("--seconds", type=float, default=4.0, help="seconds of each turn (default 4)")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each service (default 5)")
    options = parser.parse_args()
    print(f"{'FastAPI':<24} {'everything':>12} {'nothing':>12} {'ratio':>7}")
    for name, application in (("with its own telemetry", OWN_APPLICATION), ("without its own", APPLICATION_ALONE)):
        with ExitStack() as stack:
            folder, url = Path(stack.enter_context(tempfile.TemporaryDirectory())), stack.enter_context(sink())
            ports = [free_port(), free_port()]
            for port, telemetry in zip(ports, (WITH_EVERYTHING, WITHOUT), strict=True):
                source = telemetry.replace("sys.argv[1]", repr(url)) + application + _SERVED.format(port=port)
                place = folder / str(port)
                place.mkdir()
                stack.enter_context(Program(source, place, {"XDG_STATE_HOME": str(place)}))
                eventually(lambda port=port: _is_up(port))
                answered(port, options.seconds)  # the rules of scrubbing are built meanwhile
            turns = [[answered(port, options.seconds) for port in ports] for _ in range(options.rounds)]
            ours, bare = (statistics.median(side) for side in zip(*turns, strict=True))
            print(f"{name:<24} {ours:>10.0f}/s {bare:>10.0f}/s {ours / bare:>7.2f}", flush=True)


def _is_up(port: int) -> bool:
    try:
        return get(f"http://127.0.0.1:{port}/orders/7")[0] == 200
    except OSError:
        return False


if __name__ == "__main__":
    main()
