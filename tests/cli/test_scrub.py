"""``csg-otel scrub``: what is redacted in a file, and the rules; no output contains a matched text."""

from __future__ import annotations

import base64
import gzip
import io
import json
import sys
from pathlib import Path

import pytest

from csg_otel.cli import main
from csg_otel.privacy import Options, Scrubber, rules

PASSWORD = "".join(("kR7m", "Qx2p", "Lw9z"))


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CSG_OTEL_CONFIG", raising=False)


def explain(text: str | bytes, capsys: pytest.CaptureFixture[str], *options: str) -> list[str]:
    """Return the lines that are printed for a file with *text*; the exit code is 0."""
    Path("input").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert main(["scrub", "explain", "input", *options]) == 0
    output = capsys.readouterr().out
    assert PASSWORD not in output
    return output.splitlines()


def test_hits_in_a_text_have_line_and_column(capsys: pytest.CaptureFixture[str]) -> None:
    """Both count from 1; the last line counts hits and rules."""
    lines = explain(f"started\nDB=postgres://shop:{PASSWORD}@db/x\nby ann@example.org\n", capsys)

    assert lines == [
        "input:2:20: url-credentials -> [redacted:url-credentials]",
        "input:3:4: email -> [redacted:email]",
        "input: 2 hits of 2 rules",
    ]


def test_hits_in_a_document_have_a_path(capsys: pytest.CaptureFixture[str]) -> None:
    """An attribute of OTLP's JSON is judged by its key."""
    attribute = {"key": "db.password", "value": {"stringValue": PASSWORD}}

    assert explain(json.dumps({"attributes": [attribute]}, indent=1), capsys) == [
        "input: /attributes/0/value/stringValue (db.password): key -> [redacted:key]",
        "input: 1 hit of 1 rule",
    ]
    (hit,) = json.loads("\n".join(explain(json.dumps({"attributes": [attribute]}), capsys, "--json")))
    assert hit["key"] == "db.password"


def test_the_keys_of_the_configuration_count_in_otlp(capsys: pytest.CaptureFixture[str]) -> None:
    """An attribute with a key of `extra_keys` has its value redacted, one of `allow_keys` keeps it."""
    Path("c.yaml").write_text("scrubbing: {extra_keys: [recipe], allow_keys: [db.password]}")
    attributes = [{"key": key, "value": {"stringValue": PASSWORD}} for key in ("recipe", "db.password", "note")]

    assert explain(json.dumps({"attributes": attributes}), capsys, "--config", "c.yaml") == [
        "input: /attributes/0/value/stringValue (recipe): extra-key -> [redacted:extra-key]",
        "input: 1 hit of 1 rule",
    ]


