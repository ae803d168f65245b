"""
Suggestions for keys that are no setting where they are: the key of the same name elsewhere, or else the closest spelling.

Runs only after a mistake. The one rule: a suggestion can be written as it is printed, in a file or as an argument.
"""

from __future__ import annotations

import difflib
import re
from functools import cache
from typing import TYPE_CHECKING, Final

from csg_otel.config.sections.health_monitoring import CheckDefinition
from csg_otel.config.sources.code import ARGUMENTS, PARAMETERS
from csg_otel.config.walk import leaves
from csg_otel.errors import suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable

    from csg_otel.config.tree import Node

_CLOSE: Final = 0.8
"""Similarity from which a key counts as a slip of the pen; below it, a setting of the same name elsewhere is more likely."""

_VARIABLE: Final = re.compile(r"[\[<]")
"""Part of a key that is an item of a list, or a name that the user has chosen."""

_MOST: Final = 3
"""Most settings that a message names."""


MOST_HINTS: Final = 100
"""Problems after which unknown settings get no hint: each takes milliseconds, and a hostile file has 20,000 of them."""


def hint(key: str, node: Node, keys: Iterable[str], others: Iterable[str] = ()) -> str:
    """
    Return the end of the message about an unknown *key*, in parentheses.

    Args:
        key: The key.
        node: Its value; it has the place.
        keys: The keys of the section in which it is.
        others: Other spellings of them, which are not listed. By default none.
    """
    argument = node.origin.kind == "code" and node.origin.where == node.path == key
    words = tuple(dict.fromkeys((*PARAMETERS, *ARGUMENTS))) if argument else tuple(keys)
    places = list(dict.fromkeys(map(_argument, _elsewhere(key)))) if argument else _elsewhere(key)
    if close := difflib.get_close_matches(key, (*words, *others), n=1, cutoff=_CLOSE):
        return f" (did you mean {close[0]!r}?)"
    if places:
        return f" (did you mean {' or '.join(map(repr, places[:_MOST]))}?)"
    if argument:
        return f" (known: {', '.join(sorted(words))}, and every key of the configuration file, with __ for each dot)"
    return suggestion(key, (*words, *others)) or f" (known: {', '.join(sorted(words))})"


def missing(section: type, node: Node, key: str) -> str:
    """Return the message about the required *key* of *section* that is missing at *node*."""
    if section is CheckDefinition and key == "type":
        name = node.path.rpartition(".")[2]
        built_in = ("system_resources", "application", "dependencies", "performance")
        return f"a check of your own needs 'type', such as type: http{suggestion(name, built_in)}"
    return f"{key!r} is missing; add it"


def _argument(path: str) -> str:
    """Return the argument of ``instrument()`` for the setting *path*; in a list, for the list."""
    path = re.split(r"\[|\.?<", path)[0]
    short = {setting: name for name, setting in ARGUMENTS.items()}
    return f"{short.get(path, path.replace('.', '__'))}="


def _elsewhere(key: str) -> list[str]:
    """Return the settings and sections that are called *key*, the likeliest first; else those whose whole name is like it."""
    paths = _paths()
    same = [path for path in paths if path == key or path.endswith(f".{key}")]
    joined = [path for path in paths if f"_{_words(path)}".endswith(f"_{_words(key)}")]
    if named := same or joined:
        return [path for path in named if not _VARIABLE.search(path)] or named
    lasts = {"_".join(_words(path).split("_")[-2:]): path for path in reversed(paths)}
    return [lasts[name] for name in difflib.get_close_matches(_words(key), lasts, n=1, cutoff=_CLOSE)]


def _words(path: str) -> str:
    return path.replace(".", "_").lower()


@cache
def _paths() -> tuple[str, ...]:
    """Return all settings that have an effect, and their sections, fixed and short keys first."""
    paths: dict[str, None] = {}
    for leaf in leaves():
        parts = leaf.key.split(".")
        if not leaf.no_effect:
            sections = (".".join(parts[: end + 1]) for end in range(len(parts)))
            paths.update(dict.fromkeys(re.sub(r"(\[\]|<name>)$", "", path) for path in sections))
    return tuple(sorted(paths, key=lambda path: (bool(_VARIABLE.search(path)), path.count("."))))
