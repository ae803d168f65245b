"""
Which alerts the people of a channel have been notified of, so that the same alert is no second notification.

As Alertmanager does it: an alert that is sent again while it is active notifies again only after the repeat interval, and the
end of an alert notifies once. The record is a file beside the spool, because a script that is started every minute is another
process each time. Processes that write it at the same moment join what they have; at worst one notification is repeated. The
file has ids and times only.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from csg_otel.private_folder import open_private, private_folder_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from csg_otel.alerts.events import Event

_MOST: Final = 2000
"""Most alerts that are remembered; beyond them the oldest are forgotten."""
_MAX_BYTES: Final = 1024 * 1024
_WEEK_S: Final = 7 * 86_400.0

_log = logging.getLogger("csg_otel")


class _LastNotice(NamedTuple):
    """The last notification of an alert; *until_s* is None while it lasts without an end. All times are in Unix seconds."""

    at_s: float
    until_s: float | None
    over: bool


class Notified:
    """The alerts that one channel was notified of."""

    def __init__(self, folder: Path | None, destination: str, repeat_s: float) -> None:
        """
        Prepare the record; reads nothing yet.

        Args:
            folder: Folder of the spools; None keeps the record in memory only.
            destination: Name of the channel, a line break, and its address; the name of the file depends on both.
            repeat_s: Seconds after which an alert that is still sent notifies again.
        """
        name = re.sub(r"[^A-Za-z0-9_.-]+", "-", destination.split("\n", 1)[0])[:40]
        self._folder = folder
        self._name = f"notified-{name}-{hashlib.sha256(destination.encode()).hexdigest()[:12]}.json"
        self._repeat_s = repeat_s
        self._entries: dict[str, _LastNotice] = {}

    def due(self, sent: Sequence[Event], now_s: float, *, ends: bool) -> list[Event]:
        """
        Return those of *sent*, in order, that the channel has to be notified of at *now_s*; of each alert its last state only.

        The end of an alert is one of them if *ends*, or if the channel has not been notified of the alert itself: then it is
        the only notice of it.
        """
        self._read()
        last = {event.id: event for event in sent}
        began = {event.id for event in sent if event.resolved_at is None}
        return [event for key, event in last.items() if self._notifies(event, now_s, ends=ends, is_whole=key in began)]

    def _notifies(self, event: Event, now_s: float, *, ends: bool, is_whole: bool) -> bool:
        entry = self._entries.get(event.id)
        if event.resolved_at is None:
            if entry is None or entry.over:
                return True
            ended = entry.until_s is not None and event.at > entry.until_s
            return ended or not 0 <= now_s - entry.at_s < self._repeat_s  # below 0: the clock was set back
        if entry is None or entry.over:
            return is_whole or (ends and entry is None)
        return ends

    def record(self, sent: Iterable[Event], notified: Iterable[Event], now_s: float) -> None:
        """Record that the channel was *notified* at *now_s*, and that the others of *sent* are still active or over."""
        ids = {event.id for event in notified}
        self._read()
        for event in sent:
            earlier = self._entries.pop(event.id, None)
            is_new = event.id in ids or earlier is None or event.resolved_at is not None
            at_s = now_s if is_new or earlier is None else earlier.at_s
            until_s = event.until
            if earlier is not None and earlier.until_s is None and event.resolved_at is None:
                until_s = None
            self._entries[event.id] = _LastNotice(at_s, until_s, event.resolved_at is not None)
        kept = [(key, entry) for key, entry in self._entries.items() if now_s - entry.at_s < _WEEK_S]
        self._entries = dict(kept[-_MOST:])
        self._write()

    def _read(self) -> None:
        """Add what other processes have recorded: of each alert the newer notification counts."""
        if self._folder is None:
            return
        with suppress(OSError, ValueError, TypeError, AttributeError, RecursionError):  # damaged, or of another version
            with os.fdopen(open_private(private_folder_at(self._folder) / self._name), "rb") as file:
                content: dict[str, Any] = json.loads(file.read(_MAX_BYTES))
            for key, (at_s, until_s, over) in content.items():
                entry = _LastNotice(float(at_s), None if until_s is None else float(until_s), bool(over))
                if key not in self._entries or _is_newer(entry, self._entries[key]):
                    self._entries[str(key)] = entry

    def _write(self) -> None:
        """Replace the file, whole or not at all."""
        if self._folder is None:
            return
        try:
            folder = private_folder_at(self._folder)
            new = folder / f".{self._name}-{os.getpid()}-{secrets.token_hex(4)}"
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                json.dump(self._entries, file)
            new.replace(folder / self._name)
        except OSError as error:
            _log.debug("the notifications of this process are remembered in memory only (%s)", error)


def _is_newer(one: _LastNotice, other: _LastNotice) -> bool:
    """Return whether *one* is of a later notification than *other*, or of an alert that lasts longer."""
    return (one.at_s, one.until_s or math.inf) > (other.at_s, other.until_s or math.inf)
