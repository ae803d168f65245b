"""
Ask a vulnerability service about every version that the lock files pin; run by ``make check``.

Exit code 0: no known vulnerability, or only ignored ones, or the service could not be reached (one warning line on
stderr; a check must not depend on somebody else's server). Exit code 1: a vulnerability, an expired or malformed entry of
the file of ignored ones, or a fault of pip-audit itself. The rule to keep: what was not audited is said, never passed over.

pip-audit does the work. It skips pins that are for another Python, and refuses two versions of one package, so it gets
lists without markers, each package once in a list; the lists are audited side by side, because it asks for one package at
a time. A whole answer is kept for a day in the user's cache, under a checksum of what was asked. OSV_URL names another
service with the interface of OSV.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from supply import locks

LOCKS = ("runtime", "tui", "extras", "build", "dev", "neighbours")
IGNORED = locks.FOLDER / "ignored-advisories.yaml"
LIST_LENGTH = 60
"""Versions in a list: five lists side by side for all locks, each a few seconds of asking."""
SECONDS = 30.0
FRESH_S = 86_400.0
UNREACHABLE = re.compile(r"requests\.exceptions|urllib3\.exceptions|ServiceError|ConnectionError|Tip: your network")
"""What pip-audit prints where the service, and not the program, is at fault."""


@dataclass(frozen=True)
class Advisory:
    """A known vulnerability of a pinned version: its id, the other ids it has, and the versions that mend it."""

    package: str
    version: str
    ids: tuple[str, ...]
    fixed_in: tuple[str, ...]

    def __str__(self) -> str:
        """Return one line for people."""
        mended = f"mended in {', '.join(self.fixed_in)}" if self.fixed_in else "no version mends it yet"
        return f"{self.package} {self.version}: {' = '.join(self.ids)}, {mended}"


class Unreachable(Exception):
    """The vulnerability service did not answer, or not in time, or not what it should."""


@dataclass(frozen=True)
class Answer:
    """What the service knows; *gap* says why it was not asked about everything, and is empty if it was."""

    advisories: tuple[Advisory, ...]
    gap: str = ""


def split(pins: Iterable[locks.Pin]) -> list[list[str]]:
    """Spread the distinct pins evenly over lists of about `LIST_LENGTH` requirements, no package twice in one."""
    versions = sorted({(pin.name, pin.version) for pin in pins})
    spread: list[dict[str, str]] = [{} for _ in range(len(versions) // LIST_LENGTH + 1)]
    for name, version in versions:
        part = min((part for part in spread if name not in part), key=len, default=None)
        if part is None:
            spread.append(part := {})
        part[name] = version
    return [[f"{name}=={version}" for name, version in part.items()] for part in spread if part]


def ask(requirements: Sequence[Sequence[str]], service: str, seconds: float) -> Answer:
    """
    Audit the lists side by side.

    Args:
        requirements: Lists of `name==version`.
        service: URL of the service; "" for pip-audit's own choice, OSV.
        seconds: For everything together.

    Raises:
        RuntimeError: pip-audit failed, and not because of the service.
    """
    deadline = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder:
        running = []
        for number, lines in enumerate(requirements):
            path = Path(folder, f"{number}.txt")
            path.write_text("\n".join(lines), encoding="utf-8")
            running.append(_start(path, service))
        advisories: list[Advisory] = []
        gap = ""
        try:
            for process in running:
                try:
                    advisories += _advisories(process, deadline)
                except Unreachable as reason:
                    gap = str(reason)
        finally:
            for process in running:
                process.kill()
                process.communicate()
    return Answer(tuple(advisories), gap)


def _start(path: Path, service: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(path), "--no-deps", "--disable-pip"]
    command += ["--vulnerability-service", "osv", "--format", "json", "--desc", "off", "--aliases", "on"]
    command += ["--progress-spinner", "off", "--timeout", "10"]
    command += ["--osv-url", service] if service else []
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _advisories(process: subprocess.Popen[str], deadline: float) -> list[Advisory]:
    try:
        output, errors = process.communicate(timeout=max(0.1, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise Unreachable("it took too long to answer") from None
    try:
        dependencies = json.loads(output)["dependencies"]
    except (ValueError, KeyError):
        last = (errors.strip().splitlines() or ["it printed nothing"])[-1]
        raise (Unreachable if UNREACHABLE.search(errors) else RuntimeError)(last) from None
    if skipped := [f"{item['name']}: {item['skip_reason']}" for item in dependencies if "skip_reason" in item]:
        raise Unreachable("; ".join(skipped))
    return [
        Advisory(item["name"], item["version"], (vuln["id"], *sorted(vuln["aliases"])), tuple(vuln["fix_versions"]))
        for item in dependencies
        for vuln in item["vulns"]
    ]


def cached(requirements: Sequence[Sequence[str]], service: str, folder: Path, seconds: float) -> Answer:
    """Return the answer of the last day, or ask, and keep a whole answer in *folder*. Raise what :func:`ask` raises."""
    question = json.dumps([requirements, service])
    path = folder / f"audit-{hashlib.sha256(question.encode()).hexdigest()[:16]}.json"
    try:
        if 0 <= time.time() - path.stat().st_mtime < FRESH_S:
            rows = json.loads(path.read_text(encoding="utf-8"))
            return Answer(tuple(Advisory(row[0], row[1], tuple(row[2]), tuple(row[3])) for row in rows))
    except (OSError, ValueError, IndexError, TypeError):
        pass  # nothing is kept, or what is kept is damaged: ask again
    answer = ask(requirements, service, seconds)
    if not answer.gap:
        folder.mkdir(parents=True, exist_ok=True)
        spare = path.with_suffix(f".{os.getpid()}")
        spare.write_text(json.dumps([list(vars(item).values()) for item in answer.advisories]), encoding="utf-8")
        spare.replace(path)
    return answer


def ignored(path: Path, today: dt.date) -> tuple[set[str], list[str]]:
    """Return the ids to ignore that *path* lists, and a line for each entry that is malformed or has expired."""
    document: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    entries = document.get("ignored") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        return set(), [f"{path.name} has no list `ignored`"]
    ids: set[str] = set()
    problems: list[str] = []
    for entry in entries:
        if not isinstance(entry, dict) or set(entry) != {"id", "reason", "expires"} or not all(entry.values()):
            problems.append(f"{path.name}: an entry has `id`, `reason` and `expires`, and nothing else: {entry}")
        elif type(entry["expires"]) is not dt.date:
            problems.append(f"{path.name}: `expires` of {entry['id']} is no date such as 2027-01-31")
        elif entry["expires"] < today:
            problems.append(f"{path.name}: {entry['id']} was ignored until {entry['expires']}: look at it again")
        else:
            ids.add(str(entry["id"]))
    return ids, problems


def main(arguments: Sequence[str] | None = None) -> int:
    """Audit, print one line for each problem, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m supply.audit", description=__doc__)
    parser.add_argument("--locks", type=Path, default=locks.FOLDER, help="folder of the lock files")
    parser.add_argument("--ignored", type=Path, default=IGNORED, help="file of the ignored advisories")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="time limit for everything")
    options = parser.parse_args(arguments)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "csg-otel")
    today = dt.datetime.now(tz=dt.timezone.utc).date()
    allowed, problems = ignored(options.ignored, today)
    names = [name for name in LOCKS if (options.locks / f"{name}.lock").exists()]
    pins = [pin for name in names for pin in locks.read(name, options.locks)]
    answer = cached(split(pins), os.environ.get("OSV_URL", ""), cache, options.seconds)
    problems += [str(advisory) for advisory in answer.advisories if not allowed & set(advisory.ids)]
    if answer.gap:
        print(f"warning: dependencies not audited: the vulnerability service: {answer.gap[:200]}", file=sys.stderr)
    else:
        print(
            f"audit: {sum(map(len, split(pins)))} versions, {len(answer.advisories)} advisories, {len(problems)} problems"
        )
        for unused in sorted(allowed - {name for advisory in answer.advisories for name in advisory.ids}):
            print(f"{options.ignored.name}: {unused} concerns no pinned version any more: remove it")
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
