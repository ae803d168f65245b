"""
``csg-otel scrub``: where the scrubber would redact a file, and the rules that it has.

The one rule: no output contains a matched text.
"""

from __future__ import annotations

import argparse
import base64
import codecs
import json
import sys
from contextlib import suppress
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from csg_otel.cli import arguments, scrub_documents
from csg_otel.cli.counted import counted
from csg_otel.errors import ConfigError
from csg_otel.lines import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from csg_otel.config import Config
    from csg_otel.privacy import Finding, Scrubber

_STDIN: Final = "-"
_BLOCK: Final = 262_144
"""Characters of a text that are scrubbed at once, at most by a line more: the scrubber redacts the rest of much longer ones."""
_LARGEST: Final = 64 * 1024 * 1024
"""Bytes of the largest file; a larger one is a dump, of which a part says as much."""
_BEGINNING: Final = 8192
"""Bytes in which a zero shows that the file is no text, as for grep and git."""
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""How files of Windows begin; the mark of UTF-32 begins with that of UTF-16."""
_EXPLAIN: Final = """\
FILE is text, JSON, or one JSON document a line, such as a log file or a request in OTLP's JSON. Each hit is a line
with its place, its rule, and what would stand there; a rule can be switched off with scrubbing.disabled_rules, and
a key be allowed with scrubbing.allow_keys. A matched text is never printed.

examples:
  csg-otel scrub explain app.log
  kubectl logs shop | csg-otel scrub explain -
"""


class _Place(NamedTuple):
    """One hit, and where it is: the line and column (0: not in a text), and the path in a JSON document."""

    line: int
    column: int
    finding: Finding


def register(subparsers: Any) -> None:
    """Add ``scrub`` and its commands to the command line."""
    parser = subparsers.add_parser(
        "scrub",
        help="explain what the scrubber redacts, list its rules",
        description="Explain what is redacted before telemetry leaves a program, or list the rules.",
        epilog="example: csg-otel scrub explain app.log",
    )
    commands = parser.add_subparsers(dest="scrub_command", metavar="COMMAND", required=True)
    explain = commands.add_parser(
        "explain",
        help="print rule and place of every hit in a file",
        description="Print the rule and the place of everything in FILE that the scrubber would redact.",
        epilog=_EXPLAIN,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    explain.add_argument("file", metavar="FILE", help="the file to read, or - for stdin")
    explain.set_defaults(run=run_explain)
    rules = commands.add_parser(
        "rules",
        help="list the rules",
        description="List every rule with its layer and what it redacts; a rule that the configuration switches off is marked.",
        epilog="example: csg-otel scrub rules --json",
    )
    rules.set_defaults(run=run_rules)
    for command in (explain, rules):
        arguments.add_config(command)
        command.add_argument("--json", action="store_true", help="print JSON")


def run_explain(args: argparse.Namespace) -> int:
    """Print every hit in the file; return 0, also where there is one. Raises ConfigError and OSError."""
    scrubber = _scrubber(args.config)
    name = "<stdin>" if args.file == _STDIN else args.file
    text = _read(args.file)
    places = list(_places(scrubber, text))
    if args.json:
        print(json.dumps([_document(place) for place in places], indent=2))
        return 0
    for place in places:
        print(printable(_line(name, place)))
    rules = len({place.finding.rule for place in places})
    print(printable(f"{name}: {counted(len(places), 'hit')}" + (f" of {counted(rules, 'rule')}" if rules else "")))
    return 0


def run_rules(args: argparse.Namespace) -> int:
    """Print every rule by layer; return 0. Raises ConfigError."""
    from csg_otel.privacy import rules

    settings = _config(args.config).scrubbing
    off = {*settings.disabled_rules, *(() if settings.personal_data else rules.PERSONAL)}
    rows = [
        {"layer": layer, "rule": rule, "redacts": text, "enabled": settings.enabled and rule not in off}
        for layer, table in rules.layers().items()
        for rule, text in table.items()
    ]
    if args.json:
        print(json.dumps(rows, indent=2))
        return 0
    width = max(len(str(row["rule"])) for row in rows)
    for layer, members in groupby(rows, lambda row: row["layer"]):
        print(layer)
        for row in members:
            print(f"  {row['rule']:<{width}}  {row['redacts']}{'' if row['enabled'] else '  [off]'}")
    return 0


def _config(file: str | None) -> Config:
    """Return the configuration that names the rules; secrets of variables that are not set here don't matter."""
    from csg_otel import config

    loaded = config.load_lenient(file, unset_secrets=True)
    if loaded.problems:
        raise ConfigError(loaded.problems)
    return loaded.config


