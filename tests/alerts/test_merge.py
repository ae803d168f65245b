"""Several services share an Alertmanager: a file each, merged, beside the configuration of other people."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from csg_otel.alerts.alertmanager import config, merge
from csg_otel.alerts.compilers import Options
from csg_otel.alerts.text import owners
from csg_otel.cli import main
from csg_otel.errors import AlertError
from support.alert_specs import CATALOG, EVERYTHING, rule, spec

BASE = """\
# written by the platform team
global: {resolve_timeout: 5m}
route:
  receiver: platform
  group_wait: 10s
  routes: [{receiver: payments, matchers: ['team="payments"'], mute_time_intervals: [night]}]
receivers: [{name: platform}, {name: payments, webhook_configs: [{url: "http://127.0.0.1:9/payments", max_alerts: 10}]}]
time_intervals: [{name: night, time_intervals: [{times: [{start_time: 10:30, end_time: "24:00"}]}]}]
inhibit_rules: [{source_matchers: [severity="critical"], target_matchers: [severity="warning"], equal: [cluster]}]
"""


def compiled(service: str, **more: Any) -> str:
    """Return the configuration of the service *service*, with every channel."""
    text = config.compile_files(
        spec(rule(), **{**EVERYTHING, "service": {"name": service}, **more}), CATALOG, Options()
    )
    return text[config.FILE]


def receivers(file: Path, **labels: str) -> str:
    """Return the receivers of an alert with *labels*, from amtool."""
    command = ["amtool", "config", "routes", "test", f"--config.file={file}"]
    pairs = [f"{name}={value}" for name, value in labels.items()]
    done = subprocess.run([*command, *pairs], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.mark.real("amtool")
def test_each_alert_reaches_the_people_of_its_service(tmp_path: Path) -> None:
    """Both services have all channels; the other people's alerts go where they went, and nothing is renamed."""
    file = tmp_path / "merged.yaml"
    file.write_text(merge.merge({"a": compiled("shop"), "b": compiled("batch")}, ("base", BASE)))

    assert receivers(file, service="shop", severity="critical") == (
        "shop.email,shop.webhook,shop.pagerduty,shop.boss.email"
    )
    assert receivers(file, service="batch", severity="warning") == "batch.email,batch.slack,batch.webhook"
    assert receivers(file, team="payments") == "payments"
    assert receivers(file, severity="critical") == "platform"
    assert receivers(file, service="shop", team="payments", severity="info") == "shop.email,shop.webhook,payments"
    assert owners(file.read_text()) == ("batch", "shop")
    merged, base = yaml.safe_load(file.read_text()), yaml.safe_load(BASE)
    assert merged["time_intervals"][0]["time_intervals"] == [{"times": [{"start_time": "10:30", "end_time": "24:00"}]}]
    assert (merged["global"], merged["inhibit_rules"]) == (base["global"], base["inhibit_rules"])
    assert [one for one in merged["receivers"] if one["name"] == "payments"] == [base["receivers"][1]]


def test_what_can_not_be_merged_is_an_error() -> None:
    """All problems are found: a foreign file, one without a service, a service twice, two meanings of one name."""
    foreign = {"name": "a", "pagerduty_configs": []}
    with pytest.raises(AlertError) as error:
        merge.merge(
            {
                "one": compiled("shop"),
                "two": compiled("shop"),
                "three": BASE,
                "four": "nothing",
                "five": compiled("a").replace("name: a.email", "name: null"),
            },
            ("base", yaml.safe_dump({"route": {"receiver": "null"}, "receivers": [{**foreign, "name": "shop.email"}]})),
        )

    text = "\n".join(error.value.problems)
    assert "two: the service 'shop' is in one, too" in text
    assert "three: is not from `csg-otel alerts compile`" in text
    assert "four: is no configuration of Alertmanager" in text
    assert "one: 'shop.email' of receivers is something else in base" in text


def test_the_command_does_not_replace_a_foreign_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The output is written whole; a foreign file there is refused, and with --force a copy stays."""
    for name in ("shop", "batch"):
        (tmp_path / name).write_text(compiled(name))
    output = tmp_path / "alertmanager.yml"
    output.write_text(BASE)
    command = ["alerts", "merge", str(tmp_path / "shop"), str(tmp_path / "batch"), "-o", str(output)]

    assert main(command) == 1
    assert "was not written by csg-otel" in capsys.readouterr().err
    assert output.read_text() == BASE
    assert main([*command, "--force"]) == 0
    assert (tmp_path / "alertmanager.yml.bak").read_text() == BASE
    assert main(command) == 0
    assert owners(output.read_text()) == ("batch", "shop")
