"""Forks of a program at any moment: every child exports, exactly what it did itself, on connections of its own."""

from __future__ import annotations

import os
import sys
import textwrap
from collections import Counter
from pathlib import Path

import pytest

from support.otlp_sink import HttpSink, attributes
from support.programs import Program, samples
from support.servers import free_port

FORKING = """
    import os, random, sys, threading, time, urllib.request
    import csg_otel
    from opentelemetry import metrics

    endpoint, forks = os.environ["SINK"], int(os.environ["FORKS"])
    telemetry = csg_otel.instrument("forker", exporters=[endpoint, "prometheus"], exporters__metric_interval=0.05)
    done, size = csg_otel.counter("work.done", attributes=("who",)), csg_otel.histogram("work.size")

    def slow(_options):  # holds the SDK's lock for most of the time
        time.sleep(0.01 * random.random())
        return [metrics.Observation(1)]

    metrics.get_meter("theirs").create_observable_gauge("slow", [slow])
    over = False

    def scrape():
        while not over:
            urllib.request.urlopen(telemetry.url + "/metrics", timeout=10).read()

    def work():
        for number in range(10**9):
            done.add(1, {"who": "parent"})
            with csg_otel.observe("parent"):
                size.record(number % 100)
            metrics.get_meter("theirs").create_counter(f"made{number % 500}")
            time.sleep(0.0005)
            if over:
                return

    threads = [threading.Thread(target=call) for call in (scrape, work, work)]
    for thread in threads:
        thread.start()
    codes, living = [], 0
    for _ in range(forks):
        if living == 4:
            codes.append(os.waitstatus_to_exitcode(os.wait()[1]))
            living -= 1
        if not os.fork():
            code = 9
            try:
                done.add(1, {"who": "child"})
                with csg_otel.observe("child"):
                    size.record(1)
                report = telemetry.shutdown(20)
                code = 1 if report.dropped or report.spooled else 0
            finally:
                os._exit(code)
        living += 1
        time.sleep(0.005 * random.random())
    codes += [os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(living)]
    over = True
    for thread in threads:
        thread.join()
    print(codes.count(0), flush=True)
    print(repr(urllib.request.urlopen(telemetry.url + "/metrics").read().decode()), flush=True)
    telemetry.shutdown()
"""


def totals(sink: HttpSink, metric: str) -> dict[str, Counter[str]]:
    """Return the last cumulative value of each process, by the attribute ``who``."""
    found: dict[str, Counter[str]] = {}
    for request in sink.received.metrics:
        for resource in request.resource_metrics:
            instance = attributes(resource.resource)["service.instance.id"]
            points = [
                p for s in resource.scope_metrics for m in s.metrics if m.name == metric for p in m.sum.data_points
            ]
            for point in points:
                who = found.setdefault(attributes(point).get("who", ""), Counter())
                who[instance] = max(who[instance], point.as_int)
    return found


@pytest.mark.parametrize("forks", [50, pytest.param(1000, marks=pytest.mark.slow)])
def test_every_child_exports_whenever_it_was_forked(forks: int, tmp_path: Path) -> None:
    """While callbacks hold locks, instruments are made, scrapes are answered: each once, and nothing of the parent's."""
    sink = HttpSink()
    settings = {
        "SINK": sink.endpoint.replace("http", "otlp+http"),
        "FORKS": str(forks),
        "PROMETHEUS_PORT": str(free_port()),
    }
    with Program(FORKING, tmp_path, settings) as program:
        assert program.line() == str(forks)
        text: str = eval(program.line())
        assert program.wait() == 0
    sink.close()
    by_process = totals(sink, "work.done")
    spans = Counter(span.name for span in sink.received.spans)

    assert (len(by_process["child"]), by_process["child"].total()) == (forks, forks)
    assert len(by_process["parent"]) == 1
    assert spans["child"] == forks
    assert spans["parent"] == by_process["parent"].total()
    shown = samples(text, "work_done_total")
    assert (shown['who="child"'], shown['who="parent"']) == (forks, by_process["parent"].total())


MULTIPROCESSING = """
    import concurrent.futures, multiprocessing, os, sys, urllib.request
    import csg_otel

    def job(number):
        csg_otel.counter("work.done", attributes=("who",)).add(1, {"who": "child"})

    if __name__ == "__main__":
        telemetry = csg_otel.instrument("jobs", exporters=[os.environ["SINK"], "prometheus"])
        csg_otel.counter("work.done", attributes=("who",)).add(5, {"who": "parent"})
        fork = multiprocessing.get_context("fork")
        with fork.Pool(3) as pool:
            pool.map(job, range(30), chunksize=1)
            pool.close()
            pool.join()
        with concurrent.futures.ProcessPoolExecutor(3, mp_context=fork) as executor:
            list(executor.map(job, range(30)))
        processes = [fork.Process(target=job, args=(number,)) for number in range(10)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        print(repr(urllib.request.urlopen(telemetry.url + "/metrics").read().decode()), flush=True)
"""


