"""The files of the web page: small, readable, and unable to run what they show."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from csg_otel.dashboard.http.joined import joined_modules

WEB = Path(__file__).resolve().parents[2] / "src" / "csg_otel" / "dashboard" / "web"
OURS = sorted(path for path in WEB.rglob("*") if path.is_file() and path.parent.name != "vendor")
SCRIPTS = [path for path in OURS if path.suffix == ".js"]

MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|\beval\(|new Function|"
    r"setTimeout\(\s*[\"'`]|srcdoc"
)
"""Ways from text to markup or to code: none is used, so that no data can take one."""

SIZE = 200 * 1024
"""Bytes that the page with one hour of history takes of the network, by the dashboard's specification."""


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


def test_the_page_has_no_inline_code() -> None:
    """No script, style or handler stands in the HTML, and nothing comes from elsewhere."""
    html = (WEB / "index.html").read_text()

    assert re.findall(r"\son\w+=|\sstyle=|<style|<script(?![^>]*src=)|javascript:|https?:", html) == []


def test_every_module_is_in_the_page_s_script_once() -> None:
    """After those that it imports from; none is left over, and no line is left that only a module may have."""
    script = joined_modules("js/main.js", lambda path: (WEB / path).read_text())
    names = re.findall(r'^modules\["(.+)"\] = ', script, re.MULTILINE)
    used = [(name, script.index(f'= modules["{name}"];')) for name in names[:-1]]

    assert sorted(names) == [path.relative_to(WEB).as_posix() for path in SCRIPTS]
    assert names[-1] == "js/main.js"
    assert [name for name, at in used if script.index(f'modules["{name}"] = ') > at] == []
    assert re.findall(r"^\s*(?:import|export)\b.*|\bimport\(", script, re.MULTILINE) == []


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
    """All files together, compressed as they are served, leave half of the bound to an hour of history."""
    assert sum(len(gzip.compress(path.read_bytes())) for path in WEB.rglob("*") if path.is_file()) < SIZE / 2
