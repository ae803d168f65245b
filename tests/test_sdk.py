"""One call: what it starts, what a second one changes, and how it ends. In processes of their own, as programs run it."""

from __future__ import annotations

import json
import re
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from support.otlp_sink import HttpSink
from support.programs import HUNG_S, Program, get, samples
from support.servers import free_port


def run(source: str, cwd: Path, env: dict[str, str] | None = None, within_s: float = HUNG_S) -> Any:
    """Run *source* to its end and return the JSON it printed last."""
    with Program(source, cwd, env) as program:
        assert program.wait(within_s) == 0, program.stderr
        assert program.process.stdout is not None
        assert "Traceback" not in program.stderr, program.stderr
        return json.loads(program.process.stdout.read().splitlines()[-1])


def test_equal_settings_give_the_same_handle(tmp_path: Path) -> None:
    """Nothing is started twice."""
    found = run(
        """
        import json, threading, urllib.request
        import csg_otel
        one = csg_otel.instrument("shop", exporters=["prometheus"])
        urllib.request.urlopen(one.url + "/metrics").read()  # the server and the collection have their threads now
        threads = set(threading.enumerate())
        two = csg_otel.instrument("shop", exporters=["prometheus"])
        started = [thread.name for thread in threading.enumerate() if thread not in threads]
        # The schedule of the health checks goes on; each run of a check has a thread of its own.
        started = [name for name in started if not name.startswith("csg-otel-check-")]
        print(json.dumps([one is two, started, one.url == two.url]))
        """,
        tmp_path,
    )

    assert found == [True, [], True]


def test_other_settings_keep_what_was_counted(tmp_path: Path) -> None:
    """Instruments made at import count on through the exchange, and Prometheus sees the whole sum."""
    source = """
        import csg_otel, sys
        orders = csg_otel.counter("orders")
        orders.add(100)                        # nobody listens yet
        csg_otel.instrument("one", exporters=["prometheus"])
        orders.add(5)
        with csg_otel.observe("open"):
            telemetry = csg_otel.instrument("two", exporters=["prometheus"], system_monitoring__collection_interval=3)
            orders.add(3)
        print(telemetry.url, flush=True)
        sys.stdin.read()
    """
    with Program(source, tmp_path) as program:
        url = program.line()
        text = get(f"{url}/metrics")[1]

    assert samples(text, "orders_total") == {"": 8}
    assert samples(text, "csg_operation_active") == {'csg_operation_name="open"': 0}
    assert 'service_name="two"' in text


def test_a_check_is_never_traced_while_settings_change(sink: HttpSink, tmp_path: Path) -> None:
    """What a check calls is in no trace, also where it begins between the old settings and the new, on a busy machine."""
    runs, sampled = run(
        f"""
        import json, time
        import csg_otel
        from csg_otel.health import HealthRegistry
        from opentelemetry import trace

        start, stop = HealthRegistry.start, HealthRegistry.stop
        def pause():
            enough, deadline = len(sampled) + 3, time.monotonic() + 10
            while len(sampled) < enough and time.monotonic() < deadline:
                time.sleep(0.01)
        def start_and_pause(registry):
            start(registry)
            pause()
        def pause_and_stop(registry, timeout_s):
            pause()
            stop(registry, timeout_s)
        HealthRegistry.start, HealthRegistry.stop = start_and_pause, pause_and_stop

        sampled = []
        @csg_otel.health_check("asks", interval_s=0.1)
        def check():
            with trace.get_tracer("http client").start_as_current_span("request") as span:
                sampled.append(span.get_span_context().trace_flags.sampled)
        csg_otel.instrument(exporters=["otlp+http://127.0.0.1:{sink.port}"])
        csg_otel.instrument(exporters=["otlp+http://127.0.0.1:{sink.port}"], exporters__queue__delay=2).shutdown()
        print(json.dumps([len(sampled), sum(sampled)]))
        """,
        tmp_path,
    )

    assert (runs > 4, sampled) == (True, 0)


