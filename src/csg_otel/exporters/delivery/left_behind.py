"""
Alerts on disk that no destination of this program delivers: of a channel that was renamed, or of an address that was corrected.

A spool has a file ``about`` beside the folders of its processes: with the service that has written it, and the name and the
address of its destination. The rule: such alerts are counted and reported, and never sent elsewhere, because another address
may belong to other people.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from csg_otel.exporters.delivery.segment import Segment
from csg_otel.exporters.delivery.spool import ABOUT, SEGMENT_NAME, lock_of_the_dead
from csg_otel.private_folder import private_folder_at

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """Alerts that wait in *folder* for a destination with this *name* and *address*, which has no secret."""

    name: str
    address: str
    items: int
    folder: Path


def about(service: str, name: str, address: str) -> str:
    """Return what the file ``about`` of a destination of *service* has."""
    return json.dumps({"service": service, "name": name, "address": address})


def alerts(root: Path, service: str, present: Collection[str], max_age_s: float) -> Iterator[LeftBehind]:
    """
    Yield the alerts that dead processes of *service* have left in spools below *root*.

    Args:
        root: Folder of all spools of this user.
        service: Name of the service.
        present: Names of the folders of this program's own destinations, which adopt their alerts.
        max_age_s: Seconds after which an alert is not delivered any more.
    """
    with suppress(OSError):
        if not root.is_dir():
            return
        for folder in sorted(private_folder_at(root).iterdir()):
            if folder.name in present or folder.is_symlink() or (origin := _about(folder)).get("service") != service:
                continue
            items = sum(_alerts_in(process, max_age_s) for process in folder.iterdir() if process.is_dir())
            if items:
                yield LeftBehind(str(origin.get("name")), str(origin.get("address")), items, folder)


def _about(folder: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError, RecursionError):
        content = json.loads((folder / ABOUT).read_bytes())
        return content if isinstance(content, dict) else {}
    return {}


def _alerts_in(folder: Path, max_age_s: float) -> int:
    """Return the number of alerts in the *folder* of a dead process; 0 if the process lives."""
    oldest_s, items = time.time() - max_age_s, 0
    with suppress(OSError):
        lock = None if folder.is_symlink() else lock_of_the_dead(folder)
        if lock is None:
            return 0
        try:
            for path in folder.iterdir():
                name = SEGMENT_NAME.fullmatch(path.name)
                segment = Segment.inherit(path, name[1]) if name is not None and name[1] == "alerts" else None
                if segment is not None:
                    items += sum(ref.count for ref in segment.undelivered() if ref.at >= oldest_s)
                    segment.file.close()
        finally:
            lock.close()
    return items
