"""The log file: rotated as configured, shared, followed, and readable by a person and a machine."""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import stat
import threading
import time
from pathlib import Path

import pytest

from csg_otel import faults
from csg_otel.logs.file import LogFile
from csg_otel.logs.formats import formatter
from support.programs import Program, eventually


def record(text: str) -> logging.LogRecord:
    """A record that says *text*."""
    return logging.makeLogRecord({"name": "shop", "msg": text, "levelno": 30, "levelname": "WARNING"})


def written(directory: Path) -> list[str]:
    """The lines of the file and its backups, oldest first."""
    backups = sorted(int(path.suffix[1:]) for path in directory.glob("app.log.[0-9]*"))
    files = [*(directory / f"app.log.{number}" for number in reversed(backups)), directory / "app.log"]
    return [line for path in files if path.exists() for line in path.read_text().splitlines()]


def test_the_file_is_rotated_as_configured(tmp_path: Path) -> None:
    """By size, with so many backups and no more, and no file beyond its size."""
    source = """
        import csg_otel, logging
        settings = {"handlers": ["file"], "file_config": {"filename": "logs/app.log", "max_bytes": 2000, "backup_count": 3}}
        with csg_otel.instrument(config={"logging": settings}):
            for number in range(200):
                logging.getLogger("shop").info("line %03d", number)
    """
    with Program(source, tmp_path) as program:
        assert program.wait() == 0, program.stderr
    files = sorted(path.name for path in (tmp_path / "logs").glob("app.log*"))

    assert files == ["app.log", "app.log.1", "app.log.2", "app.log.3", "app.log.lock"]
    assert all(path.stat().st_size <= 2000 for path in (tmp_path / "logs").glob("app.log*"))
    assert written(tmp_path / "logs")[-1].endswith("line 199")


def test_a_link_in_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    """Another user of the folder can't make the program create or open a file elsewhere; it logs on, and reports it."""
    (tmp_path / "app.log.lock").symlink_to(tmp_path / "elsewhere")
    handler = LogFile(str(tmp_path / "app.log"), 100, 3, logging.Formatter())
    before = faults.counts().get("log file rotation", 0)
    for _ in range(3):
        handler.write(record("x" * 60))
    handler.close()

    assert not (tmp_path / "elsewhere").exists()
    assert faults.counts()["log file rotation"] > before
    assert written(tmp_path).count("x" * 60) == 3


def test_nothing_is_lost_in_rotation(tmp_path: Path) -> None:
    """With room enough in the backups every line is there, once, in order."""
    handler = LogFile(str(tmp_path / "app.log"), 500, 20, logging.Formatter())
    lines = [f"line {number:03}" for number in range(400)]
    for line in lines:
        handler.write(record(line))
    handler.close()

    assert written(tmp_path) == lines
    assert len(list(tmp_path.glob("app.log.[0-9]*"))) == 400 * 9 // 500


def test_two_processes_share_a_file(tmp_path: Path) -> None:
    """Both rotate it at will, and no line of either is lost, doubled or torn."""
    source = f"""
        import logging, sys
        from csg_otel.logs.file import LogFile
        handler = LogFile({str(tmp_path / "app.log")!r}, 500, 99, logging.Formatter())
        sys.stdin.readline()
        for number in range(500):
            handler.write(logging.makeLogRecord({{"name": "x", "msg": f"NAME {{number:04}}"}}))
    """
    names = ("one", "two")
    programs = [Program(source.replace("NAME", name), tmp_path) for name in names]
    for program in programs:
        assert program.process.stdin is not None
        program.process.stdin.write("\n")
        program.process.stdin.flush()
    for program in programs:
        with program:
            assert program.wait() == 0, program.stderr

    assert len(list(tmp_path.glob("app.log.*"))) > 3
    assert sorted(written(tmp_path)) == sorted(f"{name} {number:04}" for name in names for number in range(500))


def test_a_file_that_was_moved_away_is_left_alone(tmp_path: Path) -> None:
    """As logrotate does it: the next line goes where the path leads."""
    handler = LogFile(str(tmp_path / "app.log"), 0, 0, logging.Formatter())
    handler.write(record("before"))
    (tmp_path / "app.log").rename(tmp_path / "moved")
    handler.write(record("after"))
    handler.close()

    assert (tmp_path / "moved").read_text() == "before\n"
    assert (tmp_path / "app.log").read_text() == "after\n"


