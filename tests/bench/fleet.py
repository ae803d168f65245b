"""
A fleet in small: programs against an agent and a gateway, and what one core of each carries before it is full.

Real programs at a steady pace, more and more of them, until what arrives falls behind or the machine is full: spans per
second at the backend, CPU and memory of both collectors for each N, and whether anything was lost. Programs need more CPU
than collectors, so a small machine is full of programs first; therefore the collectors' own limit is found by sending the
SDK's recorded requests again, to a collector that has one core. Run by ``make fleet``; loopback only.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent import futures
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import psutil
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from support.collector import SECRETS, Collector, certificate
from support.otlp_sink import HttpSink
from support.programs import Program, samples

STEPS = (1, 5, 10, 20, 40)
RATE = 100
"""Spans per second of each program: requests of eleven spans, one log record and some measurements each."""
WINDOW_S = 12.0
REPLAY_S = 4.0
IN_FLIGHT = (1, 2, 4, 8, 16)
KEPT_UP = 0.9
METADATA = (("authorization", f"Bearer {SECRETS['GATEWAY_TOKEN']}"),)
TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

PROGRAM = """
import json, logging, select, sys, time
import csg_otel

config = json.loads(sys.argv[1])
telemetry = csg_otel.instrument("fleet", config=config)
rate, log, count = float(sys.argv[2]), logging.getLogger("fleet"), 0

@csg_otel.observe
def request():
    global count
    for step in range(10):
        with csg_otel.observe("step", {"order.channel": "web", "order.items": 3, "order.total": 41.5}):
            count += 1
    count += 1
    log.warning("request %d is done", count)

print("ready", flush=True)
began = time.monotonic()
while not select.select([sys.stdin], [], [], max(0.0, began + count / rate - time.monotonic()))[0]:
    request()
