"""
The push of a file to a server on this machine: replace the file, make the server reload it, and verify that it did.

The rules: a file of another service, or of other people, is not replaced unless that is forced, and then a copy of it stays. If
the server does not confirm the new file, or an exception such as Ctrl-C ends the wait for that, the old file is restored and
reloaded. A file that is equal is confirmed, too: a copy or a push that was cut off may have written it. The modules
``prometheus.push`` and ``alertmanager.push`` verify that their server has loaded a file.
"""

from __future__ import annotations

import errno
import itertools
import os
import secrets
import shutil
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from csg_otel import clocks, regular_file
from csg_otel.alerts.push.plan import Change, Plan, PushError, Resource, plan
from csg_otel.alerts.text import owners

if TYPE_CHECKING:
    from csg_otel.alerts.push.api import Api

_CONFIRM_S: Final = 10.0
"""Time limit in seconds for a server to run with a reloaded file; it usually takes a fraction of a second."""

_TICK_S: Final = 0.1


class FilePush:
    """One push of one file to the server that reads it."""

    def __init__(
        self,
        api: Api,
        file: Path,
        text: str,
        *,
        notified_by: Callable[[Any], str],
        is_loaded: Callable[[], bool],
        cure: str,
        force: bool = False,
    ) -> None:
        """
        Prepare to replace *file* by *text*.

        Args:
            api: API of the server that reads the file.
            file: path of the file on this machine.
            text: desired content of the file, YAML.
            notified_by: returns the part of a parsed file that identifies firing alerts; if it changes, the server notifies
                again.
            is_loaded: returns whether the server runs with *text*. Raises PushError.
            cure: what to do if the file is another owner's.
            force: whether a file of another owner is replaced; by default it is an error.
        """
        self._api = api
        self._file = file
        self._text = text
        self._notified_by = notified_by
        self._is_loaded = is_loaded
        self._cure = cure
        self._force = force

    def plan(self) -> Plan:
        """
        Return the plan: create the file, update it, have it reloaded, or leave it.

        Raises PushError for a file that may not be replaced, and if the server does not say whether it runs with an equal one.
        """
        try:
            text = regular_file.read(self._file, regular_file.MAX_DOCUMENT_BYTES).decode("utf-8")
        except FileNotFoundError:
            return plan([self._resource(self._text)], [], prune=False)
        except (OSError, UnicodeError) as error:
            raise PushError(f"{self._file} can't be read: {error}; run as a user who may read and write it") from error
        if (owner := other_owner(text, self._text)) and not self._force:
            raise PushError(f"{self._file} {owner}, and a push replaces the whole file: {self._cure}")
        if text == self._text and not self._is_loaded():
            resource = self._resource(text)
            return Plan((Change("reload", resource, resource),))
        return plan([self._resource(self._text)], [self._resource(text)], prune=False)

    def _resource(self, text: str) -> Resource:
        try:
            notified_by = self._notified_by(yaml.safe_load(text))
        except (yaml.YAMLError, AttributeError, TypeError, ValueError, KeyError, RecursionError):  # a file of others
            notified_by = ""
        return Resource("file", str(self._file), str(self._file), text, {"text": text}, notified_by=notified_by)

    def secrets(self, _planned: Plan) -> tuple[str, ...]:
        """Return the secrets that the changes write: none, because no file of these servers contains one."""
        return ()

    def apply(self, planned: Plan) -> None:
        """
        Make the server run with the file. Raises PushError; then the file is as it was before.

        After any other exception, such as that of Ctrl-C, it is as it was before, too.
        """
        for change in planned.changes:
            if change.action == "reload":
                self._reload()
            else:
                self._replace(change.actual)

    def _replace(self, before: Resource | None) -> None:
        """Replace the file, of which *before* is the old one, and wait until the server runs with it."""
        try:
            self._write(before)
            self._reload()
        except BaseException as error:
            undone = self._restore(before)
            if isinstance(error, PushError):
                raise PushError(f"{error}; {undone}") from error
            raise

    def _write(self, before: Resource | None) -> None:
        try:
            if before is not None and other_owner(before.fingerprint, self._text):
                keep_copy(self._file)
            replace_file(self._file, self._text)
        except OSError as error:
            raise PushError(f"{self._file} can't be written: {error.strerror or error}") from error

    def _restore(self, before: Resource | None) -> str:
        """Restore the file as it was *before*, have it reloaded, and return in words what was done."""
        try:
            replaced = regular_file.read(self._file, regular_file.MAX_DOCUMENT_BYTES) == self._text.encode()
        except OSError:
            replaced = False
        if not replaced:
            return f"{self._file.name} is as it was"
        try:
            if before is None:
                _target(self._file).unlink()
                undone = f"{self._file.name} was removed again"
            else:
                replace_file(self._file, before.fingerprint)
                undone = f"the old {self._file.name} was restored"
        except OSError as error:
            return f"the old {self._file.name} can't be restored: {error.strerror or error}; push again"
        with suppress(PushError):  # the first error is the cause; this one would hide it
            self._api.call("POST", "/-/reload")
        return undone

    def _reload(self) -> None:
        """Make the server read the file again, and wait until it runs with it. Raises PushError."""
        self._api.call("POST", "/-/reload")
        deadline = clocks.monotonic() + _CONFIRM_S
        while not self._is_loaded():
            if clocks.monotonic() >= deadline:
                raise PushError(
                    f"{self._api.where} reloaded and does not run with {self._file}; check that it reads this file"
                )
            time.sleep(_TICK_S)


def other_owner(there: str, desired: str) -> str:
    """Return in words whose file *there* is, if it is another owner's than *desired*; else an empty text."""
    services = owners(there)
    if services is None:
        return "was not written by csg-otel" if there.strip() else ""
    if services == owners(desired):
        return ""
    if len(services) > 1:
        return f"belongs to the services {', '.join(services)}"
    return f"belongs to the service {services[0]}" if services else "belongs to a service without a name"


def keep_copy(file: Path) -> Path:
    """Copy *file* to a new file beside it, ``<name>.bak`` or ``<name>.bak2`` and so on, and return its path. Raises OSError."""
    numbers = itertools.chain([""], itertools.count(2))
    for copy in (file.with_name(f"{file.name}.bak{number}") for number in numbers):
        with suppress(FileExistsError):
            copy.touch(mode=0o600, exist_ok=False)
            shutil.copy2(file, copy)
            return copy
    raise AssertionError  # the names never end


def _target(file: Path) -> Path:
    """Return the path that *file* leads to, if it is a link of this user or of root. Raises PermissionError for other links."""
    try:
        status = file.lstat()
    except OSError:
        return file
    if stat.S_ISLNK(status.st_mode) and status.st_uid not in {0, os.geteuid()}:
        raise PermissionError(errno.EPERM, f"{file} is a link of another user; remove it")
    return Path(os.path.realpath(file))  # unlike Path.resolve(), it returns a path for links in a circle, too


def replace_file(file: Path, text: str) -> None:
    """Write *text* into *file*, whole or not at all, with its permissions; a link of this user stays one. Raises OSError."""
    file = _target(file)
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    mode = file.stat().st_mode & 0o777 if file.exists() else 0o644
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(mode)
        temporary.replace(file)
    except BaseException:  # Ctrl-C, too
        temporary.unlink(missing_ok=True)
        raise
