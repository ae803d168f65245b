"""
HPACK, the compression of headers in HTTP/2 (RFC 7541): a decoder, and an encoder that does not compress.

Pure. The rule: a block that is malformed, or longer than a real response's, raises :class:`HeadersError`.
"""

from __future__ import annotations

from collections import deque
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Header = tuple[str, str]

_TABLE_BYTES: Final = 4096
"""Size of the dynamic table: the default of the specification."""

_OVERHEAD_BYTES: Final = 32
"""Bytes that each header counts beyond its text (RFC 7541, 4.1)."""

_MAX_BYTES: Final = 64 * 1024
"""Most bytes of all headers of a block together: a few references can stand for megabytes."""

_NAMES: Final = (
    "accept-language accept-ranges accept access-control-allow-origin age allow authorization cache-control "
    "content-disposition content-encoding content-language content-length content-location content-range content-type "
    "cookie date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since "
    "last-modified link location max-forwards proxy-authenticate proxy-authorization range referer refresh retry-after "
    "server set-cookie strict-transport-security transfer-encoding user-agent vary via www-authenticate"
)
_STATIC: Final[tuple[Header, ...]] = (
    (":authority", ""),
    *((":method", method) for method in ("GET", "POST")),
    *((":path", path) for path in ("/", "/index.html")),
    *((":scheme", scheme) for scheme in ("http", "https")),
    *((":status", status) for status in ("200", "204", "206", "304", "400", "404", "500")),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    *((name, "") for name in _NAMES.split()),
)
"""The static table (RFC 7541, appendix A)."""

_CODE_LENGTHS: Final = bytes.fromhex(
    "0d171c1c1c1c1c1c1c181e1c1c1e1c1c1c1c1c1c1c1c1e1c1c1c1c1c1c1c1c1c060a0a0c0d06080b0a0a080b0806060605050506060606060606"
    "07080f060c0a0d06070707070707070707070707070707070707070707070807080d130d0e060f05060506050606060507070606060506070605"
    "050607070707070f0b0e0d1c14161414161616171617171717171817181816171817171717151617161717181615141616171715171616181516"
    "1717151516151716171714161616171616171a1a1413161716191a1a1a1b1b1a181913151a1b1b1a1b1815151a1a1c1b1b1b1418141516151517"
    "1616191918181a171a1b1a1a1b1b1b1b1b1c1b1b1b1b1b1a1e"
)
"""Length in bits of the Huffman code of each byte, and of the end of a text; the codes are canonical (RFC 7541, appendix B)."""


class HeadersError(ValueError):
    """A block of headers that is malformed or too long; the message contains no text of it."""


class Decoder:
    """Decodes the blocks of one connection, one after the other: each may refer to headers of those before it."""

    def __init__(self) -> None:
        """Begin with an empty dynamic table."""
        self._recent: deque[Header] = deque()
        self._size = 0
        self._limit = _TABLE_BYTES

    def decode(self, block: bytes) -> list[Header]:
        """Return the headers of *block*, names in small letters as they are sent. Raises HeadersError."""
        headers: list[Header] = []
        reader, size = _Reader(block), 0
        while reader.has_more:
            first = reader.peek()
            if first & 0x80:
                header = self._at(reader.integer(7))
            elif first & 0xE0 == 0x20:
                self._resize(reader.integer(5))
                continue
            else:
                is_kept = bool(first & 0x40)
                index = reader.integer(6 if is_kept else 4)
                header = (self._at(index)[0] if index else reader.text(), reader.text())
                if is_kept:
                    self._keep(header)
            size += _size(header)
            if size > _MAX_BYTES:
                raise HeadersError("the headers of the response are too long")
            headers.append(header)
        return headers

    def _at(self, index: int) -> Header:
        if 1 <= index <= len(_STATIC):
            return _STATIC[index - 1]
        if len(_STATIC) < index <= len(_STATIC) + len(self._recent):
            return self._recent[index - len(_STATIC) - 1]
        raise HeadersError("a header of the response refers to none")

    def _keep(self, header: Header) -> None:
        self._recent.appendleft(header)
        self._size += _size(header)
        self._evict()

    def _resize(self, limit: int) -> None:
        if limit > _TABLE_BYTES:
            raise HeadersError("the response wants a larger table of headers than allowed")
        self._limit = limit
        self._evict()

    def _evict(self) -> None:
        while self._size > self._limit:
            self._size -= _size(self._recent.pop())


def encode(headers: Iterable[Header]) -> bytes:
    """Return *headers* as a block of literals that no table keeps, so that secrets stay in no table."""
    return b"".join(b"\x10" + _literal(name) + _literal(value) for name, value in headers)


def _literal(text: str) -> bytes:
    data = text.encode("latin-1")
    rest = len(data) - 127
    if rest < 0:
        return bytes((len(data),)) + data
    digits = bytearray((127,))
    while rest >= 128:
        digits.append(rest % 128 + 128)
        rest //= 128
    return bytes((*digits, rest)) + data


def _size(header: Header) -> int:
    return len(header[0]) + len(header[1]) + _OVERHEAD_BYTES


class _Reader:
    """Reads the representations of a block (RFC 7541, 5)."""

    def __init__(self, block: bytes) -> None:
        self._block = block
        self._at = 0

    @property
    def has_more(self) -> bool:
        return self._at < len(self._block)

    def peek(self) -> int:
        if not self.has_more:
            raise HeadersError("the headers of the response end too early")
        return self._block[self._at]

    def integer(self, bits: int) -> int:
        """Return the integer that begins in the last *bits* bits of the next byte."""
        most = (1 << bits) - 1
        number = self._next() & most
        if number < most:
            return number
        for shift in (0, 7, 14, 21):
            byte = self._next()
            number += (byte & 0x7F) << shift
            if not byte & 0x80:
                return number
        raise HeadersError("a number in the headers of the response is too large")

    def text(self) -> str:
        is_compressed = bool(self.peek() & 0x80)
        length = self.integer(7)
        data = self._block[self._at : self._at + length]
        if len(data) < length:
            raise HeadersError("the headers of the response end too early")
        self._at += length
        return (_decompress(data) if is_compressed else data).decode("latin-1")

    def _next(self) -> int:
        byte = self.peek()
        self._at += 1
        return byte


@cache
def _symbols() -> Mapping[tuple[int, int], int]:
    """Return the byte of each Huffman code by its length and value: codes of one length are consecutive."""
    symbols: dict[tuple[int, int], int] = {}
    code = length = 0
    for symbol in sorted(range(len(_CODE_LENGTHS)), key=lambda symbol: (_CODE_LENGTHS[symbol], symbol)):
        code <<= _CODE_LENGTHS[symbol] - length
        length = _CODE_LENGTHS[symbol]
        symbols[length, code] = symbol
        code += 1
    return symbols


def _decompress(data: bytes) -> bytes:
    symbols = _symbols()
    text = bytearray()
    code = length = 0
    for byte in data:
        for shift in range(7, -1, -1):
            code = code << 1 | byte >> shift & 1
            length += 1
            symbol = symbols.get((length, code))
            if symbol is not None:
                if symbol > 0xFF:
                    raise HeadersError("a header of the response is no text")
                text.append(symbol)
                code = length = 0
    if length > 7 or code != (1 << length) - 1:  # the last byte is filled up with ones
        raise HeadersError("a header of the response is no text")
    return bytes(text)
