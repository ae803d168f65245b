"""Programs of the bench with several threads, several destinations, a web service, or a sample of the host."""

from __future__ import annotations

from bench.case import Case
from bench.programs import BY_HAND, FLUSH_BY_HAND, FLUSH_OURS, INSTRUMENTED, OBSERVED, TIMED, instrumented, timed

_ASYNC = """
import asyncio

@csg_otel.observe("work", {"a": "x", "b": 1, "c": True})
async def awaited():
    pass

loop = asyncio.new_event_loop()

async def many():
    for _ in range(200):
        await awaited()

def work():
    loop.run_until_complete(many())
"""

# One item each: a run of a generator with two steps, in each of which the span is current.
_GENERATOR = """
@csg_otel.observe("work", {"a": "x", "b": 1, "c": True})
def items():
    yield

def work():
    for _ in items():
        pass
"""

# The time that passes for a call, in {threads} threads that call at once; nothing but Prometheus gets it.
_IN_THREADS = """
import threading, time

def many():
    for _ in range(2_000):
        work()

def seconds():
    threads = [threading.Thread(target=many) for _ in range({threads})]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return (time.perf_counter() - begun) / 2_000 / {threads}

many()
print(min(seconds() for _ in range(10)))
"""

# The time that passes for a call of a thread that does nothing else, until the last span is sent or lost.
_FLAT_OUT = """
import time
for _ in range(1000):
    work()
flush()
time.sleep(1)
begun = time.perf_counter()
for _ in range(100_000):
    work()
flush()
print((time.perf_counter() - begun) / 100_000)
"""

_ALL_ARRIVED = """
(exporter,) = telemetry.status().values()
assert exporter.delivered > 101_000 and not exporter.dropped, exporter
"""

# FastAPI makes four spans and four measurements of each request itself as soon as there are providers.
OWN_APPLICATION = """
from fastapi import FastAPI

app = FastAPI()

@app.get("/orders/{number}")
@observed
async def order(number: int):
    count(1, {"kind": "book"})
    logging.getLogger("orders").warning("order %s", number)
    return {"number": number, "items": [{"name": f"item {at}", "price": at * 1.5} for at in range(20)]}
"""
APPLICATION_ALONE = OWN_APPLICATION.replace(
    "FastAPI()", 'FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})'
)

# The processor time of a request, exports included: the application is called as a server of ASGI does.
_CALLED = """
import asyncio, time
scope = {
    "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
    "path": "/orders/7", "raw_path": b"/orders/7", "query_string": b"", "root_path": "",
    "headers": [(b"host", b"localhost"), (b"accept", b"application/json")],
    "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
}

async def receive():
    return {"type": "http.request", "body": b"", "more_body": False}

async def send(message):
    pass

async def main():
    for _ in range(50):
        await app(dict(scope), receive, send)
    await asyncio.sleep(3)  # the rules of scrubbing are built meanwhile, and the first exports are over
    begun = time.process_time()
    for _ in range(20):
        for _ in range(50):
            await app(dict(scope), receive, send)
        await asyncio.sleep(0.05)
    print((time.process_time() - begun) / 1000, flush=True)

asyncio.run(main())
"""

# Both sides write the log line to standard error.
WITH_EVERYTHING = """
import logging, sys
logging.basicConfig(format="%(asctime)s %(levelname)-8s %(name)s: %(message)s")
import csg_otel

csg_otel.instrument("bench", config={
    "exporters": {
        "console": {"enabled": "false"},
        "otlp": [{"name": name, "endpoint": sys.argv[1], "protocol": "http/protobuf"} for name in ("first", "second")],
    },
    "system_monitoring": {"prometheus": {"enabled": False}},
})
count = csg_otel.counter("bench.orders", attributes=("kind",)).add
observed = csg_otel.observe("order", args=("number",))
"""

WITHOUT = """
import logging
logging.basicConfig(format="%(asctime)s %(levelname)-8s %(name)s: %(message)s")

def count(amount, attributes):
    pass

def observed(function):
    return function
"""

LOADS = (
    Case("awaited call / SDK by hand", instrumented() + _ASYNC + timed(200), BY_HAND + TIMED, 0.06, reached=0.19),
    Case(
        "generator of two steps / SDK by hand", instrumented() + _GENERATOR + TIMED, BY_HAND + TIMED, 0.06, reached=0.3
    ),
    Case(
        "sampled-out call / SDK by hand",
        instrumented(more='"sampling": {"ratio": 0.0, "always_keep_errors": False},') + OBSERVED + TIMED,
        BY_HAND + TIMED,
        0.04,
        reached=0.13,
    ),
    Case(
        "four destinations / one",
        instrumented(destinations=4) + OBSERVED + TIMED,
        instrumented() + OBSERVED + TIMED,
        1.05,
    ),
    Case(
        "a call in 8 threads / in one",
        instrumented(destinations=0) + OBSERVED + _IN_THREADS.format(threads=8),
        instrumented(destinations=0) + OBSERVED + _IN_THREADS.format(threads=1),
        1.11,
    ),
    Case(
        "flat out, all arrive / SDK, a part arrives",
        INSTRUMENTED + OBSERVED + FLUSH_OURS + _FLAT_OUT + _ALL_ARRIVED,
        BY_HAND + FLUSH_BY_HAND + _FLAT_OUT,
        0.33,
    ),
    Case(
        "FastAPI request, everything on / without",
        WITH_EVERYTHING + OWN_APPLICATION + _CALLED,
        WITHOUT + OWN_APPLICATION + _CALLED,
        1.10,
        reached=2.6,
    ),
    Case(
        "the same, FastAPI's own telemetry off",
        WITH_EVERYTHING + APPLICATION_ALONE + _CALLED,
        WITHOUT + APPLICATION_ALONE + _CALLED,
        1.10,
        reached=1.6,
    ),
)
