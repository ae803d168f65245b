"""
The severities of a configuration: the four that each has, and the words in `alerting.severities`.

They are read before the settings, because settings of every source may use them. The one rule: a word of the user is a label's
value in every backend, so it has letters, digits, ``_`` and ``-`` only.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from csg_otel.config.sections.alerting import SEVERITIES
from csg_otel.config.sources.substitute import SubstitutionError, has_form
from csg_otel.config.tree import join

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from csg_otel.config.root import ConfigRoot
    from csg_otel.config.sources.substitute import Substitution
    from csg_otel.config.tree import Node

_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


def words(layers: Iterable[Node | None], substitute: Substitution) -> tuple[str, ...]:
    """Return the words that a severity may be, as all *layers* of settings together have them."""
    every = dict.fromkeys(SEVERITIES)
    for layer in layers:
        listed = layer.at("alerting", "severities") if layer is not None else None
        if listed is not None:
            items = [item.value for item in listed.value] if isinstance(listed.value, list) else [listed.value]
            texts = [_text(item, substitute) for item in items if isinstance(item, str)]
            every.update(dict.fromkeys(word.strip() for text in texts for word in text.split(",") if word.strip()))
    return tuple(every)


def _text(text: str, substitute: Substitution) -> str:
    with suppress(SubstitutionError):
        return substitute(text) if has_form(text) else text
    return ""


def mistakes(config: ConfigRoot) -> Iterator[tuple[str, str]]:
    """Yield (dotted key, message) for each word of *config* that can't be a severity."""
    seen = set(SEVERITIES)
    for at, word in enumerate(config.alerting.severities):
        path = join("alerting.severities", at)
        if not _WORD.fullmatch(word):
            yield path, f"{word!r} is no word; use letters, digits, _ and -, and begin with a letter"
        elif word.lower() in seen:
            yield path, f"{word!r} is there already; remove it, or choose another word"
        seen.add(word.lower())
