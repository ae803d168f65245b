"""The push to a real Prometheus and a real Alertmanager: the server confirms the file, or the old file is restored."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from csg_otel.alerts.alertmanager import push as alertmanager_push
from csg_otel.alerts.compilers import Options
from csg_otel.alerts.prometheus import push as prometheus_push
from csg_otel.alerts.prometheus import rules as prometheus
from csg_otel.alerts.push import files
from csg_otel.alerts.push.api import Api
from csg_otel.alerts.push.files import FilePush
from csg_otel.alerts.push.plan import Plan, PushError, describe
from csg_otel.alerts.text import HEADER
from support.alert_specs import CATALOG, rule, spec
from support.alertmanager import Alertmanager
from support.prometheus import Prometheus

ROUTES = (
    f"# {HEADER}\n# content: 0\n"
    """\
route: {{receiver: none, group_wait: {wait}, routes: [{{receiver: {receiver}, matchers: ['severity="critical"']}}]}}
receivers: [{{name: none}}, {{name: people}}, {{name: others}}]
"""
)


def rules(threshold: float = 85, **more: Any) -> str:
    """Return a rule file."""
    return prometheus.compile_files(spec(rule(threshold=threshold, **more)), CATALOG, Options())[prometheus.FILE]


def pushed(push: FilePush) -> Plan:
    """Push, and return the plan."""
    pushed_plan = push.plan()
    push.apply(pushed_plan)
    return pushed_plan


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Prometheus, Path]]:
    """A Prometheus that reads the rule files of a folder."""
    folder = tmp_path_factory.mktemp("rules")
    with Prometheus((), tmp_path_factory.mktemp("prometheus"), rules=[folder / "*.yaml"]) as running:
        yield running, folder


@pytest.mark.real("prometheus")
def test_prometheus_has_the_rules_when_the_push_is_over(server: tuple[Prometheus, Path]) -> None:
    """After a creation and an update the server has the rules of the file, and a push without a change plans nothing."""
    running, folder = server
    api, file = Api(running.url, timeout_s=60), folder / "mine.yaml"
    for threshold, action in ((85, "create"), (90, "update")):
        (change,) = pushed(prometheus_push.push(api, file, rules(threshold))).changes
        groups = running.get("rules")["groups"]
        (loaded,) = [one for group in groups for one in group["rules"] if one["name"] == "HighCpuUsage"]

        assert (change.action, loaded["annotations"]["threshold"]) == (action, str(threshold))
    assert pushed(prometheus_push.push(api, file, rules(90))).changes == ()
    file.unlink()


@pytest.mark.real("prometheus")
def test_a_file_that_prometheus_refuses_is_restored(server: tuple[Prometheus, Path]) -> None:
    """After a refusal the old file is on the disk and in the server, and the error has the reason."""
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
def test_a_file_that_prometheus_does_not_read_is_an_error(
    server: tuple[Prometheus, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the reload succeeds and the rules are not loaded, the push is an error and removes the file."""
    monkeypatch.setattr(files, "_CONFIRM_S", 0.3)
    file = tmp_path / "elsewhere.yaml"
    with pytest.raises(PushError, match=r"does not run with .*elsewhere.yaml was removed again"):
        pushed(prometheus_push.push(Api(server[0].url, timeout_s=60), file, rules()))

    assert not file.exists()


@pytest.mark.parametrize("there", ["link", "dangling link", "circle", "nothing", "no folder"])
def test_a_failed_push_leaves_everything_as_it_was(there: str, tmp_path: Path) -> None:
    """Links stay links, whether or not there is a file behind them; what was not done is not told as undone."""
    file, real = tmp_path / "rules.yaml", tmp_path / "real.yaml"
    if there == "no folder":
        file = tmp_path / "missing" / "rules.yaml"
    elif there != "nothing":
        file.symlink_to("rules.yaml" if there == "circle" else "real.yaml")
    if there == "link":
        real.write_text(rules(90))
    before = sorted(tmp_path.iterdir())
    push = prometheus_push.push(Api("http://127.0.0.1:1", timeout_s=5), file, rules())
    with pytest.raises(PushError) as failure:
        pushed(push)

    assert sorted(tmp_path.iterdir()) == before
    assert file.is_symlink() is (there in {"link", "dangling link", "circle"})
    assert not real.exists() or real.read_text() == rules(90)
    if there in {"no folder", "circle"}:
        assert "again" not in str(failure.value)
        assert f"{file} can't be" in str(failure.value)


def test_a_file_is_replaced_behind_its_link(tmp_path: Path) -> None:
    """The server may read either name."""
    (tmp_path / "rules.yaml").symlink_to("real.yaml")
    for text in ("a", "b"):
        files.replace_file(tmp_path / "rules.yaml", text)
        assert (tmp_path / "real.yaml").read_text() == text

    assert (tmp_path / "rules.yaml").is_symlink()


