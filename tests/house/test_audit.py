"""`make check` audits the pinned versions: a known vulnerability fails it, a service that cannot be reached does not."""

from __future__ import annotations

import datetime as dt
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from supply import audit, locks

LOCK = "".join(
    f"{line} --hash=sha256:{'0' * 64}\n"
    for line in ("sound==1.0", "cracked==2.0 ; python_full_version < '3'", "cracked==2.1 ; python_full_version >= '3'")
)
"""Two packages, the second in two versions, one of which no supported Python would install."""


class Service:
    """A vulnerability service with the interface of OSV: it holds one advisory, and records what it is asked."""

    def __init__(self) -> None:
        """Start on a free port of loopback."""
        self.questions: list[tuple[str, str]] = []
        self.vulnerable = {("cracked", "2.0")}
        self.broken: set[str] = set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                """Answer with the advisories of one version."""
                question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                version = question["package"]["name"], question["version"]
                outer.questions.append(version)
                status = 503 if version[0] in outer.broken else 200
                body = json.dumps({"vulns": [_advisory(*version)]} if version in outer.vulnerable else {}).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Stay silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/query"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def _advisory(name: str, version: str) -> dict[str, Any]:
    events = [{"introduced": "0"}, {"fixed": "9.9"}]
    affected = {"package": {"name": name, "ecosystem": "PyPI"}, "ranges": [{"type": "ECOSYSTEM", "events": events}]}
    return {"id": "PYSEC-1", "aliases": ["CVE-1"], "summary": f"{name} {version}", "affected": [affected]}


