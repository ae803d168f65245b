"""
Who may use the dashboard: the cookie of a login, a token of ``security.api_auth``, or the token in the user's token file.

A login begins with a one-time link. Sessions are signed, not stored, so they survive a restart of the program where the user
has a state folder for the key. All comparisons of secrets take the same time whatever is sent.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from csg_otel import clocks, forks
from csg_otel.dashboard import token_file
from csg_otel.private_folder import make_private_folder, private_key
from csg_otel.server.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from csg_otel.config.sections.security import ApiAuth
    from csg_otel.server.messages import Request

_log = logging.getLogger("csg_otel")

_SESSION_S: Final = 7 * 86400
"""Seconds for which a login is valid; opening the page renews it."""

_LINK_S: Final = 86400.0
"""Seconds for which a link is valid."""

_MOST_LINKS: Final = 16
"""Most links that have not been used; then the oldest becomes invalid."""


class Credential(NamedTuple):
    """What a request was let in by; ``csrf`` is the token that its actions need, empty if they need none."""

    csrf: str
    is_session: bool = False


class Access:
    """The credentials of one dashboard."""

    def __init__(self, auth: ApiAuth, variables: Mapping[str, str]) -> None:
        """Accept the tokens of *auth*; *variables* are those of the environment."""
        self._auth = auth
        self._configured = Tokens.of(auth)
        self._folder = token_file.folder(variables)
        self._token = secrets.token_urlsafe(32)
        self._own = Tokens([self._token])
        self._key = secrets.token_bytes(32)
        self._port = 0
        self._flags = ""
        """The cookie's flags beyond those that it always has: browsers send it over TLS only, if there is TLS."""
        self._links: dict[bytes, float] = {}
        """The monotonic time until which each link is valid, by the hash of its token."""
        self._written: Path | None = None
        forks.follow(self.reset_after_fork)

    def reset_after_fork(self) -> None:
        """Leave the token file to the parent."""
        self._written = None

    def open(self, host: str, port: int, *, secure: bool = False) -> None:
        """Let this user's command line in by the token file, if there can be one. A new port makes new sessions."""
        self._port = port
        self._flags = "; Secure" if secure else ""
        if self._folder is None:
            return
        try:
            make_private_folder(self._folder)
            self._key = private_key(self._folder)
            token_file.write(self._folder, port, self._token, host)
            self._written = self._folder
        except OSError as error:
            _log.info(
                "no token file for the dashboard (%s): the command line needs a token of security.api_auth", error
            )

    def close(self) -> None:
        """Remove the token file."""
        if self._written is not None:
            token_file.remove(self._written, self._port, self._token)
            self._written = None

    # -- links -----------------------------------------------------------------------------------------------------

    def new_link_token(self) -> str:
        """Return the token of a new link; may be called on any thread."""
        token = secrets.token_urlsafe(32)
        self._links[_hash(token)] = clocks.monotonic() + _LINK_S
        while len(self._links) > _MOST_LINKS:
            self._links.pop(next(iter(self._links)), None)
        return token

    def redeem(self, token: str) -> bool:
        """Return whether *token* is that of a link that is valid; it is not valid any more."""
        return self._links.pop(_hash(token), 0.0) > clocks.monotonic()

    # -- sessions --------------------------------------------------------------------------------------------------

    def new_cookie(self) -> str:
        """Return the value of the header ``Set-Cookie`` that begins a session, or renews it."""
        content = f"{int(time.time()) + _SESSION_S}.{secrets.token_hex(8)}"
        session = f"{content}.{self._signature('session', content)}"
        return f"{self._cookie}={session}; Path=/; Max-Age={_SESSION_S}; HttpOnly; SameSite=Strict{self._flags}"

    @property
    def _cookie(self) -> str:
        """The name of the cookie: browsers send cookies to all ports of a host, so it has the port."""
        return f"csg_otel_{self._port}"

    def credential(self, request: Request) -> Credential | None:
        """Return what lets *request* in; None if nothing does."""
        header = request.headers.get("authorization", "")
        is_own, is_configured = self._own.accept(header), self._configured.accept(header) and self._auth.enabled
        if is_own or (is_configured and self._auth.method != "basic"):
            return Credential("")
        if is_configured:  # browsers send user and password by themselves, as they send cookies
            return Credential(self._signature("csrf", header))
        session = self._session(request.headers.get("cookie", ""))
        return None if session is None else Credential(self._signature("csrf", session), is_session=True)

    def _session(self, cookies: str) -> str | None:
        """Return the session in the header ``Cookie``, if it is valid."""
        # Not by http.cookies: it stops at the first cookie, perhaps of another program on this host, that it does not like.
        for pair in cookies.split(";"):
            name, _, session = pair.strip().partition("=")
            content, _, signature = session.rpartition(".")
            if name != self._cookie or not hmac.compare_digest(
                signature.encode(), self._signature("session", content).encode()
            ):
                continue
            if int(content.partition(".")[0]) > time.time():
                return session
        return None

    def _signature(self, use: str, content: str) -> str:
        return hmac.new(self._key, f"{use} {self._port} {content}".encode(), hashlib.sha256).hexdigest()


def _hash(token: str) -> bytes:
    """Return what a link is kept by: looking a hash up takes no time that depends on the token."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