report = telemetry.shutdown()
print(json.dumps({"spans": count, "spooled": report.spooled, "dropped": report.dropped}), flush=True)
"""


class _Backend(HttpSink):
    """Takes everything and keeps nothing."""

    def _keep(self, path: str, headers: dict[str, str], body: bytes) -> None:
        pass


@contextmanager
def grpc_backend(files: dict[str, str]) -> Iterator[str]:
    """Serve a backend for an agent, with TLS; give its ``host:port``."""
    server = grpc.server(futures.ThreadPoolExecutor(4), options=[("grpc.max_receive_message_length", 64 << 20)])
    taken = grpc.unary_unary_rpc_method_handler(lambda request, context: b"")

    class Everything(grpc.GenericRpcHandler):  # type: ignore[misc] # gRPC ships no types
        def service(self, call: Any) -> Any:
            return taken

    server.add_generic_rpc_handlers((Everything(),))
    pair = (Path(files["key"]).read_bytes(), Path(files["cert"]).read_bytes())
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(0).wait()


class Watched:
    """A collector, and what it has used and passed on since it was last asked."""

    def __init__(self, collector: Collector) -> None:
        assert collector.process is not None
        self.collector = collector
        self._process = psutil.Process(collector.process.pid)
        self.again()

    def sent(self) -> float:
        """Spans the next one has acknowledged, in all."""
        return sum(samples(self.collector.own_metrics, "otelcol_exporter_sent_spans(?:_total)?").values())

    def refused(self) -> float:
        """Spans it has not taken, in all."""
        return sum(samples(self.collector.own_metrics, "otelcol_receiver_(?:refused|failed)_spans(?:_total)?").values())

    def again(self) -> None:
        """Count from now."""
        self._since, self._cpu_s, self._sent = time.monotonic(), self._used_s(), self.sent()

    def _used_s(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def usage(self) -> Usage:
        """Return what it did since it was told to count."""
        sent, cpu_s, took_s = self.sent() - self._sent, self._used_s() - self._cpu_s, time.monotonic() - self._since
        return Usage(sent / took_s, cpu_s / took_s, self._process.memory_info().rss / 2**20, cpu_s / max(sent, 1) * 1e6)


@dataclass(frozen=True)
class Usage:
    """Spans per second passed on, cores used, MiB held, and seconds of CPU for a million spans."""

    spans: float
    cores: float
    mib: float
    per_million_s: float

    def __str__(self) -> str:
        return f"{self.cores:>6.3f} {self.mib:>7.0f} {self.per_million_s:>8.1f}"


def programs(stack: ExitStack, agent: Collector, directory: Path, rate: float, number: int) -> list[Program]:
    """Start *number* programs and wait until each is at work."""
    config = {"health_monitoring": {"enabled": False}, "exporters": {"otlp": [{"endpoint": f"http://{agent.grpc}"}]}}
    started = []
    for _ in range(number):
        folder = Path(tempfile.mkdtemp(dir=directory))
        command = [sys.executable, "-c", PROGRAM, json.dumps(config), str(rate)]
        started.append(stack.enter_context(Program(command, folder, {"XDG_STATE_HOME": str(folder)})))
    for program in started:
        program.line_with("^ready$", within_s=120)
    return started


def fleet(directory: Path, files: dict[str, str], steps: Sequence[int], rate: float, until: float) -> None:
    """Add programs step by step, print a row for each, and at the end what became of every span."""
    print(f"\nprograms > agent > gateway > backend, {rate:.0f} spans/s and {rate / 11:.0f} log records/s a program")
    print(f"{'':>40}  {'agent':^23}  {'gateway':^23}")
    columns = ("cores", "MiB", "s/10^6")
    head = f"{'N':>4} {'offered/s':>9} {'arrived/s':>9} {'cores/N':>8} {'machine':>7}"
    print(head + "  " + "  ".join(f"{columns[0]:>6} {columns[1]:>7} {columns[2]:>8}" for _ in range(2)))
    with ExitStack() as stack:
        backend = stack.enter_context(closing(_Backend())).endpoint
        behind = {"TRACES_ENDPOINT": backend, "LOGS_ENDPOINT": backend, "REMOTE_WRITE_ENDPOINT": backend}
        served = {"TLS_CERT_FILE": files["cert"], "TLS_KEY_FILE": files["key"]}
        gateway = stack.enter_context(Collector("gateway.yaml", directory / "gateway", {**behind, **served}))
        env = {"GATEWAY_ENDPOINT": gateway.grpc, "GATEWAY_CA_FILE": files["ca"]}
        agent = stack.enter_context(Collector("agent.yaml", directory / "agent", env))
        tiers = Watched(agent), Watched(gateway)
        running: list[Program] = []
        for step in steps:
            running += programs(stack, agent, directory, rate, step - len(running))
            time.sleep(2)  # until what the start of programs has held up is through
            kept_up = row(running, rate, tiers)
            if not kept_up or time.monotonic() > until:
                print("stopped: " + ("out of time" if kept_up else "what arrives has fallen behind"))
                break
        settle(running, gateway)


def row(running: Sequence[Program], rate: float, tiers: Sequence[Watched]) -> bool:
    """Measure for a while, print it, and tell whether what arrived kept up with what was offered."""
    processes = [psutil.Process(program.process.pid) for program in running]
    before_s = [sum(process.cpu_times()[:2]) for process in processes]
    psutil.cpu_percent()
    for tier in tiers:
        tier.again()
    time.sleep(WINDOW_S)
    agent, gateway = (tier.usage() for tier in tiers)
    machine = psutil.cpu_percent()
    used_s = [sum(process.cpu_times()[:2]) - before for process, before in zip(processes, before_s, strict=True)]
    cores = sum(used_s) / WINDOW_S / len(running)
    offered = rate * len(running)
    print(
        f"{len(running):>4} {offered:>9,.0f} {gateway.spans:>9,.0f} {cores:>8.4f} {machine:>6.0f}%  {agent}  {gateway}",
        flush=True,
    )
    return gateway.spans >= KEPT_UP * offered


def settle(running: Sequence[Program], gateway: Collector) -> None:
    """End the programs, and compare what they made with what the backend has acknowledged."""
    for program in running:
        assert program.process.stdin is not None
        program.process.stdin.write("\n")
        program.process.stdin.flush()
    reports = [json.loads(program.line_with(r"^\{.*\}$", within_s=60)[0]) for program in running]
    made = sum(report["spans"] for report in reports)
    spooled = sum(report["spooled"] for report in reports)
    dropped = sum(sum(report["dropped"].values()) for report in reports)
    watched, deadline = Watched(gateway), time.monotonic() + 30
    while watched.sent() < made - spooled and time.monotonic() < deadline:
        time.sleep(0.2)
    print(f"made {made:,}, at the backend {watched.sent():,.0f}, spooled {spooled:,}, dropped {dropped:,}")


class _Recorder(HttpSink):
    """Keeps requests as they came, by the number of their spans."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: dict[int, bytes] = {}

    def _keep(self, path: str, headers: dict[str, str], body: bytes) -> None:
        before = len(self.received.spans)
        super()._keep(path, headers, body)
        self.bodies[len(self.received.spans) - before] = body