def test_permissions_are_narrow_and_kept(tmp_path: Path) -> None:
    """A new file is not for everybody; what an operator has set survives a rotation."""
    handler = LogFile(str(tmp_path / "app.log"), 50, 2, logging.Formatter())
    handler.write(record("x" * 40))
    first = stat.S_IMODE((tmp_path / "app.log").stat().st_mode)
    (tmp_path / "app.log").chmod(0o600)
    handler.write(record("y" * 40))
    handler.close()

    assert first & 0o007 == 0
    assert stat.S_IMODE((tmp_path / "app.log").stat().st_mode) == 0o600
    assert (tmp_path / "app.log.1").read_text() == "x" * 40 + "\n"


def test_a_file_that_can_not_be_written_is_one_fault(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing raises, nothing is printed for each line, and it is written again when it can be."""
    (tmp_path / "app.log").mkdir()
    handler = LogFile(str(tmp_path / "app.log"), 1000, 1, logging.Formatter())
    before = faults.counts().get("log file", 0)
    handler.write(record("lost"))
    handler.write(record("lost"))
    (tmp_path / "app.log").rmdir()
    handler.write(record("written"))
    handler.close()

    assert faults.counts()["log file"] == before + 2
    assert "Traceback" not in capfd.readouterr().err
    assert written(tmp_path) == ["written"]


@pytest.mark.parametrize("locked", ["app.log", "app.log.lock", "."])
def test_a_lock_held_elsewhere_does_not_stop_the_program(locked: str, tmp_path: Path) -> None:
    """Lines are written, beyond the size if they must be; it is reported, and the file is rotated when the lock is free."""
    handler = LogFile(str(tmp_path / "app.log"), 100, 3, logging.Formatter())
    handler.write(record("x" * 60))
    handler.write(record("x" * 60))
    before = faults.counts().get("log file rotation", 0)
    descriptor = os.open(tmp_path / locked, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        slowest_s = 0.0
        for _ in range(20):
            began_s = time.monotonic()
            handler.write(record("y" * 60))
            slowest_s = max(slowest_s, time.monotonic() - began_s)
    finally:
        os.close(descriptor)

    assert slowest_s < 60  # with the lock, the program would wait for ever
    assert written(tmp_path).count("y" * 60) == (20 if locked == "app.log.lock" else 4)
    assert (faults.counts().get("log file rotation", 0) > before) == (locked == "app.log.lock")

    def is_rotated() -> bool:
        handler.write(record("z"))
        return (tmp_path / "app.log").stat().st_size <= 100

    eventually(is_rotated)


def test_a_line_waits_for_a_lock_only_once(tmp_path: Path) -> None:
    """After a rotation that was not possible, lines are written at once for a while: the program is not slow, either."""
    handler = LogFile(str(tmp_path / "app.log"), 100, 1, logging.Formatter())
    handler.write(record("x" * 99))
    with (tmp_path / "app.log.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        handler.write(record("waits"))
        times = [faults.counts()["log file rotation"]]
        for _ in range(10):
            handler.write(record("does not wait"))
        times.append(faults.counts()["log file rotation"])

    assert times[1] - times[0] <= 1  # a busy machine may need more than the second for ten lines
    assert len(written(tmp_path)) == 12


def test_a_pipe_without_a_reader_loses_lines_and_nothing_else(tmp_path: Path) -> None:
    """As the log of a container may be: nothing blocks or raises; a reader gets the lines, until the pipe is full."""
    os.mkfifo(tmp_path / "app.log")
    handler = LogFile(str(tmp_path / "app.log"), 100, 3, logging.Formatter())
    before = faults.counts().get("log file", 0)
    handler.write(record("lost"))
    reader = os.open(tmp_path / "app.log", os.O_RDONLY | os.O_NONBLOCK)
    handler.write(record("read"))
    line = os.read(reader, 100)
    for _ in range(300):
        handler.write(record("x" * 1000))
    os.close(reader)
    handler.write(record("lost"))
    handler.close()

    assert line == b"read\n"
    assert faults.counts()["log file"] > before + 100
    assert not (tmp_path / "app.log.1").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_disk_is_one_fault(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing raises, and nothing is printed for each line."""
    (tmp_path / "app.log").symlink_to("/dev/full")
    handler = LogFile(str(tmp_path / "app.log"), 100, 3, logging.Formatter())
    before = faults.counts().get("log file", 0)
    for _ in range(5):
        handler.write(record("lost"))

    assert faults.counts()["log file"] == before + 5
    assert "Traceback" not in capfd.readouterr().err


def test_threads_share_a_file(tmp_path: Path) -> None:
    """Eight threads write and rotate at will, while the file is moved away again and again: no line is lost or torn."""
    handler = LogFile(str(tmp_path / "app.log"), 2000, 99, logging.Formatter())
    names, was_moved = [f"thread {number}" for number in range(8)], threading.Event()

    def write(name: str) -> None:
        for number in range(200):
            if number == 100:
                assert was_moved.wait(50)
            handler.write(record(f"{name} {number:04}"))

    threads = [threading.Thread(target=write, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    moved = 0
    while any(thread.is_alive() for thread in threads):
        with contextlib.suppress(FileNotFoundError):
            (tmp_path / "app.log").rename(tmp_path / f"moved.{moved}")
            moved += 1
            was_moved.set()
        time.sleep(0.01)
    lines = [line for path in tmp_path.iterdir() for line in path.read_text().splitlines()]

    assert moved > 0
    assert sorted(lines) == sorted(f"{name} {n:04}" for name in names for n in range(200))


def test_every_line_names_its_span(tmp_path: Path) -> None:
    """As text and as JSON, with extras and exceptions, one line a record; also after ``dictConfig`` closed all handlers."""
    for style in ("text", "json"):
        source = f"""
            import csg_otel, logging, logging.config
            settings = {{"handlers": ["file"], "format": "{style}", "file_config": {{"filename": "{style}.log"}}}}
            with csg_otel.instrument(config={{"logging": settings}}):
                logging.getLogger("shop").warning("outside")
                logging.config.dictConfig({{"version": 1, "disable_existing_loggers": False}})
                with csg_otel.observe("op") as operation:
                    logging.getLogger("shop").warning("a\\nb", extra={{"order": 7, "odd": {{"a": 1}}}}, stack_info=True)
                    print(f"{{operation.span.get_span_context().trace_id:032x}}", flush=True)
        """
        with Program(source, tmp_path) as program:
            trace_id = program.line()
            assert program.wait() == 0, program.stderr
        text = (tmp_path / f"{style}.log").read_text()
        assert text.count(trace_id) == 1
        assert "trace_id" not in text.splitlines()[0]
        if style == "json":
            found = [json.loads(line) for line in text.splitlines()]
            assert [line["message"] for line in found] == ["outside", "a\nb"]
            assert found[1]["trace_id"] == trace_id
            assert found[1]["attributes"]["order"] == 7
            assert "Stack" in found[1]["stack"]


def test_a_format_of_the_program_may_name_the_span() -> None:
    """Outside of a span the places stay empty; an exception that can't be shown costs no line."""

    class Unshown(Exception):
        def __str__(self) -> str:
            raise ValueError

    made = formatter("%(levelname)s [%(trace_id)s] %(message)s", ids=True)
    error = Unshown()
    odd = logging.makeLogRecord({"msg": "%d", "args": ("x",), "levelname": "X", "exc_info": (Unshown, error, None)})

    assert made.format(odd).startswith("X [] %d ('x',)\n")
    assert "Unshown" in made.format(odd)


@pytest.mark.parametrize(("level", "lines"), [("info", ["info", "error"]), ("error", ["error"])])
def test_lines_below_the_level_are_not_written(level: str, lines: list[str], tmp_path: Path) -> None:
    """`logging.level` is the lowest level that reaches the file."""
    source = f"""
        import csg_otel, logging
        settings = {{"level": {level!r}, "handlers": ["file"], "file_config": {{"filename": "app.log"}}}}
        with csg_otel.instrument(config={{"logging": settings, "health_monitoring": {{"enabled": False}}}}):
            logging.getLogger("shop").info("it is an info")
            logging.getLogger("shop").error("it is an error")
    """
    with Program(source, tmp_path) as program:
        assert program.wait() == 0, program.stderr

    assert [line.split()[-1] for line in written(tmp_path) if "it is an" in line] == lines
