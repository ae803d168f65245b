"""Every example runs as its own text says, in a process of its own."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from csg_otel.cli import main
from support.programs import Program, eventually, get
from support.programs import samples as values


def test_minimal_prints_what_it_computes(examples: Path, tmp_path: Path) -> None:
    """And nothing else where there is no terminal."""
    with Program([sys.executable, str(examples / "minimal.py")], tmp_path) as program:
        assert program.line() == "hello world"
        assert program.wait() == 0
        assert program.stderr == ""


def test_the_async_service_can_be_watched_while_it_runs(examples: Path, tmp_path: Path) -> None:
    """Orders, waits and the loop's lag are scraped; its component and its check are listed."""
    command = [sys.executable, str(examples / "async_service.py"), "--seconds", "600"]
    with Program(command, tmp_path) as program:
        url = program.line_with(r"(http://\S+)/metrics")[1]
        metrics = eventually(
            lambda: (text := get(f"{url}/metrics")[1]) and values(text, "csg_operation_duration_seconds_count") and text
        )
        assert isinstance(metrics, str)
        assert any('channel="web"' in labels for labels in values(metrics, "orders_placed_total"))
        assert values(metrics, "orders_waiting")
        eventually(lambda: sum(values(get(f"{url}/metrics")[1], "csg_runtime_event_loop_lag_seconds_count").values()))
        eventually(lambda: get(f"{url}/readyz")[0] == 200)
        assert "order-queue" in get(f"{url}/readyz?verbose")[1]
        assert "Traceback" not in program.stderr


def test_the_async_service_ends_by_itself(examples: Path, tmp_path: Path) -> None:
    """After the time that its option says, without a traceback."""
    with Program([sys.executable, str(examples / "async_service.py"), "--seconds", "1"], tmp_path) as program:
        program.line_with("done")
        assert program.wait() == 0
        assert "Traceback" not in program.stderr


def test_the_configuration_file_is_without_a_problem(examples: Path, tmp_path: Path) -> None:
    """For development as it stands; for production with its secrets in the environment."""
    command = [sys.executable, "-m", "csg_otel", "config", "check", str(examples / "monitoring_config.yaml")]
    environment = {
        "PATH": "/usr/bin",
        "COLLECTOR_URL": "https://collector.example.com:4317",
        "COLLECTOR_TOKEN": "a",
        "SMTP_PASSWORD": "b",
        "SLACK_WEBHOOK_URL": "https://hooks.example.com/x",
        "MONITORING_TOKEN": "c" * 32,
        "STAGE": "production",
    }
    plain = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env={"PATH": "/usr/bin"}, timeout=60)
    production = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment, timeout=60)

    assert (plain.returncode, production.returncode) == (0, 0), plain.stdout + production.stdout + production.stderr
    assert "0 warnings" in plain.stdout


def generator(examples: Path, *arguments: str) -> list[str]:
    """Return the command line of the snapshot generator."""
    return [sys.executable, str(examples / "snapshot_generator"), *arguments]


def test_the_samples_become_snapshots(examples: Path, samples: Path, tmp_path: Path) -> None:
    """One Markdown file per meeting, and a line that says so."""
    with Program(generator(examples, str(samples), "--output", "out"), tmp_path) as program:
        program.line_with("processed")
        assert program.wait() == 0
        assert program.stderr == ""

    written = sorted((tmp_path / "out").iterdir())
    assert [path.stem for path in written] == sorted(path.stem for path in samples.glob("*.vtt"))
    assert all(path.suffix == ".md" for path in written)


def test_a_broken_transcript_stops_nothing(examples: Path, samples: Path, tmp_path: Path) -> None:
    """It is counted and told, and the others become snapshots."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.vtt").write_text("not a transcript\n")
    shutil.copy(next(samples.glob("*.vtt")), tmp_path / "in/b.vtt")
    with Program(generator(examples, "in", "--output", "out"), tmp_path) as program:
        program.line_with(r"2 files processed \(1 failed\)")
        assert program.wait() == 0

    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b.md"]
    assert "a.vtt: line 1" in (tmp_path / "stderr.txt").read_text()


def test_watching_takes_up_new_files_and_ends_on_sigterm(examples: Path, samples: Path, tmp_path: Path) -> None:
    """A file that appears is processed and counted; FAIL in the folder fails a check; SIGTERM ends it with a summary."""
    inbox = tmp_path / "in"
    inbox.mkdir()
    sources = sorted(samples.glob("*.vtt"))
    shutil.copy(sources[0], inbox)
    with Program(generator(examples, "in", "--output", "out", "--watch"), tmp_path) as program:
        url = program.line_with(r"curl (http://\S+)/metrics")[1]
        eventually((tmp_path / f"out/{sources[0].stem}.md").exists)

        shutil.copy(sources[1], inbox)
        eventually((tmp_path / f"out/{sources[1].stem}.md").exists)
        found = eventually(lambda: _files(url) == 2.0 and get(f"{url}/metrics")[1])
        assert isinstance(found, str)
        assert sum(values(found, "csg_cache_requests_total").values()) > 0
        eventually(lambda: get(f"{url}/readyz")[0] == 200)

        (inbox / "FAIL").touch()
        eventually(lambda: get(f"{url}/readyz")[0] == 503)
        assert re.search(r"inbox.*CRITICAL|\[-\]\s*inbox", get(f"{url}/readyz?verbose")[1])
        (inbox / "FAIL").unlink()
        eventually(lambda: get(f"{url}/readyz")[0] == 200)

        program.terminate()
        program.line_with(r"2 files processed \(0 failed\), snapshots in out")
        assert program.wait() == 0
        assert "Traceback" not in program.stderr


def _files(url: str) -> float:
    return sum(values(get(f"{url}/metrics")[1], "csg_files_processed_total").values())


def test_the_demo_feeds_itself_and_ends_when_interrupted(examples: Path, tmp_path: Path) -> None:
    """Ctrl-C at any time ends it with its summary and exit code 0, telemetry on the console included; it leaves no folder."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    variables = {"TMPDIR": str(temporary)}
    with Program(generator(examples, "--demo", "--seconds", "60"), tmp_path, variables) as program:
        url = program.line_with(r"curl (http://\S+)/metrics")[1]
        eventually(lambda: "process_file" in program.stderr and "csg.files.processed" in program.stderr)
        assert get(f"{url}/livez")[0] == 200

        program.process.send_signal(signal.SIGINT)
        program.line_with(r"files? processed \(\d failed\)")
        assert program.wait() == 0
    assert list(temporary.glob("snapshot-generator-*")) == []


def test_the_demo_command_runs_the_same_program() -> None:
    """`csg-otel demo` exists, and says what it does."""
    with pytest.raises(SystemExit) as ended:
        main(["demo", "--help"])

    assert ended.value.code == 0


def test_the_demo_opens_with_a_link_to_its_dashboard(examples: Path, tmp_path: Path) -> None:
    """Before the first file, there is a link that works once; behind it are the traces of the files that are processed."""
    with Program(generator(examples, "--demo", "--seconds", "60"), tmp_path, {"TMPDIR": str(tmp_path)}) as program:
        page = program.line_with(r"csg-otel dashboard --url (http://\S+)")[1]
        opening = program.stderr.partition("process_file")[0]
        traces = [sys.executable, "-m", "csg_otel", "query", "traces", "--name", "process_file", "--url", page]
        eventually(lambda: "process_file" in subprocess.run(traces, capture_output=True, text=True).stdout)

        assert re.match(rf"dashboard .*once.*{page}/login\?token=\S+\n", opening)
        assert get(page)[0] == 401
