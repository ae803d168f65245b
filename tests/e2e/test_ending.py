"""The end of a process: nothing emitted is lost, the exit code stays, and it takes no longer than it may."""

from __future__ import annotations

import signal
import sys
import textwrap
import time
from pathlib import Path

import pytest

from support.fault_proxy import FaultProxy
from support.otlp_sink import GrpcSink, HttpSink
from support.programs import Program, eventually

WORK = """
    import os, signal, sys, time
    import csg_otel

    {before}
    telemetry = csg_otel.instrument(exporters=["otlp+http://127.0.0.1:{port}"], {options})
    done = csg_otel.counter("done")
    for number in range(50):
        with csg_otel.observe("work"):
            done.add(1)
    print("ready", flush=True)
    {after}
"""


WAIT = "time.sleep(600)"
AMPLE = "exporters__shutdown_timeout=30"
"""Where everything must be delivered: a busy machine may take longer than the default of 5 s, and leave the rest on disk."""


def program(sink: HttpSink, cwd: Path, *, before: str = "", after: str = WAIT, options: str = AMPLE) -> Program:
    return Program(WORK.format(port=sink.port, before=before, after=after, options=options), cwd)


def delivered(sink: HttpSink) -> tuple[int, int]:
    """Spans of the work and the last value of its counter."""
    points = sink.received.points("done")
    return sum(span.name == "work" for span in sink.received.spans), points[-1].as_int if points else 0


def test_sigterm_loses_nothing_and_keeps_the_exit_code(sink: HttpSink, tmp_path: Path) -> None:
    """By default the process dies of the signal, as it would have, after everything was sent."""
    with program(sink, tmp_path) as running:
        running.line_with("ready")
        running.terminate()

        assert running.wait() == -signal.SIGTERM
    assert delivered(sink) == (50, 50)


def test_a_forked_worker_of_multiprocessing_loses_nothing(sink: HttpSink, tmp_path: Path) -> None:
    """Its processes leave by os._exit, without atexit; what they measured last is delivered all the same."""
    before = """
    import multiprocessing
    def worker():
        with csg_otel.observe("in the worker"):
            csg_otel.counter("worked").add(1)
    """
    after = "child = multiprocessing.get_context('fork').Process(target=worker); child.start(); child.join()"
    with program(sink, tmp_path, before=before, after=after) as running:
        assert running.wait() == 0

    assert [span.name for span in sink.received.spans].count("in the worker") == 1
    assert sink.received.points("worked")[-1].as_int == 1


def test_the_programs_own_handler_still_decides(sink: HttpSink, tmp_path: Path) -> None:
    """A handler installed before instrument() runs after the flush, and its exit code is the process's."""
    before = "signal.signal(signal.SIGTERM, lambda *_: os._exit(7))"
    with program(sink, tmp_path, before=before) as running:
        running.line_with("ready")
        running.terminate()

        assert running.wait() == 7
    assert delivered(sink) == (50, 50)


def test_a_signal_that_the_main_thread_misses_is_sent_again(sink: HttpSink, tmp_path: Path) -> None:
    """A signal that comes just before a system call does not interrupt it; the process ends all the same."""
    before = """
    signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
    sent, kill = [], signal.pthread_kill
    signal.pthread_kill = lambda *call: sent.append(call) if len(sent) < 3 else kill(*call)  # the first three are missed
    """
    with program(sink, tmp_path, before=before) as running:
        running.line_with("ready")
        running.terminate()

        assert running.wait() == 7
    assert delivered(sink) == (50, 50)


IN_C = """
    import sqlite3
    sqlite3.connect(":memory:").execute(
        "with recursive c(x) as (select 1 union all select x + 1 from c limit 40000000000) select count(*) from c"
    ).fetchone()
"""
"""A long call into C that releases the GIL, as a query does."""

