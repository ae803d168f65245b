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
from support import newest
from support.alert_specs import CATALOG, EVERYTHING, rule, spec
from support.alertmanager import Alertmanager
from support.prometheus import Prometheus

GOLDEN = Path(__file__).parent / "golden"
ROUTES = (
    f"# {HEADER}\n# content: 0\n"
    """\
route: {{receiver: none, group_wait: {wait}, routes: [{{receiver: {receiver}, matchers: ['severity="critical"']}}]}}
receivers: [{{name: none}}, {{name: people}}, {{name: others}}]
"""
)


def rules(threshold: float = 85, *, sections: dict[str, Any] | None = None, **more: Any) -> str:
    """Return a rule file."""
    specification = spec(rule(threshold=threshold, **more), **(sections or {}))
    return prometheus.compile_files(specification, CATALOG, Options())[prometheus.FILE]


def pushed(push: FilePush) -> Plan:
    """Push, and return the plan."""
    pushed_plan = push.plan()
    push.apply(pushed_plan)
    return pushed_plan


def serving(factory: pytest.TempPathFactory, program: str = "prometheus") -> Iterator[tuple[Prometheus, Path]]:
    """A Prometheus that reads the rule files of a folder."""
    folder = factory.mktemp("rules")
    with Prometheus((), factory.mktemp("prometheus"), rules=[folder / "*.yaml"], program=program) as running:
        yield running, folder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Prometheus, Path]]:
    """The oldest Prometheus."""
    yield from serving(tmp_path_factory)


@pytest.fixture(scope="module")
def newest_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Prometheus, Path]]:
    """The newest Prometheus."""
    yield from serving(tmp_path_factory, newest.need("prometheus"))


@pytest.fixture(params=["server", "newest_server"])
def each_server(request: pytest.FixtureRequest) -> Iterator[tuple[Prometheus, Path]]:
    """The oldest and the newest Prometheus; its folder is emptied afterwards."""
    running, folder = request.getfixturevalue(request.param)
    yield running, folder
    for path in folder.iterdir():
        path.unlink()


@pytest.fixture(params=["oldest", "newest"])
def alertmanager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Api, Path]]:
    """The API of the oldest and the newest Alertmanager, and the file that it reads, which has no rule but the first."""
    file = tmp_path / "alertmanager.yaml"
    file.write_text(ROUTES.format(wait="30s", receiver="people"))
    program = "prometheus-alertmanager" if request.param == "oldest" else newest.need("alertmanager")
    with Alertmanager(file, tmp_path / "am", program) as running:
        yield Api(running.url, timeout_s=60), file


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


EQUAL = "    is equal, but the server does not run with it and reads it again"


@pytest.mark.real("prometheus")
def test_an_equal_file_that_prometheus_has_not_loaded_is_reloaded(
    each_server: tuple[Prometheus, Path], tmp_path: Path
) -> None:
    """A file that was copied there is confirmed like one that the push wrote, and one that nothing reads is an error."""
    running, folder = each_server
    api, file = Api(running.url, timeout_s=60), folder / "mine.yaml"
    pushed(prometheus_push.push(api, file, rules()))
    file.write_text(rules(90))
    push = prometheus_push.push(api, file, rules(90))

    totals = "prometheus: 0 to create, 0 to update, 0 to remove, 1 to reload, 0 unchanged"
    assert describe("prometheus", push.plan()) == [f"~ prometheus file {file}", EQUAL, totals]
    pushed(push)
    (loaded,) = [one for group in running.get("rules")["groups"] for one in group["rules"] if one["type"] == "alerting"]
    assert loaded["annotations"]["threshold"] == "90"
    assert push.plan() == Plan((), 1, ())