def test_other_settings_drain_the_old_destination_and_double_nothing(sink: HttpSink, tmp_path: Path) -> None:
    """What was emitted before goes where it was meant to go, what comes after to the new place, each once."""
    other = HttpSink()
    report = run(
        f"""
        import json
        import csg_otel
        done = csg_otel.counter("done")
        first = csg_otel.instrument(exporters=["otlp+http://127.0.0.1:{sink.port}"])
        for number in range(20):
            with csg_otel.observe("before"): done.add(1)
        second = csg_otel.instrument(exporters=["otlp+http://127.0.0.1:{other.port}"])
        for number in range(30):
            with csg_otel.observe("after"): done.add(1)
        report = second.shutdown()
        print(json.dumps([first is second, report.dropped]))
        """,
        tmp_path,
    )
    other.close()

    assert report == [True, {}]
    # A check of the host may fail on a busy machine, which is a span as well.
    old, new = ([s.name for s in at.received.spans if not s.name.startswith("health_check")] for at in (sink, other))
    assert (old, new) == (["before"] * 20, ["after"] * 30)
    assert sink.received.points("done")[-1].as_int == 20
    assert other.received.points("done")[-1].as_int == 50


def test_a_wrong_configuration_starts_nothing(tmp_path: Path) -> None:
    """All problems are in one error; afterwards a right one works. With ``on_error="warn"`` the program goes on."""
    found = run(
        """
        import json, threading
        import csg_otel
        problems = []
        before = threading.active_count()
        for wrong in (
            {"exporters": {"otpl": []}, "sampling": {"ratio": 7}},
            {"health_monitoring": {"checks": {"x": {"type": "htpt"}}}},
        ):
            try:
                csg_otel.instrument(config=wrong)
            except csg_otel.CsgOtelError as error:
                problems.append([type(error).__name__, len(error.problems)])
        started = threading.active_count() - before
        telemetry = csg_otel.instrument(config={"sampling": {"ratio": 7}}, on_error="warn")
        print(json.dumps([problems, started, telemetry.config.sampling.ratio]))
        """,
        tmp_path,
    )

    assert found == [[["ConfigError", 2], ["HealthDefinitionError", 1]], 0, 1.0]


def test_a_port_in_use_is_a_normal_day(tmp_path: Path) -> None:
    """The second worker starts, says so, and reports it in its status."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        found = run(
            """
            import json
            import csg_otel
            telemetry = csg_otel.instrument(exporters=["prometheus"])
            status = telemetry.status()["prometheus"]
            print(json.dumps([telemetry.url, status.state, "in use" in status.last_error]))
            """,
            tmp_path,
            {"PROMETHEUS_PORT": str(taken.getsockname()[1])},
        )

    assert found == ["", "down", True]


def test_the_providers_of_a_host_program_are_adopted(sink: HttpSink, tmp_path: Path) -> None:
    """What the program set up stays in charge, gets everything, and so do we."""
    found = run(
        f"""
        import json
        from opentelemetry import metrics, trace
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        kept = InMemorySpanExporter()
        tracers = TracerProvider(); tracers.add_span_processor(SimpleSpanProcessor(kept))
        trace.set_tracer_provider(tracers)
        metrics.set_meter_provider(MeterProvider([InMemoryMetricReader()]))
        import csg_otel
        telemetry = csg_otel.instrument(exporters=["otlp+http://127.0.0.1:{sink.port}"], health_monitoring__enabled=False)
        with csg_otel.observe("work"): pass
        telemetry.shutdown()
        print(json.dumps([trace.get_tracer_provider() is tracers, [span.name for span in kept.get_finished_spans()]]))
        """,
        tmp_path,
    )

    assert found == [True, ["work"]]
    assert [span.name for span in sink.received.spans] == ["work"]
    assert sink.received.points("csg.operation.duration")


def test_a_host_providers_class_may_have_any_name(sink: HttpSink, tmp_path: Path) -> None:
    """A provider is adopted even if its class is named like OpenTelemetry's own default provider."""
    found = run(
        f"""
        import json
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        class ProxyTracerProvider(TracerProvider): pass
        tracers = ProxyTracerProvider()
        trace.set_tracer_provider(tracers)
        import csg_otel
        telemetry = csg_otel.instrument(exporters=["otlp+http://127.0.0.1:{sink.port}"], health_monitoring__enabled=False)
        with tracers.get_tracer("host").start_as_current_span("of the host"): pass
        telemetry.shutdown()
        print(json.dumps(trace.get_tracer_provider() is tracers))
        """,
        tmp_path,
    )

    assert found is True
    assert [span.name for span in sink.received.spans] == ["of the host"]


