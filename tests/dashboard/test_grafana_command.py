"""``csg-otel grafana``: the files it writes, its requests to Grafana, and its messages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from csg_otel.alerts.grafana.provisioning import DATASOURCE
from csg_otel.dashboard.grafana.provisioning import FOLDER
from support.grafana_api import GrafanaApi, grafana_api
from support.grafana_dashboard import CONFIG

ROOT = Path(__file__).resolve().parents[2]


def grafana(*arguments: object, cwd: Path, **env: str) -> tuple[int, str, str]:
    """Run ``csg-otel grafana`` in the folder *cwd*, which has the configuration; return exit code, stdout and stderr."""
    app = "import csg_otel; csg_otel.counter('orders.placed', unit='{order}', attributes=('channel',))"
    (cwd / "shop.py").write_text(app)
    done = subprocess.run(
        [sys.executable, "-m", "csg_otel", "grafana", *map(str, arguments), "--app", "shop"],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **env},
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a configuration, whose Grafana is at GRAFANA_URL."""
    settings = {"enabled": True, "dashboard_url": "${GRAFANA_URL:-http://127.0.0.1:9}", "api_key": "${GRAFANA_TOKEN}"}
    config = {**CONFIG, "integrations": {"grafana": settings}}
    (tmp_path / "monitoring_config.yaml").write_text(json.dumps(config))  # JSON is YAML
    return tmp_path


def test_export_writes_the_file_that_grafana_imports(folder: Path) -> None:
    """The default name is the one of the monitoring guide; the declared instrument has a panel."""
    assert grafana("export", cwd=folder) == (0, "grafana_dashboard.json\n", "")

    dashboard = json.loads((folder / "grafana_dashboard.json").read_text())
    assert dashboard["title"] == "snapshot-generator (csg_otel)"
    assert "orders.placed" in {panel["title"] for panel in dashboard["panels"]}


def test_a_severity_of_the_users_own_has_a_colour(folder: Path) -> None:
    """A rule with a word of `alerting.severities` is shown like a warning."""
    alerting = {"severities": ["page"], "rules": [{**CONFIG["alerting"]["rules"][0], "severity": "page"}]}
    (folder / "monitoring_config.yaml").write_text(json.dumps({**CONFIG, "alerting": alerting}))

    code, _, error = grafana("export", cwd=folder)

    assert (code, error) == (0, "")


def test_the_guides_curl_works_with_the_form_for_the_api(folder: Path) -> None:
    """The request of the guide, `-d @grafana_dashboard.json`, creates the dashboard, and again replaces it."""
    assert grafana("export", "--api", cwd=folder)[0] == 0

    with grafana_api() as api:
        for version in (1, 2):
            request = urllib.request.Request(
                f"{api.url}/api/dashboards/db",
                (folder / "grafana_dashboard.json").read_bytes(),
                {"Content-Type": "application/json", "Authorization": "Bearer t0ken"},
                method="POST",
            )
            with urllib.request.urlopen(request, timeout=10) as answer:
                assert json.load(answer)["version"] == version


def test_export_writes_to_stdout_and_to_a_named_file(folder: Path) -> None:
    """Both have the same bytes, and nothing else is written."""
    code, out, _ = grafana("export", "-o", "-", cwd=folder)

    assert grafana("export", "-o", "new/board.json", cwd=folder)[1] == "new/board.json\n"
    assert (code, out) == (0, (folder / "new/board.json").read_text())
    assert not (folder / "grafana_dashboard.json").exists()


def test_the_provisioning_folder_is_what_grafana_reads(folder: Path) -> None:
    """Data source with the uid of the rules, provider with the folder that is mounted, and the dashboard."""
    code, out, _ = grafana("export", "--provisioning", "p", "--trace-url", "http://t/a$b/", cwd=folder)

    assert code == 0
    paths = out.split()
    source, provider = (yaml.safe_load((folder / path).read_text()) for path in paths[:2])
    (datasource,) = source["datasources"]
    assert (datasource["uid"], datasource["type"]) == (DATASOURCE, "prometheus")
    (link,) = datasource["jsonData"]["exemplarTraceIdDestinations"]
    assert link["url"] == "http://t/a$$b/$${__value.raw}"  # Grafana reads a lone $ as a variable of its environment
    assert provider["providers"][0]["options"]["path"] == f"{FOLDER}/{Path(paths[2]).parent.name}"
    assert json.loads((folder / paths[2]).read_text())["uid"] == Path(paths[2]).stem


