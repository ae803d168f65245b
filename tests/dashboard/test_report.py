"""Reports: everything of a program in one file that a person can read, that asks for nothing, and in which text stays text."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from html import unescape
from html.parser import HTMLParser
from itertools import cycle, pairwise
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from markdown_it import MarkdownIt

from csg_otel.dashboard import schema
from csg_otel.dashboard.model.report import Report
from csg_otel.dashboard.report import markdown, markup, output, page, status_text
from csg_otel.dashboard.report.output import OutputError
from csg_otel.dashboard.view import axis
from csg_otel.display import clean
from support.hostile_texts import HOSTILE
from support.report_documents import report

FIXED = {
    *(
        "status",
        "state",
        "kind",
        "level",
        "severity",
        "field",
        "raw",
        "overall",
        "what",
        "features",
        "groups",
        "language",
    ),
    *("trace_id", "span_id", "root_id", "parent_id", "hidden", "schema_version", "generated_at", "session"),
}
"""Keys whose texts are words of the model."""


def _with_texts(value: Any, texts: Iterator[str], key: str = "") -> Any:
    """Return *value* with every text of the program replaced by the next of *texts*, keys of attributes, too."""
    if key in FIXED and not isinstance(value, dict):
        return value
    if isinstance(value, dict) and key in ("attributes", "labels", "dropped"):
        # The event is told by its name, and the parts of an exception by their keys.
        return {
            name if name.startswith("exception.") else next(texts): next(texts) if isinstance(item, str) else item
            for name, item in value.items()
        }
    if isinstance(value, dict):
        return {name: _with_texts(item, texts, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_texts(item, texts, key) for item in value]
    return next(texts) if isinstance(value, str) and value and value != "exception" else value


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes |= {name for name, _ in attrs}


def _tags(html: str) -> _Tags:
    parser = _Tags()
    parser.feed(html)
    return parser


def test_the_report_of_these_tests_is_one() -> None:
    """The document that the tests render validates against the schema of reports."""
    jsonschema.validate(report(), schema.of(Report))


# -- the page ----------------------------------------------------------------------------------------------------------


def test_hostile_texts_make_no_markup() -> None:
    """Two hundred hostile texts in every name, label, message and attribute change no element of the page."""
    documents = [_with_texts(report(), cycle(texts)) for texts in (("plain",), HOSTILE, HOSTILE[77:] + HOSTILE[:77])]
    plain, *hostile = (_tags(page.render(document)) for document in documents)

    assert sum(plain.tags.values()) > 300
    for tags in hostile:
        assert tags.tags == plain.tags
        assert tags.attributes == plain.attributes
        assert not {name for name in tags.attributes if name.startswith("on") or name in ("src", "href", "style")}


def test_a_hostile_text_is_shown() -> None:
    """Every hostile text is on the page, with what can't be printed spelled out."""
    for text in HOSTILE:
        shown = "\n".join(map(clean, text.splitlines()))
        assert unescape(markup.text(text)) == shown


@pytest.mark.real("chromium")
def test_the_page_opens_offline_and_draws_its_charts(tmp_path: Path) -> None:
    """In a browser without a network the page shows charts with axes, runs nothing, asks for nothing, and fits a phone."""
    from playwright.sync_api import sync_playwright

    trouble: list[str] = []
    requests: list[str] = []
    for name, document in (("good", report()), ("hostile", _with_texts(report(), cycle(HOSTILE)))):
        (tmp_path / f"{name}.html").write_text(page.render(document), encoding="utf-8", errors="backslashreplace")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        for name, is_hostile in (("good", False), ("hostile", True)):
            context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900}, color_scheme="dark")
            view = context.new_page()
            view.on("console", lambda message: trouble.append(message.text))
            view.on("pageerror", lambda error: trouble.append(str(error)))
            view.on("dialog", lambda dialog: trouble.append(dialog.message))
            view.on("request", lambda request: requests.append(request.url))
            view.goto((tmp_path / f"{name}.html").as_uri())
            boxes = view.evaluate("[...document.querySelectorAll('.chart path')].map(e => e.getBBox().height)")
            background = view.evaluate("getComputedStyle(document.body).backgroundColor")
            widths = [view.evaluate("document.documentElement.scrollWidth")]
            view.set_viewport_size({"width": 390, "height": 844})
            widths.append(view.evaluate("document.documentElement.scrollWidth"))
            text = view.inner_text("body")
            assert len(boxes) >= 15
            assert sum(height > 20 for height in boxes) >= 10
            assert background == "rgb(15, 19, 24)"
            assert widths == [1280, 390]
            if not is_hostile:
                assert all(
                    part in text for part in ("CRITICAL", "there is a file FAIL in inbox", "SlowOperations", "2.41 s")
                )
            context.close()
        browser.close()

    assert trouble == []
    assert [Path(url).name for url in requests] == ["good.html", "hostile.html"]


