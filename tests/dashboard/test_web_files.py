"""The files of the web page: small, readable, and unable to run what they show."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

WEB = Path(__file__).resolve().parents[2] / "src" / "csg_otel" / "dashboard" / "web"
OURS = sorted(path for path in WEB.rglob("*") if path.is_file() and path.parent.name != "vendor")
SCRIPTS = [path for path in OURS if path.suffix == ".js"]

MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|\beval\(|new Function|"
    r"setTimeout\(\s*[\"'`]|srcdoc"
)
"""Ways from text to markup or to code: none is used, so that no data can take one."""

SIZE = 200 * 1024
"""Bytes of the page with one hour of history, by the dashboard's specification; its documents take up to 40 KB of it."""


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_short_and_never_parse_markup(path: Path) -> None:
    """A module has at most 400 lines, a function at most 50; text becomes text only."""
    text = path.read_text()
    lines = text.splitlines()
    lengths = []
    for start, line in enumerate(lines):
        head = re.match(r"( {0,2})(export )?(async )?(function )?[\w$]+\(.*\{$", line)
        if head and not re.match(r"\s*(if|for|while|switch|return|catch)\b", line):
            end = next(at for at in range(start, len(lines)) if lines[at].startswith(head[1] + "}"))
            lengths.append(end - start + 1)

    assert len(lines) <= 400
    assert max(lengths, default=0) <= 50
    assert MARKUP.findall(text) == []
    assert "://" not in text.replace("http://www.w3.org/2000/svg", "").replace("http://collector:4318", "")


def test_the_page_has_no_inline_code_and_names_only_files_that_exist() -> None:
    """No script, style or handler stands in the HTML, and every file it names is there."""
    html = (WEB / "index.html").read_text()
    names = re.findall(r"(?:src|href)=\"/static/([^\"]+)\"", html)

    assert re.findall(r"\son\w+=|\sstyle=|<style|<script(?![^>]*src=)|javascript:|https?:", html) == []
    assert len(names) > 10
    assert [name for name in names if not (WEB / name).is_file()] == []


def test_every_module_is_imported_and_every_import_exists() -> None:
    """No import leads nowhere, and no module is left over."""
    used = {WEB / name for name in re.findall(r"src=\"/static/([^\"]+)\"", (WEB / "index.html").read_text())}
    for script in SCRIPTS:
        for name in re.findall(r"(?:from|import\() ?\"(\.[^\"]+)\"", script.read_text()):
            used.add((script.parent / name).resolve())

    assert used == set(SCRIPTS)


def test_the_chart_library_has_its_licence() -> None:
    """UPlot is shipped as published, with the MIT licence beside it."""
    assert "The MIT License" in (WEB / "vendor" / "uPlot.LICENSE").read_text()
    assert b"uPlot" in (WEB / "vendor" / "uPlot.iife.min.js").read_bytes()[:200]


@pytest.mark.real("node")
def test_units_times_colours_and_trees(tmp_path: Path) -> None:
    """Figures are written by magnitude, colours follow names, and a trace's lines fold and unfold."""
    for name in ("format", "series", "tree", "rules"):
        shutil.copy(WEB / "js" / f"{name}.js", tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    shutil.copy(Path(__file__).with_name("web_units.js"), tmp_path)
    done = subprocess.run(["node", "web_units.js"], cwd=tmp_path, capture_output=True, text=True, timeout=60)

    assert done.stderr == ""
    assert done.returncode == 0


def test_the_page_is_small() -> None:
    """All files together leave room for an hour of history."""
    assert sum(path.stat().st_size for path in WEB.rglob("*") if path.is_file()) < SIZE + 20 * 1024
