"""The names of telemetry's threads, by which the bridge recognises records of telemetry."""

from __future__ import annotations

import re
from pathlib import Path

import csg_otel
from csg_otel.logs.own_records import PROGRAM_CODE_THREADS

SOURCES = Path(csg_otel.__file__).parent


def _thread_names() -> set[str]:
    """Return the names of all threads in the package, up to the first computed part."""
    texts = [path.read_text(encoding="utf-8") for path in SOURCES.rglob("*.py")]
    return {name for text in texts for name in re.findall(r'\bname\s*=\s*f?"(csg-otel-[^"{]*)', text)}


def test_threads_that_run_code_of_the_program_exist() -> None:
    """Each name in the bridge's list is that of a thread, so a renamed thread does not lose the program's records."""
    names = _thread_names()

    assert len(names) > 8
    for prefix in PROGRAM_CODE_THREADS:
        assert any(name.startswith(prefix) for name in names), prefix


def test_every_thread_of_telemetry_has_a_name_with_its_prefix() -> None:
    """Otherwise its records would be exported and create further ones; commands export nothing and are left out."""
    texts = [path.read_text(encoding="utf-8") for path in SOURCES.rglob("*.py") if "cli" not in path.parts]
    calls = [
        call
        for text in texts
        for call in re.findall(r"(?<!class )OwnThread\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)", text)
    ]

    assert len(calls) > 8
    assert [call for call in calls if not re.search(r'name=(f?"csg-otel-|name\b)', call)] == []


def test_every_thread_leaves_signals_to_the_program() -> None:
    """``OwnThread`` blocks them; a thread that accepted them would interrupt a program that has blocked them itself."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in SOURCES.rglob("*.py")}

    assert [name for name, text in texts.items() if "threading.Thread(" in text] == []
