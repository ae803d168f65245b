"""``csg-otel query``: what a running program did, as aligned text and as the API's documents, by the API's filters."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from csg_otel.dashboard.query import text
from csg_otel.dashboard.query.bounded import bounded
from csg_otel.dashboard.query.catalog import QUERIES, query, request
from support.dashboard_source import SetSource
from support.report_documents import documents
from support.web_client import Web

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(web: Web, source: SetSource, tmp_path: Path) -> Run:
    """Return a function that runs ``csg-otel`` against a dashboard with the documents of a program in trouble."""
    source.documents.update(documents())

    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "PYTHONIOENCODING": "utf-8"}
        line = [sys.executable, "-m", "csg_otel", *arguments, "--url", web.url]
        return subprocess.run(line, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=55)

    return command


def test_filters_are_those_of_the_api(run: Run, source: SetSource) -> None:
    """Options become the parameters of the API, repeated ones a list; JSON is the API's document."""
    arguments = ["--error", "--min-ms", "500", "--attr", "a=b", "--attr", "c=d e", "--text", "x&y", "--limit", "7"]
    answer = run("query", "traces", *arguments, "--json")

    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout) == source.documents["traces"]
    path, parameters = source.requests[-1]
    expected = {"error": "true", "min_ms": "500", "attr": ["a=b", "c=d e"], "text": "x&y", "limit": "7"}
    assert path == "traces"
    assert {key: value[0] if len(value) == 1 else value for key, value in parameters.items()} == expected


