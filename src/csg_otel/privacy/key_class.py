"""The class of a key: how its values are scrubbed. Classes are remembered, so a key is split and looked up once. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from csg_otel.privacy import cuts, keys
from csg_otel.privacy.cache import LONGEST, CleanTexts, TextsOfKey
from csg_otel.privacy.options import Options

_MOST: Final = 2048
"""Keys that are remembered; beyond it all are forgotten, because a program that makes keys from data has no end of them."""
_MOST_SHARED: Final = 512
"""Texts of each other kind of keys that are remembered; with those of keys without a meaning they take less than 8 MB."""
_PERSON_PROBES: Final = ("Ada Lovelace", "12 Main Street 12345678", "12345678")
_QUERIES: Final = frozenset(("url.query", "http.query", "query_string", "url.fragment", "querystring"))
_CUTS: Final[dict[str, Callable[[str, Callable[[str], str]], str]]] = {
    "exception.message": lambda text, scrub: cuts.head(text, cuts.MESSAGE, scrub),
    "exception.stacktrace": lambda text, scrub: cuts.tail(text, cuts.STACK, scrub),
}


class KeyClass:
    """
    The class of one key, or of all keys without a meaning.

    Attributes:
        allowed: Only known secrets are redacted in its values.
        level: How surely it names a secret, as `keys.strength`.
        numbers: Whether numbers may be redacted.
        personal: Whether it names personal data.
        screened: Whether a value that no rule for texts matches is clean, whatever the key.
        query: Whether its values begin with a query parameter.
        version: Whether its values are versions, which look like network addresses.
        cut: The cut of its values after scrubbing, or None.
        clean: Its values known to be clean; keys that judge a text in the same way share them.
        renamed: The key without secrets, or empty where it is clean; None until it is looked at.
    """

    __slots__ = ("allowed", "clean", "cut", "level", "numbers", "personal", "query", "renamed", "screened", "version")

    def __init__(self, clean: CleanTexts | None = None) -> None:
        self.allowed = self.numbers = self.personal = self.query = self.version = False
        self.screened = True
        self.level = keys.NONE
        self.cut: Callable[[str, Callable[[str], str]], str] | None = None
        self.clean = CleanTexts() if clean is None else clean
        self.renamed: str | None = None


class KeyClasses:
    """The classes of keys under *options*."""

    def __init__(self, options: Options) -> None:
        self.classes: dict[str, KeyClass] = {}
        self.text = KeyClass()
        self._shared: dict[str, CleanTexts] = {}
        self._personal = options.personal_data
        self._extra = keys.extra_key_test(options.extra_keys)
        self._exact = frozenset(key for key in options.allow_keys if "*" not in key)
        patterns = (re.escape(key).replace(r"\*", ".*") for key in options.allow_keys if "*" in key)
        joined = "|".join(patterns)
        self._pattern = re.compile(joined) if joined else None

    def allowed(self, key: str) -> bool:
        """Return whether *key* is one of `allow_keys`, or matches a pattern of them."""
        return key in self._exact or (self._pattern is not None and self._pattern.fullmatch(key) is not None)

    def of(self, key: str) -> KeyClass:
        """Return the class of *key*."""
        key_class = self.classes.get(key)
        if key_class is None:
            key_class = self._build(key)
            if len(key) > LONGEST:
                return key_class
            if len(self.classes) >= _MOST:
                self.classes = {}
            self.classes[key] = key_class
        return key_class

    def _build(self, key: str) -> KeyClass:
        level = keys.ALL if self._extra is not None and self._extra(key) else keys.strength(key)
        allowed = self.allowed(key)
        personal = self._personal and any(keys.personal(key, probe) for probe in _PERSON_PROBES)
        parts = keys.split(key[-200:])
        version = bool(parts) and parts[-1] in ("version", "versions", "oid", "build")
        query, cut = key in _QUERIES, _CUTS.get(key)
        judged = bool(level or personal)
        kind = "allowed" * allowed or "judged" * judged or "query" * query or "version" * version
        result = KeyClass(self._texts(key, f"{kind} cut" if cut else kind))
        result.level, result.allowed, result.personal, result.query = level, allowed, personal, query
        result.version, result.cut = version, cut
        result.screened = not (level or allowed or personal or cut)
        result.numbers = level != keys.NONE
        return result

    def _texts(self, key: str, kind: str) -> CleanTexts:
        """Return the clean texts of the keys of *kind*; those of keys without a meaning have an empty one."""
        if not kind:
            return self.text.clean
        shared = self._shared.setdefault(kind, CleanTexts(_MOST_SHARED))
        return TextsOfKey(key, shared) if kind.startswith("judged") else shared
