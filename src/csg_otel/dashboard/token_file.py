"""
The file by which this user's command line gets access to a dashboard: its token, named for its port, in the state folder.

Only this user can read it. Each start writes another token, so that a program that gets the port later cannot use an old one.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from csg_otel.private_folder import make_private_folder, open_private, state_home

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_BYTES: Final = 1024
"""More than a token has."""


def folder(variables: Mapping[str, str]) -> Path | None:
    """Return the folder of the token files and of the key; None if the user has no state folder."""
    home = state_home(variables)
    return None if home is None else home / "csg-otel" / "dashboard"


def write(folder: Path, port: int, token: str) -> None:
    """Write *token* for the dashboard on *port*. Raises OSError if that is not possible."""
    make_private_folder(folder)
    candidate = folder / f".{port}-{os.getpid()}-{secrets.token_hex(4)}"
    descriptor = os.open(candidate, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{token}\n")
    candidate.replace(_path(folder, port))


def read(folder: Path, port: int) -> str:
    """Return the token of the dashboard on *port*; empty if there is none, or if another user could have put it there."""
    try:
        with os.fdopen(open_private(_path(folder, port)), "rb") as file:
            return file.read(_MOST_BYTES).decode("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def remove(folder: Path, port: int, token: str) -> None:
    """Remove the file if it still holds *token*: another process may have got the port."""
    if read(folder, port) == token:
        with suppress(OSError):
            _path(folder, port).unlink()


def _path(folder: Path, port: int) -> Path:
    return folder / f"{port}.token"
