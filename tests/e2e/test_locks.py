"""No code of the program (text, hash, iteration, callbacks) runs while a lock of telemetry or of a logging handler is held."""

from __future__ import annotations

import sys
from pathlib import Path

from support.otlp_sink import HttpSink
from support.programs import Program

PROGRAM = """
import sys, threading, traceback

held = threading.local()  # of each thread: the places that made the locks it holds
found = set()
real = {"Lock": threading.Lock, "RLock": threading.RLock}


class Tracked:
    \"\"\"A lock that knows who holds it.\"\"\"

    def __init__(self, make):
        self.lock = make()
        frame = sys._getframe(2)
        while frame is not None and frame.f_code.co_filename == threading.__file__:
            frame = frame.f_back
        self.place = f"{frame.f_code.co_filename}:{frame.f_lineno}"

    def acquire(self, *args, **kwargs):
        taken = self.lock.acquire(*args, **kwargs)
        if taken and "/waits.py:" not in self.place:  # an event, not a lock: another thread releases it
            vars(held).setdefault("places", []).append(self.place)
        return taken

    def release(self):
        self.lock.release()
        if "/waits.py:" not in self.place:
            held.places.remove(self.place)

    def __enter__(self):
        return self.acquire()

    def __exit__(self, *_):
        self.release()

    def __getattr__(self, name):
        if name in ("_release_save", "_acquire_restore"):
            raise AttributeError(name)  # a condition then uses acquire and release
        return getattr(self.lock, name)


threading.Lock = lambda: Tracked(real["Lock"])
threading.RLock = lambda: Tracked(real["RLock"])

import csg_otel, logging, pathlib
from opentelemetry import _logs, metrics, trace


def look(what):
    for place in vars(held).get("places", ()):
        if "/csg_otel/" in place or "/logging/" in place:
            stack = [f"{f.filename.rpartition('/')[2]}:{f.lineno}" for f in traceback.extract_stack()[-12:-2]]
            found.add(f"{what} under the lock of {place}: {' '.join(stack)}")


class Value:
    def __init__(self, name): self.name = name
    def __str__(self): look(f"str of {self.name}"); return "text"
    def __repr__(self): look(f"repr of {self.name}"); return "text"
    def __hash__(self): look(f"hash of {self.name}"); return 1
    def __eq__(self, other): look(f"eq of {self.name}"); return self is other
    def __float__(self): look(f"float of {self.name}"); return 1.0
    def __iter__(self): look(f"iter of {self.name}"); return iter(("a", "b"))


class Failure(Exception):
    def __str__(self): look("str of an exception"); return "failure"


def callback(options):
    look("callback")
    return [metrics.Observation(1, {"key": Value("observed attribute")})]


telemetry = csg_otel.instrument(
    "locks",
    config={
        "exporters": {
            "otlp": [{"endpoint": "http://127.0.0.1:SINK", "protocol": "http/protobuf"}],
            "console": {"enabled": True},
        },
        "logging": {"handlers": ["console", "file"], "file_config": {"filename": "app.log"}},
        "system_monitoring": {"prometheus": {"port": 0}},
    },
)
meter, tracer, logger = metrics.get_meter("m"), trace.get_tracer("t"), _logs.get_logger("l")
meter.create_observable_gauge("observed", [callback])
csg_otel.observable_gauge("ours", lambda: (look("our callback"), 1)[1])


@csg_otel.health_check("looks")
def looks():
    look("health check")
    return csg_otel.CheckResult(csg_otel.HealthStatus.HEALTHY, Value("message"))


@csg_otel.observe("work", args=("value",), count_as_error=lambda error: (look("judge"), True)[1])
def work(value):
    raise Failure


def use():
    logging.getLogger("app").warning("text %s", Value("argument"), extra={"value": Value("extra")})
    try:
        work(Value("captured argument"))
    except Failure:
        logging.getLogger("app").exception("failed")
    for name in ("a", Value("attribute")):
        csg_otel.counter("orders", attributes=("key",)).add(1, {"key": name})
        csg_otel.gauge("depth").set(2)
        meter.create_counter("raw").add(1, {"key": name})
        meter.create_histogram("raw.histogram").record(Value("number"))
        csg_otel.event("happened", {"key": name})
        logger.emit(_logs.LogRecord(body=Value("body"), attributes={"key": name}))
        with tracer.start_as_current_span("span", attributes={"key": name}) as span:
            span.set_attribute("other", name)
            span.add_event("event", {"key": name})
            span.record_exception(Failure())


for _ in range(3):
    use()
telemetry.metrics_snapshot()
telemetry.force_flush(10)
telemetry.status()
telemetry.shutdown(10)
print(*sorted(found), sep="\\n")
print("places:", len(found), "lines:", sum(1 for _ in open("app.log")), flush=True)
"""


def test_no_code_of_the_program_runs_under_a_lock(tmp_path: Path) -> None:
    """Such code may take a lock of the program that another thread holds while it logs; both would wait for ever."""
    sink = HttpSink()
    with Program([sys.executable, "-c", PROGRAM.replace("SINK", str(sink.port))], tmp_path) as running:
        out, _ = running.process.communicate(timeout=55)
        assert running.process.returncode == 0, running.stderr
    sink.close()

    assert out.splitlines()[-1].startswith("places: 0 lines: "), out + running.stderr
    assert not out.endswith(" 0\n")
    assert sum(span.name == "work" for span in sink.received.spans) == 3
