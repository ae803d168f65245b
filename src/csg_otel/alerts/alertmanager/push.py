"""The push of a configuration to Alertmanager, which runs on this machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from csg_otel.alerts.push.files import FilePush
from csg_otel.alerts.push.plan import PushError

if TYPE_CHECKING:
    from csg_otel.alerts.push.api import Api

_CURE: Final = "combine both by `csg-otel alerts merge`, choose another file, or give --force, which keeps a copy"

_HASH: Final = "alertmanager_config_hash"
"""The metric of Alertmanager that identifies the file it runs with, byte by byte."""


def push(api: Api, file: Path, text: str, *, force: bool = False) -> FilePush:
    """Return the push of *text* into the *file* of the Alertmanager at *api*; with *force*, also into a foreign file."""

    def is_loaded() -> bool:
        return _loaded_hash(api) == _hash(text)

    return FilePush(api, file, text, notified_by=_groups, is_loaded=is_loaded, cure=_CURE, force=force)


def _groups(content: Any) -> str:
    """Return the routes with their receivers and groups: if they change, Alertmanager notifies again of all firing alerts."""
    return json.dumps(_tree(content["route"]), sort_keys=True)


def _tree(route: Mapping[str, Any]) -> list[Any]:
    # Alertmanager recognizes a notification it has sent by these keys; the intervals are not among them.
    keys = {key: route.get(key) for key in ("receiver", "group_by", "matchers")}
    return [keys, [_tree(child) for child in route.get("routes") or ()]]


def _hash(text: str) -> int:
    """Return the hash of a file as Alertmanager computes it: the first 48 bits of its MD5, which a float holds exactly."""
    return int.from_bytes(hashlib.md5(text.encode(), usedforsecurity=False).digest()[:6], "little")


def _loaded_hash(api: Api) -> float:
    """Return the hash of the file that Alertmanager runs with. Raises PushError."""
    for line in api.text("GET", "/metrics").splitlines():
        name, _, value = line.partition(" ")
        if name == _HASH:
            return float(value)
    raise PushError(f"{api.where}/metrics has no {_HASH}; check that it is the address of Alertmanager itself")