def recorded(directory: Path, spans: int) -> bytes:
    """Return a request of *spans* spans as the SDK sends it."""
    sink = _Recorder()
    queue = {"batch_size": spans, "max_items": 2 * spans, "delay": 30}
    otlp = [{"endpoint": sink.endpoint, "protocol": "http/protobuf", "signals": ["traces"]}]
    config = {"health_monitoring": {"enabled": False}, "exporters": {"otlp": otlp, "queue": queue}}
    command = [sys.executable, "-c", PROGRAM, json.dumps(config), "1e9"]
    with Program(command, directory, {"XDG_STATE_HOME": str(directory)}) as program:
        program.line_with("^ready$")
        deadline = time.monotonic() + 60
        while spans not in sink.bodies and time.monotonic() < deadline:
            time.sleep(0.01)
    sink.close()
    return sink.bodies[spans]


@dataclass(frozen=True)
class Target:
    """Where a collector takes OTLP over gRPC; with *credentials* by TLS."""

    address: str
    credentials: Any = None

    def channel(self) -> Any:
        """Open a connection of its own."""
        options = [("grpc.use_local_subchannel_pool", 1)]
        if self.credentials is None:
            return grpc.insecure_channel(self.address, options)
        return grpc.secure_channel(self.address, self.credentials, options)


def senders(target: Target, body: bytes, number: int, over: threading.Event) -> list[threading.Thread]:
    """Start *number* threads that send *body* again as soon as it was answered, each over a connection of its own."""

    def send() -> None:
        with target.channel() as channel:
            call = channel.unary_unary(TRACES)
            while not over.is_set():
                try:
                    call(body, timeout=10, metadata=METADATA)
                except grpc.RpcError:
                    over.wait(0.05)  # it is full, and says so

    threads = [threading.Thread(target=send, daemon=True) for _ in range(number)]
    for thread in threads:
        thread.start()
    return threads


def saturate(title: str, watched: Watched, target: Target, body: bytes, spans: int) -> None:
    """Send more and more at once, beyond where more gets through; print a row for each."""
    print(f"\n{title}, one core, the SDK's requests of {spans} spans ({len(body) / spans:.0f} B a span)")
    print(f"{'at once':>7} {'spans/s':>9} {'refused':>9} {'cores':>6} {'MiB':>7} {'s/10^6':>8}")
    best, least_s = 0.0, float("inf")
    for number in IN_FLIGHT:
        over = threading.Event()
        threads = senders(target, body, number, over)
        time.sleep(1.5)
        refused = watched.refused()
        watched.again()
        time.sleep(REPLAY_S)
        usage = watched.usage()
        refused = watched.refused() - refused
        over.set()
        for thread in threads:
            thread.join(15)
        least_s = min(least_s, usage.per_million_s)
        print(f"{number:>7} {usage.spans:>9,.0f} {refused:>9,.0f} {usage}", flush=True)
        best = max(best, usage.spans)
    print(f"most seen {best:,.0f} spans/s; by the CPU a span takes, a core carries {1e6 / least_s:,.0f}")