def test_a_forked_child_has_its_own_life(tmp_path: Path) -> None:
    """It counts from nought, samples itself, runs its checks, and its parent goes on as before."""
    found = run(
        """
        import json, os, time
        import csg_otel
        from csg_otel import sdk
        done = csg_otel.counter("done")
        runs = []
        csg_otel.health_check("one", interval_s=0.1)(lambda: runs.append(os.getpid()))
        telemetry = csg_otel.instrument(exporters=["prometheus"], system_monitoring__collection_interval=0.3)
        done.add(35)
        time.sleep(0.6)
        read, write = os.pipe()
        pid = os.fork()
        def read_state():
            snapshot = telemetry.metrics_snapshot()
            values = {m["name"]: m["value"] for m in snapshot["metrics"] if m["name"] in ("done", "process.uptime")}
            return [values["done"], values.get("process.uptime"), runs.count(os.getpid()) > 2]
        def state():
            # Both processes wait for a sample and for runs of the check, as long as a busy machine takes.
            first, deadline = read_state(), time.monotonic() + 20
            while time.monotonic() < deadline:
                time.sleep(0.05)
                latest = read_state()
                if latest[1] not in (None, first[1]) and latest[2]:
                    break
            return latest
        if pid == 0:
            done.add(15)
            os.write(write, json.dumps(state()).encode())
            os._exit(0)
        os.waitpid(pid, 0)
        print(json.dumps([json.loads(os.read(read, 1000)), state()]))
        """,
        tmp_path,
    )
    (child_done, child_uptime, child_runs), (done, uptime, runs) = found

    assert (child_done, done) == (15, 35)
    assert (child_runs, runs) == (True, True)
    assert 0 < child_uptime < uptime


def test_the_end_is_quick_with_everything_on(tmp_path: Path) -> None:
    """No sampler, server, check or hung callback holds up the exit."""
    began = time.monotonic()
    found = run(
        """
        import json, threading
        import csg_otel
        csg_otel.health_check("hung", timeout_s=0.2)(lambda: threading.Event().wait(600))
        csg_otel.observable_gauge("stuck", lambda: threading.Event().wait(600))
        telemetry = csg_otel.instrument(exporters=["prometheus"])
        telemetry.metrics_snapshot()
        report = telemetry.shutdown(50)
        print(json.dumps([report.took_s < 25, telemetry.shutdown() == report]))
        """,
        tmp_path,
    )

    assert found == [True, True]
    assert time.monotonic() - began < HUNG_S


def test_a_start_loads_nothing_of_other_destinations(tmp_path: Path) -> None:
    """``instrument()`` reads no metadata of packages, and has no client of what is off."""
    # Without the checks: they run on their own threads meanwhile, and load what they need.
    found = run(
        """
        import json, sys
        import csg_otel
        old = set(sys.modules)
        import csg_otel.health.checks.python_environment, csg_otel.health.checks.timing
        telemetry = csg_otel.instrument(exporters=["prometheus"], health_monitoring__enabled=False)
        heavy = ("google", "requests", "urllib3", "grpc", "yaml", "ssl", "sqlite3", "asyncio", "importlib.metadata")
        heavy += ("statistics", "http.client", "prometheus_client", "csg_otel.dashboard")
        loaded = sorted(name for name in set(sys.modules) - old if f"{name}.".startswith(tuple(f"{m}." for m in heavy)))
        print(json.dumps(loaded))
        """,
        tmp_path,
    )

    assert found == []


def test_the_rules_of_scrubbing_are_built_by_the_start(tmp_path: Path) -> None:
    """A call of the program may be the first to need them: a signal handler that raises in an import leaves it locked."""
    found = run(
        """
        import json
        import csg_otel
        telemetry = csg_otel.instrument(exporters=["prometheus"], health_monitoring__enabled=False)
        from csg_otel.privacy import active
        print(json.dumps(active.scrubber()._built is not None))
        """,
        tmp_path,
    )

    assert found is True


def test_import_loads_no_sdk(tmp_path: Path) -> None:
    """Neither does defining instruments, checks and operations; only ``instrument()`` does."""
    found = run(
        """
        import json, sys
        import csg_otel
        bare = sorted(name for name in sys.modules if name.startswith(("opentelemetry.sdk", "psutil", "yaml", "uvicorn")))
        csg_otel.counter("a"); csg_otel.observe("x")(print); csg_otel.cache("c")
        csg_otel.health_check("h")(lambda: None)
        used = sorted(name for name in sys.modules if name.startswith(("opentelemetry.sdk", "psutil", "yaml", "uvicorn")))
        import threading
        print(json.dumps([bare, used, threading.active_count()]))
        """,
        tmp_path,
    )

    assert found == [[], [], 1]


