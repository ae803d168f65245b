"""
The text of compiled files: YAML and JSON in a fixed order, durations, escaped template text, and a header with a hash.

Pure. The rule: the same values result in the same bytes, in every process and with every version of Python.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any, Final

HEADER: Final = "Made by `csg-otel alerts compile`; do not edit, the next run overwrites it."
"""First line of a compiled file of rules; a push recognizes its own files by it."""

_OWNER: Final = "# service: "

_BRACES: Final = re.compile(r"\{{2,}|\{$")
_PLAIN: Final = re.compile(r"[A-Za-z_/]([ -~]*[!-9;-~])?|(\d+(ms|[smhd]))+")
"""A text, path or duration that YAML allows without quotes, unless it is in ``_WORDS`` or contains ``": "`` or ``" #"``."""

_WORDS: Final = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null"])
_UNITS: Final = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))


def yaml_file(content: Any, *services: str, header: str = HEADER) -> str:
    """Return *content* as a YAML file with the *header*, which names the *services*; mappings keep their order."""
    body = "\n".join(_lines(content)) + "\n"
    owners = "".join(f"{_OWNER}{json.dumps(service)}\n" for service in services if service)
    return f"# {header}\n{owners}# content: {digest(body)}\n{body}"


def owners(text: str) -> tuple[str, ...] | None:
    """Return the services of a file that :func:`yaml_file` made; None for a foreign file, and for a header that was edited."""
    if not text.startswith(f"# {HEADER}\n"):
        return None
    head = text.partition("\n# content: ")[0].splitlines()[1:]
    try:
        services = tuple(json.loads(line.removeprefix(_OWNER)) for line in head if line.startswith(_OWNER))
    except ValueError:
        return None
    return services if all(isinstance(service, str) for service in services) else None


# Not PyYAML: an update of it could change the bytes, and it takes a second for a thousand rules.
def _lines(value: Any) -> Iterator[str]:
    """Yield the lines of *value* in YAML's block style, without indentation of the first level."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _pair(f"{_scalar(key)}:", item)
    elif isinstance(value, (list, tuple)) and value:
        for item in value:
            first, *rest = _lines(item)
            yield f"- {first}"
            yield from (f"  {line}" if line else "" for line in rest)
    elif isinstance(value, str) and _is_block(value):
        yield "|" if value.endswith("\n") else "|-"
        yield from (f"  {line}" if line else "" for line in value.removesuffix("\n").split("\n"))
    else:
        yield _scalar(value)


def _pair(head: str, item: Any) -> Iterator[str]:
    first, *rest = _lines(item)
    if isinstance(item, Mapping) and item:
        yield head
        yield from (f"  {line}" if line else "" for line in (first, *rest))
    elif isinstance(item, (list, tuple)) and item:
        yield head
        yield from (first, *rest)
    else:
        yield f"{head} {first}"
        yield from rest


def _is_block(text: str) -> bool:
    """Return whether *text* can be a YAML block: printable lines, none with white space at its ends."""
    lines = text.removesuffix("\n").split("\n")
    whole = len(lines) > 1 and bool(lines[0] and lines[-1])
    return whole and all(line == line.strip() and line.isprintable() for line in lines)


def _scalar(value: Any) -> str:
    if isinstance(value, float):
        literal = repr(value)  # YAML 1.1 requires a dot in a number with an exponent
        return literal.replace("e", ".0e") if "e" in literal and "." not in literal else literal
    if not isinstance(value, str):
        return json.dumps(value)
    # A JSON file holds a character beyond 16 bits as a pair of surrogates. Go's YAML parser refuses the halves of a pair.
    text = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS and ": " not in text and " #" not in text:
        return text
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return "".join(
        char if char.isprintable() else f"\\U{ord(char):08x}" for char in json.dumps(text, ensure_ascii=False)
    )


def json_file(content: dict[str, Any]) -> str:
    """Return *content* as a JSON file, with the header and the hash in its key ``_made_by``."""
    body = json.dumps(content, ensure_ascii=False, sort_keys=True)
    marked = {"_made_by": f"{HEADER} content: {digest(body)}", **content}
    return json.dumps(marked, indent=2, ensure_ascii=False) + "\n"


def digest(body: str) -> str:
    """Return the first 16 hex digits of the SHA-256 of *body*; the header of a compiled file shows a change by it."""
    return hashlib.sha256(body.encode()).hexdigest()[:16]


def duration(seconds: float) -> str:
    """Return *seconds* as a duration of Go and PromQL: ``90`` is ``1m30s``, ``0.5`` is ``500ms``."""
    rest_ms = round(seconds * 1000)
    text = ""
    for unit, size in _UNITS:
        count, rest_ms = divmod(rest_ms, size * 1000)
        text += f"{count}{unit}" if count else ""
    return (text + (f"{rest_ms}ms" if rest_ms else "")) or "0s"


def rfc3339(at_s: float) -> str:
    """Return the time *at_s* (Unix seconds) as text by RFC 3339, in milliseconds, such as ``2026-11-26T10:30:00.000Z``."""
    whole = math.floor(at_s)
    return f"{datetime.fromtimestamp(whole, timezone.utc):%Y-%m-%dT%H:%M:%S}.{int((at_s - whole) * 1000):03}Z"


def number(value: float) -> str:
    """Return *value* as a literal: ``85`` for ``85.0``, else the shortest text that is read as the same number."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 2**53 else repr(float(value))


def as_pattern(literal: str) -> str:
    """Return *literal* as a regular expression of RE2 that only *literal* matches."""
    return re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", literal)


def inert(literal: str) -> str:
    """Return *literal* as a Go template that prints it unchanged: its braces are escaped, so none begins an action."""
    return _BRACES.sub(lambda braces: '{{ "' + braces[0] + '" }}', literal)


def camel(name: str) -> str:
    """Return the name of the alert of the rule *name*: ``HighCpuUsage`` for ``high_cpu_usage``; letters of all scripts stay."""
    signs = unicodedata.normalize("NFC", name)
    kept = "".join(sign if unicodedata.category(sign)[0] in "LMN" else " " for sign in signs)
    return "".join(word[:1].upper() + word[1:] for word in kept.split())
