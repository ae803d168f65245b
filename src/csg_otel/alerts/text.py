"""
What the compilers write with: YAML and JSON in one order, durations, inert template text, and a header with a hash.

Pure. The rule: the same values make the same bytes, in every process and on every Python.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, Final

import yaml

HEADER: Final = "Made by `csg-otel alerts compile`; do not edit, the next run writes it anew."

_BRACES: Final = re.compile(r"\{{2,}|\{$")
_UNITS: Final = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks and no anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    # A file that is JSON has pairs of surrogates for what is beyond 16 bits; as halves, Go's YAML refuses them.
    value = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    style = "|" if "\n" in value and not re.search(r"[ \t]\n|^\s", value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def yaml_file(content: Any) -> str:
    """Return *content* as a YAML file with the header; mappings keep their order."""
    body = yaml.dump(
        content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000, default_flow_style=False
    )
    return f"# {HEADER}\n# content: {digest(body)}\n{body}"


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