def test_the_compose_example_has_the_files_of_today() -> None:
    """The folder in examples/deploy is what the command in its README writes."""
    deploy = ROOT / "examples/deploy"
    command = ["grafana", "export", "--config", str(deploy / "monitoring_config.yaml")]
    where = ["--provisioning", "-", "--prometheus-url", "http://prometheus:9090"]
    assert f"csg-otel {' '.join(command)}".replace(f"{ROOT}/", "") in (deploy / "README.md").read_text()
    written = _provisioned([*command, *where])
    for path, text in written.items():
        assert (deploy / "monitoring/grafana" / path).read_text() == text, f"run the command in {deploy}/README.md"
    there = {str(path.relative_to(deploy / "monitoring/grafana")) for path in deploy.glob("monitoring/grafana/*/*")}
    assert there == set(written)


def _provisioned(command: list[str]) -> dict[str, str]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        command[command.index("-")] = folder
        subprocess.run([sys.executable, "-m", "csg_otel", *command], check=True, capture_output=True, timeout=60)
        files = [path for path in Path(folder).rglob("*") if path.is_file()]
        return {str(path.relative_to(folder)): path.read_text() for path in files}


# -- push ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def api() -> Any:
    """An empty Grafana, whose token is ``t0ken``."""
    with grafana_api() as found:
        yield found


def test_a_push_creates_the_folder_and_the_dashboard_once(folder: Path, api: GrafanaApi) -> None:
    """The dry run changes nothing, the push both, a second push nothing, and a changed rule only the dashboard."""
    env = {"GRAFANA_URL": api.url, "GRAFANA_TOKEN": "t0ken"}
    lines = "+ grafana folder csg_otel snapshot-generator\n+ grafana dashboard snapshot-generator (csg_otel)\n"
    lines += "grafana: 2 to create, 0 to update, 0 to remove, 0 unchanged\n"
    dry = grafana("push", "--dry-run", cwd=folder, **env)
    assert dry == (0, f"{lines}dry run: nothing was changed; run without --dry-run to make these changes\n", "")
    assert api.changes == []

    assert grafana("push", cwd=folder, **env) == (0, lines, "")
    assert api.changes == ["POST folders", "POST dashboards"]
    ((written),) = api.dashboards.values()
    assert written["folderUid"] in api.held["folders"]
    again = grafana("push", cwd=folder, **env)
    assert again == (0, "grafana: 0 to create, 0 to update, 0 to remove, 2 unchanged\n", "")

    config = (folder / "monitoring_config.yaml").read_text()
    (folder / "monitoring_config.yaml").write_text(config.replace("85", "80"))
    code, out, _ = grafana("push", cwd=folder, **env)
    assert (code, out.splitlines()[0]) == (0, "~ grafana dashboard snapshot-generator (csg_otel)")
    assert api.changes[2:] == ["POST dashboards"]


def test_a_token_file_and_an_address_are_enough(folder: Path, api: GrafanaApi) -> None:
    """No secret of the configuration is needed then."""
    (folder / "token").write_text("t0ken\n")

    code, _, error = grafana("push", "--url", api.url, "--grafana-token-file", "token", cwd=folder)
    assert (code, error) == (0, "")
    assert len(api.dashboards) == 1


def test_a_wrong_token_and_a_missing_address_are_one_line(folder: Path, api: GrafanaApi) -> None:
    """The message has the request and the cure, and never the token."""
    wrong = grafana("push", cwd=folder, GRAFANA_URL=api.url, GRAFANA_TOKEN="wr0ng")
    (folder / "monitoring_config.yaml").write_text("service: {name: shop}\n")
    nowhere = grafana("push", cwd=folder)

    assert wrong[0] == nowhere[0] == 1
    assert "HTTP 401" in wrong[2]
    assert "wr0ng" not in wrong[1] + wrong[2]
    cure = "a push to Grafana needs its address: give --url, or set integrations.grafana.dashboard_url\n"
    assert nowhere[2] == cure
