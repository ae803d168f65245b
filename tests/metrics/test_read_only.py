"""Read-only file systems raise no alert of disks: check, names of the guide and compiled rules agree, on real mounts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from csg_otel import names
from csg_otel.alerts.catalog import Catalog
from csg_otel.alerts.evaluate import Evaluator, Scrape, parse
from csg_otel.alerts.expr import Select
from csg_otel.alerts.prometheus import promql
from csg_otel.exporters import prometheus
from csg_otel.metrics.aliases import values
from support import moments

PROGRAM = """
import json, subprocess, sys, time, urllib.request

for options, image, folder in (("loop,ro", "image.img", "image"), ("loop", "data.img", "data")):
    done = subprocess.run(["mount", "-o", options, image, folder], capture_output=True, text=True)
    if done.returncode:
        print(json.dumps({"unable": done.stderr}))
        sys.exit()
import csg_otel
from csg_otel.health.checks.disk import Disk
telemetry = csg_otel.instrument(
    exporters=["prometheus"], config={"health_monitoring": {"enabled": False}}, system_monitoring__prometheus__port=0
)
until = time.monotonic() + 60
while not telemetry.metrics_snapshot()["system"].get("system_cpu_usage_percent") and time.monotonic() < until:
    time.sleep(0.05)
with urllib.request.urlopen(f"{telemetry.url}/metrics", timeout=30) as answer:
    exposition = answer.read().decode()
measured = [each.name for each in Disk()().measurements]
print(json.dumps({"exposition": exposition, "rows": telemetry.metrics_snapshot()["metrics"], "measured": measured}))
"""


def _make_image(folder: Path, name: str) -> None:
    """Make an image of a file system that is nearly full, and the folder to mount it on."""
    content = folder / f"{name}.content"
    content.mkdir()
    (content / "filling").write_bytes(bytes(3_000_000))
    (folder / name).mkdir()
    with (folder / f"{name}.img").open("wb") as image:
        image.truncate(4_194_304)
    command = ["mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", "-d", str(content), str(folder / f"{name}.img")]
    subprocess.run(command, check=True, timeout=60)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a program sees beside which one file system is mounted read-only, and an equal one is not."""
    if sys.platform != "linux" or os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "mount", "mkfs.ext4"))):
        pytest.skip("mounting needs Linux, root, unshare and mkfs.ext4")
    folder = tmp_path_factory.mktemp("mounts")
    for name in ("image", "data"):
        _make_image(folder, name)
    done = subprocess.run(  # the mounts end with their namespace
        ["unshare", "-m", sys.executable, "-c", PROGRAM],
        cwd=folder,
        env={**os.environ, "XDG_STATE_HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    if "unshare failed" in done.stderr:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr
    content: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if "unable" in content:
        pytest.skip(content["unable"])
    return {**content, "read_only": str(folder / "image"), "writable": str(folder / "data")}


def test_check_and_names_leave_out_the_same_file_system(seen: dict[str, Any]) -> None:
    """The check, the snapshot and what Prometheus records have the writable one, each time, and never the read-only one."""
    catalog = Catalog(series=prometheus.family_name, label=prometheus.label_name)
    recorded = {
        name: [(part.expr, part.labels) for part in parts] for name, parts in promql.aliases(catalog.find).items()
    }
    evaluate = Evaluator(Scrape(0), parse(seen["exposition"], 1), recorded)
    places = {"check": set(seen["measured"])}
    for name in ("system_disk_usage_percent", "system_disk_usage_bytes"):
        places[f"{name} here"] = {row["labels"]["mount"] for row in seen["rows"] if row["name"] == name}
        places[f"{name} recorded"] = {dict(labels)["mount"] for labels in evaluate(Select((name,)))}

    assert {place for place, mounts in places.items() if seen["writable"] not in mounts} == set()
    assert {place for place, mounts in places.items() if seen["read_only"] in mounts} == set()


def test_the_metric_has_both_with_their_modes(seen: dict[str, Any]) -> None:
    """What is mounted is visible: a file system that became read-only by an error can raise an alert of its own."""
    modes = {
        row["labels"][names.MOUNTPOINT]: row["labels"][names.FILESYSTEM_MODE]
        for row in seen["rows"]
        if row["name"] == names.SYSTEM_FILESYSTEM_UTILIZATION.name
    }

    assert (modes[seen["read_only"]], modes[seen["writable"]]) == ("ro", "rw")


def test_where_every_file_system_is_read_only_no_value_is_made_up() -> None:
    """As in a container with a read-only root: the names of disks have no series."""
    moment = moments.system()
    read_only = tuple(replace(filesystem, is_read_only=True) for filesystem in moment.filesystems)
    found = values(moments.sample(system=moments.system(filesystems=read_only)), ())

    assert found["system_disk_usage_percent"] == found["system_disk_usage_bytes"] == []
