"""
The tokens of ``security.api_auth``, and the comparison of a header ``Authorization`` with them.

A header is compared as the bytes that the client has sent. The rule: neither the result nor the time of a comparison depends on
how much of a token is right, which token it is, or how long it is: digests of one length are compared, and always all of them.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from csg_otel.config.sections.security import ApiAuth


class Tokens:
    """The accepted values of the header ``Authorization``, kept as digests."""

    def __init__(self, tokens: Iterable[str], scheme: str = "bearer") -> None:
        """
        Accept *tokens*; an empty one never matches.

        Args:
            tokens: The tokens; for the scheme ``basic`` each is ``user:password``.
            scheme: The authentication scheme in lower case. Default: ``bearer``.
        """
        self._scheme = scheme.encode()
        contents = [_bytes_of(token) for token in tokens if token]
        sent = [b64encode(content) for content in contents] if scheme == "basic" else contents
        self._digests = tuple(_digest(content) for content in sent)

    @classmethod
    def of(cls, auth: ApiAuth) -> Tokens:
        """Return the tokens that *auth* configures."""
        return cls((token.reveal() for token in auth.tokens), "basic" if auth.method == "basic" else "bearer")

    def accept(self, header: str) -> bool:
        """
        Return whether the value *header* of ``Authorization`` has one of the tokens.

        Args:
            header: The value as servers decode it, with one character for each byte (ISO 8859-1).
        """
        scheme, _, credentials = _header_bytes(header).strip(b" \t").partition(b" ")
        credentials = credentials.strip(b" \t")
        sent = _digest(credentials)
        matches = [hmac.compare_digest(sent, digest) for digest in self._digests]
        return any(matches) and scheme.lower() == self._scheme


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def _bytes_of(token: str) -> bytes:
    """Return *token* as clients send it: in UTF-8, or as the bytes of a variable that are none."""
    try:
        return token.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a character, which no client sends
        return token.encode("utf-8", "surrogatepass")


def _header_bytes(header: str) -> bytes:
    try:
        return header.encode("latin-1")
    except UnicodeEncodeError:  # a server that decodes headers in another way
        return header.encode("utf-8", "surrogatepass")
