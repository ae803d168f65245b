"""What is shown outlives the process, and several workers answer as one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from csg_otel.dashboard.remote import HttpSource
from csg_otel.dashboard.source import SourceError
from csg_otel.dashboard.store.files import Files
from csg_otel.dashboard.store.history_file import load, save
from csg_otel.dashboard.store.journal import Journal
from csg_otel.dashboard.store.recent import Recent
from csg_otel.dashboard.store.values import Collection, Values
from csg_otel.descriptors import KeptFile
from csg_otel.points import NumberPoint
from support.programs import Program, eventually, get
from support.servers import free_port

RUN = """
    import logging, os, csg_otel

    telemetry = csg_otel.instrument(
        "shop", exporters=[], dashboard__enabled=True, dashboard__port=int(os.environ["PORT"]),
        system_monitoring__collection_interval=1,
    )
    with csg_otel.observe(os.environ["NAME"]):
        logging.getLogger("shop").warning("line of %s", os.environ["NAME"])
    csg_otel.gauge("of." + os.environ["NAME"]).set(1)
    print("ready", flush=True)
    input()
    telemetry.shutdown()
    print("done", flush=True)
"""

SHOP = """
    import os, flask, csg_otel

    csg_otel.instrument("shop", exporters=["prometheus"], dashboard__enabled=True)
    app = flask.Flask(__name__)

    @app.get("/orders")
    @csg_otel.observe("order", {"worker": os.getpid()})
    def orders():
        return str(os.getpid())
"""


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's state folder."""
    folder = tmp_path / "state"
    folder.mkdir()
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    return folder


def _names(source: HttpSource, text: str) -> set[str]:
    try:
        return {row["name"] for row in source.get("traces", {"name": text, "limit": "1000"})["traces"]}
    except SourceError:
        return set()


def _is_written(state: Path, *texts: str) -> bool:
    """Return whether the journals below *state* have all *texts*."""
    written = "".join(path.read_text(encoding="utf-8") for path in state.rglob("*.jsonl"))
    return all(f'"{text}"' in written for text in texts)


def _has_value(source: HttpSource, gauge: str) -> bool:
    """Return whether the chart of *gauge* has the value 1."""
    try:
        (series,) = source.get("metrics/series", {"name": gauge, "range": "300"})["series"]
    except SourceError:
        return False
    return 1 in series["values"]


@pytest.mark.parametrize("ends", ["shut down", "killed"])
def test_traces_logs_and_charts_outlive_the_process(state: Path, tmp_path: Path, ends: str) -> None:
    """The next process shows what the one before did, also if that one was killed; its charts begin before its start."""
    port = free_port()
    source = HttpSource(f"http://127.0.0.1:{port}")
    with Program(RUN, tmp_path, {"PORT": str(port), "NAME": "run-1"}) as first:
        first.line_with("ready")
        eventually(lambda: _is_written(state, "run-1", "line of run-1"))
        eventually(lambda: _has_value(source, "of.run-1"))
        if ends == "shut down":
            first.go_on()
            first.line_with("done")
    began = time.time()

    with Program(RUN, tmp_path, {"PORT": str(port), "NAME": "run-2"}) as second:
        second.line_with("ready")
        eventually(lambda: _names(source, "run-") == {"run-1", "run-2"})
        bodies = [row["body"] for row in source.get("logs", {"logger": "shop"})["logs"]]
        assert bodies == ["line of run-2", "line of run-1"]
        if ends == "shut down":
            assert eventually(lambda: _has_value(source, "of.run-1"))
            assert source.get("status")["kept_since"] < began


