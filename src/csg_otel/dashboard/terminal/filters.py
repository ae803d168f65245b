"""
Filters as one line of text, and as parameters of the API and of the web page's links. Pure.

``slow name:checkout min:250ms error user.id=42`` is the text ``slow``, three named parameters, a flag and an attribute.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs, urlencode

from csg_otel.config.convert import duration

FLAGS: Final = ("error", "running")
_DURATIONS: Final = {"min": "min_ms", "max": "max_ms"}

Filter = dict[str, "str | tuple[str, ...]"]
"""Parameters by name; ``attr`` has several values."""


def parse(line: str, names: tuple[str, ...]) -> Filter:
    """
    Return the parameters of a filter line.

    Args:
        line: What the user has typed.
        names: The named parameters of the list, such as ``name``; ``min`` and ``max`` are durations.
    """
    words: list[str] = []
    attributes: list[str] = []
    parameters: Filter = {}
    for word in _words(line):
        name, colon, value = word.partition(":")
        if colon and value and name in names:
            key, content = _named(name, value)
            parameters[key] = content
        elif word in FLAGS and word in names:
            parameters[word] = "true"
        elif "=" in word.strip("=") and "attr" in names:
            attributes.append(word)
        else:
            words.append(word)
    if words:
        parameters["text"] = " ".join(words)
    if attributes:
        parameters["attr"] = tuple(attributes)
    return parameters


def write(parameters: Mapping[str, str | tuple[str, ...]]) -> str:
    """Return the line that *parse* reads as *parameters*."""
    words: list[str] = []
    for name, value in parameters.items():
        if name == "attr":
            words += map(_quoted, [value] if isinstance(value, str) else value)
        elif name == "text":
            words += str(value).split()
        elif name in FLAGS:
            words.append(name)
        elif name in _DURATIONS.values():
            words.append(f"{name[:3]}:{value}ms")
        else:
            words.append(f"{name}:{_quoted(str(value))}")
    return " ".join(words)


def split_link(link: str) -> tuple[str, str, Filter]:
    """Return pane, item and parameters of a link such as ``traces/ID?span=ID``, the fragment of the web page's address."""
    path, _, query = link.lstrip("#/").partition("?")
    pane, _, item = path.partition("/")
    values = parse_qs(query)
    return pane, item, {name: tuple(v) if name == "attr" else v[-1] for name, v in values.items()}


def join_link(pane: str, parameters: Mapping[str, str | tuple[str, ...]]) -> str:
    """Return the link to *pane* with *parameters*."""
    query = urlencode({name: value for name, value in parameters.items() if value}, doseq=True)
    return f"{pane}?{query}" if query else pane


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:  # a quotation mark is still open: the user is typing
        return line.split()


def _named(name: str, value: str) -> tuple[str, str]:
    if name not in _DURATIONS:
        return name, value
    seconds = duration(value)
    return _DURATIONS[name], value if seconds is None else f"{seconds * 1000:g}"


def _quoted(word: str) -> str:
    return shlex.quote(word) if any(c.isspace() for c in word) else word
