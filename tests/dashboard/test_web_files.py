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


UNITS = """
import * as format from "./format.js";
import { colours, panels, latest } from "./series.js";
import { lines, index, ownTime, subtree } from "./tree.js";
import { worstSeries } from "./rules.js";
import assert from "node:assert/strict";

assert.deepEqual([1.2411, 0.0823, 0.00031, 2e-8, 0, 192, 3600, 93600].map(format.duration),
  ["1.24 s", "82.3 ms", "310 us", "20 ns", "0 s", "3 min 12 s", "1 h", "1 d 2 h"]);
assert.deepEqual([[241e6, "By"], [3, "By/s"], [0.5, "s"], [12, "{item}"], [2, "1"], [1234567, "{item}/s"], [null, "s"]].map((one) => format.value(...one)),
  ["230 MiB", "3 B/s", "500 ms", "12 item", "2", "1.23 M item/s", "–"]);
assert.deepEqual([182731, 0.012345, 1.2, -4, 0, 1e-7].map(format.number), ["182,731", "0.0123", "1.2", "-4", "0", "1.0e-7"]);
assert.deepEqual([0.2, 59, 61, 7300, 2e5].map(format.since), ["now", "59 s", "1 min", "2 h", "2 d"]);

const places = colours(["b", "a", "constructor", "__proto__"]);
assert.equal(new Set(places.values()).size, 4);
assert.deepEqual(colours(["constructor", "a", "__proto__", "b"]), places);
assert.equal(latest([1, 2, null]), 2);
const series = ["p50", "p95", "rate"].map((field) => ({ field, values: [] }));
const chart = { id: "x", kind: "histogram", series, thresholds: [1], exemplars: [] };
assert.deepEqual(panels(chart, "").map((one) => one.series.map((each) => each.field)), [["p50", "p95"], ["rate"]]);
assert.deepEqual(panels(chart, "p95").map((one) => one.series.map((each) => each.field)), [["p95"], ["rate"]]);

const span = (span_id, parent_id, start, end) => ({ span_id, parent_id, start, end, duration_s: end && end - start });
const row = (span_id, depth, hidden = []) => ({ span_id, depth, count: 1 + hidden.length, hidden });
const page = {
  spans: [span("a", null, 0, 10), span("b", "a", 1, 3), span("c", "b", 1, 2), span("d", "a", 5, 6), span("e", "a", 6, 7), span("f", "a", 8, null)],
  rows: [row("a", 0), row("b", 1), row("c", 2), row("d", 1, ["e"]), row("f", 1)], logs: [{ span_id: "c" }],
};
const tree = index(page, 20);
const shown = (folded, unfolded) => lines(page, tree, new Set(folded), new Set(unfolded)).map((line) => line.span_id).join("");
assert.deepEqual([tree.start, tree.end], [0, 20]);
assert.deepEqual([shown([], []), shown(["b"], []), shown([], ["d"]), shown(["a"], [])], ["abcdf", "abdf", "abcddef", "a"]);
assert.deepEqual(ownTime(page.spans[0], tree.children.get("a"), 20), [[0, 1], [3, 5], [7, 8]]);
assert.deepEqual(subtree("b", tree), { spans: [page.spans[1], page.spans[2]], logs: page.logs });

const rule = (condition, ...values) => ({ condition, series: values.map((value) => ({ value, state: "ok" })) });
assert.equal(worstSeries(rule("> 5", 1, 3, 2)).value, 3);
assert.equal(worstSeries(rule("< 5", 7, 9)).value, 7);
assert.equal(worstSeries(rule("> 5")), null);
"""


@pytest.mark.real("node")
def test_units_times_colours_and_trees(tmp_path: Path) -> None:
    """Figures are written by magnitude, colours follow names, and a trace's lines fold and unfold."""
    for name in ("format", "series", "tree", "rules"):
        shutil.copy(WEB / "js" / f"{name}.js", tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "units.js").write_text(UNITS)
    done = subprocess.run(["node", "units.js"], cwd=tmp_path, capture_output=True, text=True, timeout=60)

    assert done.stderr == ""
    assert done.returncode == 0


def test_the_page_is_small() -> None:
    """All files together leave room for an hour of history."""
    assert sum(path.stat().st_size for path in WEB.rglob("*") if path.is_file()) < SIZE + 20 * 1024
