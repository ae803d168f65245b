"""Options and types of arguments that several commands have."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_LONGEST_S = 3600.0
"""More than any command needs; a sleep of more than 292 years is an error of Python's."""


def seconds(text: str) -> float:
    """Return *text* as a number of seconds. Raises ArgumentTypeError, which argparse prints, if it is none above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= _LONGEST_S:
        raise argparse.ArgumentTypeError(f"{text!r} must be a number of seconds above 0 and at most {_LONGEST_S:.0f}")
    return number


def port(text: str) -> int:
    """Return *text* as the number of a port. Raises ArgumentTypeError, which argparse prints, if it is none."""
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} must be the number of a port, 0 to 65535")
    return int(text)


def file(text: str) -> Path:
    """Return *text* as a path."""
    from pathlib import Path  # late, because a probe has no such option mostly, and starts in a few milliseconds

    return Path(text)


def names(text: str) -> tuple[str, ...]:
    """Return the names in the comma-separated list *text*."""
    return tuple(part.strip() for part in text.split(","))


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add ``--config``, the file of a command that reads the configuration."""
    parser.add_argument(
        "--config",
        metavar="FILE",
        help="the configuration file (default: $CSG_OTEL_CONFIG, else monitoring_config.yaml)",
    )


def add_timeout(parser: argparse.ArgumentParser, default_s: float, scope: str) -> None:
    """Add ``--timeout`` with its default in seconds; *scope* is what it limits, such as ``per target``."""
    parser.add_argument(
        "--timeout",
        type=seconds,
        default=default_s,
        metavar="S",
        help=f"time limit {scope} in seconds (default: {default_s:g})",
    )
