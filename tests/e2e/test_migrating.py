"""The page for programs that use the monitoring guide's classes: its code runs, and its dashboards find their keys."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from csg_otel import names
from csg_otel.config import load
from support.programs import Program

PAGE = Path(__file__).resolve().parents[2] / "docs" / "migrating.md"

READ = """
import json
while not monitor.get_metrics_snapshot()["system"]:  # the first sample of the host is complete after two readings
    time.sleep(0.05)
snapshot = monitor.get_metrics_snapshot()
print(json.dumps({"summary": summary, "snapshot": snapshot, "state": state, "notifications": notifications}, default=str))
again = monitor.get_metrics_snapshot()
print(json.dumps(again["business"]))
print(type(results).__name__, status.name, trends["hours"], flush=True)
"""


def blocks(language: str) -> list[str]:
    """Return the code blocks of the page."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def test_the_pages_program_runs_and_has_the_keys_of_the_guide(tmp_path: Path) -> None:
    """As one program, with the page's settings; every metric that the guide's dashboard reads is there, with its labels."""
    (tmp_path / "monitoring_config.yaml").write_text("\n".join(blocks("yaml")), encoding="utf-8")
    source = "\n".join(blocks("python")) + READ
    with Program(source, tmp_path) as program:
        read = json.loads(program.line())
        business = json.loads(program.line())
        last = program.line()
        assert program.wait(40) == 0, program.stderr
    rows = read["snapshot"]["metrics"]
    of_the_guide = {name for name in names.ALIASES if name.startswith(("system_", "application_"))}

    assert last.startswith("dict ")
    assert of_the_guide <= {row["name"] for row in rows}
    assert {"timestamp", "metrics_count", "metrics"} <= read["snapshot"].keys()
    assert all({"name", "value", "unit", "labels", "timestamp"} <= row.keys() for row in rows)
    assert {"overall_status", "timestamp", "checks", "summary"} <= read["state"]["health"].keys()
    assert {"monitoring_enabled", "timestamp", "prometheus_enabled", "prometheus_running"} <= read["state"].keys()
    four = {"system_resources", "application", "dependencies", "performance"}
    assert four <= read["summary"]["checks"].keys() | read["summary"].get("categories", {}).keys()
    assert business["files_processed_total"] == {"vtt": 1}
    assert business["processing_errors_total"] in (0, {"all": 0})


def test_the_pages_settings_are_right(tmp_path: Path) -> None:
    """Without a problem or a warning, and each is one of the sections that the text names."""
    (text,) = blocks("yaml")
    (tmp_path / "c.yaml").write_text(text, encoding="utf-8")
    loaded = load("c.yaml", environ={}, cwd=tmp_path)

    assert (loaded.problems, loaded.warnings) == ((), ())
    assert yaml.safe_load(text)["health_monitoring"]["checks"].keys() == {"application", "dependencies"}
