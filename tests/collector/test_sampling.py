"""Tail sampling over two tiers: two front doors, two samplers, and traces whose spans come from two programs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from collector.conftest import Emit, Run
from support.collector import SECRETS, Collector
from support.otlp_sink import HttpSink
from support.programs import eventually

TRACES, FAILING_EVERY = 60, 6
# Both programs take part in the same traces, as the services of one request do; they wait for each other to be up.
BODY = f"""
import os, random, time
from opentelemetry import trace
open("../%(name)s.up", "w").close()
latest = time.monotonic() + 30
while not (os.path.exists("../front.up") and os.path.exists("../back.up")) and time.monotonic() < latest:
    time.sleep(0.01)
ids = random.Random(7)
for number in range({TRACES}):
    context = trace.SpanContext(ids.getrandbits(128), ids.getrandbits(64), True, trace.TraceFlags(1))
    parent = trace.set_span_in_context(trace.NonRecordingSpan(context))
    tracer = trace.get_tracer("shop")
    for step in range(3):
        span = tracer.start_span(f"%(name)s {{number}}.{{step}}", parent)
        if "%(name)s" == "back" and step == 2 and number %% {FAILING_EVERY} == 0:
            span.set_status(trace.Status(trace.StatusCode.ERROR))
        span.end(time.time_ns() + (5 * 10**9 if number == 1 else 0))
"""


def traces(sink: HttpSink) -> dict[bytes, set[str]]:
    """Return the names of the spans of each trace."""
    found: dict[bytes, set[str]] = {}
    for span in sink.received.spans:
        found.setdefault(span.trace_id, set()).add(span.name)
    return found


def sampler(run: Run, sink: HttpSink) -> Collector:
    """Start a sampler that keeps what failed or was slow, and nothing else."""
    return run("gateway-sampling.yaml", TRACES_ENDPOINT=sink.endpoint, DECISION_WAIT="10s", SAMPLING_PERCENTAGE="0")


@pytest.mark.real("otelcol")
def test_failed_and_slow_traces_are_kept_whole(run: Run, emit: Emit, certificate: dict[str, str]) -> None:
    """Every span of them, whichever program and front door it came through; each trace by one sampler; no other trace."""
    sinks = HttpSink(), HttpSink()
    samplers = [sampler(run, sink) for sink in sinks]
    env = {
        "TLS_CERT_FILE": certificate["cert"],
        "TLS_KEY_FILE": certificate["key"],
        "SAMPLER_ENDPOINTS": f"[{', '.join(one.grpc for one in samplers)}]",
    }
    doors = [run("gateway-lb.yaml", **env) for _ in range(2)]
    tls = {"tls": {"ca": certificate["ca"]}, "headers": {"authorization": f"Bearer {SECRETS['GATEWAY_TOKEN']}"}}
    with ThreadPoolExecutor() as pool:
        for name, door in zip(("front", "back"), doors, strict=True):
            pool.submit(emit, BODY % {"name": name}, {"endpoint": f"https://{door.grpc}", "signals": ["traces"], **tls})

    expected = sorted({1, *range(0, TRACES, FAILING_EVERY)})
    eventually(lambda: sum(len(names) for sink in sinks for names in traces(sink).values()) >= 6 * len(expected))
    for one in (*doors, *samplers):
        one.end()
    first, second = (traces(sink) for sink in sinks)
    for sink in sinks:
        sink.close()

    assert first, "one sampler has judged all"
    assert second, "one sampler has judged all"
    assert first.keys().isdisjoint(second.keys())
    kept = sorted(sorted(names) for names in (*first.values(), *second.values()))
    assert kept == sorted(sorted(f"{n} {t}.{s}" for n in ("front", "back") for s in range(3)) for t in expected)
