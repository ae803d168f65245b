"""
Others that find secrets, on the same corpus: gitleaks, detect-secrets, logfire's scrubber.

To be fair to the scanners, which are made for source code, an item is a file of its own with a line `key = "value"`; all
rules and the default settings are on, and any finding in an item's file counts, wherever it points. An oracle that is
missing returns the reason.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from privacy_corpus.items import Item, leaks, line

_ROOT: Final = Path(__file__).resolve().parents[2]


class Missing(Exception):
    """An oracle is not installed here; the text says what to do."""


def built(script: str) -> str:
    """Return what the script of `.ci` finds; raise `Missing` if that has not been built."""
    done = subprocess.run([_ROOT / ".ci" / script, "--find"], capture_output=True, text=True)
    if done.returncode != 0:
        raise Missing(f"`.ci/{script}` has not built it")
    return done.stdout.strip()


def _written(items: Sequence[Item], folder: Path) -> list[Path]:
    paths = [folder / f"{number:06}.txt" for number in range(len(items))]
    for path, item in zip(paths, items, strict=True):
        path.write_text(line(item) + "\n", encoding="utf-8")
    return paths


def gitleaks(items: Sequence[Item]) -> set[int]:
    """Return the numbers of the items in which gitleaks, with its own rules, finds something."""
    program = built("gitleaks")
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as reports:
        _written(items, Path(folder))
        report = Path(reports, "report.json")
        command = [program, "dir", "--no-banner", "--log-level=error", "--exit-code=0", "--report-format=json"]
        subprocess.run([*command, f"--report-path={report}", folder], check=True, cwd=reports, timeout=300)
        return {int(Path(finding["File"]).stem) for finding in json.loads(report.read_text(encoding="utf-8"))}


def detect_secrets(items: Sequence[Item]) -> set[int]:
    """Return the numbers of the items in which detect-secrets, with all plugins and no server, finds something."""
    try:
        from detect_secrets.core.scan import scan_file
        from detect_secrets.settings import default_settings
    except ImportError as error:
        raise Missing(str(error)) from error
    with tempfile.TemporaryDirectory() as folder, default_settings():
        paths = _written(items, Path(folder))
        return {number for number, path in enumerate(paths) if any(True for _ in scan_file(str(path)))}


_LOGFIRE: Final = """
import json, sys
from logfire._internal.scrubbing import Scrubber
scrubber = Scrubber(None)
for line in sys.stdin:
    key, value = json.loads(line)
    scrubbed, _ = scrubber.scrub_value(("attributes", key or "message"), value)
    print(json.dumps(scrubbed))
"""


def logfire(items: Sequence[Item]) -> set[int]:
    """
    Return the numbers of the items that logfire's scrubber handles.

    It replaces instead of reporting, so it is judged as ours is: an item counts if its secret is gone, a harmless one if
    it changed.
    """
    lines = "".join(json.dumps([item.key, item.value]) + "\n" for item in items)
    command = [built("neighbours"), "-c", _LOGFIRE]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise Missing(done.stderr.strip().rsplit("\n", 1)[-1])
    rows = [json.loads(row) for row in done.stdout.splitlines()]
    return {
        number
        for number, (item, row) in enumerate(zip(items, rows, strict=True))
        if (not leaks(item, row) if item.secrets else row != item.value)
    }


ORACLES: Final = {"gitleaks": gitleaks, "detect-secrets": detect_secrets, "logfire": logfire}
