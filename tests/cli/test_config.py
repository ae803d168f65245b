"""``csg-otel config check`` and ``config show``."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from csg_otel.cli import config, main
from csg_otel.config import load_lenient, schema

TEN_MISTAKES = """\
helth_monitoring: {}
system_monitoring:
  enabled: maybe
  collection_interval: often
  prometheus:
    prot: 8081
    port: 70000
alerting:
  enabled: true
  enabled: false
  rules:
  - name: cpu
    metric: system_cpu_usage_percent
    condition: greater
    threshold: 85
    severity: WARNIN
notifications:
  slack:
    webhook_url: https://hooks.slack.com/services/T/B/X
security:
  api_auth: {enabled: true}
"""


def run(*argv: str) -> int:
    """Parse *argv* as the command line does and return the exit code."""
    parser = argparse.ArgumentParser()
    config.register(parser.add_subparsers())
    args = parser.parse_args(["config", *argv])
    code: int = args.run(args)
    return code


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_ten_mistakes_are_ten_located_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every mistake of a file is printed in one go, in the file's order, with line and column; exit code 1."""
    (tmp_path / "monitoring_config.yaml").write_text(TEN_MISTAKES, encoding="utf-8")
    code = run("check", "--strict")
    *problems, last = capsys.readouterr().out.splitlines()

    places = [re.match(r"monitoring_config\.yaml:(\d+):(\d+): [a-z_\[\]0-9.]+: ", line) for line in problems]
    assert [int(place[1]) for place in places if place] == [1, 3, 4, 6, 7, 10, 14, 16, 19, 21]
    assert (code, last) == (1, "monitoring_config.yaml: 10 problems")


@pytest.mark.fast_path  # a variable of the environment switches it off, and would count
def test_a_good_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file without a mistake is a one-line summary and exit code 0."""
    (tmp_path / "good.yaml").write_text("logging: {level: debug, format: json}", encoding="utf-8")

    assert run("check", "good.yaml") == 0
    assert capsys.readouterr().out == "good.yaml: ok, 2 settings given, 0 warnings\n"


def test_warnings_are_printed_and_fine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A warning is shown and doesn't fail the check."""
    text = "security:\n  access_logging: {log_responses: true}\n"
    (tmp_path / "monitoring_config.yaml").write_text(text, encoding="utf-8")

    assert run("check") == 0
    assert capsys.readouterr().out.startswith("warning: monitoring_config.yaml:2:20: security.access_logging.log_res")


def test_checks_that_contradict_each_other_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As `instrument()` would refuse them, each once; a name that only the program can know is a warning."""
    file = tmp_path / "monitoring_config.yaml"
    head = "health_monitoring:\n  checks:\n"
    one = "    Bad Name: {type: dns, host: x}\n    a: {type: dns, host: x, depends_on: [b]}\n"
    file.write_text(head + one + "    b: {type: dns, host: x, depends_on: [a]}\n")

    assert run("check", str(file)) == 1
    output = capsys.readouterr().out
    assert "check 'Bad Name': the name must be" in output
    assert output.count("in a circle") == 1

    file.write_text(head + "    disc: {type: dns, host: x, depends_on: [disks]}\n")
    assert run("check", str(file)) == 0
    assert "warning: check 'disc': depends on 'disks', but no check has that name" in capsys.readouterr().out


def test_the_origin_is_shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The line for a port from the environment is the specification's."""
    monkeypatch.setenv("PROMETHEUS_PORT", "9100")

    assert run("show", "--origin") == 0
    shown = capsys.readouterr().out.splitlines()
    assert "system_monitoring.prometheus.port = 9100   # environment: PROMETHEUS_PORT" in shown


def test_secrets_are_not_shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret is shown as stars."""
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "https://hooks.slack.com/hunter2")

    assert run("show") == 0
    shown = capsys.readouterr().out
    assert "hunter2" not in shown
    assert "notifications.slack.webhook_url = ***\n" in shown


def test_an_environment_can_be_looked_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``--environment`` shows what would be in effect there."""
    text = "environments: {production: {dashboard: {port: 81}}}"
    (tmp_path / "monitoring_config.yaml").write_text(text, encoding="utf-8")

    assert run("show", "--environment", "production", "--origin") == 0
    assert "dashboard.port = 81   # file monitoring_config.yaml:1" in capsys.readouterr().out


