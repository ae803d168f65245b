"""
What the compilers write with: YAML and JSON in one order, durations, inert template text, and a header with a hash.

Pure. The rule: the same values make the same bytes, in every process and on every Python.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

HEADER: Final = "Made by `csg-otel alerts compile`; do not edit, the next run writes it anew."

_BRACES: Final = re.compile(r"\{{2,}|\{$")
_PLAIN: Final = re.compile(r"[A-Za-z_/]([ -~]*[!-9;-~])?|(\d+(ms|[smhd]))+")
"""Text, a path or a duration that needs no quotes in YAML where it is no word and has no colon or hash that means something."""

_WORDS: Final = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null"])
_UNITS: Final = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))


def yaml_file(content: Any) -> str:
    """Return *content* as a YAML file with the header; mappings keep their order."""
    body = "\n".join(_lines(content)) + "\n"
    return f"# {HEADER}\n# content: {digest(body)}\n{body}"


# Written here, because what a library writes changes with its version, and takes a second for a thousand rules.
def _lines(value: Any) -> Iterator[str]:
    """Yield the lines of *value* in YAML's block style; what begins a line of its own is not indented."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _entry(f"{_scalar(key)}:", item)
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


def _entry(head: str, item: Any) -> Iterator[str]:
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
    """Tell whether *text* is lines for people: printable, no white space at their ends, one line break at its end at most."""
    lines = text.removesuffix("\n").split("\n")
    whole = len(lines) > 1 and bool(lines[0] and lines[-1])
    return whole and all(line == line.strip() and line.isprintable() for line in lines)


def _scalar(value: Any) -> str:
    if isinstance(value, float):
        shown = repr(value)  # YAML 1.1 wants a dot in what has an exponent
        return shown.replace("e", ".0e") if "e" in shown and "." not in shown else shown
    if not isinstance(value, str):
        return json.dumps(value)
    # A file that is JSON has pairs of surrogates for what is beyond 16 bits; as halves, Go's YAML refuses them.
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
    """Return the first 16 hex digits of the SHA-256 of *body*; says whether a file is what was compiled."""
    return hashlib.sha256(body.encode()).hexdigest()[:16]


def duration(seconds: float) -> str:
    """Return *seconds* as Prometheus writes durations: ``90`` is ``1m30s``, ``0.5`` is ``500ms``."""
    left = round(seconds * 1000)
    found = ""
    for unit, size in _UNITS:
        count, left = divmod(left, size * 1000)
        found += f"{count}{unit}" if count else ""
    return (found + (f"{left}ms" if left else "")) or "0s"


def number(value: float) -> str:
    """Return *value* as a literal: ``85`` for ``85.0``, else the shortest text that reads back as the same number."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 2**53 else repr(float(value))


def inert(literal: str) -> str:
    """Return *literal* as text of a Go template that shows it as it is: no brace of it can begin an action."""
    return _BRACES.sub(lambda found: '{{ "' + found[0] + '" }}', literal)


def camel(name: str) -> str:
    """Return a rule's name as an alert's: ``high_cpu_usage`` is ``HighCpuUsage``."""
    return "".join(word[:1].upper() + word[1:] for word in re.split(r"[^A-Za-z0-9]+", name) if word)