TAKEN = "import asyncio; loop = asyncio.new_event_loop(); loop.add_signal_handler(signal.SIGUSR1, print)"
"""An event loop uses the descriptor that signals wake."""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001); signal.signal(signal.SIGALRM, lambda *_: None)", IN_C),
        ("import ctypes; ctypes.CDLL = lambda *_: None", WAIT),
        (TAKEN, WAIT),
        ("", TAKEN + "; " + WAIT),
        ("", "os.closerange(3, 4096); " + WAIT),
    ],
    ids=["in C, with a profiler", "no C library", "loop before", "loop after", "descriptors closed"],
)
def test_sigterm_ends_the_program_whatever_its_main_thread_does(
    sink: HttpSink, tmp_path: Path, before: str, after: str
) -> None:
    """The main thread runs no handler before its call into C is over; the process ends in time, and delivers."""
    with program(sink, tmp_path, before=before, after=after) as running:
        running.line_with("ready")
        time.sleep(0.3)  # the call into C has begun; where it has not, the test is easier to pass
        running.terminate()

        assert running.wait() == -signal.SIGTERM
        if "closerange" not in after:  # the interpreter itself says that its descriptor is gone; so is the connection
            assert "Traceback" not in running.stderr
            assert delivered(sink) == (50, 50)


CHILDREN = """
    import multiprocessing, os, signal, sqlite3, time
    import csg_otel

    def query():
        with csg_otel.observe("in the child"):
            pass
        print("begun", flush=True)
        {in_c}

    if __name__ == "__main__":
        context = multiprocessing.get_context("{method}")
        if "{method}" == "forkserver":
            context.set_forkserver_preload(["telemetry"])
        else:
            import telemetry
        child = context.Process(target=query)
        child.start()
        input()
        child.terminate()
        child.join(20)
        print("child", child.exitcode, flush=True)
        import telemetry
        for _ in range(20):
            if (one := os.fork()) == 0:
                time.sleep(600)
            os.kill(one, signal.SIGTERM)
            os.waitpid(one, 0)
        print("twenty ended", flush=True)
"""


@pytest.mark.parametrize("method", ["fork", "forkserver"])
def test_children_end_at_once_and_the_parent_goes_on(method: str, sink: HttpSink, tmp_path: Path) -> None:
    """
    A pool ends its workers the moment they begin; a signal to a child wakes nothing in the parent.

    A child in C code (here a query, in a pool the wait for a semaphore) ends, too, and delivers what it has measured.
    """
    (tmp_path / "telemetry.py").write_text(
        f'import csg_otel; csg_otel.instrument("p", exporters=["otlp+http://127.0.0.1:{sink.port}"])'
    )
    source = CHILDREN.format(method=method, in_c=IN_C.replace("\n", "\n    "))
    (tmp_path / "parent.py").write_text(textwrap.dedent(source))
    with Program([sys.executable, "parent.py"], tmp_path, {"PYTHONPATH": str(tmp_path)}) as running:
        running.line_with("begun")
        print(file=running.process.stdin, flush=True)

        running.line_with("child -15")
        running.line_with("twenty ended")
        assert running.wait() == 0
    assert [span.name for span in sink.received.spans].count("in the child") == 1


def test_the_programs_own_handler_runs_once_for_each_signal(sink: HttpSink, tmp_path: Path) -> None:
    """A handler that lets the program go on runs once for the first SIGTERM, and once for the next."""
    before = """
    handled = []
    signal.signal(signal.SIGTERM, lambda *_: (handled.append(1), print("handled", len(handled), flush=True)))
    """
    after = """
    while len(handled) < 2:
        time.sleep(0.01)
    time.sleep(1)  # long enough for a repetition
    print("in all", len(handled), flush=True)
    """
    with program(sink, tmp_path, before=before, after=after) as running:
        running.line_with("ready")
        running.terminate()
        running.line_with("handled 1")
        time.sleep(0.3)
        running.terminate()
        running.line_with("handled 2")

        running.line_with("in all 2")
        assert running.wait() == 0