def test_processes_of_multiprocessing_are_counted_to_the_last(tmp_path: Path) -> None:
    """They end without ``atexit``: pools, executors, single processes."""
    sink = HttpSink()
    (tmp_path / "jobs.py").write_text(textwrap.dedent(MULTIPROCESSING))
    settings = {"SINK": sink.endpoint.replace("http", "otlp+http"), "PROMETHEUS_PORT": str(free_port())}
    with Program([sys.executable, "jobs.py"], tmp_path, settings) as program:
        text = eval(program.line())
        assert program.wait() == 0
    sink.close()
    by_process = totals(sink, "work.done")

    assert (by_process["child"].total(), by_process["parent"].total()) == (70, 5)
    assert not by_process["child"].keys() & by_process["parent"].keys()
    assert samples(text, "work_done_total") == {'who="child"': 70, 'who="parent"': 5}


USERS = """
    import os, time, urllib.request
    import csg_otel

    telemetry = csg_otel.instrument("shop", exporters=["prometheus"])
    done = csg_otel.counter("work.done")
    done.add(1)
    read, write = os.pipe()
    if not os.fork():
        os.setuid(65534)
        done.add(2)
        os.read(read, 1)
        os._exit(0)
    deadline, text = time.monotonic() + 20, ""
    while "work_done_total 3" not in text and time.monotonic() < deadline:
        text = urllib.request.urlopen(telemetry.url + "/metrics").read().decode()
    os.write(write, b".")
    os.wait()
    print(repr(text), flush=True)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_worker_that_gives_up_its_rights_is_counted(tmp_path: Path) -> None:
    """As gunicorn's do after a preload by root: what it needs was opened before."""
    with Program(USERS, tmp_path, {"PROMETHEUS_PORT": str(free_port())}) as program:
        text = eval(program.line())
        assert program.wait() == 0
        said = program.stderr

    assert samples(text, "work_done_total") == {"": 3}
    assert "can't" not in said


CHANGING = """
    import json, os, urllib.request
    import csg_otel

    telemetry = csg_otel.instrument("shop", exporters=["prometheus"])
    csg_otel.counter("work.done").add(5)
    url, (read, write), (told, tell) = telemetry.url, os.pipe(), os.pipe()
    os.set_blocking(read, False)
    if not os.fork():
        seen, over = set(), False
        while not over:
            try:
                over = bool(os.read(read, 1))
            except BlockingIOError:
                pass
            try:
                lines = urllib.request.urlopen(url + "/metrics", timeout=5).read().decode().splitlines()
            except OSError:  # while the server is exchanged
                continue
            if not seen:
                os.write(tell, b"!")
            seen.update(line for line in lines if line.startswith("work_done_total"))
        os.write(tell, json.dumps(sorted(seen)).encode())
        os._exit(0)
    os.read(told, 1)  # the child has scraped before the settings change
    for deployment in ("test", "staging", "production"):
        csg_otel.instrument("shop", exporters=["prometheus"], environment=deployment)
    csg_otel.counter("work.done").add(1)
    os.write(write, b".")
    os.wait()
    print(os.read(told, 4096).decode(), flush=True)
"""


def test_other_settings_take_nothing_out_of_the_sum(tmp_path: Path) -> None:
    """A counter that shrinks is one that was started anew to Prometheus, and would be counted twice."""
    with Program(CHANGING, tmp_path, {"PROMETHEUS_PORT": str(free_port())}) as program:
        seen = eval(program.line())
        assert program.wait() == 0

    assert {"work_done_total 5"} <= set(seen) <= {"work_done_total 5", "work_done_total 6"}


SOCKETS = """
    import http.client, json, os, sys, time
    import csg_otel

    telemetry = csg_otel.instrument("sockets", exporters=[os.environ["SINK"], "prometheus"])
    with csg_otel.observe("parent"):
        pass
    telemetry.force_flush(10)  # so that there is a connection
    scraper = http.client.HTTPConnection(telemetry.url.removeprefix("http://"))
    scraper.request("GET", "/metrics")
    scraper.getresponse().read()  # and one that is kept open

    def connected():
        rows = [line.split() for line in open("/proc/net/tcp")][1:]
        known = {f"socket:[{row[9]}]" for row in rows}
        links = []
        for fd in os.listdir("/proc/self/fd"):
            try:
                links.append(os.readlink(f"/proc/self/fd/{fd}"))
            except OSError:
                pass
        return known.intersection(links)

    before = connected()
    own = f"socket:[{os.fstat(scraper.sock.fileno()).st_ino}]"
    read, write = os.pipe()
    if not os.fork():
        inherited = (before & connected()) - {own}
        os.write(write, json.dumps(sorted(inherited)).encode())
        os._exit(0)
    os.wait()
    scraper.request("GET", "/metrics")
    print(len(before), os.read(read, 4096).decode(), scraper.getresponse().status, flush=True)
"""


def test_no_socket_of_telemetry_is_inherited(tmp_path: Path) -> None:
    """Not the one that listens, not the scraper's, not the collector's; and the parent's go on working."""
    sink = HttpSink()
    settings = {"SINK": sink.endpoint.replace("http", "otlp+http"), "PROMETHEUS_PORT": str(free_port())}
    with Program(SOCKETS, tmp_path, settings) as program:
        count, inherited, status = program.line().split(" ", 2)
        assert program.wait() == 0
    sink.close()

    assert int(count) >= 4
    assert (inherited, status) == ("[]", "200")