@pytest.mark.usefixtures("state")
def test_the_page_shows_the_requests_of_all_workers(tmp_path: Path) -> None:
    """With gunicorn -w 4 one worker serves the page: it has the traces of all, and the metrics of all."""
    port, metrics_port, dashboard_port = free_port(), free_port(), free_port()
    (tmp_path / "shop.py").write_text(textwrap.dedent(SHOP), encoding="utf-8")
    with _gunicorn(tmp_path, port, metrics_port, dashboard_port):
        eventually(lambda: _is_up(f"http://127.0.0.1:{port}/orders"), within_s=60)
        source = HttpSource(f"http://127.0.0.1:{dashboard_port}")
        workers: set[str] = set()
        shown: dict[str, str] = {}
        """The worker of each trace."""

        def all_are_shown() -> bool:
            workers.add(get(f"http://127.0.0.1:{port}/orders")[1])
            try:
                rows = source.get("traces", {"name": "order", "limit": "1000"})["traces"]
                new = {row["trace_id"] for row in rows} - shown.keys()
                shown.update({trace_id: str(_worker(source, trace_id)) for trace_id in new})
            except SourceError:
                return False
            return len(workers) >= 3 and workers <= set(shown.values())

        eventually(all_are_shown, within_s=60, every_s=0.1)
        eventually(lambda: source.get("status")["workers"] == 4)

        def counted() -> list[Any]:
            rows = source.get("metrics")["metrics"]
            return [row for row in rows if row["name"] == "csg.operation.duration" and row["series"] >= 1]

        assert eventually(counted)


def _worker(source: HttpSource, trace_id: str) -> Any:
    return source.get(f"traces/{trace_id}")["spans"][0]["attributes"].get("worker")


def _is_up(url: str) -> bool:
    try:
        return get(url)[0] == 200
    except OSError:
        return False


class _gunicorn:  # noqa: N801 - a context manager
    """gunicorn with four workers; ended by its own pid."""

    def __init__(self, folder: Path, port: int, metrics_port: int, dashboard_port: int) -> None:
        self._command = [sys.executable, "-m", "gunicorn", "-w", "4", "-b", f"127.0.0.1:{port}", "shop:app"]
        self._folder = folder
        self._ports = {"PROMETHEUS_PORT": str(metrics_port), "MONITORING_DASHBOARD_PORT": str(dashboard_port)}

    def __enter__(self) -> None:

        self._log = (self._folder / "gunicorn.log").open("wb")
        self._process = subprocess.Popen(
            self._command, cwd=self._folder, env={**os.environ, **self._ports}, stdout=self._log, stderr=self._log
        )

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        self._log.close()


def _span(label: str, **changes: Any) -> Any:
    return {
        "trace_id": label,
        "span_id": label,
        "parent_id": None,
        "name": label,
        "kind": "internal",
        "service": "shop",
        "scope": "",
        "start": 1000.0,
        "end": 1001.0,
        "duration_s": 1.0,
        "status": "unset",
        "status_message": "",
        "attributes": {},
        "events": [],
        "links": [],
        **changes,
    }


def _line(**rows: Any) -> str:
    return json.dumps({"v": 1, **rows}) + "\n"


def _names_of(rows: Any) -> list[str]:
    return [span["span_id"] for span in rows]


def test_a_journal_has_the_lines_of_others_once(tmp_path: Path) -> None:
    """A reader gets each whole line of others once, and ignores what is no line of a journal."""
    writer, reader = Journal(tmp_path / "j"), Journal(tmp_path / "j")
    writer.write([_span("a")], [], [])
    reader.write([_span("own")], [], [])
    (tmp_path / "j" / "9-0.jsonl").write_text('{"s": 1}\nnonsense\n[]\n{"s":[', encoding="utf-8")

    assert _names_of(reader.read().spans) == ["a"]
    writer.write([_span("b")], [], [_span("r")])
    rows = reader.read()
    assert _names_of(rows.spans) == ["b"]
    assert [_names_of(spans) for spans in rows.running.values()] == [["r"]]
    assert reader.read().spans == []
    assert all(
        path.stat().st_mode & 0o077 == 0
        for path in (tmp_path / "j").glob("*-*[0-9a-f].jsonl")
        if path.name != "9-0.jsonl"
    )


WRITER = """
    import os, sys, time
    from pathlib import Path
    from csg_otel.dashboard.store.journal import Journal

    journal = Journal(Path(sys.argv[1]))
    row = __import__("json").loads(sys.argv[2])
    journal.write([], [], [row])
    if os.fork() == 0:  # a child is another process: it holds no lock of its parent
        journal.reset()
        print("ready", flush=True)
        time.sleep(600)
    os.wait()
"""