def connections(watched: Watched, target: Target, body: bytes, number: int) -> None:
    """Open many connections that have sent once, and print what each holds of the collector's memory."""
    before = watched.usage().mib
    with ExitStack() as stack:
        for _ in range(number):
            channel = stack.enter_context(target.channel())
            channel.unary_unary(TRACES)(body, timeout=10, metadata=METADATA)
        time.sleep(1)  # until what it has been sent is passed on
        held = watched.usage().mib - before
    print(f"{number} connections with TLS: {held:.0f} MiB, {held / number * 1024:.0f} KiB each")


def waiting(sampler: Collector, body: bytes, requests: int = 200) -> None:
    """Fill a sampler with traces of eleven spans that wait for their decision, and print what they hold."""
    watched, count = Watched(sampler), 0
    before, request = watched.usage().mib, ExportTraceServiceRequest.FromString(body)
    spans = [span for one in request.resource_spans for scope in one.scope_spans for span in scope.spans]
    with Target(sampler.grpc).channel() as channel:
        for _ in range(requests):
            for at in range(0, len(spans), 11):
                trace = os.urandom(16)
                for span in spans[at : at + 11]:
                    span.trace_id = trace
            channel.unary_unary(TRACES)(request.SerializeToString(), timeout=30)
            count += len(spans)
    held = watched.usage().mib - before
    print(f"{count:,} spans that wait in a sampler: {held:.0f} MiB, {held * 2**20 / count:.0f} B each")


def limits(directory: Path, files: dict[str, str]) -> None:
    """Find what one core of a gateway and one of an agent carry."""
    trusted = grpc.ssl_channel_credentials(Path(files["ca"]).read_bytes())
    one_core = {"GOMAXPROCS": "1"}
    large, small = recorded(directory, 1024), recorded(directory, 100)
    with Collector("gateway-sampling.yaml", directory / "sampling", {"DECISION_WAIT": "10m"}) as sampler:
        waiting(sampler, large)
    with closing(_Backend()) as backend:
        served = {"TLS_CERT_FILE": files["cert"], "TLS_KEY_FILE": files["key"], "TRACES_ENDPOINT": backend.endpoint}
        env = {**served, **one_core}
        with Collector("gateway.yaml", directory / "gateway-alone", env) as gateway:
            connections(Watched(gateway), Target(gateway.grpc, trusted), small, 400)
        with Collector("gateway.yaml", directory / "gateway-full", env) as gateway:
            saturate("gateway.yaml", Watched(gateway), Target(gateway.grpc, trusted), large, 1024)
    with grpc_backend(files) as upper:
        env = {"GATEWAY_ENDPOINT": upper, "GATEWAY_CA_FILE": files["ca"], **one_core}
        with Collector("agent.yaml", directory / "agent-full", env) as agent:
            saturate("agent.yaml", Watched(agent), Target(agent.grpc), small, 100)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="make fleet")
    parser.add_argument("--steps", type=int, nargs="+", default=STEPS, help="numbers of programs, growing")
    parser.add_argument("--rate", type=float, default=RATE, help="spans per second of each")
    parser.add_argument("--seconds", type=float, default=300, help="no further step after this")
    options = parser.parse_args()
    version = subprocess.run(["uname", "-srm"], capture_output=True, text=True).stdout.strip()
    print(
        f"{os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB, {version}, {sys.version.split()[0]}"
    )
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        files = certificate(directory)
        limits(directory, files)
        fleet(directory, files, options.steps, options.rate, time.monotonic() + options.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
