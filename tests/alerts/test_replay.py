"""The past of an alert: how often and how long it would have fired, equal to what Prometheus makes of the same samples."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from csg_otel.alerts.replay import Firing, History, Schedule, firings, history
from csg_otel.alerts.text import rfc3339
from support import newest
from support.json_server import json_server
from support.prometheus import Prometheus

MINUTE_S = 60
PATTERN = st.lists(st.booleans(), min_size=1, max_size=40)


def firing_at(pattern: list[bool], for_s: int, keep_s: int) -> list[bool]:
    """Return for each minute whether an alert fires: from all of its past, without a state that is carried along."""
    fires: list[bool] = []
    for at, held in enumerate(pattern):
        start = at
        while start > 0 and pattern[start - 1]:
            start -= 1
        # An alert that fires stays the same alert until it resolves, so a gap does not start ``for`` again.
        lasting = at > 0 and fires[at - 1]
        gap = 0
        while gap <= at and not pattern[at - gap]:
            gap += 1
        if held:
            fires.append(lasting or (at - start) * MINUTE_S >= for_s)
        else:
            fires.append(lasting and (gap - 1) * MINUTE_S < keep_s)
    return fires


def replayed(pattern: list[bool], for_s: int, keep_s: int) -> list[bool]:
    """Return for each minute whether the replay says that it fires."""
    schedule = Schedule(0, MINUTE_S, len(pattern))
    found = list(firings({at for at, held in enumerate(pattern) if held}, schedule, for_s, keep_s))
    return [any(one.first <= at < one.end for one in found) for at in range(len(pattern))]


@given(PATTERN, st.integers(0, 500), st.integers(0, 500))
def test_the_replay_is_that_of_the_definition(pattern: list[bool], for_s: int, keep_s: int) -> None:
    """Each minute of any past has the state that the definition of ``for`` and ``keep_firing_for`` says."""
    assert replayed(pattern, for_s, keep_s) == firing_at(pattern, for_s, keep_s)


@pytest.mark.real("promtool")
@pytest.mark.parametrize("generation", ["oldest", "newest"])
def test_the_replay_is_that_of_prometheus(generation: str, tmp_path: Path) -> None:
    """Prometheus' own evaluation of rules has the same firing alerts in every minute."""
    program = newest.need("promtool") if generation == "newest" else "promtool"

    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.lists(PATTERN, min_size=10, max_size=20),
        st.sampled_from([0, 60, 90, 180]),
        st.sampled_from([0, 60, 90, 240]),
    )
    def agree(patterns: list[list[bool]], for_s: int, keep_s: int) -> None:
        longest = max(map(len, patterns))
        patterns = [[*pattern, *[False] * (longest - len(pattern))] for pattern in patterns]
        states = [replayed(pattern, for_s, keep_s) for pattern in patterns]
        rule = {"alert": "Held", "expr": "held == 1", "for": f"{for_s}s", "keep_firing_for": f"{keep_s}s"}
        (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": [rule]}]}))
        test = {
            "interval": "1m",
            "input_series": [
                {"series": f'held{{of="{name}"}}', "values": " ".join(str(int(held)) for held in pattern)}
                for name, pattern in enumerate(patterns)
            ],
            "alert_rule_test": [
                {
                    "alertname": "Held",
                    "eval_time": f"{at}m",
                    "exp_alerts": [{"exp_labels": {"of": str(name)}} for name, state in enumerate(states) if state[at]],
                }
                for at in range(longest)
            ],
        }
        (tmp_path / "tests.yaml").write_text(yaml.safe_dump({"rule_files": ["rules.yaml"], "tests": [test]}))
        done = subprocess.run(
            [program, "test", "rules", "tests.yaml"], cwd=tmp_path, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, (done.stdout + done.stderr)[:2000]

    agree()


def test_what_is_counted_of_all_series() -> None:
    """Times, seconds and the last start are those of all series; what still fires counts up to the last evaluation."""
    schedule = Schedule(1000, 10, 101)

    assert history([], schedule) is None
    assert history([Firing(1, 4), Firing(90, 101)], schedule) == History(2, 130, 100, 1900, fires=True)
    assert [one.count for one in schedule.parts(40)] == [40, 40, 21]
    assert [one.start_s for one in schedule.parts(40)] == [1000, 1400, 1800]


# -- the command --------------------------------------------------------------------------------------------------------

RULES = """
service: {name: shop}
alerting:
  rules:
    - {name: many_threads, metric: process.thread.count, condition: ">", threshold: 50, for: 5m}
    - {name: lasting, metric: process.thread.count, condition: ">", threshold: 50, for: 15m, keep_firing_for: 10m}
    - {name: too_many, metric: process.thread.count, condition: ">", threshold: 500}
    - {name: by_alias, metric: application_threads_total, condition: ">", threshold: 50}
    - {name: broken, promql: "process_thread_count * on (job) process_thread_count"}
"""


def preview(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in *folder*."""
    return subprocess.run(
        [sys.executable, "-m", "csg_otel", "alerts", "preview", "--no-shipped", *arguments],
        cwd=folder,
        env={**os.environ},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.real("prometheus")
@pytest.mark.parametrize("generation", ["oldest", "newest"])
@pytest.mark.parametrize("step", ["1m", "10s"])
def test_the_past_of_rules_on_a_real_prometheus(generation: str, step: str, tmp_path: Path) -> None:
    """Two instances fire three times in six hours; four minutes are too short. With 10 s, it takes two queries per rule."""
    suffix = newest.need if generation == "newest" else str
    end = int(time.time()) // MINUTE_S * MINUTE_S
    high = {"one": [(300, 270), (100, 96), (40, 20)], "two": [(200, 190)]}
    lines = ["# TYPE process_thread_count gauge"]
    for instance, windows in high.items():
        for ago in range(420, -1, -1):
            value = 100 if any(first >= ago > last for first, last in windows) else 10
            labels = f'job="shop",instance="{instance}"'
            lines.append(f"process_thread_count{{{labels}}} {value} {end - ago * MINUTE_S}")
    (tmp_path / "samples.txt").write_text("\n".join([*lines, "# EOF", ""]))
    subprocess.run(
        [suffix("promtool"), "tsdb", "create-blocks-from", "openmetrics", "samples.txt", "data"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        timeout=60,
    )
    (tmp_path / "monitoring_config.yaml").write_text(RULES)
    with Prometheus([], tmp_path, program=suffix("prometheus")) as prometheus:
        done = preview(tmp_path, "--prometheus", prometheus.url, "--range", "6h", "--step", step)

    def at(ago: int) -> str:
        return rfc3339(end - ago * MINUTE_S).replace(".000", "")

    seen = done.stdout.splitlines()
    assert seen[0] == f"warning   ManyThreads: fired 3 times, 45m in total, longest 25m, last at {at(35)}", done.stderr
    assert seen[1] == f"warning   Lasting: fired 2 times, 40m in total, longest 25m, last at {at(25)}"
    assert seen[2] == "warning   TooMany: never"
    assert seen[3].startswith("warning   ByAlias: never (there is no series application_threads_total{")
    assert seen[3].endswith("; it is recorded by the rules that `alerts compile` writes: push them first)")
    assert seen[4].startswith("warning   Broken: not evaluated: GET ")
    assert seen[5] == f"2 of 5 alerts would have fired in 6h, evaluated each {step}"
    assert done.returncode == 1


def test_the_token_is_sent_and_a_stranger_is_named(tmp_path: Path) -> None:
    """A server that is no Prometheus ends the command at once, with one line; the token of the file is sent."""
    (tmp_path / "monitoring_config.yaml").write_text(RULES)
    (tmp_path / "token").write_text("c4nary")
    seen: list[str | None] = []

    def answer(_method: str, _target: str, headers: Any, _body: Any) -> tuple[int, Any]:
        seen.append(headers["Authorization"])
        return 200, {"data": []}

    with json_server(answer) as url:
        done = preview(tmp_path, "--prometheus", url, "--token-file", "token")

    assert seen == ["Bearer c4nary"]
    assert done.returncode == 1
    assert "the answer is not that of a Prometheus; check the URL" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--range", "often"], "'often' is not a duration"),
        (["--range", "1500ms"], "'1500ms' is not a duration of whole seconds"),
        (["--range", "365d", "--step", "1s"], "makes 31536001 evaluations; 100000 is the most"),
        (["--prometheus", "http://127.0.0.1:1"], "GET http://127.0.0.1:1/api/v1/query_range"),
    ],
)
def test_mistakes_on_the_command_line(arguments: list[str], message: str, tmp_path: Path) -> None:
    """Each is one message and a failure."""
    (tmp_path / "monitoring_config.yaml").write_text(RULES)
    done = preview(tmp_path, "--prometheus", "http://127.0.0.1:1", *arguments)

    assert done.returncode != 0
    assert message in done.stderr
    assert "Traceback" not in done.stderr