def test_logs_of_the_program_reach_the_destination_with_their_span(sink: HttpSink, tmp_path: Path) -> None:
    """The standard logging module is bridged; telemetry's own messages are not."""
    run(
        f"""
        import json, logging
        import csg_otel
        telemetry = csg_otel.instrument(exporters=["otlp+http://127.0.0.1:{sink.port}"])
        with csg_otel.observe("work"):
            logging.getLogger("shop").warning("low stock of %s", "tea", extra={{"sku": 7}})
        logging.getLogger("csg_otel").warning("about telemetry")
        telemetry.shutdown()
        print("[]")
        """,
        tmp_path,
    )
    bodies = {record.body.string_value: record for record in sink.received.records}
    # A check of the host may fail on a busy machine, which is a span as well.
    (work,) = [span for span in sink.received.spans if span.name == "work"]

    assert "about telemetry" not in bodies
    assert bodies["low stock of tea"].span_id == work.span_id


def test_telemetrys_own_lines_look_like_the_consoles_to_the_end(tmp_path: Path) -> None:
    """With the time and the level in the console's columns, those about the shutdown included."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        dead = f"otlp+http://127.0.0.1:{closed.getsockname()[1]}"
        source = f"import csg_otel; csg_otel.instrument(exporters=['console', '{dead}']); csg_otel.counter('c').add(1)"
        with Program(source, tmp_path, {"XDG_STATE_HOME": str(tmp_path)}) as program:
            assert program.wait() == 0
            own = [line for line in program.stderr.splitlines() if "exporter otlp" in line]

    assert any("not delivered" in line for line in own), own
    assert all(re.match(r"\d\d:\d\d:\d\d\.\d{3}  WARNING  csg_otel[.\w]*: ", line) for line in own), own


def test_instruments_count_again_after_telemetry_was_disabled(tmp_path: Path) -> None:
    """Switched off by ``OTEL_SDK_DISABLED`` and on again, twice; the metrics are there each time."""
    found = run(
        """
        import json, os, urllib.request
        import csg_otel

        orders = csg_otel.counter("orders")
        scrapes = []
        for _ in range(3):
            telemetry = csg_otel.instrument("shop", exporters=["prometheus"])
            orders.add(2)
            text = urllib.request.urlopen(telemetry.url + "/metrics").read().decode()
            scrapes.append([line.split()[-1] for line in text.splitlines() if line.startswith("orders_total")])
            os.environ["OTEL_SDK_DISABLED"] = "true"
            csg_otel.instrument("shop", exporters=["prometheus"])
            del os.environ["OTEL_SDK_DISABLED"]
        print(json.dumps(scrapes))
        """,
        tmp_path,
    )

    assert found == [["2"], ["2"], ["2"]]


def test_a_destination_that_is_gone_leaves_no_reader_behind(tmp_path: Path) -> None:
    """However often a destination comes and goes, measurements are added up for those in use only."""
    found = run(
        """
        import json
        import csg_otel
        from opentelemetry import metrics

        readers = []
        for round in range(4):
            telemetry = csg_otel.instrument("shop", exporters=["otlp://127.0.0.1:1"] if round % 2 else [],
                exporters__shutdown_timeout=0.5, health_monitoring__enabled=False)
            readers.append(len(metrics.get_meter_provider()._measurement_consumer._reader_storages))
        print(json.dumps(readers))
        """,
        tmp_path,
    )

    assert found == [1, 2, 1, 2]


def test_instrument_during_a_shutdown_waits_for_it_and_starts_again(tmp_path: Path) -> None:
    """Two threads that end and start telemetry at the same time never wait for each other for ever."""
    found = run(
        """
        import json, os, socket, threading
        import csg_otel

        threading.Timer(50, os._exit, [7]).start()
        gateway = socket.create_server(("127.0.0.1", 0))  # accepts and never answers, so the last push takes the whole budget
        first = csg_otel.instrument("shop", exporters=[], integrations__prometheus__enabled=True,
            integrations__prometheus__push_gateway=f"http://127.0.0.1:{gateway.getsockname()[1]}")
        ending = threading.Thread(target=first.shutdown, args=(1.0,))
        ending.start()
        gateway.settimeout(10)
        try:
            gateway.accept()
        except TimeoutError:
            pass  # on a busy machine the budget may be over before the push begins
        second = csg_otel.instrument("shop", exporters=["prometheus"])
        ending.join()
        print(json.dumps([second is first, bool(second.url), csg_otel.instrument("shop", exporters=["prometheus"]) is second]),
              flush=True)
        second.shutdown()
        os._exit(0)
        """,
        tmp_path,
    )

    assert found == [False, True, True]


def test_telemetry_that_is_disabled_does_nothing(sink: HttpSink, tmp_path: Path) -> None:
    """With `disabled: true` nothing is served and nothing is sent, and the program runs on."""
    state = run(
        f"""
        import json
        import csg_otel
        telemetry = csg_otel.instrument(exporters=["otlp+http://127.0.0.1:{sink.port}", "prometheus"], disabled=True)
        with csg_otel.observe("step"):
            csg_otel.counter("done").add(1)
        print(json.dumps([telemetry.url, telemetry.shutdown().delivered]))
        """,
        tmp_path,
    )

    assert (state, sink.paths) == (["", 0], [])


def test_the_address_of_the_endpoint_is_the_configured_one(tmp_path: Path) -> None:
    """`prometheus.host` and `prometheus.port` are the address that the program listens on."""
    port = free_port()
    source = f"""
        import csg_otel
        endpoint = {{"host": "127.0.0.2", "port": {port}}}
        print(csg_otel.instrument(config={{"system_monitoring": {{"prometheus": endpoint}}}}).url, flush=True)
        input()
    """
    with Program(source, tmp_path, {"PROMETHEUS_PORT": ""}) as program:
        url = program.line()
        answer = get(f"{url}/metrics")[0]

    assert (url, answer) == (f"http://127.0.0.2:{port}", 200)


@pytest.mark.parametrize("enabled", [True, False])
def test_checks_run_only_where_health_monitoring_is_on(enabled: bool, tmp_path: Path) -> None:
    """With `health_monitoring.enabled: false` no check runs at its interval."""
    ran = run(
        f"""
        import json, time
        import csg_otel
        runs = []
        csg_otel.health_check("mine", interval_s=0.05)(lambda: runs.append(1))
        csg_otel.instrument(config={{"exporters": {{}}, "health_monitoring": {{"enabled": {enabled}}}}})
        deadline = time.monotonic() + (20 if {enabled} else 0.5)
        while not runs and time.monotonic() < deadline:
            time.sleep(0.05)
        print(json.dumps(bool(runs)))
        """,
        tmp_path,
    )

    assert ran is enabled


@pytest.mark.parametrize(
    ("setting", "shown"),
    [("{}", [True, True]), ("{'enabled': False}", [False, False]), ("{'metrics_retention': 0}", [True, False])],
)
def test_the_host_is_watched_and_its_past_kept_as_configured(setting: str, shown: list[bool], tmp_path: Path) -> None:
    """Without `system_monitoring.enabled` there are no samples; without `metrics_retention` there is no past of them."""
    state = run(
        f"""
        import json, time
        import csg_otel
        monitoring = {{"collection_interval": 0.1, **{setting}}}
        telemetry = csg_otel.instrument(config={{"exporters": {{}}, "system_monitoring": monitoring}})
        deadline = time.monotonic() + (20 if {shown[0]} else 0.5)
        while time.monotonic() < deadline:
            system = bool(telemetry.metrics_snapshot()["system"])
            past = bool(telemetry.history.names())
            if [system, past] == {shown} and {shown[0]}:
                break
            time.sleep(0.05)
        print(json.dumps([system, past]))
        """,
        tmp_path,
    )

    assert state == shown


@pytest.mark.parametrize(("trace", "traced"), [("all", {"fine", "broken"}), ("failures", {"broken"}), ("never", set())])
def test_the_settings_choose_the_runs_of_checks_that_are_spans(
    trace: str, traced: set[str], sink: HttpSink, tmp_path: Path
) -> None:
    """`health_monitoring.trace`: the runs of all checks, of failing ones, or of none."""
    run(
        f"""
        import csg_otel, json
        own = {{name: {{"type": "function", "function": f"json:{{function}}"}} for name, function in
               (("fine", "JSONEncoder"), ("broken", "loads"))}}
        telemetry = csg_otel.instrument(
            config={{"health_monitoring": {{"trace": {trace!r}, "checks": own}}}},
            exporters=["otlp+http://127.0.0.1:{sink.port}"],
        )
        for _ in range(2):
            telemetry.health.run_all(["fine", "broken"])
        telemetry.shutdown()
        print("1")
        """,
        tmp_path,
    )
    spans = [span for span in sink.received.spans if span.name.startswith("health_check")]

    assert {name for name in ("fine", "broken") if any(name in str(span) for span in spans)} == traced
