"""Secrets that the program holds, found in any text: as they are, in base64, in addresses, in hexadecimal, in JSON. Pure."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from typing import Final

from csg_otel.privacy import secret_parts, trie, words
from csg_otel.privacy.options import Hit
from csg_otel.privacy.secret_parts import SHORTEST

RULE: Final = "known-secret"
_BASE64_RUN: Final = re.compile(r"[A-Za-z0-9+/=_-]*")
_SAFE: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~")


def usable(secret: str) -> bool:
    """Return whether *secret* is long enough, and no word that ordinary text contains."""
    return len(secret) >= SHORTEST and secret.lower() not in words.SHORT_WORDS and not secret.isspace()


def forms(secret: str) -> tuple[set[str], set[str]]:
    """Return the texts that show *secret*: its plain and escaped forms, and its forms in base64."""
    raw = secret.encode("utf-8", "surrogatepass")
    plain = {secret, raw.hex(), raw.hex().upper(), *_json(secret), *_reprs(secret, raw), *_html(secret)}
    for safe in (_SAFE, _SAFE | {0x2F}, _SAFE | frozenset(b"!*'()/:@&=+$,;")):
        quoted = "".join(chr(byte) if byte in safe else f"%{byte:02X}" for byte in raw)
        plain |= {quoted, quoted.replace("%20", "+"), re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), quoted)}
    encoded = set()
    for offset in range(3):
        text = base64.b64encode(b"\0" * offset + raw).decode()
        inner = text[(0, 2, 3)[offset] : (offset + len(raw)) * 8 // 6]
        encoded |= {inner, inner.replace("+", "-").replace("/", "_")}
        for plus, slash in (("%2B", "%2F"), ("%2b", "%2f"), ("%2B", "/"), ("%2b", "/"), ("+", "\\/")):
            encoded.add(inner.replace("+", plus).replace("/", slash))
    return plain, encoded


def _json(secret: str) -> set[str]:
    """Return *secret* in JSON as Python, PHP (``\\/``) and Go (``\\u0026``) write it, and in JSON within JSON."""
    once = {json.dumps(secret, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)}
    once |= {text.replace("/", "\\/") for text in once}
    once |= {text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e") for text in once}
    return once | {json.dumps(text, ensure_ascii=ascii_only)[1:-1] for text in once for ascii_only in (True, False)}


def _reprs(secret: str, raw: bytes) -> set[str]:
    """Return *secret* as `repr` shows the text and its bytes, between quotes of either kind."""
    shown = {repr(secret + "'\"")[1:-4], repr(raw + b"'\"")[2:-4]}  # both kinds of quotes: the single ones are escaped
    return shown | {text.replace("\\'", "'") for text in shown}


def _html(secret: str) -> set[str]:
    """Return *secret* with the entities of HTML, with and without those of quotes, as Python, Go and Jinja write them."""
    text = secret.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    quotes = (("&quot;", "'"), ("&quot;", "&#x27;"), ("&quot;", "&#39;"), ("&#34;", "&#39;"), ("&quot;", "&apos;"))
    return {text, *(text.replace('"', double).replace("'", single) for double, single in quotes)}


class KnownValues:
    """Find every form of *secrets*."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        plain: set[str] = set()
        self._encoded: set[str] = set()
        for secret in secrets:
            for value in {secret, secret.strip(), *secret_parts.of_secret(secret)}:
                if usable(value):
                    texts, encoded = forms(value)
                    plain |= texts
                    self._encoded |= encoded
        self.literals = sorted((plain | self._encoded) - {""})
        self.pattern = trie.pattern(self.literals)
        self._search = re.compile(self.pattern).search

    def hits(self, text: str) -> Iterator[Hit]:
        """Yield the known secrets in *text*; of base64, the whole run of characters, because it holds a part of its neighbours."""
        if not self.literals:
            return
        match = self._search(text)
        while match is not None:
            start, end = match.span()
            if match[0] in self._encoded:
                after = _BASE64_RUN.match(text, end, end + 4096)
                end = after.end() if after is not None else end
                before = _BASE64_RUN.match(text[max(0, start - 4096) : start][::-1])
                start -= before.end() if before is not None else 0
            yield Hit(start, end, RULE)
            match = self._search(text, match.end())