def test_showing_a_bad_file_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With problems nothing is shown as if it were in effect; they go to stderr."""
    (tmp_path / "monitoring_config.yaml").write_text("dashbord: {}", encoding="utf-8")

    assert run("show") == 1
    out, err = capsys.readouterr()
    assert (out, err) == ("", "monitoring_config.yaml:1:1: dashbord: unknown setting (did you mean 'dashboard'?)\n")


def test_a_literal_secret_fails_the_strict_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without ``--strict`` it is a warning, which CI of a team may not want."""
    (tmp_path / "c.yaml").write_text("security: {api_auth: {tokens: [abc]}}", encoding="utf-8")

    assert [run("check", "c.yaml"), run("check", "c.yaml", "--strict")] == [0, 1]
    assert "warning: c.yaml:1:32: security.api_auth.tokens[0]: a secret stands in the file" in capsys.readouterr().out


@pytest.mark.parametrize("command", [[], ["check"], ["show"]])
def test_help_has_an_example(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Every help text shows the command in use."""
    with pytest.raises(SystemExit) as stopped:
        run(*command, "--help")

    assert stopped.value.code == 0
    assert "csg-otel config" in capsys.readouterr().out.partition("example:")[2]


def test_problems_of_checks_stand_among_the_others_by_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A reader goes through the file once, from top to bottom; and each line names what was given."""
    file = tmp_path / "monitoring_config.yaml"
    file.write_text(
        "health_monitoring:\n  checks:\n    crm: {type: htp}\nexporters:\n  console:\n    enabled: perhaps\n"
    )

    assert run("check", str(file)) == 1
    first, second, _ = capsys.readouterr().out.splitlines()
    assert re.search(r":3:\d+: check 'crm': unknown type 'htp' \(did you mean 'http'\?", first)
    assert re.search(r":6:\d+: exporters.console.enabled: 'perhaps' is not one of true, false, auto", second)


@pytest.mark.fast_path  # a variable of the environment switches it off, and would count
@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({}, "no configuration file found; 0 settings from the environment"),
        ({"PROMETHEUS_PORT": "9100"}, "no configuration file found; 1 setting from the environment"),
        ({"PROMETHEUS_PORT": "-1"}, "no configuration file found; 0 settings from the environment, 1 warning"),
        (
            {"CSG_OTEL_SYSTEM_MONITORING_PROMETHEUS_PORT": "-1"},
            "no configuration file found; 1 setting from the environment, 1 problem",
        ),
        (
            {"MONITORING_DASHBOARD_PORT": "1"},
            "no configuration file found; 1 setting from the environment",
        ),
    ],
)
def test_a_missing_file_is_named(
    variables: dict[str, str], line: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a file the check prints that, how many settings the environment has, and how to give a file."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    run("check")

    hint = "; to change a default, create monitoring_config.yaml here, set CSG_OTEL_CONFIG, or give FILE"
    assert capsys.readouterr().out.splitlines()[-1] == line + hint


def test_a_first_file_is_written_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The starter loads without a problem or a warning, also with its examples; a file that exists is not changed."""
    monkeypatch.chdir(tmp_path)
    assert main(["config", "init"]) == 0
    assert "csg-otel config check monitoring_config.yaml" in capsys.readouterr().out
    starter = (tmp_path / "monitoring_config.yaml").read_text()
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "https://hooks.example.com/1")
    for text in (starter, starter.replace("#:", "")):
        (tmp_path / "tried.yaml").write_text(text)
        loaded = load_lenient("tried.yaml")
        assert (loaded.problems, loaded.warnings) == ((), ())
    assert loaded.config.exporters.otlp
    assert "crm" in loaded.config.health_monitoring.checks.custom

    (tmp_path / "monitoring_config.yaml").write_text("service: {name: mine}")
    assert main(["config", "init"]) == 1
    assert "exists and is not changed" in capsys.readouterr().err
    assert (tmp_path / "monitoring_config.yaml").read_text() == "service: {name: mine}"


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """The output is the shipped schema."""
    assert main(["config", "schema"]) == 0
    assert capsys.readouterr().out == (Path(schema.__file__).parent / "monitoring_config.schema.json").read_text()
