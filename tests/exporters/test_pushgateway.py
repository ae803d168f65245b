"""The Pushgateway holds the metrics of programs that end before a scrape; its faults neither lose metrics nor delay an exit."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics import Counter, MeterProvider

from csg_otel.config import Config, load
from csg_otel.config.sections.integrations import Integrations, PrometheusPush
from csg_otel.config.sections.service import Service
from csg_otel.errors import ConfigError
from csg_otel.exporters.build import build_destinations
from csg_otel.exporters.delivery.accounting import items_by_result
from csg_otel.exporters.delivery.destination import Destination
from csg_otel.exporters.pushgateway import Instance, address, group_url
from csg_otel.pipeline.readers import LocalReader
from support.programs import Program, eventually, samples
from support.pushgateway import FaultyGateway, Pushgateway, faulty_gateway

PROGRAM = """
    import multiprocessing, os, sys, time
    import csg_otel

    telemetry = csg_otel.instrument("shop", exporters=[], health_monitoring__enabled=False,
        integrations__prometheus__enabled=True, integrations__prometheus__push_gateway={url!r}, {options})
    placed = csg_otel.counter("orders.placed")
    {work}
"""
NAMED = {"OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=nightly"}


def program(url: str, cwd: Path, work: str, options: str = "", *, named: bool = True) -> Program:
    return Program(PROGRAM.format(url=url, work=work, options=options), cwd, NAMED if named else {})


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Pushgateway]:
    """A real Pushgateway."""
    with Pushgateway(tmp_path) as running:
        yield running


@pytest.fixture
def faulty() -> Iterator[FaultyGateway]:
    """A stand-in that fails as the test wants."""
    with faulty_gateway() as running:
        yield running


class Pushing:
    """A counter of this process that is pushed, without OTel's globals."""

    def __init__(self, url: str, interval_s: float = 0.1) -> None:
        local = LocalReader()
        settings = PrometheusPush(enabled=True, push_gateway=url, push_interval=interval_s)
        config = Config(service=Service(name="shop"), integrations=Integrations(prometheus=settings))
        self.destination: Destination
        (self.destination,) = (d for d in build_destinations(config, local) if d.name == "pushgateway")
        meters = MeterProvider(metric_readers=[local], shutdown_on_exit=False)
        counter = meters.get_meter("test").create_counter("orders")
        assert isinstance(counter, Counter)
        self.counter = counter
        self.destination.start()

    def end(self, within_s: float = 20.0) -> float:
        """End as ``shutdown`` does; return the seconds it took."""
        began = time.monotonic()
        assert self.destination.ticker is not None
        self.destination.ticker.stop().wait(within_s)
        (queue,) = self.destination.queues.values()
        queue.nudge()
        queue.close(began + within_s)
        queue.join()
        return time.monotonic() - began

    def delivered(self) -> int:
        return self.destination.status().delivered


@pytest.mark.real("prometheus-pushgateway")
def test_a_two_second_program_leaves_its_numbers(gateway: Pushgateway, tmp_path: Path) -> None:
    """After the program has ended, the gateway holds its last values under its job and instance."""
    with program(gateway.url, tmp_path, "placed.add(3); time.sleep(2); placed.add(4)") as running:
        assert running.wait() == 0
        assert running.stderr == ""

    assert samples(gateway.metrics, "orders_placed_total") == {'instance="nightly",job="shop"': 7}
    assert 'service_name="shop"' in gateway.metrics


@pytest.mark.real("prometheus-pushgateway")
def test_the_next_run_replaces_the_numbers_of_the_last(gateway: Pushgateway, tmp_path: Path) -> None:
    """A job that runs again has the same group: series of the last run are gone, and groups do not pile up."""
    for count in (5, 2):
        with program(gateway.url, tmp_path, f"placed.add({count}, {{'run': '{count}'}})") as running:
            assert running.wait() == 0

    runs = {
        labels: value for labels, value in samples(gateway.metrics, "orders_placed_total").items() if "run=" in labels
    }
    assert runs == {'instance="nightly",job="shop",run="2"': 2}
    assert gateway.groups == [{"job": "shop", "instance": "nightly"}]


@pytest.mark.real("prometheus-pushgateway")
def test_metrics_are_pushed_at_the_interval(gateway: Pushgateway, tmp_path: Path) -> None:
    """A program that goes on is visible before its end, and its numbers grow."""
    work = "placed.add(1); print('added', flush=True); sys.stdin.readline(); placed.add(1); sys.stdin.readline()"
    with program(gateway.url, tmp_path, work, "integrations__prometheus__push_interval=0.2") as running:
        for expected in (1, 2):
            eventually(lambda expected=expected: expected in samples(gateway.metrics, "orders_placed_total").values())
            assert running.process.stdin is not None
            running.process.stdin.write("\n")
            running.process.stdin.flush()
        assert running.wait() == 0


