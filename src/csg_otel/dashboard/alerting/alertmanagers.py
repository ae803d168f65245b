"""
The Alertmanagers of the configuration: their silences, read at most every ten seconds, and new silences.

The rule: a caller waits for two seconds at most; where one does not answer, the others and the last answer are shown.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from csg_otel import clocks, net
from csg_otel.dashboard.source import SourceError
from csg_otel.net import addresses
from csg_otel.privacy.active import scrubber

if TYPE_CHECKING:
    from csg_otel.dashboard.model import AlertmanagerRow, Silence

_CACHED_S: Final = 10.0
_READ_S: Final = 2.0
_WRITE_S: Final = 4.0
_MAX_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ActiveSilence:
    """A silence that is active, and its matchers as (label, value, is a regular expression, is equal)."""

    row: Silence
    matchers: tuple[tuple[str, str, bool, bool], ...]

    def matches(self, labels: Mapping[str, str], unknown: Iterable[str]) -> bool:
        """Return whether it silences an alert with *labels*; the labels *unknown*, which a scrape adds, may have any value."""
        for label, wanted, is_regex, is_equal in self.matchers:
            if label in unknown and label not in labels:
                continue
            value = labels.get(label, "")
            if (_full_match(wanted, value) if is_regex else value == wanted) != is_equal:
                return False
        return True


class Alertmanagers:
    """The Alertmanagers at some addresses (URLs, with user and password where they need them)."""

    def __init__(self, urls: Sequence[str]) -> None:
        """Prepare; nothing is sent yet."""
        self._addresses = tuple(url.rstrip("/") for url in urls)
        self._refreshing = threading.Lock()
        self._next_read_s = -1.0
        self._rows: tuple[AlertmanagerRow, ...] = tuple(
            {"address": addresses.shown(address), "reachable": False, "error": "not asked yet"}
            for address in self._addresses
        )
        self._silences: dict[str, tuple[ActiveSilence, ...]] = {}

    def __bool__(self) -> bool:
        """Whether there is one."""
        return bool(self._addresses)

    def read(self) -> tuple[tuple[AlertmanagerRow, ...], list[ActiveSilence]]:
        """Return whether each answered, and all silences that are active; of the last ten seconds, or read within two."""
        if self._addresses and clocks.monotonic() >= self._next_read_s and self._refreshing.acquire(blocking=False):
            try:
                self._refresh()
                self._next_read_s = clocks.monotonic() + _CACHED_S
            finally:
                self._refreshing.release()
        unique = {silence.row["id"]: silence for silences in self._silences.values() for silence in silences}
        return self._rows, list(unique.values())

    def _refresh(self) -> None:
        deadline = clocks.monotonic() + _READ_S
        rows: list[AlertmanagerRow] = []
        for place, address in enumerate(self._addresses):
            # Each gets its share of the time, so that one that hangs does not hide the others.
            timeout_s = max(0.1, (deadline - clocks.monotonic()) / (len(self._addresses) - place))
            try:
                answer = _request("GET", address, timeout_s)
                self._silences = {**self._silences, address: tuple(active(answer))}
                error = ""
            except SourceError as problem:
                error = str(problem)
            rows.append({"address": addresses.shown(address), "reachable": not error, "error": error})
        self._rows = tuple(rows)

    def silence(self, matchers: Mapping[str, str], duration_s: float, now: float, *, comment: str, author: str) -> str:
        """
        Silence the alerts whose labels equal *matchers*, and return the id of the silence. Raises SourceError.

        The first Alertmanager that answers gets it; those of a cluster share their silences.

        Args:
            matchers: labels and their values.
            duration_s: seconds for which it is active.
            now: Unix seconds.
            comment: text for people.
            author: the person who makes it.
        """
        body = {
            "matchers": [
                {"name": name, "value": value, "isRegex": False, "isEqual": True} for name, value in matchers.items()
            ],
            "startsAt": _rfc3339(now),
            "endsAt": _rfc3339(now + duration_s),
            "createdBy": author,
            "comment": comment,
        }
        deadline, problems = clocks.monotonic() + _WRITE_S, []
        for place, address in enumerate(self._addresses):
            timeout_s = max(0.1, (deadline - clocks.monotonic()) / (len(self._addresses) - place))
            try:
                answer = _request("POST", address, timeout_s, json.dumps(body).encode())
            except SourceError as problem:
                problems.append(f"{addresses.shown(address)}: {problem}")
                continue
            self._next_read_s = -1.0
            if isinstance(answer, dict) and isinstance(answer.get("silenceID"), str):
                return str(answer["silenceID"])
            problems.append(f"{addresses.shown(address)}: the answer has no silenceID; is it an Alertmanager?")
        raise SourceError("no silence was made; " + "; ".join(problems))


def _request(method: str, address: str, timeout_s: float, body: bytes | None = None) -> Any:
    """Return the answer of ``/api/v2/silences``. Raises SourceError."""
    try:
        response = net.request(
            method,
            addresses.below(address, "/api/v2/silences"),
            timeout_s=timeout_s,
            body=body,
            headers={"Content-Type": "application/json"} if body else None,
            max_bytes=_MAX_BYTES,
        )
    except TimeoutError:
        raise SourceError(f"no answer within {timeout_s:.1f} s") from None
    except (OSError, ValueError) as error:
        raise SourceError(f"can't be reached: {getattr(error, 'strerror', None) or error}") from error
    text = response.body.decode("utf-8", "replace")
    if not response.ok:
        raise SourceError(f"HTTP {response.status}: {text[:200].strip()}")
    try:
        return json.loads(text)
    except ValueError:
        raise SourceError("the answer is no JSON; is it an Alertmanager?") from None


def active(answer: Any) -> Iterable[ActiveSilence]:
    """Yield the silences of *answer* that are active; other content is ignored."""
    for one in answer if isinstance(answer, list) else ():
        try:
            if one["status"]["state"] != "active":
                continue
            matchers = tuple(
                (str(m["name"]), str(m["value"]), bool(m["isRegex"]), bool(m.get("isEqual", True)))
                for m in one["matchers"]
            )
            ends = datetime.strptime(str(one["endsAt"])[:19] + "Z", "%Y-%m-%dT%H:%M:%S%z").timestamp()
            row: Silence = {
                "id": str(one["id"]),
                "ends": ends,
                "comment": scrubber().text(str(one.get("comment", ""))),
                "created_by": scrubber().text(str(one.get("createdBy", ""))),
            }
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
        yield ActiveSilence(row, matchers)


def _full_match(pattern: str, text: str) -> bool:
    try:
        return re.fullmatch(pattern, text) is not None
    except re.error:  # RE2 has expressions that Python does not have
        return False


def _rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