def test_signals_can_be_left_alone(sink: HttpSink, tmp_path: Path) -> None:
    """With handle_signals=False the signal's disposition is untouched."""
    after = "print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, flush=True)"
    with program(sink, tmp_path, after=after, options="handle_signals=False") as running:
        running.line_with("ready")

        assert running.line() == "True"


def test_falling_off_the_end_delivers_everything(sink: HttpSink, tmp_path: Path) -> None:
    """A script that just ends needs no call to shutdown()."""
    with program(sink, tmp_path, after="pass") as running:
        assert running.wait() == 0
    assert delivered(sink) == (50, 50)


def test_an_uncaught_exception_keeps_its_traceback_and_loses_nothing(sink: HttpSink, tmp_path: Path) -> None:
    """The program's own end is not changed by telemetry's."""
    with program(sink, tmp_path, after="raise SystemExit(3)") as running:
        assert running.wait() == 3
    assert delivered(sink) == (50, 50)


def test_a_hung_collector_costs_the_budget_and_no_more(sink: HttpSink, tmp_path: Path) -> None:
    """With a collector that accepts and never answers the process is gone after its 5 s for all signals together."""
    sink.hang.set()
    with program(sink, tmp_path, after="import logging; logging.getLogger('app').warning('x')", options="") as running:
        running.line_with("ready")
        began = time.monotonic()
        running.wait()

        assert time.monotonic() - began < 5.8


HUNG = """
    import logging, os, signal, sys, time
    import csg_otel

    signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
    csg_otel.instrument("shop", health_monitoring__enabled=False, system_monitoring__enabled=False)
    from opentelemetry import _logs
    done, logger = csg_otel.counter("done"), _logs.get_logger("test")
    for number in range(int(sys.argv[1])):
        with csg_otel.observe("work"):
            done.add(1)
        logger.emit(_logs.LogRecord(body=f"log {number}"))
    print("ready", flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_sigterm_before_a_hung_collector_loses_nothing(protocol: str, tmp_path: Path) -> None:
    """Spans, logs and increments are on disk before the program's own handler ends it; the next start delivers them."""
    sink = GrpcSink() if protocol == "grpc" else HttpSink()
    proxy = FaultProxy(sink.port, "hang")
    (tmp_path / "shop.py").write_text(textwrap.dedent(HUNG))
    env = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": proxy.endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta",
    }
    with Program([sys.executable, "shop.py", "50"], tmp_path, env) as running:
        running.line_with("ready")
        began = time.monotonic()
        running.terminate()

        assert running.wait() == 7
        assert time.monotonic() - began < 5

    def found() -> tuple[int, int, int]:
        records = [record for record in sink.received.records if record.body.string_value.startswith("log ")]
        works = [span for span in sink.received.spans if span.name == "work"]
        return len(works), len(records), sum(point.as_int for point in sink.received.points("done"))

    proxy.fault = "pass"
    with Program([sys.executable, "shop.py", "0"], tmp_path, env) as running:
        running.line_with("ready")
        eventually(lambda: found() == (50, 50, 50))
    proxy.close()
    sink.close()


def test_a_signal_that_the_program_blocks_is_left_to_the_program(sink: HttpSink, tmp_path: Path) -> None:
    """It waits for it on a thread of its own, or protects a section: no thread of telemetry accepts the signal."""
    after = """
    import threading
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR1})
    signal.signal(signal.SIGUSR1, lambda *_: os._exit(5))
    os.kill(os.getpid(), signal.SIGUSR1)
    time.sleep(0.3)
    def wait():
        print("got", int(signal.sigwait([signal.SIGTERM])), flush=True)
        os._exit(4)
    threading.Thread(target=wait).start()
    print("waiting", flush=True)
    time.sleep(600)
    """
    with program(sink, tmp_path, after=after) as running:
        running.line_with("waiting")
        running.terminate()

        running.line_with("got 15")
        assert running.wait() == 4