@pytest.mark.real("prometheus-pushgateway")
@pytest.mark.parametrize("job", ["team/shop", "100 % shop?#", "größe", ".."])
def test_any_job_name_arrives_as_it_is(gateway: Pushgateway, tmp_path: Path, job: str) -> None:
    """Slashes, spaces and characters beyond ASCII survive the way through the URL."""
    with program(gateway.url, tmp_path, "placed.add(1)", f"integrations__prometheus__job_name={job!r}") as running:
        assert running.wait() == 0

    assert gateway.groups == [{"job": job, "instance": "nightly"}]


@pytest.mark.real("prometheus-pushgateway")
def test_a_forked_child_pushes_its_own_numbers(gateway: Pushgateway, tmp_path: Path) -> None:
    """A child has a group of its own, with what it has counted itself; the parent's group keeps the parent's numbers."""
    work = """placed.add(5)
    child = os.fork()
    if child == 0:
        placed.add(2)
        os._exit(0 if telemetry.force_flush(5) else 1)
    assert os.waitpid(child, 0)[1] == 0
    print(child)"""
    with program(gateway.url, tmp_path, work) as running:
        child = running.line()
        assert running.wait() == 0, running.stderr

    assert samples(gateway.metrics, "orders_placed_total") == {
        'instance="nightly",job="shop"': 5,
        f'instance="nightly-{child}",job="shop"': 2,
    }


@pytest.mark.real("prometheus-pushgateway")
def test_workers_do_not_replace_each_other(gateway: Pushgateway, tmp_path: Path) -> None:
    """Processes of one program that each call instrument() have an instance each: the host's name and the process id."""
    worker = PROGRAM.format(url=gateway.url, work="placed.add(int(sys.argv[1]))", options="")
    (tmp_path / "worker.py").write_text("\n".join(line[4:] for line in worker.splitlines()))
    work = """
    import subprocess, sys
    for count in ("1", "2"):
        subprocess.run([sys.executable, "worker.py", count], check=True)
    """
    with Program(work, tmp_path) as running:
        assert running.wait() == 0, running.stderr

    found = samples(gateway.metrics, "orders_placed_total")
    host = re.escape(os.uname().nodename)
    assert sorted(found.values()) == [1, 2]
    assert all(re.fullmatch(rf'instance="{host}-\d+",job="shop"', labels) for labels in found)


@pytest.mark.real("prometheus-pushgateway")
def test_the_group_is_deleted_on_request(gateway: Pushgateway, tmp_path: Path) -> None:
    """With `delete_on_shutdown` the gateway holds the numbers while the program runs, and nothing afterwards."""
    options = "integrations__prometheus__delete_on_shutdown=True, integrations__prometheus__push_interval=0.2"
    with program(gateway.url, tmp_path, "placed.add(1); sys.stdin.readline()", options) as running:
        eventually(lambda: gateway.groups)
        assert running.process.stdin is not None
        running.process.stdin.close()
        assert running.wait() == 0

    assert gateway.groups == []


@pytest.mark.real("prometheus-pushgateway")
def test_a_change_of_other_settings_keeps_the_group(gateway: Pushgateway, tmp_path: Path) -> None:
    """With `delete_on_shutdown` the group is deleted at the end of the program, not when the exporter is replaced."""
    options = "integrations__prometheus__delete_on_shutdown=True, integrations__prometheus__push_interval=30"
    work = f"""
    def instrument(level, url={gateway.url!r}):
        return csg_otel.instrument("shop", exporters=[], health_monitoring__enabled=False, logging__level=level,
            integrations__prometheus__enabled=True, integrations__prometheus__push_gateway=url, {options})

    for level in ("DEBUG", "WARNING"):
        placed.add(1)
        assert telemetry.force_flush()
        instrument(level)
        assert telemetry.force_flush()
        print(level, flush=True)
        sys.stdin.readline()
    """
    with program(gateway.url, tmp_path, work, options) as running:
        stdin = running.process.stdin
        assert stdin is not None
        for level in ("DEBUG", "WARNING"):
            assert running.line() == level
            assert gateway.groups == [{"job": "shop", "instance": "nightly"}]
            stdin.write("\n")
            stdin.flush()
        assert running.wait() == 0

    assert gateway.groups == []


