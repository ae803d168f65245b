"""A real HTTP service under a steady load, with all telemetry and with none: what telemetry costs it."""

from __future__ import annotations

import http.client
import json
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from support.otlp_sink import HttpSink
from support.programs import Program, get

_TELEMETRY = """
import csg_otel
csg_otel.instrument("shop", config={
    "exporters": {"otlp": [{"name": name, "endpoint": endpoint, "protocol": "http/protobuf"} for name, endpoint in SINKS]},
    "system_monitoring": {"prometheus": {"enabled": True}},
})
observed, step = csg_otel.observe("order", args=("number",)), csg_otel.observe("stock")
count = csg_otel.counter("shop.orders", attributes=("kind",)).add
took = csg_otel.histogram("shop.items", unit="1").record
"""

_NO_TELEMETRY = """
def observed(function):
    return function

step = observed

def count(amount, attributes):
    pass

took = count
"""

# The work of the program is the same with and without telemetry; its log lines go to standard error.
_SERVICE = """
import http.server, json, logging, sys
SINKS = json.loads(sys.argv[1])
sys.modules["hyperscan"] = None  # as in an installation without extras: its expressions take 40 MB
logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-8s %(name)s: %(message)s")
{telemetry}
log = logging.getLogger("orders")

@step
def items(number):
    return [{{"name": f"item {{at}}", "price": (at * number) % 97 / 7}} for at in range(100)]

@observed
def order(number):
    found = items(number)
    count(1, {{"kind": "book"}})
    took(len(found), {{"kind": "book"}})
    log.info("order %s has %d items", number, len(found))
    return json.dumps(sorted(found, key=lambda item: item["price"])).encode()

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        body = order(int(self.path.rpartition("/")[2]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""

_CLIENTS = 4
_TICK_S = os.sysconf("SC_CLK_TCK") ** -1 if hasattr(os, "sysconf") else 0.01


@dataclass(frozen=True)
class Usage:
    """What a process has used: processor seconds since its start, and resident bytes now."""

    cpu_s: float
    resident: int

    @classmethod
    def of(cls, pid: int) -> Usage:
        """Return the usage of the process *pid*."""
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return cls((int(fields[11]) + int(fields[12])) * _TICK_S, int(fields[21]) * os.sysconf("SC_PAGE_SIZE"))


@dataclass(frozen=True)
class Cost:
    """
    What telemetry costs: the share of one processor and the bytes that the service with it uses more, and its own bytes.

    ``growth`` is the growth of the resident bytes in the second half, of the service with telemetry.
    """

    cpu: float
    bare_cpu: float
    more_bytes: int
    resident: int
    growth: int
    requests: int


class Services:
    """The same service twice, with telemetry and without, so that both live through the same minute."""

    def __init__(self, programs: Sequence[Program], sinks: Sequence[HttpSink], metrics_port: int) -> None:
        self.sinks = sinks
        self._pids = [program.process.pid for program in programs]
        self._ports = [int(program.line()) for program in programs]
        self._metrics = f"http://127.0.0.1:{metrics_port}/metrics"
        self._requests = 0

    def under(self, requests_a_second: float, seconds: float) -> Cost:
        """Send both services so many requests, one after the other, and return what telemetry costs meanwhile."""
        ended = threading.Event()
        each_s = _CLIENTS / requests_a_second if requests_a_second else 0.0
        clients = [
            threading.Thread(target=self._send, args=(each_s, number * each_s / _CLIENTS, ended))
            for number in range(_CLIENTS if each_s else 0)
        ]
        before, began, self._requests = self._usage(), time.monotonic(), 0
        for client in clients:
            client.start()
        self._scrape(seconds / 2)
        middle = self._usage()
        self._scrape(seconds / 2)
        after, took_s = self._usage(), time.monotonic() - began
        ended.set()
        for client in clients:
            client.join()
        cpu, bare_cpu = ((end.cpu_s - start.cpu_s) / took_s for start, end in zip(before, after, strict=True))
        ours, bare = after
        return Cost(
            cpu - bare_cpu,
            bare_cpu,
            ours.resident - bare.resident,
            ours.resident,
            ours.resident - middle[0].resident,
            self._requests,
        )

    def _usage(self) -> list[Usage]:
        return [Usage.of(pid) for pid in self._pids]

    def _scrape(self, seconds: float) -> None:
        """Scrape the metrics every five seconds for so many seconds."""
        until = time.monotonic() + seconds
        while (left_s := until - time.monotonic()) > 0:
            assert get(self._metrics)[0] == 200
            time.sleep(min(5.0, left_s))

    def _send(self, each_s: float, first_s: float, ended: threading.Event) -> None:
        """Send a request to each service every *each_s* seconds."""
        connections = [http.client.HTTPConnection("127.0.0.1", port, timeout=30) for port in self._ports]
        numbers, at = cycle(range(1000)), time.monotonic() + first_s
        while not ended.wait(max(0.0, at - time.monotonic())):
            number = next(numbers)
            for connection in connections:
                connection.request("GET", f"/orders/{number}")
                assert connection.getresponse().read()
            self._requests += 1
            at += each_s
        for connection in connections:
            connection.close()


@contextmanager
def services(folder: Path, metrics_port: int) -> Iterator[Services]:
    """Run both services below *folder*; the one with telemetry shows its metrics at *metrics_port* of this machine."""
    with ExitStack() as stack:
        sinks = [HttpSink(), HttpSink()]
        for sink in sinks:
            stack.callback(sink.close)
        named = [(f"sink {number}", sink.endpoint) for number, sink in enumerate(sinks)]
        programs = []
        for name, telemetry in (("with", _TELEMETRY), ("without", _NO_TELEMETRY)):
            place = folder / name
            place.mkdir()
            command = [sys.executable, "-c", _SERVICE.format(telemetry=telemetry), json.dumps(named)]
            env = {"XDG_STATE_HOME": str(place), "PROMETHEUS_PORT": str(metrics_port)}
            programs.append(stack.enter_context(Program(command, place, env)))
        yield Services(programs, sinks, metrics_port)
