"""A new user's first minutes: a new virtual environment, an installation, two lines, a scrape, a failing check, an alert."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.programs import Program, eventually, get
from support.servers import free_port

PROGRAM = """\
import time
import csg_otel; csg_otel.instrument(service_name="shop", exporters=["console", "prometheus"])

@csg_otel.observe
def order():
    time.sleep(0.01)

@csg_otel.health_check("crm", groups=("readiness",), interval_s=1)
def crm():
    raise csg_otel.Critical("the CRM does not answer")

order()
print("ready")
while True:
    order()
    time.sleep(0.2)
"""

RULES = """\
alerting:
  rules:
    - {name: CrmDown, metric: health_check_status, filters: {check: crm}, condition: equals, threshold: 0}
"""

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow  # the installation loads all dependencies
def test_from_nothing_to_a_compiled_alert_in_five_minutes(tmp_path: Path) -> None:
    """The steps of the README, in the order in which a new user takes them."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True, timeout=300)
    commands = tmp_path / "venv" / "bin"
    install: list[str | Path] = [
        commands / "python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        ROOT,
    ]
    subprocess.run(install, check=True, timeout=600)
    (tmp_path / "shop.py").write_text(PROGRAM)
    (tmp_path / "monitoring_config.yaml").write_text(RULES)
    port = free_port()

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [commands / "csg-otel", *words],
            cwd=tmp_path,
            env={"PROMETHEUS_PORT": str(port)},
            capture_output=True,
            text=True,
            timeout=60,
        )

    with Program([str(commands / "python"), "shop.py"], cwd=tmp_path, env={"PROMETHEUS_PORT": str(port)}) as program:
        url = f"http://127.0.0.1:{port}"
        program.line_with("ready")
        assert "csg_operation_duration_seconds_count" in get(f"{url}/metrics")[1]
        assert "/readyz" in get(url)[1]
        eventually(lambda: "crm CRITICAL: the CRM does not answer" in command("healthcheck").stdout, 60)
        assert command("healthcheck").returncode == 1
        checked = command("alerts", "check")
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert re.search(r"would fire .* CrmDown: 0", command("alerts", "preview").stdout)
        compiled = command("alerts", "compile", "-o", "compiled")
        assert compiled.returncode == 0, compiled.stdout + compiled.stderr
        assert "CrmDown" in (tmp_path / "compiled" / "prometheus-rules.yaml").read_text()
    assert re.search(r"ms  order", program.stderr)
    assert time.monotonic() - began < 300
