"""Workers that are started by ``exec``: spawned, by a fork server, by a library; they belong to the group of their parent."""

from __future__ import annotations

import sys
import textwrap
from collections import Counter
from pathlib import Path

import pytest

from support.otlp_sink import HttpSink
from support.programs import Program, samples
from support.servers import free_port

JOBS = """
    import concurrent.futures, multiprocessing, os, sys, time, urllib.request
    import csg_otel

    if "STARTED" not in os.environ:
        os.environ["STARTED"] = "1"
        os.setsid()  # as a shell or a supervisor would: then this process is the first of its family

    def setup():
        return csg_otel.instrument(exporters=[os.environ["SINK"], "prometheus"])

    AT_TOP

    @csg_otel.observe("job")
    def job(_):
        csg_otel.counter("work.done").add(1)

    def child(number):
        setup()
        job(number)

    def shown(telemetry):
        return urllib.request.urlopen(telemetry.url + "/metrics").read().decode()

    def main():
        telemetry = setup()
        csg_otel.counter("work.done").add(100)
        context = multiprocessing.get_context(sys.argv[1])
        process = context.Process(target=child, args=(0,))
        process.start()
        with concurrent.futures.ProcessPoolExecutor(2, mp_context=context, initializer=setup) as executor:
            list(executor.map(job, range(20)))
        process.join()
        print(repr(shown(telemetry)), flush=True)

    if __name__ == "__main__":
        main()
"""


@pytest.mark.parametrize(
    ("method", "at_top", "package"),
    [
        ("fork", False, False),
        ("spawn", False, False),
        ("spawn", True, True),
        ("forkserver", False, True),
        ("forkserver", True, False),
    ],
)
def test_workers_of_every_start_method_are_of_one_group(
    method: str, at_top: bool, package: bool, tmp_path: Path
) -> None:
    """
    All they did is in the parent's scrape and at the collector, under the parent's name, and nothing is warned of.

    Whether ``instrument()`` is called at the top of the main module, which spawned workers import, or in each of them.
    """
    sink = HttpSink()
    source = textwrap.dedent(JOBS).replace("AT_TOP", "setup()" if at_top else "")
    if package:
        (tmp_path / "jobs").mkdir()
        (tmp_path / "jobs" / "__main__.py").write_text("from jobs import work\nwork.main()\n")
    (tmp_path / ("jobs/work.py" if package else "jobs.py")).write_text(source)
    settings = {"SINK": sink.endpoint.replace("http", "otlp+http"), "PROMETHEUS_PORT": str(free_port())}
    with Program([sys.executable, "-m", "jobs", method], tmp_path, settings) as program:
        text = eval(program.line())
        assert program.wait() == 0
        said = program.stderr
    sink.close()
    names = {resource["service.name"] for resource in sink.received.resources}

    assert samples(text, "work_done_total") == {"": 121}
    assert Counter(span.name for span in sink.received.spans)["job"] == 21
    assert names == {"jobs"}
    assert said == ""