def test_code_of_the_program_runs_with_the_programs_mask(sink: HttpSink, tmp_path: Path) -> None:
    """A process that a callback or a check starts inherits the mask: it must hear SIGTERM; in a forked child, too."""
    before = """
    def mask(name):
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        print(name, os.getpid(), *map(int, blocked), flush=True)
    @csg_otel.health_check("masked", interval_s=1)
    def check():
        mask("check")
    def asked():
        mask("callback")
        return 1
    csg_otel.observable_gauge("asked", asked)
    """
    after = """
    os.fork()
    telemetry.force_flush(10)
    sys.stdin.read()  # the child ends with the test, too
    os._exit(0)
    """
    with program(sink, tmp_path, before=before, after=after) as running:
        seen: dict[tuple[str, str], str] = {}
        while len(seen) < 4:
            name, pid, mask = running.line_with(r"^(check|callback) (\d+) ?(.*)$").groups()
            seen[name, pid] = mask

    assert set(seen.values()) == {""}, seen


@pytest.mark.parametrize("seconds", [0.0, 1.0])
def test_ctrl_c_ends_the_process_by_its_signal(seconds: float, sink: HttpSink, tmp_path: Path) -> None:
    """A shell stops its loop only then; modules that telemetry imports meanwhile made it status 1."""
    after = f"time.sleep({seconds}); import atexit; atexit.register(lambda: exec('pass')); os.kill(os.getpid(), signal.SIGINT)"
    with program(sink, tmp_path, after=after) as running:
        assert running.wait() == -signal.SIGINT
        assert running.stderr.rstrip().endswith("KeyboardInterrupt")
    assert delivered(sink) == (50, 50)


@pytest.mark.parametrize("last", ["pass", "telemetry.shutdown()", "sys.exit(3)"])
def test_a_program_that_ends_meanwhile_still_ends_by_its_signal(last: str, sink: HttpSink, tmp_path: Path) -> None:
    """uvicorn sends itself the signal again as its last step; without telemetry nothing runs after that."""
    with program(sink, tmp_path, after=f"signal.raise_signal(signal.SIGTERM); {last}") as running:
        assert running.wait() == -signal.SIGTERM
    assert delivered(sink) == (50, 50)


LOOP = """
    import asyncio
    async def main():
        calls = []
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, calls.append, 1)
        csg_otel.instrument(exporters=["otlp+http://127.0.0.1:{port}"])
        print("looping", flush=True)
        while not calls:
            await asyncio.sleep(0.01)
        await asyncio.sleep(1)
        print("calls", len(calls), flush=True)
    asyncio.run(main())
"""


def test_an_event_loop_calls_its_handler_once(sink: HttpSink, tmp_path: Path) -> None:
    """The loop hears the signal by the descriptor; it was sent again, so a server shut down twice, or without grace."""
    source = "import signal, csg_otel" + LOOP.format(port=sink.port)
    with Program(textwrap.dedent(source.replace("import signal", "    import signal", 1)), tmp_path) as running:
        running.line_with("looping")
        running.terminate()

        assert running.line_with("calls").string == "calls 1"
        assert running.wait() == 0


def test_a_handler_in_c_stays(sink: HttpSink, tmp_path: Path) -> None:
    """Python knows nothing of faulthandler's handler, which shows where the program is, and lets it go on."""
    before = "import faulthandler; faulthandler.register(signal.SIGTERM, file=sys.stdout, all_threads=False)"
    with program(
        sink, tmp_path, before=before, after="time.sleep(0.5); print('goes on', flush=True); time.sleep(600)"
    ) as running:
        running.line_with("ready")
        running.terminate()

        running.line_with("goes on")
        running.terminate()
        running.line_with("most recent call first")
        assert running.process.poll() is None


