"""
The push to Prometheus and Alertmanager: the file is exchanged whole, the server told to read it, and asked whether it has.

The rule: where the server does not confirm the new file, the old one is put back and read again.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from csg_otel.alerts.push.plan import Plan, PushError, Thing, plan

if TYPE_CHECKING:
    from csg_otel.alerts.push.api import Api

_CONFIRM_S: Final = 10.0
_TICK_S: Final = 0.1


class FilePush:
    """One push of one file to the server that reads it."""

    def __init__(
        self, api: Api, file: Path, text: str, *, loud: Callable[[Any], str], read: Callable[[Api, Any], bool]
    ) -> None:
        """
        Make *file* of the server at *api* say *text*.

        *loud* returns what of a parsed file makes people hear again of what fires; *read* tells whether the server has read a
        parsed file (:data:`KINDS`).
        """
        self._api = api
        self._file = file
        self._text = text
        self._loud = loud
        self._read = read

    def plan(self) -> Plan:
        """Return what is to be done: the file made, exchanged, or left as it is."""
        wanted = self._thing(self._text)
        try:
            present = [self._thing(self._file.read_text(encoding="utf-8"))]
        except FileNotFoundError:
            present = []
        except OSError as error:
            raise PushError(f"{self._file} can't be read: {error}") from error
        return plan([wanted], present, prune=False)

    def _thing(self, text: str) -> Thing:
        try:
            loud = self._loud(yaml.safe_load(text))
        except (yaml.YAMLError, AttributeError, TypeError, KeyError):  # what somebody else has written
            loud = ""
        return Thing("file", str(self._file), str(self._file), text, {"text": text}, loud=loud)

    def apply(self, planned: Plan) -> None:
        """Exchange the file and see it read. Raises PushError after the old one was put back."""
        if not planned.changes:
            return
        before = planned.changes[0].present
        try:
            replace_file(self._file, self._text)
            self._reload(self._text)
        except (PushError, OSError) as error:
            told = f"the old {self._file.name} is back" if before is not None else f"{self._file.name} is gone again"
            if before is None:
                self._file.unlink(missing_ok=True)
            else:
                replace_file(self._file, before.mark)
            with suppress(PushError):  # what was wrong first is what has to be said
                self._api.call("POST", "/-/reload")
            raise PushError(f"{error}; {told}") from error

    def _reload(self, text: str) -> None:
        self._api.call("POST", "/-/reload")
        wanted = yaml.safe_load(text)
        deadline = time.monotonic() + _CONFIRM_S
        while not self._read(self._api, wanted):
            if time.monotonic() >= deadline:
                raise PushError(f"{self._api.where} was told to reload and does not show what {self._file} says")
            time.sleep(_TICK_S)


def replace_file(file: Path, text: str) -> None:
    """Make *file* say *text*, whole or not at all, with the permissions it has. Raises OSError."""
    made = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    mode = file.stat().st_mode & 0o777 if file.exists() else 0o644
    descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        made.chmod(mode)
        made.replace(file)
    except OSError:
        made.unlink(missing_ok=True)
        raise


# -- Prometheus ---------------------------------------------------------------------------------------------------------


def _alerts(file: Any) -> list[Mapping[str, Any]]:
    return [rule for group in file["groups"] for rule in group["rules"] if "alert" in rule]


def _loud_rules(file: Any) -> str:
    """Return the identities of the alerts: one that changes is resolved, and fires again."""
    return json.dumps(sorted([one["alert"], sorted((one.get("labels") or {}).items())] for one in _alerts(file)))


def _rules_read(api: Api, wanted: Any) -> bool:
    """Tell whether Prometheus has the groups of *wanted*, rule by rule, with their labels and annotations."""
    there = api.call("GET", "/api/v1/rules")["data"]["groups"]
    found = {group["name"]: [_rule(one) for one in group["rules"]] for group in there}
    return all(found.get(group["name"]) == [_rule(one) for one in group["rules"]] for group in wanted["groups"])


def _rule(one: Mapping[str, Any]) -> tuple[Any, ...]:
    name = one.get("name") or one.get("alert") or one.get("record")
    # Prometheus writes expressions in its own way; thresholds stand among the annotations.
    return (name, one.get("labels") or {}, one.get("annotations") or {})


# -- Alertmanager -------------------------------------------------------------------------------------------------------


def _tree(route: Mapping[str, Any]) -> list[Any]:
    # What Alertmanager remembers a notification by; times are not part of it.
    kept = {key: route.get(key) for key in ("receiver", "group_by", "matchers")}
    return [kept, [_tree(one) for one in route.get("routes") or ()]]


def _loud_routes(file: Any) -> str:
    """Return who is told in which groups: when that changes, all that fires is told again."""
    return json.dumps(_tree(file["route"]), sort_keys=True)


def _routes_read(api: Api, wanted: Any) -> bool:
    """Tell whether Alertmanager has the receivers and the tree of routes of *wanted*."""
    there = yaml.safe_load(api.call("GET", "/api/v2/status")["config"]["original"])
    names = [[one["name"] for one in file.get("receivers") or ()] for file in (there, wanted)]
    return names[0] == names[1] and _shape(there["route"]) == _shape(wanted["route"])


def _shape(route: Mapping[str, Any]) -> list[Any]:
    # Only what Alertmanager writes back as it was: it has durations in a form of its own.
    return [route.get("receiver"), [_shape(one) for one in route.get("routes") or ()]]


def rules(api: Api, file: Path, text: str) -> FilePush:
    """Return the push of a Prometheus rule *file*."""
    return FilePush(api, file, text, loud=_loud_rules, read=_rules_read)


def routes(api: Api, file: Path, text: str) -> FilePush:
    """Return the push of an Alertmanager configuration *file*."""
    return FilePush(api, file, text, loud=_loud_routes, read=_routes_read)