@pytest.mark.parametrize(
    ("arguments", "path", "lines"),
    [
        (["traces"], "traces", [r"STARTED +DURATION +SPANS +ERRORS +TRACE", r" 2\.40 s +214 .*process_file"]),
        (["traces", "0af7"], "traces/0af7", [r"380 ms  ERROR +publish +\w+ +no header", r"running +    upload"]),
        (["logs", "--level", "warn"], "logs", [r"ERROR +snapshot_generator +no snapshot .*TranscriptError: no header"]),
        (["metrics"], "metrics", [r"operation\.duration +histogram"]),
        (["metrics", "orders.placed", "--by", "region"], "metrics/series", [r"region 10 .*/s .*120"]),
        (["health"], "health", [r"CRITICAL +inbox +12m 34s +12\.4 ms +there is a file FAIL in inbox"]),
        (
            ["changed"],
            "changed",
            [r"1 +.*15 times as slow"],
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) and value[0].isalnum() else None,
)
def test_each_query_is_short_aligned_text(
    run: Run, source: SetSource, arguments: list[str], path: str, lines: list[str]
) -> None:
    """One line per row, with the numbers that a person looks for."""
    answer = run("query", *arguments)

    assert answer.returncode == 0, answer.stderr
    assert source.requests[-1][0] == path
    assert all(re.search(line, answer.stdout) for line in lines), answer.stdout


def test_mistakes_are_one_line_and_a_code(run: Run, source: SetSource) -> None:
    """A filter that does not fit is a usage error; a trace that is not kept, and a server that is none, are errors."""
    wrong = run("query", "traces", "0af7", "--error")
    del source.documents["traces/0af7"]
    gone = run("query", "traces", "0af7")

    assert (wrong.returncode, wrong.stderr) == (
        2,
        "csg-otel query traces: --error is for the list: leave out TRACE_ID\n",
    )
    assert (gone.returncode, gone.stdout, gone.stderr.count("\n")) == (1, "", 1)


def test_without_a_program_the_message_says_what_to_do(tmp_path: Path) -> None:
    """Where nothing answers, the command fails with the setting that switches the dashboard on."""
    line = [sys.executable, "-m", "csg_otel", "query", "health", "--url", "http://127.0.0.1:1"]
    answer = subprocess.run(line, capture_output=True, text=True, cwd=tmp_path, timeout=55)

    assert answer.returncode == 1
    assert "dashboard.enabled" in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_texts_of_the_program_stay_in_their_line() -> None:
    """Control characters of a name are spelled out, and a line is cut where the terminal ends."""
    page: Any = {"time": 0.0, "metrics": [dict(_METRIC, name="a\nb\x1b[31m")]}

    shown = text.render("metrics", page, width=30)

    assert [len(line) <= 30 for line in shown.splitlines()] == [True, True]
    assert r"a\nb\x1b[31m" in shown


_METRIC = {"name": "", "kind": "gauge", "unit": "1", "latest": 1.0, "series": 1, "attributes": {}}


def test_a_subject_can_not_lead_to_another_path() -> None:
    """An id has letters and digits only, whatever is given."""
    assert request(query("trace"), {"trace_id": "../status?x=1"}) == ("traces/statusx1", {})
    assert request(query("series"), {"name": "a/b", "points": 5}) == ("metrics/series", {"name": "a/b", "points": "5"})


def test_every_query_has_a_filter_of_the_api_once() -> None:
    """Names of queries and of the filters of one query are unique, and every filter has its help."""
    assert len({each.name for each in QUERIES}) == len(QUERIES)
    for each in QUERIES:
        assert len({one.name for one in each.filters}) == len(each.filters)
        assert all(one.help.endswith(".") for one in each.filters)


# -- bounded answers ---------------------------------------------------------------------------------------------------


def test_a_long_answer_is_cut_and_says_so() -> None:
    """Lists lose their ends and texts are cut until the answer fits; what is left out is counted by its path."""
    document = {"logs": [{"id": number, "body": "x" * 5000} for number in range(100)], "total": 100}

    text = bounded(document, 20_000)
    answer = json.loads(text)

    assert len(text) <= 20_000
    assert answer["total"] == 100
    assert 3 <= len(answer["logs"]) < 100
    assert answer["left_out"] == {"logs": 100 - len(answer["logs"])}
    assert [each["id"] for each in answer["logs"]] == list(range(len(answer["logs"])))
    assert answer["logs"][0]["body"].endswith("… (3000 more characters)")


def test_the_values_of_a_chart_keep_their_times() -> None:
    """Whole series are left out of a chart, so that each value has its time."""
    series = [{"label": str(number), "values": [1.5] * 500} for number in range(40)]
    answer = json.loads(bounded({"times": list(range(500)), "series": series}, 20_000))

    assert len(answer["times"]) == 500
    assert {len(each["values"]) for each in answer["series"]} == {500}
    assert answer["left_out"] == {"series": 40 - len(answer["series"])}


def test_a_short_answer_is_whole() -> None:
    """What fits is compact JSON without a note; infinite numbers, which JSON does not have, become null."""
    assert bounded({"a": [1, "ä"], "b": float("inf")}) == '{"a":[1,"ä"],"b":null}'


@pytest.mark.parametrize(
    "hidden",
    [
        "\U000e0069\U000e0067",
        "\u202e",
        "\u200b",
        "\ufe01",
        "\U000e0101",
        "\u3164",
        "\ue000",
        "\x1b",
        "\ud800",
        "\u2028",
    ],
)
def test_an_agent_reads_nothing_that_a_person_would_not_see(hidden: str) -> None:
    """Tags, direction marks, selectors, fillers, private and lone characters are escapes, in values and in keys."""
    text = bounded({f"k{hidden}": [f"an{hidden} order"]})

    assert not set(hidden) & set(text)
    text.encode()
    escaped = hidden.encode("unicode_escape").decode()
    assert json.loads(text) == {f"k{escaped}": [f"an{escaped} order"]}


def test_lines_and_letters_of_any_language_stay() -> None:
    """As do accents, wide spaces and signs."""
    body = "Grüße\n\tat 東京\u3000\u00a0café ✓ ❤\ufe0f"
    assert json.loads(bounded({"body": body})) == {"body": body}
    assert len(json.loads(bounded({"body": "\u200b" * 2000}))["body"]) < 2050


def test_a_deep_document_is_cut() -> None:
    """Levels that no reader of JSON could follow are left out."""
    document: dict[str, Any] = {}
    inner = document
    for _ in range(5000):
        inner["a"] = {}
        inner = inner["a"]

    assert bounded(document).count("{") == 64
