"""A real Prometheus on a free loopback port, and promtool."""

from __future__ import annotations

import json
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from support.daemon import Daemon
from support.servers import free_port


def promtool_check_metrics(text: bytes) -> str:
    """Return what ``promtool check metrics`` finds wrong with *text*; empty if nothing."""
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, timeout=60)
    return (done.stdout + done.stderr).decode() if done.returncode or done.stdout or done.stderr else ""


class Prometheus(Daemon):
    """
    A *program*, by default that of the PATH, scraping *targets* (``host:port``) every second; a context manager.

    The targets are those of a job called test, unless they are a mapping from the names of jobs.

    Evaluates the *rules* every second, sends alerts to *alertmanager* (``host:port``) and takes remote writes, too. With
    *honor_labels* the targets' own job and instance win. *scrape* has further settings by job.
    """

    def __init__(
        self,
        targets: Sequence[str] | Mapping[str, Sequence[str]],
        directory: Path,
        path: str = "/metrics",
        *,
        rules: Sequence[Path] = (),
        honor_labels: bool = False,
        alertmanager: str | None = None,
        program: str = "prometheus",
        scrape: Mapping[str, Mapping[str, Any]] | None = None,
        features: Sequence[str] = (),
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        alertmanagers = [{"static_configs": [{"targets": [alertmanager]}]}] if alertmanager else []
        config = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "900ms", "evaluation_interval": "1s"},
            "rule_files": [str(rule) for rule in rules],
            "alerting": {"alertmanagers": alertmanagers},
            "scrape_configs": [
                {
                    "job_name": job,
                    "metrics_path": path,
                    "honor_labels": honor_labels,
                    "static_configs": [{"targets": list(addresses)}],
                    **(scrape or {}).get(job, {}),
                }
                for job, addresses in (targets if isinstance(targets, Mapping) else {"test": targets}).items()
            ],
        }
        file, address = directory / "prometheus.yml", f"127.0.0.1:{free_port()}"
        file.write_text(json.dumps(config))  # JSON is YAML
        command = [
            program,
            f"--config.file={file}",
            f"--storage.tsdb.path={directory / 'data'}",
            f"--web.listen-address={address}",
            f"--enable-feature={','.join(('exemplar-storage', *features))}",
            "--web.enable-remote-write-receiver",
            "--web.enable-lifecycle",
        ]
        super().__init__(command, f"http://{address}", directory / "prometheus.log")

    def __enter__(self) -> Prometheus:
        """Start it and wait until it answers."""
        self.start()
        return self

    def get(self, path: str, **parameters: str) -> Any:
        """Return the ``data`` of an API answer."""
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{query}", timeout=30) as answer:
            found = json.load(answer)
        assert found["status"] == "success", found
        return found["data"]

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Return the labels and value of every series of an instant vector."""
        return [(one["metric"], float(one["value"][1])) for one in self.get("query", query=expression)["result"]]

    def targets(self) -> list[dict[str, Any]]:
        """Return the active targets with their health and last error."""
        found: list[dict[str, Any]] = self.get("targets", state="active")["activeTargets"]
        return found