def test_what_ran_in_a_process_that_was_killed_runs_no_longer(tmp_path: Path) -> None:
    """Also where another process has its id now, as after the restart of a container, and where a child of it lives on."""
    folder = tmp_path / "j"
    reader = Journal(folder)
    words = [sys.executable, "-c", textwrap.dedent(WRITER), str(folder), json.dumps(_span("long"))]
    with Program(words, tmp_path) as program:
        program.line_with("ready")
        (child,) = psutil.Process(program.process.pid).children()
        try:
            assert [_names_of(spans) for spans in reader.read().running.values()] == [["long"]]
            program.process.kill()
            program.process.wait(10)
            (file,) = folder.iterdir()
            file.rename(folder / f"{os.getpid()}-0.jsonl")
            assert child.is_running()
            for journal in (reader, Journal(folder)):
                assert journal.read().running == {}
        finally:
            child.kill()


def _leads_to(descriptor: Path, path: Path) -> bool:
    try:
        return descriptor.resolve() == path.resolve()
    except OSError:
        return False


def test_what_runs_is_shown_until_the_journal_is_closed(tmp_path: Path) -> None:
    """A program may shut its telemetry down and live on; if it goes on, another file has what it keeps."""
    writer, reader = Journal(tmp_path), Journal(tmp_path)
    writer.write([], [], [_span("long")])
    assert len(reader.read().running) == 1
    (path,) = tmp_path.iterdir()
    (own,) = (int(fd.name) for fd in Path("/proc/self/fd").iterdir() if _leads_to(fd, path))
    copy = os.dup(own)  # as a child has that was forked at this moment
    writer.close()
    assert reader.read().running == {}
    os.close(copy)
    writer.write([_span("later")], [], [_span("long")])
    rows = reader.read()
    assert (_names_of(rows.spans), len(rows.running)) == (["later"], 1)
    writer.close()


def test_a_new_file_of_a_process_replaces_what_runs_in_its_older_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ran when a process began another file does not run for ever, also for who reads the files later."""
    monkeypatch.setattr("csg_otel.dashboard.store.journal._FILE_BYTES", 2000)
    writer, early = Journal(tmp_path), Journal(tmp_path)
    writer.write([], [], [_span("long")])
    assert [_names_of(spans) for spans in early.read().running.values()] == [["long"]]
    for number in range(4):
        writer.write([_span(f"{number:>0800}")], [], [_span("long")])
        (running,) = Journal(tmp_path).read().running.values()
        assert _names_of(running) == ["long"]
    writer.write([_span("end")], [], [])

    assert len(list(tmp_path.iterdir())) > 1
    for reader in (early, Journal(tmp_path)):
        assert reader.read().running == {}


@pytest.mark.parametrize(
    "bad",
    [
        {key: value for key, value in _span("x").items() if key != "scope"},
        _span("x", start="1000"),
        _span("x", start=float("nan")),
        _span("x", start=10**400),
        _span("x", attributes=None),
        _span("x", attributes={"a": float("inf")}),
        _span("x", name="\ud800"),
        _span("x", kind="another"),
        _span("x", events=[{"time": 1.0, "name": 5, "attributes": {}}]),
        5,
    ],
    ids=lambda bad: str(bad)[:30],
)
def test_a_row_of_another_version_is_left_out_alone(tmp_path: Path, bad: Any) -> None:
    """All other rows are kept, of the same line, too; and a later version may have added keys."""
    line = _line(s=[_span("a"), bad, _span("b", later=1)], r=[bad, _span("r")])
    text = _line(s=[_span("before")]) + line + _line(s=5, l=None, r={}) + line + _line(s=[_span("after")])
    (tmp_path / "1-1.jsonl").write_text(text + json.dumps({"v": 2, "s": [_span("other")]}) + "\n", encoding="utf-8")
    writer = KeptFile(tmp_path / "1-1.jsonl", os.O_RDONLY)
    assert writer.lock()

    rows = Journal(tmp_path).read()
    assert _names_of(rows.spans) == ["before", "a", "b", "a", "b", "after"]
    assert [_names_of(spans) for spans in rows.running.values()] == [["r"]]

    recent = Recent()
    files = Files(tmp_path)
    files.read(recent, Values())
    assert recent.counts()["spans"] == 4
    assert recent.counts()["running"] == 1
    writer.close()


def test_a_burst_is_split_into_lines_and_files(tmp_path: Path) -> None:
    """No line is longer than a reader takes, no file is above its bound, and nothing but a row of that size is left out."""
    writer, reader = Journal(tmp_path), Journal(tmp_path)
    burst = [_span(str(number), attributes={"text": "x" * 50_000}) for number in range(200)]
    writer.write(burst, [], [])
    writer.write([_span("huge", name="x" * 2_000_000), _span("small")], [], [])

    assert _names_of(reader.read().spans) == [*(str(number) for number in range(200)), "small"]
    files = list(tmp_path.iterdir())
    assert len(files) > 1
    assert max(file.stat().st_size for file in files) <= 4 * 1024 * 1024


def test_a_line_of_another_program_is_read_past(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line without an end is not read again and again, and the lines behind it are read."""
    monkeypatch.setattr("csg_otel.dashboard.store.journal._FILE_BYTES", 2000)
    (tmp_path / "1-1.jsonl").write_text("x" * 9000 + "\n" + _line(s=[_span("behind")]), encoding="utf-8")

    reader = Journal(tmp_path)
    assert [_names_of(reader.read().spans) for _ in range(4)].count(["behind"]) == 1