@pytest.mark.real("prometheus")
def test_an_equal_file_that_nothing_reads_is_an_error(
    server: tuple[Prometheus, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second push fails like the first one, and the file stays."""
    monkeypatch.setattr(files, "_CONFIRM_S", 0.3)
    file = tmp_path / "elsewhere.yaml"
    file.write_text(rules())
    with pytest.raises(
        PushError, match=r"reloaded and does not run with .*elsewhere.yaml; check that it reads this file"
    ):
        pushed(prometheus_push.push(Api(server[0].url, timeout_s=60), file, rules()))

    assert file.read_text() == rules()


def test_an_equal_file_is_not_confirmed_by_a_server_that_is_not_there(tmp_path: Path) -> None:
    """Whether the server runs with the file is unknown then."""
    file = tmp_path / "mine.yaml"
    file.write_text(rules())
    with pytest.raises(PushError, match="ConnectionRefusedError"):
        prometheus_push.push(Api("http://127.0.0.1:1", timeout_s=5), file, rules()).plan()


@pytest.mark.real("prometheus")
@pytest.mark.parametrize(
    "changed",
    [
        {"for": "9m"},
        {"keep_firing_for": "1h"},
        {"window": "7m"},
        {"filters": {"disk.io.direction": "read"}},
        {"labels": {"team": "payments"}},
        {"message": "another text"},
        {"sections": {"slos": EVERYTHING["slos"]}},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_prometheus_confirms_every_part_of_a_rule(
    each_server: tuple[Prometheus, Path], changed: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that nothing reads is an error both ways, whatever differs from the file that is read, and if a group is gone."""
    monkeypatch.setattr(files, "_CONFIRM_S", 0.3)
    running, folder = each_server
    api, unread = Api(running.url, timeout_s=60), tmp_path / "unread.yaml"
    first: dict[str, Any] = {"metric": "system.disk.io", "for": "5m"}
    texts = [rules(**first), rules(**{**first, **changed})]
    for there, other in (texts, reversed(texts)):
        pushed(prometheus_push.push(api, folder / "mine.yaml", there))
        with pytest.raises(PushError, match="reloaded and does not run with"):
            pushed(prometheus_push.push(api, unread, other))


ODD = ('two\nlines: "quoted" # {{ $labels.job }}', "ü € 😀 \\d+ \t", "100 %")


@pytest.mark.real("prometheus")
def test_prometheus_confirms_whatever_is_compiled(each_server: tuple[Prometheus, Path]) -> None:
    """Expressions, times and texts come back in the form of Prometheus, and are still the same."""
    running, folder = each_server
    api, file = Api(running.url, timeout_s=60), folder / "mine.yaml"
    options: dict[str, Any] = {
        "metric": "system.disk.io",
        "filters": {"disk.io.direction": {"matches": r"rea\w+|x{1,2}"}},
        "for": "1.5s",
        "keep_firing_for": "90s",
        "window": "36h",
        "labels": {"team": ODD[0], "empty": ""},
        "message": ODD[1],
        "description": ODD[2],
        "no_data": "alert",
        "sections": EVERYTHING,
    }
    every = rules(**options)
    for text in (every, (GOLDEN / "sixty.prometheus-rules.yaml").read_text()):
        assert pushed(prometheus_push.push(api, file, text, force=True)).changes
        assert prometheus_push.push(api, file, text).plan() == Plan((), 1, ())


@pytest.mark.real("prometheus-alertmanager")
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("30s", "40s"),
        ("critical", "warning"),
        ("name: others", "name: rest"),
        ("{name: others}", "{name: others, HOOK}"),
    ],
)
def test_alertmanager_confirms_every_part_of_its_file(
    alertmanager: tuple[Api, Path], old: str, new: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that Alertmanager does not read is an error, whatever differs from the file that it reads."""
    monkeypatch.setattr(files, "_CONFIRM_S", 0.3)
    api, file = alertmanager
    text = file.read_text().replace(old, new.replace("HOOK", "webhook_configs: [{url: 'http://127.0.0.1:9/x'}]"))
    unread = file.with_name("unread.yaml")
    with pytest.raises(PushError, match=r"reloaded and does not run with .*; unread.yaml was removed again"):
        pushed(alertmanager_push.push(api, unread, text))

    assert (unread.exists(), text != file.read_text()) == (False, True)
    assert pushed(alertmanager_push.push(api, file, text)).changes


@pytest.mark.real("prometheus-alertmanager")
def test_an_equal_file_that_alertmanager_has_not_loaded_is_reloaded(alertmanager: tuple[Api, Path]) -> None:
    """A file that was copied there is confirmed like one that the push wrote."""
    api, file = alertmanager
    text = ROUTES.format(wait="40s", receiver="people")
    file.write_text(text)
    (change,) = pushed(alertmanager_push.push(api, file, text)).changes

    assert change.action == "reload"
    assert alertmanager_push.push(api, file, text).plan() == Plan((), 1, ())


@pytest.mark.real("prometheus")
def test_an_address_of_another_server_is_an_error(server: tuple[Prometheus, Path], tmp_path: Path) -> None:
    """A Prometheus has no configuration of Alertmanager, and says so before anything is written."""
    file = tmp_path / "alertmanager.yaml"
    file.write_text(ROUTES.format(wait="30s", receiver="people"))
    with pytest.raises(
        PushError, match="has no alertmanager_config_hash; check that it is the address of Alertmanager"
    ):
        alertmanager_push.push(Api(server[0].url, timeout_s=60), file, file.read_text()).plan()


@pytest.mark.real("prometheus")
@pytest.mark.parametrize("there", [True, False])
def test_an_exception_while_the_server_is_awaited_restores_the_file(
    each_server: tuple[Prometheus, Path], there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C is such an exception: the server runs with the old file again, and the exception goes on."""
    running, folder = each_server
    api, file = Api(running.url, timeout_s=60), folder / "mine.yaml"
    before = pushed(prometheus_push.push(api, file, rules())) if there else None
    push = prometheus_push.push(api, file, rules(90, severity="critical"))
    planned = push.plan()

    def interrupted() -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(push, "_is_loaded", interrupted)
    with pytest.raises(KeyboardInterrupt):
        push.apply(planned)

    groups = running.get("rules")["groups"]
    loaded = [one["labels"]["severity"] for group in groups for one in group["rules"] if one["type"] == "alerting"]
    assert loaded == (["warning"] if before else [])
    assert [(path.name, path.read_text()) for path in folder.iterdir()] == ([("mine.yaml", rules())] if before else [])


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
        (rules().replace('"shop"\n', '"shop"\n# service: "batch"\n', 1), "belongs to the services shop, batch"),
    ],
)
def test_a_file_of_others_is_not_replaced(tmp_path: Path, text: str, owner: str) -> None:
    """A file without our header, or of another service, is refused; it stays as it is."""
    file = tmp_path / "rules.yaml"
    file.write_text(text)
    with pytest.raises(PushError, match=f"{owner}, .*: choose another file, because Prometheus reads several, or"):
        prometheus_push.push(Api("http://127.0.0.1:9"), file, rules()).plan()
    with pytest.raises(PushError, match=f"{owner}, .*: combine both by `csg-otel alerts merge`"):
        alertmanager_push.push(Api("http://127.0.0.1:9"), file, rules()).plan()

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