def test_no_line_crosses_a_gap() -> None:
    """A series with a gap is drawn as two lines, and a single value as a dot; the axis has its unit."""
    drawing = page.render(report())
    figures = {
        match[1]: match[2]
        for match in re.finditer(r"<figcaption>([^<]+)</figcaption>(.*?)</figure>", drawing, re.DOTALL)
    }

    assert [path.count("M") for path in re.findall(r'<path d="([^"]*)"', figures["CPU"])] == [2, 2]
    assert figures["snapshots.open"].count("<circle") == 1
    assert ">GiB</text>" in figures["Memory"]
    assert "never seen: 1m 00s, beyond this chart" in figures["operation.duration"]


def test_what_is_well_is_one_quiet_line() -> None:
    """A report without parts, and without problems, says so."""
    document: Any = {
        **report(),
        "health": None,
        "changed": None,
        "system": None,
        "alerts": None,
        "metrics": [],
        "slowest": [],
        "failing": [],
        "traces": [],
        "logs": [],
    }
    document["status"]["destinations"] = []

    assert "Nothing: no check fails" in page.render(document)
    assert "\n\nNothing." in markdown.render(document)


# -- Markdown ----------------------------------------------------------------------------------------------------------


def _shape(text: str) -> list[str]:
    """Return the kinds of all blocks and inline parts, but for plain text."""
    tokens = MarkdownIt("commonmark", {"linkify": False}).enable("table").enable("strikethrough").parse(text)
    inline = [child.type for token in tokens for child in token.children or ()]
    return [token.type for token in tokens] + [kind for kind in inline if kind != "text"]


def test_hostile_texts_make_no_markdown() -> None:
    """Hostile texts leave tables, headings and lists as they are: no link, image, HTML, code or emphasis."""
    plain = _shape(markdown.render(_with_texts(report(), cycle(("plain",)))))
    hostile = _shape(markdown.render(_with_texts(report(), cycle(HOSTILE))))

    assert "table_open" in plain
    assert hostile == plain


# -- the status as text ------------------------------------------------------------------------------------------------

EXAMPLE = """\
================================================================================
🔍 CUSTOMER SOLUTION SNAPSHOT GENERATOR - MONITORING DASHBOARD
================================================================================
📅 Last Updated: 2024-01-15T10:30:00
🔧 Monitoring Available: ✅ Yes

🌡️  OVERALL STATUS: ✅ HEALTHY

🏥 HEALTH CHECKS
----------------------------------------
   ✅ System Resources
      Status: HEALTHY
      Message: System resources healthy
      Response Time: 245.3ms

   ✅ Application
      Status: HEALTHY
      Message: Application healthy
      Response Time: 156.7ms

💻 SYSTEM MONITORING
----------------------------------------
   🔍 Monitoring Active: ✅ Yes
   📊 Prometheus: ✅ Running
   🌡️  Health Status: HEALTHY

📈 PERFORMANCE METRICS
----------------------------------------
   🖥️  CPU Usage: ✅ 23.4%
   🧠 Memory Usage: ✅ 45.2%
   💾 Disk Usage: ✅ 67.8%
   💿 Free Space: 125.3 GB
   ⏱️  Uptime: 24.7 hours"""
"""The example output of the monitoring guide, with its two categories."""


def _example_status() -> Any:
    status: Any = report()["status"]
    status["service"]["name"] = "customer-solution-snapshot-generator"
    status.update(overall="healthy", checks=[], alerts={"firing": 0, "pending": 0, "rules": 0}, destinations=[])
    status["categories"] = status["categories"][:2]
    status["categories"][1].update(status="healthy", message="Application healthy")
    status["system"].update(memory_percent=45.2, disk_percent=67.8)
    return status


