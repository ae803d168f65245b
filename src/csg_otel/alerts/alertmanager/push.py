"""The push of a configuration to Alertmanager, which runs on this machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from csg_otel.alerts.push.files import FilePush

if TYPE_CHECKING:
    from csg_otel.alerts.push.api import Api


def push(api: Api, file: Path, text: str, *, force: bool = False) -> FilePush:
    """Return the push of *text* into the *file* of the Alertmanager at *api*; with *force*, also into a foreign file."""
    return FilePush(api, file, text, notified_by=_groups, is_loaded=_is_loaded, force=force)


def _groups(content: Any) -> str:
    """Return the routes with their receivers and groups: if they change, Alertmanager notifies again of all firing alerts."""
    return json.dumps(_tree(content["route"]), sort_keys=True)


def _tree(route: Mapping[str, Any]) -> list[Any]:
    # Alertmanager recognizes a notification it has sent by these keys; the intervals are not among them.
    keys = {key: route.get(key) for key in ("receiver", "group_by", "matchers")}
    return [keys, [_tree(child) for child in route.get("routes") or ()]]


def _is_loaded(api: Api, desired: Any) -> bool:
    """Return whether Alertmanager has the receivers and the tree of routes of *desired*."""
    loaded = yaml.safe_load(api.call("GET", "/api/v2/status")["config"]["original"])
    names = [[receiver["name"] for receiver in content.get("receivers") or ()] for content in (loaded, desired)]
    return names[0] == names[1] and _receivers(loaded["route"]) == _receivers(desired["route"])


def _receivers(route: Mapping[str, Any]) -> list[Any]:
    # Other fields can't be compared: Alertmanager formats durations its own way.
    return [route.get("receiver"), [_receivers(child) for child in route.get("routes") or ()]]
