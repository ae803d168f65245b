"""The push to a real Prometheus and a real Alertmanager: read and confirmed, or put back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from csg_otel.alerts.alertmanager import push as alertmanager_push
from csg_otel.alerts.prometheus import push as prometheus_push
from csg_otel.alerts.prometheus import rules as prometheus
from csg_otel.alerts.push import files
from csg_otel.alerts.push.api import Api
from csg_otel.alerts.push.files import FilePush
from csg_otel.alerts.push.plan import Plan, PushError, describe
from csg_otel.alerts.spec import Options
from support.alert_specs import CATALOG, rule, spec
from support.alertmanager import Alertmanager
from support.prometheus import Prometheus

ROUTES = """\
route: {{receiver: none, group_wait: {wait}, routes: [{{receiver: {receiver}, matchers: ['severity="critical"']}}]}}
receivers: [{{name: none}}, {{name: people}}, {{name: others}}]
"""


def rules(threshold: float = 85, **more: Any) -> str:
    """Return a rule file."""
    return prometheus.compile_files(spec(rule(threshold=threshold, **more)), CATALOG, Options())[prometheus.FILE]


def pushed(push: FilePush) -> Plan:
    """Push, and return what was to be done."""
    found = push.plan()
    push.apply(found)
    return found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Prometheus, Path]]:
    """A Prometheus that reads the rule files of a folder."""
    folder = tmp_path_factory.mktemp("rules")
    with Prometheus((), tmp_path_factory.mktemp("prometheus"), rules=[folder / "*.yaml"]) as found:
        yield found, folder


@pytest.mark.real("prometheus")
def test_prometheus_has_the_rules_when_the_push_is_over(server: tuple[Prometheus, Path]) -> None:
    """Made, then changed, then as it is: each time the server shows what the file says, and the second time nothing is done."""
    running, folder = server
    api, file = Api(running.url, timeout_s=60), folder / "mine.yaml"
    for threshold, action in ((85, "create"), (90, "update")):
        (change,) = pushed(prometheus_push.push(api, file, rules(threshold))).changes
        groups = running.get("rules")["groups"]
        (shown,) = [one for group in groups for one in group["rules"] if one["name"] == "HighCpuUsage"]

        assert (change.action, shown["annotations"]["threshold"]) == (action, str(threshold))
    assert pushed(prometheus_push.push(api, file, rules(90))).changes == ()
    file.unlink()


@pytest.mark.real("prometheus")
def test_what_prometheus_refuses_is_put_back(server: tuple[Prometheus, Path]) -> None:
    """A file it can't read: the old one is back on the disk and in the server, and the error says why."""
    running, folder = server
    api, file = Api(running.url, timeout_s=60), folder / "mine.yaml"
    pushed(prometheus_push.push(api, file, rules()))
    file.chmod(0o640)
    with pytest.raises(PushError, match=r"HTTP 500: .*; the old mine.yaml was restored"):
        pushed(prometheus_push.push(api, file, rules().replace("> 85", "> > 85")))

    assert (file.read_text(), file.stat().st_mode & 0o777) == (rules(), 0o640)
    assert running.get("status/runtimeinfo")["reloadConfigSuccess"] is True
    assert [path.name for path in folder.iterdir()] == ["mine.yaml"]
    file.unlink()


@pytest.mark.real("prometheus")
def test_a_file_prometheus_does_not_read_is_not_taken_for_pushed(
    server: tuple[Prometheus, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reload succeeds, the rules are not there: an error, and the file is gone again."""
    monkeypatch.setattr(files, "_CONFIRM_S", 0.3)
    file = tmp_path / "elsewhere.yaml"
    with pytest.raises(PushError, match=r"does not run with .*elsewhere.yaml was removed again"):
        pushed(prometheus_push.push(Api(server[0].url, timeout_s=60), file, rules()))

    assert not file.exists()


def test_the_dry_run_tells_who_hears_of_it_again(tmp_path: Path) -> None:
    """Another threshold is the same alert; another severity is another one. Nothing is written, nobody asked."""
    file = tmp_path / "mine.yaml"
    file.write_text(rules())
    api = Api("http://127.0.0.1:9")
    quiet = describe("prometheus", prometheus_push.push(api, file, rules(90)).plan())
    loud = describe("prometheus", prometheus_push.push(api, file, rules(severity="critical")).plan())

    assert any(line.startswith("    +") and "> 90" in line for line in quiet)
    assert not any("notifies again" in line for line in quiet)
    assert "    notifies again if it fires now" in loud
    assert file.read_text() == rules()


def test_other_times_of_a_route_tell_nobody_again(tmp_path: Path) -> None:
    """Alertmanager remembers by receiver, matchers and groups whom it has told; a new group_wait is none of them."""
    file = tmp_path / "alertmanager.yaml"
    file.write_text(ROUTES.format(wait="30s", receiver="people"))
    api = Api("http://127.0.0.1:9")
    (timed,) = alertmanager_push.push(api, file, ROUTES.format(wait="9s", receiver="people")).plan().changes
    (moved,) = alertmanager_push.push(api, file, ROUTES.format(wait="30s", receiver="others")).plan().changes

    assert (timed.notifies_again, moved.notifies_again) == (False, True)


@pytest.mark.real("prometheus-alertmanager")
def test_alertmanager_has_the_routes_or_the_old_ones(tmp_path: Path) -> None:
    """A new route is there when the push is over; a configuration it refuses is not, and the old one goes on."""
    file = tmp_path / "alertmanager.yaml"
    file.write_text(ROUTES.format(wait="30s", receiver="people"))
    with Alertmanager(file, tmp_path / "am") as running:
        api = Api(f"http://{running.address}", timeout_s=60)
        (change,) = pushed(alertmanager_push.push(api, file, ROUTES.format(wait="30s", receiver="others"))).changes
        assert change.notifies_again
        with pytest.raises(PushError, match=r"the old alertmanager.yaml was restored"):
            pushed(alertmanager_push.push(api, file, ROUTES.format(wait="30s", receiver="nobody")))

        there = api.call("GET", "/api/v2/status")["config"]["original"]
        assert "- receiver: others" in there
        assert "receiver: others" in file.read_text()