def test_documents_of_any_size_and_depth_are_looked_at_as_a_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """The scrubber's limits for the value of one attribute are none for a file."""
    attribute = {"key": "db.password", "value": {"stringValue": PASSWORD}}
    plain = {"key": "url.path", "value": {"stringValue": "/orders"}}
    deep: object = {"token": PASSWORD, "ann@example.org": 1}
    for _ in range(60):
        deep = {"inner": [deep]}
    document = {"spans": [{"attributes": [plain]}] * 9_000 + [{"attributes": [attribute]}], "deep": deep}

    assert explain(json.dumps(document), capsys) == [
        "input: /spans/9000/attributes/0/value/stringValue (db.password): key -> [redacted:key]",
        f"input: /deep{'/inner/0' * 60}/token: key -> [redacted:key]",
        f"input: /deep{'/inner/0' * 60}/(key): email -> [redacted:email]",
        "input: 3 hits of 2 rules",
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_files_of_windows_are_read(encoding: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A mark at the beginning says how a file is encoded, and is no part of the document."""
    lines = explain(json.dumps({"token": PASSWORD}).encode(encoding), capsys)

    assert lines == ["input: /token: key -> [redacted:key]", "input: 1 hit of 1 rule"]


def test_an_empty_file_has_no_hits(capsys: pytest.CaptureFixture[str]) -> None:
    """It is no mistake."""
    assert explain("", capsys) == ["input: 0 hits"]


def test_numbers_and_bytes_have_their_rule(capsys: pytest.CaptureFixture[str]) -> None:
    """The marker is the one that stands there; bytes, in base64 in OTLP's JSON, are judged as the program set them."""
    card = 4_000_000_000_000_002
    encoded = base64.b64encode(b"password=" + PASSWORD.encode()).decode()
    attributes = [{"key": "raw", "value": {"bytesValue": encoded}}, {"key": "odd", "value": {"bytesValue": "=!"}}]

    assert explain(json.dumps({"pin": 4711, "order": card, "attributes": attributes}), capsys) == [
        "input: /pin: key -> [redacted:key]",
        "input: /order: card -> [redacted:card]",
        "input: /attributes/0/value/bytesValue (raw): key-value -> [redacted:key-value]",
        "input: 3 hits of 3 rules",
    ]
    chosen = Scrubber(Options(on_match=lambda match: f"[{match.value}]")).findings({"pin": 4711})
    assert [(each.rule, each.replacement) for each in chosen] == [("key", "[redacted]")]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32", "utf-32-be"])
def test_a_byte_order_mark_is_no_part_of_the_text(encoding: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A document and a text, as Windows writes them."""
    mark = "\ufeff" if encoding.endswith("be") else ""

    assert (
        explain(f'{mark}{{"token": "{PASSWORD}"}}'.encode(encoding), capsys)[0]
        == "input: /token: key -> [redacted:key]"
    )
    assert explain(f"{mark}password={PASSWORD}".encode(encoding), capsys)[0].startswith("input:1:10: key-value")


def test_a_file_that_is_no_text_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """A warning says that packed parts are not seen; an empty file has no hits, and no warning."""
    Path("input").write_bytes(gzip.compress(PASSWORD.encode()))
    assert main(["scrub", "explain", "input"]) == 0
    assert "input is no text: what is packed" in capsys.readouterr().err

    Path("input").write_bytes(b"")
    assert main(["scrub", "explain", "input"]) == 0
    assert capsys.readouterr().err == ""


def test_hits_in_a_log_of_documents_have_a_line_and_a_path(capsys: pytest.CaptureFixture[str]) -> None:
    """Empty lines count."""
    assert explain(f'{{"a": 1}}\n\n{{"token": "{PASSWORD}"}}\n', capsys)[0] == "input:3: /token: key -> [redacted:key]"


def test_a_broken_document_is_a_text(capsys: pytest.CaptureFixture[str]) -> None:
    """A cut log file, and one that is nested beyond any limit."""
    assert explain(f'{{"token": "{PASSWORD}", ', capsys)[0].startswith("input:1:12: key-value")
    assert explain("[" * 100_000, capsys) == ["input: 0 hits"]


def test_bytes_and_large_texts_are_read(capsys: pytest.CaptureFixture[str]) -> None:
    """The place is right behind the first block, and bytes that are no UTF-8 are passed over."""
    lines = explain(b"\xff\x00\n" + b"x = 1\n" * 200_000 + f"password={PASSWORD}\n".encode(), capsys)

    assert lines[0] == "input:200002:10: key-value -> [redacted:key-value]"


def test_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """The same facts, for scripts."""
    (hit,) = json.loads("\n".join(explain(f"password={PASSWORD}", capsys, "--json")))

    assert hit == {
        "line": 1,
        "column": 10,
        "path": None,
        "key": None,
        "rule": "key-value",
        "replacement": "[redacted:key-value]",
    }


def test_stdin_is_read(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """For pipes."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"password={PASSWORD}".encode())))

    assert main(["scrub", "explain", "-"]) == 0
    assert capsys.readouterr().out.startswith("<stdin>:1:10: key-value")


def test_the_configuration_decides(capsys: pytest.CaptureFixture[str]) -> None:
    """Rules that it switches off have no hits; its function is not called, so that it cannot print a match."""
    Path("c.yaml").write_text("scrubbing: {enabled: false, disabled_rules: [email], on_match: 'builtins:print'}")
    lines = explain(f"password={PASSWORD} ann@example.org", capsys, "--config", "c.yaml")

    assert lines == ["input:1:10: key-value -> [redacted:key-value]", "input: 1 hit of 1 rule"]


def test_keys_that_become_equal_hide_no_hit(capsys: pytest.CaptureFixture[str]) -> None:
    """Two addresses as keys get the same marker; the hits in both, and beside them, are printed."""
    document = {"ann@example.org": 1, "password": PASSWORD, "bob@example.org": {"by": "eve@example.org"}}

    assert explain(json.dumps(document), capsys) == [
        "input: /(key): email -> [redacted:email]",
        "input: /password: key -> [redacted:key]",
        "input: /(key): email -> [redacted:email]",
        "input: /[redacted:email]/by: email -> [redacted:email]",
        "input: 4 hits of 2 rules",
    ]


def test_rules_are_listed_with_those_that_are_off(capsys: pytest.CaptureFixture[str]) -> None:
    """All of them, by layer, in both forms."""
    Path("c.yaml").write_text("scrubbing: {disabled_rules: [jwt], personal_data: false}")
    assert main(["scrub", "rules", "--config", "c.yaml", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["rule"] for row in rows if not row["enabled"]} == {"jwt", *rules.PERSONAL}
    assert [row["rule"] for row in rows] == list(rules.names())

    assert main(["scrub", "rules", "--config", "c.yaml"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(rows) + len(rules.layers())
    assert [line.split()[0] for line in lines if line.endswith("[off]")] == ["jwt", *rules.layers()["personal data"]]


def test_what_can_not_be_read_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A missing file, a folder, a wrong configuration: exit code 1, no traceback."""
    Path("c.yaml").write_text("scrubbing: {disabled_rules: [emial]}")
    for arguments in (["explain", "missing"], ["explain", "."], ["rules", "--config", "c.yaml"]):
        assert main(["scrub", *arguments]) == 1
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_places_are_those_of_the_text_before_all_passes() -> None:
    """What a later pass of the scrubber finds is located behind earlier, longer or shorter markers, too."""
    scrubber = Scrubber(Options(extra_patterns=(r"then \[redacted:email\]",)))
    findings = scrubber.text_findings("ann@example.org then bob@example.org")

    assert (findings[-1].rule, findings[-1].start) == ("extra-pattern", len("ann@example.org "))
