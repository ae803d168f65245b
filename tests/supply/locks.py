"""
The pins of a lock file, as `make lock` writes them: name, version, marker, hashes and, where annotated, who needs it.

Reads text and nothing else. A line that is no pin with hashes is an error, so that nothing is left out without a word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "requirements"

_PIN = re.compile(
    r"(?P<name>[a-z0-9-]+)==(?P<version>[\w.!]+)(?: ; (?P<marker>[^/]+?))?(?P<hashes>(?: +--hash=sha256:[0-9a-f]{64})+)"
)


@dataclass(frozen=True)
class Pin:
    """
    One line of a lock.

    Args:
        name: The package, in the index's spelling.
        version: The only version allowed.
        marker: The environments it is for; "" for all.
        hashes: SHA-256 of every file of this version, in hex, sorted.
        needed_by: Names of the packages that need it, sorted; empty where the lock has no annotations.
    """

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]
    needed_by: tuple[str, ...] = ()


def read(name: str, folder: Path = FOLDER) -> list[Pin]:
    """Return the pins of the lock *name*, in the order of the file. Raise ValueError on a line that is none."""
    text = (folder / f"{name}.lock").read_text(encoding="utf-8")
    pins: list[Pin] = []
    annotations: list[list[str]] = []
    for line in text.replace("\\\n", " ").splitlines():
        if line.startswith("    #"):
            annotations[-1].append(line.strip(" #").removeprefix("via").strip())
        elif pin := _PIN.fullmatch(line):
            hashes = re.findall(r"sha256:([0-9a-f]{64})", pin["hashes"])
            pins.append(Pin(pin["name"], pin["version"], pin["marker"] or "", tuple(sorted(hashes))))
            annotations.append([])
        else:
            raise ValueError(f"{name}.lock: {line.split(' --hash')[0]!r} is no pin with hashes: run `make lock`")
    return [
        Pin(pin.name, pin.version, pin.marker, pin.hashes, _parents(words))
        for pin, words in zip(pins, annotations, strict=True)
    ]


def _parents(words: list[str]) -> tuple[str, ...]:
    """Drop from an annotation what names a file: constraints, and the project's own `(pyproject.toml)`."""
    return tuple(sorted(word.split(" ")[0] for word in words if word and not word.startswith("-")))
