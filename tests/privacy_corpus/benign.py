"""The harmless half of the corpus: rows as they are, and random ids, digests and times, which look like tokens."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any, Final

from privacy_corpus.benign_rows import ATTRIBUTES, LINES
from privacy_corpus.items import Item

_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_BASE62: Final = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PROSE: Final = ("hello world", "orders of the day", '{"page": 2, "sort": "asc"}', "<svg width='4'/>", "a,b,c\n1,2,3\n")


def _hex(digits: int) -> Callable[[random.Random], str]:
    return lambda rng: f"{rng.getrandbits(digits * 4):0{digits}x}"


def _uuid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=rng.choice([1, 4, 5])))


def _moment(rng: random.Random) -> float:
    return 1790000000 + rng.random() * 10**7


_RANDOM: Final[dict[str, tuple[Callable[[random.Random], Any], ...]]] = {
    # kind: makers of a value; the kind's first word is the key
    "trace_id": (_hex(32), lambda rng: f"00-{rng.getrandbits(128):032x}-{rng.getrandbits(64):016x}-01"),
    "span_id": (_hex(16),),
    "request.id": (_uuid, lambda rng: _uuid(rng).upper(), lambda rng: f"req_{_hex(24)(rng)}"),
    "vcs.revision": (_hex(40), _hex(12), lambda rng: f"v2.14.{rng.randint(0, 9)}-{rng.randint(2, 90)}-g{_hex(7)(rng)}"),
    "container.image.digest": (lambda rng: f"sha256:{_hex(64)(rng)}", lambda rng: f"acme/api@sha256:{_hex(64)(rng)}"),
    "http.response.header.etag": (
        lambda rng: f'W/"{_hex(10)(rng)}"',
        lambda rng: f'"{_hex(32)(rng)}-{rng.randint(2, 40)}"',
        lambda rng: f'"{base64.b64encode(rng.randbytes(20)).decode()}"',
    ),
    "event.ulid": (lambda rng: "01J" + "".join(rng.choices(_CROCKFORD, k=23)),),
    "event.ksuid": (lambda rng: "2" + "".join(rng.choices(_BASE62, k=26)),),
    "event.time": (
        lambda rng: int(_moment(rng) * 1000),
        lambda rng: str(int(_moment(rng) * 10**9)),
        lambda rng: f"{_moment(rng):.6f}",
        lambda rng: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(_moment(rng))),
        lambda rng: time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(_moment(rng))),
    ),
    "app.version": (
        lambda rng: f"{rng.randint(0, 20)}.{rng.randint(0, 40)}.{rng.randint(0, 99)}",
        lambda rng: f"{rng.randint(90, 140)}.0.{rng.randint(1000, 7000)}.{rng.randint(1, 250)}",
        lambda rng: f"1.{rng.randint(0, 40)}.0-rc.{rng.randint(1, 9)}+{_hex(8)(rng)}",
    ),
    "network.peer.address": (
        lambda rng: f"10.{rng.randint(0, 255)}.{rng.randint(0, 255)}.{rng.randint(1, 254)}",
        lambda rng: f"192.168.{rng.randint(0, 255)}.{rng.randint(1, 254)}",
        lambda rng: f"172.{rng.randint(16, 31)}.{rng.randint(0, 255)}.{rng.randint(1, 254)}",
        lambda rng: f"fe80::{rng.getrandbits(16):x}:{rng.getrandbits(16):x}:{rng.getrandbits(16):x}",
    ),
    "payload.encoded": (
        lambda rng: base64.b64encode(rng.choice(_PROSE).encode()).decode(),
        lambda rng: base64.b64encode(rng.randbytes(rng.randint(24, 90))).decode(),
        lambda rng: base64.b64encode(json.dumps({"page": rng.randint(1, 9)}).encode()).decode(),
    ),
    "content.digest": (
        lambda rng: "sha-256=:" + base64.b64encode(hashlib.sha256(rng.randbytes(4)).digest()).decode() + ":",
        lambda rng: hashlib.sha256(rng.randbytes(4)).hexdigest(),
        lambda rng: hashlib.sha256(rng.randbytes(4)).hexdigest().upper(),
        lambda rng: hashlib.md5(rng.randbytes(4)).hexdigest(),
    ),
    "k8s.pod.name": (
        lambda rng: f"orders-{_hex(9)(rng)}-{''.join(rng.choices('bcdfghjklmnpqrstvwxz2456789', k=5))}",
        lambda rng: f"token-rotator-{rng.randint(28900000, 28999999)}-{''.join(rng.choices('bcdfghjklmnpqrst', k=5))}",
    ),
    "asset.path": (
        lambda rng: f"/static/app.{_hex(20)(rng)}.js",
        lambda rng: f"s3://acme-logs/2026/11/27/{_uuid(rng)}.json.gz",
        lambda rng: f"/tmp/tmp{''.join(rng.choices(_BASE62.lower(), k=8))}/part-0000{rng.randint(0, 9)}.parquet",
    ),
    "measured": (lambda rng: rng.random() * 10**4, lambda rng: rng.randint(0, 10**12), lambda rng: rng.random() < 0.5),
    "order.number": (lambda rng: f"{rng.randint(10**7, 10**9)}", lambda rng: f"ORD-{rng.randint(10**5, 10**6)}-DE"),
    "memory.address": (lambda rng: f"<orders.Session object at 0x7f{_hex(10)(rng)}>",),
    "aws.arn": (
        lambda rng: f"arn:aws:iam::{rng.randint(10**11, 10**12 - 1)}:role/orders-api",
        lambda rng: f"arn:aws:acm:eu-central-1:{rng.randint(10**11, 10**12 - 1)}:certificate/{_uuid(rng)}",
    ),
}
_TEXT_FRAMES: Final = ("{}", "handled {} in 12 ms", "id={} status=ok", '{{"ref": "{}", "n": 3}}')


def benign(rng: random.Random, rounds: int = 4) -> Iterator[Item]:
    """Yield the rows of `benign_rows`, and *rounds* random values of each kind, alone and in texts."""
    for row in ATTRIBUTES.split("\n"):
        key, _, text = row.partition(" = ")
        yield Item("benign", "attribute", key, _value(text))
    for row in LINES.split("\n"):
        yield Item("benign", "text", rng.choice(["", "", "event.detail"]), row)
    for key, makers in _RANDOM.items():
        for make in makers:
            for _ in range(rounds):
                value = make(rng)
                yield Item("benign", "random", key, value)
                if isinstance(value, str) and '"' not in value:
                    yield Item("benign", "random", "", rng.choice(_TEXT_FRAMES).format(value), (), "sentence")


def _value(text: str) -> Any:
    """Return a list as a list, a whole number as a number, everything else as the text it is."""
    if text.startswith('["'):
        return json.loads(text)
    return int(text) if text.isdigit() and text == str(int(text)) else text
