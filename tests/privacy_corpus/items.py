"""The items of the corpus: what is put into telemetry, and which part of it must not come out again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

LAYERS: Final = ("known", "key", "format", "structure", "personal", "errors", "benign")


@dataclass(frozen=True)
class Item:
    """
    A value under a key.

    Args:
        layer: One of `LAYERS`: the layer of the scrubber that has to act, or "benign".
        kind: The provider, the spelling, the driver ...: what a table counts by.
        key: The attribute's key; "" where *value* is a text without one (a message, a span's name).
        value: Text, or a list or mapping of texts.
        secrets: The parts of *value* that must vanish; none if it is benign.
        place: Where the secret stands: bare, sentence, json ...
    """

    layer: str
    kind: str
    key: str
    value: Any
    secrets: tuple[str, ...] = ()
    place: str = "bare"


def shown(value: Any) -> str:
    """Return all texts of *value*, and its keys, one a line."""
    if isinstance(value, Mapping):
        return "\n".join(f"{key}\n{shown(inner)}" for key, inner in value.items())
    if isinstance(value, (list, tuple)):
        return "\n".join(map(shown, value))
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def leaks(item: Item, scrubbed: Any) -> bool:
    """
    Tell whether *scrubbed* still has a secret of *item*, or half of one in a row.

    Half, so that a rule which cuts off a token's head and leaves its body does not count as a success.
    """
    text = shown(scrubbed)
    return any(part in text for secret in item.secrets for part in _halves(secret, item.layer == "personal"))


def _halves(secret: str, whole: bool) -> list[str]:
    length = len(secret) if whole or len(secret) < 16 else len(secret) // 2
    return [secret[start : start + length] for start in range(len(secret) - length + 1)]


def line(item: Item) -> str:
    """Return *item* as a line of source code, which is what secret scanners expect: `key = "value"`, or the text itself."""
    text = item.value if isinstance(item.value, str) else json.dumps(item.value, ensure_ascii=False)
    if not item.key:
        return text
    return f"{item.key} = {text}" if '"' in text or "\n" in text else f'{item.key} = "{text}"'