def test_a_warning_about_the_descriptor_of_signals_is_left_out(sink: HttpSink, tmp_path: Path) -> None:
    """Trio takes the descriptor while it runs, and warns that another had it; programs may turn warnings into errors."""
    after = """
    import warnings
    warnings.warn("It looks like Trio's signal handling code might have collided with another library", RuntimeWarning)
    """
    with program(sink, tmp_path, after=after) as running:
        assert running.wait() == 0
        assert "Trio" not in running.stderr


def test_files_of_a_program_that_closes_all_descriptors_stay_its_own(sink: HttpSink, tmp_path: Path) -> None:
    """Daemons do so, and then use the numbers again: telemetry wrote to the program's files, and truncated and closed them."""
    after = """
    import http.client, socket, urllib.request
    client = http.client.HTTPConnection(telemetry.url.removeprefix("http://"), timeout=20)
    client.request("GET", "/livez"); client.getresponse().read()  # the connection stays open
    telemetry.force_flush(20)
    os.closerange(3, 65536)
    files = [open(f"file-{number}", "w+") for number in range(60)]
    pairs = [socket.socketpair() for _ in range(20)]
    for file in files:
        file.write("own"); file.flush()
    for _ in range(20):
        with csg_otel.observe("after"):
            pass
        time.sleep(0.05)
    assert telemetry.force_flush(20)
    until, served = time.monotonic() + 20, 0
    while served != 200 and time.monotonic() < until:
        try:
            served = urllib.request.urlopen(telemetry.url + "/livez", timeout=2).status
        except (OSError, http.client.HTTPException, ValueError):  # within a second it listens again
            time.sleep(0.1)
    print("served", served, flush=True)
    telemetry.shutdown(20)
    for file in files:
        file.write("+"); file.flush()
    print("files", sum(open(file.name).read() == "own+" for file in files), flush=True)
    client.sock.detach()
    """
    options = "config={'logging': {'handlers': ['file']}, 'system_monitoring': {'prometheus': {'port': 0}}}"
    with program(sink, tmp_path, after=after, options=options) as running:
        assert running.line_with("served").string == "served 200"
        assert running.line_with("files").string == "files 60"
        assert running.wait() == 0
        assert "Traceback" not in running.stderr  # a request that was on its way may have failed, and is sent again
    assert [span.name for span in sink.received.spans].count("after") == 20


OTHERS_CLOSE = """
    def raced(pipe=os.pipe):
        ends = pipe()
        os.pipe = pipe
        with contextlib.suppress(OSError):  # what is done here on purpose, other threads do by chance
            os.close(ends[1])  # by a thread, which had another file of that number open
        os.open("/dev/null", os.O_RDONLY)
        return ends
    os.pipe = raced
"""


@pytest.mark.parametrize("race", ["", OTHERS_CLOSE], ids=["alone", "others close descriptors, too"])
def test_sigterm_ends_a_program_that_has_closed_all_descriptors(sink: HttpSink, tmp_path: Path, race: str) -> None:
    """The interpreter writes signals to a descriptor of telemetry: it is opened again, and the interpreter reports no fault."""
    after = f"""
    {race}
    def is_open(descriptor):
        try:
            return stat.S_ISFIFO(os.fstat(descriptor).st_mode)
        except OSError:
            return False
    telemetry.force_flush(20)  # a module that another thread is importing can't be read without its descriptor
    written = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(written)
    os.closerange(3, 65536)
    for number in range(50):
        with csg_otel.observe("work"):
            done.add(1)
    until, seen = time.monotonic() + 20, 0
    while seen < 20 and time.monotonic() < until:  # a pipe whose ends other threads close is made again
        time.sleep(0.01)
        seen = seen + 1 if is_open(written) else 0
    print("closed", flush=True)
    time.sleep(600)
    """
    with program(sink, tmp_path, before="import contextlib, stat", after=after) as running:
        running.line_with("closed")
        running.terminate()
        assert running.wait() == -signal.SIGTERM
        assert "wakeup" not in running.stderr
    assert delivered(sink) == (100, 100)
