"""Several services share an Alertmanager: a file each, merged, beside the configuration of other people."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

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


def compiled(service: str, port: int | None = None, **more: Any) -> str:
    """Return the configuration of the service *service*, with every channel; by default its relay has a port of its own."""
    own = 9100 + sum(map(ord, service)) % 800
    options = Options(relay_url=f"http://127.0.0.1:{own if port is None else port}")
    text = config.compile_files(spec(rule(), **{**EVERYTHING, "service": {"name": service}, **more}), CATALOG, options)
    return text[config.FILE]


SHOP = compiled("shop")


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


def test_a_relay_belongs_to_one_service() -> None:
    """The relay of one service answers 404 to the notifications of another one."""
    with pytest.raises(AlertError) as error:
        merge.merge({"one": compiled("shop", 9095), "two": compiled("batch", 9095)})

    assert "two: 'batch.webhook' is sent by the relay at http://127.0.0.1:9095, which is that of one" in str(
        error.value
    )
    assert "--relay-url" in str(error.value)


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


MALFORMED = {
    "route: {receiver: a, routes: 5}": "base: route.routes is no list; write its items behind dashes",
    "route: {receiver: a, routes: {x: y}}": "base: route.routes is no list; write its items behind dashes",
    "{route: {receiver: a}, receivers: x}": "base: receivers is no list; write its items behind dashes",
    "{route: {receiver: a}, receivers: [x]}": "base: receivers[0] is no mapping; write its settings as key: value",
    "{route: {receiver: a}, receivers: [{slack_configs: []}]}": "base: receivers[0] has no name; add one",
    "{route: {receiver: a}, receivers: [{name: [a]}]}": "base: receivers[0] has no name; add one",
    "{route: {receiver: a}, time_intervals: {x: y}}": "base: time_intervals is no list; write its items behind dashes",
    "{route: {receiver: a}, inhibit_rules: 5}": "base: inhibit_rules is no list; write its items behind dashes",
    "{route: {receiver: a}, inhibit_rules: [5]}": "base: inhibit_rules[0] is no mapping; write its settings as key: value",
    "route: 5": "base: is no configuration of Alertmanager; it has no route",
    "route: {receiver: !!int a}": "base: is not YAML: a character or a value with !! is not what it should be",
    "route: {receiver: !!binary YQ==}": "base: is not YAML: line 1: could not determine a constructor for the tag",
    "route: {receiver: !!timestamp x}": "base: is not YAML: line 1: could not determine a constructor for the tag",
    "route: {receiver: a, x: &x [*x]}": "a file refers to itself by an alias of YAML, or is nested too deeply",
    f"route: {'[' * 5000}{']' * 5000}": "base: is not YAML: it is nested too deeply",
    f"route: {{x: {'[' * 300}{']' * 300}}}": "",
    "route: {url: https://hooks.example/c4nary: x}": "base: is not YAML: line 1: ",
    "route: {receiver: \x00}": "base: is not YAML: a character or a value with !! is not what it should be",
}


@pytest.mark.parametrize("base", MALFORMED)
def test_a_malformed_base_is_a_message(base: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each message names the file and the place, and shows no line of it, which may contain a secret."""
    (tmp_path / "shop").write_text(compiled("shop"))
    (tmp_path / "base").write_text(base)
    code = main(
        ["alerts", "merge", str(tmp_path / "shop"), "--base", str(tmp_path / "base"), "-o", str(tmp_path / "o")]
    )
    lines = capsys.readouterr().err.replace(f"{tmp_path}/", "")

    assert (code, (tmp_path / "o").exists()) == ((1, False) if MALFORMED[base] else (0, True))
    assert lines.startswith(MALFORMED[base])
    assert "c4nary" not in lines


@pytest.mark.parametrize("service", ["shop", "5", "[1]", '"shop'])
def test_a_header_that_was_edited_is_no_header(service: str) -> None:
    """The service of such a file is unknown."""
    text = compiled("shop").replace('# service: "shop"', f"# service: {service}")
    assert owners(text) is None
    with pytest.raises(AlertError, match="is not from `csg-otel alerts compile`"):
        merge.merge({"shop": text})


_KEYS = st.sampled_from(["route", "routes", "receiver", "receivers", "name", "time_intervals", "inhibit_rules", "x"])
_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
)


@given(route=st.dictionaries(_KEYS, _ANYTHING), rest=st.dictionaries(_KEYS, _ANYTHING))
def test_any_base_is_merged_or_a_message(route: dict[str, Any], rest: dict[str, Any]) -> None:
    """Nothing but the error of this package is raised, and a merged file still has what the base has."""
    base = {**rest, "route": route}
    try:
        merged = yaml.safe_load(merge.merge({"shop": SHOP}, ("base", yaml.safe_dump(base))))
    except AlertError:
        return
    lists = dict.fromkeys(("route", "receivers", "time_intervals", "inhibit_rules"))
    assert merged["route"]["routes"][1:] == (route.get("routes") or [])
    assert {**merged, **lists} == {**base, **lists}
