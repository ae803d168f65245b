"""
The file by which this user's command line gets access to a dashboard: its token, named for its port, in the state folder.

Only this user can read it. Each start writes another token, so that a program that gets the port later cannot use an old one.
The second line is the host that the dashboard listens on: at other addresses, another user's program may have the same port.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from csg_otel.private_folder import make_private_folder, open_private, state_home

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_BYTES: Final = 1024
"""More than a token and a host have."""

_ALL: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""Hosts that stand for all addresses of their kind (``::`` of both), so that no other user can listen on one of them, too."""


class Content(NamedTuple):
    """A token, and the host that its dashboard listens on."""

    token: str
    host: str

    def address_for(self, host: str) -> str:
        """Return the address of the dashboard for a client that names *host*; empty if another user may listen there."""
        if host == self.host:
            return host
        if not _is_address(host):  # a name such as `localhost` may lead to another address than the dashboard's
            return _ALL.get(self.host, self.host if _is_address(self.host) else "")
        return host if self.host == "::" or (self.host == "0.0.0.0" and ":" not in host) else ""


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


def folder(variables: Mapping[str, str]) -> Path | None:
    """Return the folder of the token files and of the key; None if the user has no state folder."""
    home = state_home(variables)
    return None if home is None else home / "csg-otel" / "dashboard"


def write(folder: Path, port: int, token: str, host: str = "127.0.0.1") -> None:
    """Write *token* for the dashboard on *host* and *port*. Raises OSError if that is not possible."""
    make_private_folder(folder)
    candidate = folder / f".{port}-{os.getpid()}-{secrets.token_hex(4)}"
    descriptor = os.open(candidate, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{token}\n{host}\n")
    candidate.replace(_path(folder, port))


def read(folder: Path, port: int) -> Content:
    """Return what the file for *port* holds; empty if there is none, or if another user could have put it there."""
    try:
        with os.fdopen(open_private(_path(folder, port)), "rb") as file:
            token, _, host = file.read(_MOST_BYTES).decode("ascii").partition("\n")
    except (OSError, UnicodeDecodeError):
        return Content("", "")
    return Content(token.strip(), host.strip())


def remove(folder: Path, port: int, token: str) -> None:
    """Remove the file if it still holds *token*: another process may have got the port."""
    if read(folder, port).token == token:
        with suppress(OSError):
            _path(folder, port).unlink()


def _path(folder: Path, port: int) -> Path:
    return folder / f"{port}.token"