def test_the_status_is_that_of_the_guide(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the numbers of the guide's example, the text is the example, character for character."""
    from datetime import datetime

    status = {**_example_status(), "time": datetime(2024, 1, 15, 10, 30).astimezone().timestamp()}

    assert status_text.render(status, symbols=True) == EXAMPLE  # type: ignore[arg-type]


def test_without_symbols_the_status_is_ascii() -> None:
    """Where the terminal can't show symbols, the same lines are plain ASCII; what needs attention is added."""
    text = status_text.render(report()["status"], symbols=False)

    assert text.isascii()
    assert "   [FAIL] Application\n      Status: CRITICAL\n" in text
    assert "NEEDS ATTENTION" in text
    assert "   [FAIL] Destination otlp: DOWN, connection refused by collector:4317" in text


# -- the file ----------------------------------------------------------------------------------------------------------


def test_a_report_replaces_a_report(tmp_path: Path) -> None:
    """A new file is for its owner alone; an old one keeps its permissions; nothing else is left in the folder."""
    file = tmp_path / "report.html"
    output.write(file, "first")
    assert file.stat().st_mode & 0o777 == 0o600

    file.chmod(0o640)
    output.write(file, "second \ud800")

    assert file.read_text(encoding="utf-8") == "second \\ud800"
    assert file.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def _file_link(folder: Path) -> Path:
    (folder / "victim").write_text("precious")
    (folder / "report.json").symlink_to(folder / "victim")
    return folder / "report.json"


def _folder_link(folder: Path) -> Path:
    (folder / "elsewhere").mkdir()
    (folder / "reports").symlink_to(folder / "elsewhere")
    return folder / "reports" / "report.json"


def _fifo(folder: Path) -> Path:
    os.mkfifo(folder / "report.json")
    return folder / "report.json"


def _folder(folder: Path) -> Path:
    (folder / "report.json").mkdir()
    return folder / "report.json"


@pytest.mark.parametrize("plant", [_file_link, _folder_link, _fifo, _folder])
def test_a_report_follows_no_link(plant: Callable[[Path], Path], tmp_path: Path) -> None:
    """A link, a folder that is one, a FIFO and a folder are refused, and nothing is written anywhere."""
    file = plant(tmp_path)
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(OutputError, match=r"link|not a file"):
        output.write(file, "report")

    assert sorted(tmp_path.rglob("*")) == before
    assert not (tmp_path / "victim").exists() or (tmp_path / "victim").read_text() == "precious"


def test_a_report_that_fails_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error while writing leaves the old report, and no file beside it."""
    file = tmp_path / "report.md"
    output.write(file, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        output.write(file, "new")

    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["report.md"]


def test_the_end_of_the_name_is_the_format() -> None:
    """JSON, HTML and Markdown by the name's end; another end is an error that lists them."""
    assert [output.format_of(Path(f"x{end}")) for end in (".json", ".HTML", ".md")] == ["json", "html", "markdown"]
    with pytest.raises(OutputError, match=r"\.json, \.html, \.htm, \.md"):
        output.format_of(Path("x.pdf"))


# -- axes --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "unit", "labels", "shown_unit"),
    [
        ([0.2, 2.3], "s", ["0", "0.5", "1", "1.5", "2", "2.5"], "s"),
        ([0.012], "s", ["0", "5", "10", "15"], "ms"),
        ([13.6e9], "By", ["0", "5", "10", "15"], "GiB"),
        ([45.0], "%", ["0", "20", "40", "60", "80", "100"], "%"),
        ([1.4e6], "{order}/s", ["0", "0.5", "1", "1.5"], "M orders/s"),
        ([-3.0, 4.0], "1", ["-4", "-2", "0", "2", "4"], ""),
        ([None, 0.0], "s", ["0", "0.2", "0.4", "0.6", "0.8", "1"], "s"),
        ([90.0], "s", ["0", "20", "40", "60", "80", "100"], "s"),
        ([0.78], "{file}/s", ["0", "0.2", "0.4", "0.6", "0.8"], "files/s"),
        ([300.0], "By", ["0", "64", "128", "192", "256", "320"], "B"),
        ([0.00031], "s", ["0", "100", "200", "300", "400"], "µs"),
        ([2_445_406_000.0], "Hz", ["0", "0.5", "1", "1.5", "2", "2.5"], "GHz"),
        ([0.4], "{query}", ["0", "0.1", "0.2", "0.3", "0.4"], "queries"),
        ([3.0], "{process}", ["0", "1", "2", "3"], "processes"),
    ],
)
def test_an_axis_has_round_steps_in_one_unit(
    values: list[float | None], unit: str, labels: list[str], shown_unit: str
) -> None:
    """The labels of an axis are round, count in one unit that fits its largest value, and hold 0 and all values."""
    scale = axis.value_axis(values, unit)

    assert [tick.label for tick in scale.ticks] == labels
    assert scale.unit == shown_unit
    assert all(scale.low <= value <= scale.high for value in (0.0, *values) if value is not None)


@pytest.mark.parametrize(
    ("span", "step"), [(20, 5), (60, 10), (300, 60), (3600, 600), (21600, 3600), (86400 * 3, 43200)]
)
def test_a_time_axis_has_round_times(span: int, step: int) -> None:
    """Ticks stand at round local times, at most six of them."""
    ticks = axis.time_axis(1_795_743_017.0, 1_795_743_017.0 + span)

    assert 2 <= len(ticks) <= 7
    assert {after.value - before.value for before, after in pairwise(ticks)} == {step}
    assert all(re.fullmatch(r"\d\d:\d\d(:\d\d)?|[A-Z][a-z]{2} \d+", tick.label) for tick in ticks)