def test_a_full_disk_costs_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After half a line, the next one begins on a line of its own; what runs is written again."""
    writer, reader, write = Journal(tmp_path), Journal(tmp_path), os.write
    writer.write([_span("a")], [], [])
    with monkeypatch.context() as full:
        full.setattr("csg_otel.dashboard.store.journal.os.write", lambda file, body: write(file, body[:100]))
        writer.write([_span("lost")], [], [_span("r")])
    writer.write([_span("b")], [], [_span("r")])

    rows = reader.read()
    assert _names_of(rows.spans) == ["a", "b"]
    assert [_names_of(spans) for spans in rows.running.values()] == [["r"]]


def test_the_journals_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Old files are removed as wholes; a link in their place is not followed."""
    monkeypatch.setattr("csg_otel.dashboard.store.journal._FILE_BYTES", 2000)
    monkeypatch.setattr("csg_otel.dashboard.store.journal._MOST_BYTES", 10_000)
    journal = Journal(tmp_path)
    for number in range(100):
        journal.write([_span(f"{number:>0200}")], [], [])

    assert sum(path.stat().st_size for path in tmp_path.glob("*.jsonl")) <= 10_000
    assert f"{99:>0200}" in "".join(path.read_text(encoding="utf-8") for path in tmp_path.glob("*.jsonl"))

    target = tmp_path / "target"
    target.write_text(_line(s=[_span("linked")]), encoding="utf-8")
    (tmp_path / "1-1.jsonl").symlink_to(target)
    assert "linked" not in {span["span_id"] for span in Journal(tmp_path).read().spans}


def test_the_history_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Values come back at their times, gaps stay gaps, and a damaged file is ignored."""
    values, file = Values(), tmp_path / "history"
    for at_s in (1000.0, 1010.0, 1040.0):
        values.add(Collection([NumberPoint("m", "gauge", "By", {"a": "b"}, at_s)]), at_s)
    save(file, values, now=2_000_040.0, offset_s=1_999_000.0)

    again = Values()
    load(file, again, now=2_000_100.0, offset_s=1_999_500.0)  # another boot: monotonic time differs
    instrument = again.instrument("m")
    assert instrument is not None
    line = instrument.series[(("a", "b"),)].lines["value"]
    assert line.fine.items() == [(500.0, 1000.0), (510.0, 1010.0), (540.0, 1040.0)]
    assert file.stat().st_mode & 0o077 == 0

    for damaged in (b"", b"x" * 50, file.read_bytes()[:-20]):
        file.write_bytes(damaged)
        nothing = Values()
        load(file, nothing, now=2_000_100.0, offset_s=1_999_500.0)
        assert nothing.series_count == 0
