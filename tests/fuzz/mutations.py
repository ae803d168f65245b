"""
A small fuzzer: it changes valid inputs at random and reports the inputs that a target does not survive.

A crash is an exception that the target does not declare, an input that costs more than a second, or memory that grows. The same
seed makes the same inputs, so that the bytes in a failure's message are the whole reproducer.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psutil

MOST_BYTES = 4096
"""Bytes of the longest input: longer ones find no more, and cost more."""
SLOW_S = 1.0
"""Seconds of this process's own time for one input; a busy machine does not lengthen them."""
GROWTH_BYTES = 96 * 1024 * 1024
"""Growth of the process's memory between a quarter of the inputs and the end, above which something is kept."""
SHOWN = 5


@dataclass(frozen=True)
class Target:
    """
    What is fuzzed.

    Args:
        run: Takes an input; raises AssertionError where the answer is wrong.
        seeds: Valid inputs, which are changed.
        words: Parts that mean something, which are put in.
        declared: Exceptions that *run* may raise.
    """

    run: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    words: tuple[bytes, ...]
    declared: tuple[type[Exception], ...] = ()


_NUMBERS = (b"0", b"-1", b"1e999", b"18446744073709551616", b"9" * 60, b"NaN", b"\xff\xff\xff\xff", b"\x00", b"\x80")
_TEXTS = (
    b"\xc3\xa4",
    b"\xed\xa0\x80",
    b"\xf0\x9f\x98\x80",
    b"\r\n",
    b"\t",
    b" ",
    b"%00",
    b"\\",
    b'"',
    b"'",
    b"\x1b[2J",
    b"=" * 9,
)


def inputs(target: Target, seed: int) -> Iterator[bytes]:
    """Yield changed inputs of *target* without end."""
    rng = random.Random(seed)
    words = (*target.words, *_NUMBERS, *_TEXTS)
    while True:
        data = bytearray(rng.choice(target.seeds))
        for _ in range(rng.choice((1, 1, 1, 2, 3, 5, 8))):
            _change(rng, data, words, target.seeds)
        yield bytes(data[:MOST_BYTES])


def _change(rng: random.Random, data: bytearray, words: tuple[bytes, ...], seeds: tuple[bytes, ...]) -> None:
    """Change *data* in one of eight ways."""
    start = rng.randrange(len(data) + 1)
    end = min(len(data), start + rng.choice((1, 1, 2, 4, 16, 64)))
    way = rng.randrange(8)
    if way == 0 and start < len(data):
        data[start] ^= 1 << rng.randrange(8)
    elif way == 1 and start < len(data):
        data[start] = rng.randrange(256)
    elif way == 2:
        del data[start:end]
    elif way == 3:
        data[start:start] = rng.choice(words)
    elif way == 4:
        data[start:end] = rng.choice(words)
    elif way == 5:
        data[start:start] = data[start:end] * rng.choice((1, 2, 50))
    elif way == 6:
        other = rng.choice(seeds)
        data[start:] = other[rng.randrange(len(other) + 1) :]
    else:
        del data[start:]


def crashes(target: Target, count: int, seed: int) -> list[str]:
    """Run *count* inputs, and return a line for each of the first that crashed."""
    process = psutil.Process()
    lines: list[str] = []
    before = 0
    for number, data in enumerate(inputs(target, seed)):
        if number == count or len(lines) >= SHOWN:
            break
        if number == count // 4:
            before = process.memory_info().rss
        started = time.thread_time()
        try:
            target.run(data)
        except target.declared:
            pass
        except Exception as error:
            lines.append(f"{type(error).__name__}: {error}: {data!r}")
        if (seconds := time.thread_time() - started) > SLOW_S:
            lines.append(f"{seconds:.1f} s: {data!r}")
    growth = process.memory_info().rss - before
    if before and growth > GROWTH_BYTES:
        lines.append(f"the memory grew by {growth / 2**20:.0f} MiB")
    return lines