def _scrubber(file: str | None) -> Scrubber:
    """Return the scrubber of the configuration, switched on and without the program's function, which gets every match."""
    from csg_otel.pipeline.scrubbers import make_scrubber

    config = _config(file)
    if not config.scrubbing.enabled:
        print("csg-otel: scrubbing.enabled is false; these are the hits if it were true", file=sys.stderr)
    return make_scrubber(replace(config, scrubbing=replace(config.scrubbing, enabled=True, on_match=None)))


def _read(file: str) -> str:
    """Return the text of *file*, by its byte order mark; bytes that are no text become one character each, with a warning."""
    if file == _STDIN:
        raw = sys.stdin.buffer.read(_LARGEST + 1)
    else:
        with Path(file).open("rb") as stream:
            raw = stream.read(_LARGEST + 1)
    if len(raw) > _LARGEST:
        raise ConfigError(
            [f"{file}: is larger than {_LARGEST // 1024 // 1024} MiB; give a part of it, as by: tail -c 50M"]
        )
    encoding = next((encoding for mark, encoding in _MARKS if raw.startswith(mark)), "")
    if not encoding and b"\0" in raw[:_BEGINNING]:
        note = "is no text: what is packed or encoded in it is not seen; unpack it, or convert it to UTF-8"
        print(printable(f"csg-otel: {file} {note}"), file=sys.stderr)
    return raw.decode(encoding or "utf-8", "replace")


def _places(scrubber: Scrubber, text: str) -> Iterator[_Place]:
    """Yield the hits of a JSON document, of documents that stand on a line each, or of a text."""
    document = _document_of(text)
    if document is not None:
        for finding in scrub_documents.findings(scrubber, document):
            yield _Place(0, 0, finding)
        return
    lines = text.splitlines()
    documents = [_document_of(line) for line in lines]
    if lines and all(document is not None for line, document in zip(lines, documents, strict=True) if line.strip()):
        for number, document in enumerate(documents, start=1):
            for finding in scrub_documents.findings(scrubber, document) if document is not None else ():
                yield _Place(number, 0, finding)
        return
    yield from _in_text(scrubber, text)


def _in_text(scrubber: Scrubber, text: str) -> Iterator[_Place]:
    """Yield the hits of a text, which is scrubbed in blocks of whole lines."""
    start = line = 0
    while start < len(text):
        end = start + _BLOCK
        end = len(text) if end >= len(text) else text.find("\n", end) + 1 or len(text)
        block = text[start:end]
        for finding in sorted(scrubber.text_findings(block), key=lambda finding: finding.start):
            at = max(finding.start, 0)
            yield _Place(line + block.count("\n", 0, at) + 1, at - block.rfind("\n", 0, at), finding)
        line += block.count("\n")
        start = end


def _document_of(text: str) -> Any:
    """Return the JSON object or list that *text* is, or None."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        document = json.loads(text, object_hook=_with_bytes)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, (dict, list)) else None


def _with_bytes(members: dict[str, Any]) -> dict[str, Any]:
    """Return an object of OTLP's JSON with its bytes, which are in base64, as the program has set them."""
    if len(members) == 1 and isinstance(text := members.get("bytesValue"), str):
        with suppress(ValueError):
            return {"bytesValue": base64.b64decode(text, validate=True)}
    return members


def _line(name: str, place: _Place) -> str:
    line = f":{place.line}" if place.line else ""
    column = f":{place.column}" if place.column else ""
    key = f" ({place.finding.key})" if place.finding.key else ""
    path = f" /{place.finding.path.lstrip('/')}{key}:" if place.finding.path else ""
    return f"{name}{line}{column}:{path} {place.finding.rule} -> {place.finding.replacement}"


def _document(place: _Place) -> dict[str, Any]:
    """Return a hit as JSON: line and column from 1, the path in a document, an attribute's key; null for what it has not."""
    finding = place.finding
    return {
        "line": place.line or None,
        "column": place.column or None,
        "path": f"/{finding.path.lstrip('/')}" if finding.path else None,
        "key": finding.key or None,
        "rule": finding.rule,
        "replacement": finding.replacement,
    }