def test_the_dry_run_shows_which_alerts_notify_again(tmp_path: Path) -> None:
    """A new threshold does not notify again, a new severity does, and the dry run writes and sends nothing."""
    file = tmp_path / "mine.yaml"
    file.write_text(rules())
    api = Api("http://127.0.0.1:9")
    quiet = describe("prometheus", prometheus_push.push(api, file, rules(90)).plan())
    loud = describe("prometheus", prometheus_push.push(api, file, rules(severity="critical")).plan())

    assert any(line.startswith("    +") and "> 90" in line for line in quiet)
    assert not any("notifies again" in line for line in quiet)
    assert "    notifies again if it fires now" in loud
    assert file.read_text() == rules()


def test_new_intervals_of_a_route_do_not_notify_again(tmp_path: Path) -> None:
    """Alertmanager remembers notifications by receiver, matchers and groups, and not by group_wait."""
    file = tmp_path / "alertmanager.yaml"
    file.write_text(ROUTES.format(wait="30s", receiver="people"))
    api = Api("http://127.0.0.1:9")
    (timed,) = alertmanager_push.push(api, file, ROUTES.format(wait="9s", receiver="people")).plan().changes
    (moved,) = alertmanager_push.push(api, file, ROUTES.format(wait="30s", receiver="others")).plan().changes

    assert (timed.notifies_again, moved.notifies_again) == (False, True)


@pytest.mark.real("prometheus-alertmanager")
def test_alertmanager_has_the_routes_or_the_old_ones(tmp_path: Path) -> None:
    """After the push Alertmanager has the new route, or after a refusal still the old one."""
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


FOREIGN = "# written by the platform team\nroute: {receiver: platform}\nreceivers: [{name: platform}]\n"


@pytest.mark.parametrize(
    ("text", "owner"),
    [
        (FOREIGN, "was not written by csg-otel"),
        (rules().replace('"shop"', '"batch"', 1), "belongs to the service batch"),
        (rules().replace('# service: "shop"\n', "", 1), "belongs to a service without a name"),
    ],
)
def test_a_file_of_others_is_not_replaced(tmp_path: Path, text: str, owner: str) -> None:
    """A file without our header, or of another service, is refused; it stays as it is."""
    file = tmp_path / "rules.yaml"
    file.write_text(text)
    with pytest.raises(PushError, match=owner):
        prometheus_push.push(Api("http://127.0.0.1:9"), file, rules()).plan()

    assert [path.read_text() for path in tmp_path.iterdir()] == [text]


@pytest.mark.real("prometheus")
def test_a_forced_push_keeps_a_copy(server: tuple[Prometheus, Path]) -> None:
    """With force, a file of others is replaced, and each time a copy with its permissions stays beside it."""
    running, folder = server
    file, api = folder / "theirs.yaml", Api(running.url, timeout_s=60)
    for copy in ("theirs.yaml.bak", "theirs.yaml.bak2"):
        file.write_text("groups: []\n")
        file.chmod(0o640)
        pushed(prometheus_push.push(api, file, rules(), force=True))

        kept = folder / copy
        assert (kept.read_text(), kept.stat().st_mode & 0o777) == ("groups: []\n", 0o640)
        assert file.read_text() == rules()
    for path in folder.iterdir():
        path.unlink()


@pytest.mark.real("prometheus")
def test_two_services_share_a_prometheus(server: tuple[Prometheus, Path]) -> None:
    """Each service pushes a file of its own, whose groups have the same names, and both are confirmed."""
    running, folder = server
    api = Api(running.url, timeout_s=60)
    other = prometheus.compile_files(spec(rule(), service={"name": "batch"}), CATALOG, Options())[prometheus.FILE]
    pushed(prometheus_push.push(api, folder / "shop.yaml", rules()))
    pushed(prometheus_push.push(api, folder / "batch.yaml", other))
    assert pushed(prometheus_push.push(api, folder / "shop.yaml", rules(90))).changes

    loaded = [one for group in running.get("rules")["groups"] for one in group["rules"] if one["type"] == "alerting"]
    assert {one["labels"]["service"] for one in loaded} == {"shop", "batch"}
    for path in folder.iterdir():
        path.unlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes links of other users")
@pytest.mark.parametrize("there", [True, False])
def test_a_link_that_another_user_has_planted_is_not_followed(there: bool, tmp_path: Path) -> None:
    """In a shared folder it would overwrite, or create, a file of who compiles; nothing is written at all."""
    if there:
        (tmp_path / "precious").write_text("precious")
    (tmp_path / "rules.yaml").symlink_to("precious")
    os.lchown(tmp_path / "rules.yaml", 12345, 12345)
    with pytest.raises(PermissionError, match="link of another user"):
        files.replace_file(tmp_path / "rules.yaml", "text")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["precious", "rules.yaml"][not there :]
    assert not there or (tmp_path / "precious").read_text() == "precious"