@pytest.fixture
def service() -> Iterator[Service]:
    """Serve the advisories."""
    running = Service()
    yield running
    running.server.shutdown()
    running.server.server_close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a lock and nothing ignored."""
    (tmp_path / "dev.lock").write_text(LOCK, encoding="utf-8")
    (tmp_path / "ignored.yaml").write_text("ignored: []\n", encoding="utf-8")
    return tmp_path


def _audit(folder: Path, url: str, *, seconds: float = 60) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "supply.audit", "--locks", str(folder), "--ignored", str(folder / "ignored.yaml")]
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    environment |= {"PYTHONPATH": str(locks.FOLDER.parent / "tests"), "OSV_URL": url, "XDG_CACHE_HOME": str(folder)}
    return subprocess.run([*command, "--seconds", str(seconds)], env=environment, capture_output=True, text=True)


def test_a_known_vulnerability_fails(folder: Path, service: Service) -> None:
    """The check names package, version, every id and the version that mends it, also of a pin for another Python."""
    done = _audit(folder, service.url)

    assert (done.returncode, done.stderr) == (1, "error: cracked 2.0: PYSEC-1 = CVE-1, mended in 9.9\n")
    assert sorted(service.questions) == [("cracked", "2.0"), ("cracked", "2.1"), ("sound", "1.0")]


def test_no_vulnerability_passes_and_is_kept_for_a_day(folder: Path, service: Service) -> None:
    """The next check of the same locks asks nothing; on the next day, or if what was kept is damaged, it asks again."""
    service.vulnerable = set()
    done = _audit(folder, service.url)
    assert (done.returncode, done.stdout, done.stderr) == (0, "audit: 3 versions, 0 advisories, 0 problems\n", "")

    service.questions.clear()
    assert _audit(folder, service.url).stdout == done.stdout
    assert service.questions == []

    kept = next((folder / "csg-otel").glob("audit-*.json"))
    os.utime(kept, (kept.stat().st_mtime - 86_401,) * 2)
    assert _audit(folder, service.url).returncode == 0
    assert len(service.questions) == 3

    kept.write_text("[1]", encoding="utf-8")
    service.vulnerable = {("cracked", "2.1")}
    assert _audit(folder, service.url).returncode == 1


def test_an_ignored_vulnerability_passes(folder: Path, service: Service) -> None:
    """An entry counts by any id of the advisory; one that concerns no pin any more is named."""
    entries = [f"{{id: {name}, reason: only on Windows, expires: 9999-12-31}}" for name in ("CVE-1", "OLD-1")]
    (folder / "ignored.yaml").write_text(f"ignored: [{', '.join(entries)}]\n", encoding="utf-8")
    done = _audit(folder, service.url)

    assert (done.returncode, done.stdout) == (
        0,
        (
            "audit: 3 versions, 1 advisories, 0 problems\n"
            "ignored.yaml: OLD-1 concerns no pinned version any more: remove it\n"
        ),
    )


def test_an_expired_entry_fails(folder: Path, service: Service) -> None:
    """After its last day an entry is an error and hides nothing."""
    entry = "{id: PYSEC-1, reason: only on Windows, expires: 2020-01-31}"
    (folder / "ignored.yaml").write_text(f"ignored: [{entry}]\n", encoding="utf-8")
    done = _audit(folder, service.url)

    assert done.returncode == 1
    assert "PYSEC-1 was ignored until 2020-01-31: look at it again" in done.stderr
    assert "error: cracked 2.0" in done.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ignored: [{id: PYSEC-1, expires: 9999-12-31}]", "an entry has `id`, `reason` and `expires`"),
        ("ignored: [{id: PYSEC-1, reason: '', expires: 9999-12-31}]", "an entry has `id`, `reason` and `expires`"),
        ("ignored: [PYSEC-1]", "an entry has `id`, `reason` and `expires`"),
        ("ignored: [{id: PYSEC-1, reason: only on Windows, expires: soon}]", "is no date"),
        ("[]", "has no list `ignored`"),
        ("", "has no list `ignored`"),
    ],
)
def test_an_entry_that_does_not_hold_is_a_problem(tmp_path: Path, text: str, words: str) -> None:
    """Without a reason or a date nothing is ignored."""
    path = tmp_path / "ignored.yaml"
    path.write_text(text, encoding="utf-8")
    ids, problems = audit.ignored(path, dt.date(2026, 1, 1))

    assert (ids, len(problems)) == (set(), 1)
    assert words in problems[0]


def test_an_entry_holds_on_its_last_day(tmp_path: Path) -> None:
    """The day of `expires` counts, the next does not."""
    path = tmp_path / "ignored.yaml"
    path.write_text("ignored: [{id: PYSEC-1, reason: r, expires: 2026-02-28}]", encoding="utf-8")

    assert audit.ignored(path, dt.date(2026, 2, 28)) == ({"PYSEC-1"}, [])
    assert audit.ignored(path, dt.date(2026, 3, 1))[0] == set()


@pytest.mark.parametrize("fault", ["refused", "error", "silent"])
def test_a_service_out_of_reach_is_a_warning(folder: Path, service: Service, fault: str) -> None:
    """Nothing listens, it answers 503, or it never answers: one line of warning, success in time, and nothing is kept."""
    service.broken = {"sound", "cracked"}
    with socket.create_server(("127.0.0.1", 0)) as silent:
        places = {
            "refused": "http://127.0.0.1:1/v1/query",
            "error": service.url,
            "silent": f"http://127.0.0.1:{silent.getsockname()[1]}/v1/query",
        }
        done = _audit(folder, places[fault], seconds=3 if fault == "silent" else 60)

    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("warning: dependencies not audited: the vulnerability service: ")
    assert done.stderr.count("\n") == 1
    assert not (folder / "csg-otel").exists()


def test_a_vulnerability_beside_a_gap_fails(folder: Path, service: Service) -> None:
    """When only a part of the pins could be audited, what is known of that part counts."""
    service.broken = {"sound"}
    answer = audit.ask([["cracked==2.0"], ["sound==1.0"]], service.url, 60)

    assert [advisory.package for advisory in answer.advisories] == ["cracked"]
    assert answer.gap


def test_a_fault_of_the_auditor_is_no_gap(service: Service) -> None:
    """Whatever fails in pip-audit itself ends the check: a warning would hide that nothing is audited any more."""
    with pytest.raises(RuntimeError, match="sound"):
        audit.ask([["sound>=1.0"]], service.url, 60)


def test_the_file_of_the_repository_holds() -> None:
    """No entry of the repository's own file is malformed, whatever the day."""
    _, problems = audit.ignored(audit.IGNORED, dt.date(2020, 1, 1))
    assert problems == []


def test_lists_for_the_audit_hold_each_package_once() -> None:
    """pip-audit refuses two versions of a package in one list; all versions are spread over the lists."""
    pins = [pin for name in audit.LOCKS for pin in locks.read(name)]
    lists = audit.split(pins)

    assert sorted(line for part in lists for line in part) == sorted({f"{pin.name}=={pin.version}" for pin in pins})
    assert [part for part in lists if len({line.split("==")[0] for line in part}) != len(part)] == []
    assert max(map(len, lists)) <= audit.LIST_LENGTH + 1


def test_every_lock_is_audited(root: Path) -> None:
    """No lock file is left out, and `make check` runs the audit."""
    commands = subprocess.run(["make", "-n", "check"], cwd=root, capture_output=True, text=True, check=True).stdout

    assert {path.stem for path in (root / "requirements").glob("*.lock")} == set(audit.LOCKS)
    assert "-m supply.audit" in commands