@pytest.mark.parametrize("status", [500, 503, 403, 404])
def test_a_failure_that_may_pass_costs_no_numbers(
    faulty: FaultyGateway, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged once when it begins and once when it is over; nothing is dropped, and the newest numbers arrive."""
    faulty.status = status
    with caplog.at_level(logging.WARNING, logger="csg_otel"):
        pushing = Pushing(faulty.url)
        pushing.counter.add(1)
        eventually(lambda: len(faulty.requests) >= 2)
        pushing.counter.add(1)
        during = pushing.destination.status()
        faulty.status = 200
        eventually(pushing.delivered)
        pushing.end()
    after = pushing.destination.status()

    assert (during.state, during.last_error.split(":")[0]) == ("down", f"HTTP {status}")
    assert [record.getMessage().split(": ")[1].split()[0] for record in caplog.records] == ["cannot", "delivering"]
    assert (after.state, after.dropped, after.emitted) == ("ok", {}, after.delivered)
    assert list(samples(faulty.requests[-1][2], "orders_total").values()) == [2]
    items = items_by_result([pushing.destination])
    assert items["pushgateway", "metrics", "delivered", ""] == after.delivered


def test_a_retry_pushes_the_newest_numbers(faulty: FaultyGateway) -> None:
    """A gateway that comes back gets what is true now, not what was true when the outage began."""
    faulty.status = 500
    pushing = Pushing(faulty.url)
    pushing.counter.add(1)
    eventually(lambda: len(faulty.requests) >= 1)
    pushing.counter.add(1)
    eventually(lambda: 2 in samples(faulty.requests[-1][2], "orders_total").values())
    pushing.end(0.5)

    assert pushing.delivered() == 0


def test_metrics_that_are_refused_for_good_are_counted(faulty: FaultyGateway) -> None:
    """A 400 is not tried again with the same numbers: they are dropped, and the next push is a new attempt."""
    faulty.status = 400
    pushing = Pushing(faulty.url)
    pushing.counter.add(1)
    eventually(lambda: pushing.destination.status().dropped.get("http_400", 0) >= 2)
    faulty.status = 200
    eventually(pushing.delivered)
    pushing.end()

    assert (
        pushing.destination.status().emitted == sum(pushing.destination.status().dropped.values()) + pushing.delivered()
    )


@pytest.mark.parametrize("fault", ["hangs", "refuses"])
def test_an_unreachable_gateway_does_not_delay_the_exit(faulty: FaultyGateway, tmp_path: Path, fault: str) -> None:
    """The program ends within its budget and says what was lost."""
    faulty.status = 0
    url = faulty.url if fault == "hangs" else "http://127.0.0.1:9"
    work = "placed.add(1); began = time.monotonic(); print(telemetry.shutdown(1.0)); print(time.monotonic() - began)"
    with program(url, tmp_path, work) as running:
        report, took_s = running.line(), float(running.line())
        assert running.wait() == 0

    assert "dropped={'shutdown': 1}" in report
    assert took_s < 8  # a push has 10 s


def test_a_password_in_the_address_is_sent_and_never_shown(
    faulty: FaultyGateway, caplog: pytest.LogCaptureFixture
) -> None:
    """It goes out as basic authentication; log lines and status() show the address without it."""
    faulty.status = 401
    with caplog.at_level(logging.WARNING, logger="csg_otel"):
        pushing = Pushing(faulty.url.replace("http://", "http://me:s3cret@"))
        pushing.counter.add(1)
        eventually(lambda: pushing.destination.status().last_error)
        pushing.end(0.3)

    assert faulty.requests[0][3] == "Basic bWU6czNjcmV0"
    assert "127.0.0.1" in caplog.text
    assert "s3cret" not in caplog.text + str(pushing.destination.status())


@pytest.mark.parametrize(
    ("url", "shown", "group"),
    [
        ("gateway:9091", "http://gateway:9091", "http://gateway:9091/metrics/job/a/instance/b"),
        ("https://u:p@gateway/push/", "https://gateway/push", "https://u:p@gateway/push/metrics/job/a/instance/b"),
        ("http://gateway?token=x", "http://gateway", "http://gateway/metrics/job/a/instance/b?token=x"),
    ],
)
def test_an_address_may_lack_a_scheme_and_have_a_path(url: str, shown: str, group: str) -> None:
    """Both forms people write reach the gateway; user, password and query are not shown."""
    assert address(PrometheusPush(push_gateway=url)) == shown
    assert group_url(url, "a", "b") == group


@pytest.mark.parametrize("url", ["ftp://gateway", "http://[::1", "http://gateway:99999", "http://"])
def test_an_address_that_cannot_work_is_a_mistake_of_the_configuration(url: str) -> None:
    """It is reported before anything starts; a program that ignores the report goes on, and its pushes are counted as lost."""
    with pytest.raises(ConfigError, match="push_gateway"):
        load({"integrations": {"prometheus": {"enabled": True, "push_gateway": url}}})
    pushing = Pushing(url)
    pushing.counter.add(1)
    pushing.end()

    assert pushing.destination.status().dropped.keys() == {"setup"}


def test_label_values_that_change_a_path_are_in_base64() -> None:
    """As the Pushgateway documents: a value with a slash, and an empty one."""
    assert group_url("http://g", "a/b", "").endswith("/metrics/job@base64/YS9i/instance@base64/=")


def test_the_instance_is_stable_for_a_program_that_runs_alone() -> None:
    """The name as it is; in a worker with the process id behind it."""
    assert Instance("host", worker=False).label() == "host"
    assert Instance("host", worker=True).label() == f"host-{os.getpid()}"
