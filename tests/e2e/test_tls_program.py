"""A program with TLS, client certificates and a token: Prometheus scrapes it, and the commands reach it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from support.authority import Authority
from support.programs import Program, eventually
from support.prometheus import Prometheus
from support.servers import free_port

PROGRAM = """
import csg_otel

with csg_otel.instrument("shop", config="monitoring.json", exporters=["prometheus"]) as telemetry:
    csg_otel.counter("orders", unit="{order}").add(3)
    telemetry.health.run_all()
    print(telemetry.url, telemetry.dashboard_url.partition("/login")[0], flush=True)
    input()
"""
TOKEN = "t0ken-of-this-test"


class Served(NamedTuple):
    """A program, where it runs, and its addresses."""

    folder: Path
    authority: Authority
    url: str
    dashboard: str

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the folder of the program."""
        command = [sys.executable, "-m", "csg_otel", *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=60)


@pytest.fixture
def served(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A program; the parameter is ``client_auth``."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("METRICS_TOKEN", TOKEN)
    authority = Authority(tmp_path)
    leaf = authority.ca.issue_cert("scraper@example.org")
    leaf.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "client.pem"))
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    tls = authority.settings(client_ca=str(authority.ca_file), client_auth=request.param)
    config = {
        "security": {**tls, "api_auth": {"enabled": True, "tokens": ["${METRICS_TOKEN}"]}},
        "dashboard": {"enabled": True},
        "health_monitoring": {"checks": {"system_resources": {"enabled": False}}},
    }
    (tmp_path / "monitoring.json").write_text(json.dumps(config))
    ports = {"PROMETHEUS_PORT": str(free_port()), "MONITORING_DASHBOARD_PORT": str(free_port())}
    for name, port in ports.items():
        monkeypatch.setenv(name, port)  # the commands find the program by them
    with Program(PROGRAM, tmp_path, ports) as program:
        yield Served(tmp_path, authority, *program.line().split())


@pytest.mark.real("prometheus")
@pytest.mark.parametrize("served", ["required"], indirect=True)
def test_prometheus_scrapes_with_a_certificate_and_a_token(served: Served) -> None:
    """A real one; without the certificate, or without the token, its target is down."""
    client = str(served.folder / "client.pem")
    trust = {"ca_file": str(served.authority.ca_file)}
    certificate = {**trust, "cert_file": client, "key_file": client}
    token = {"credentials_file": str(served.folder / "token")}
    scrape = {
        "both": {"scheme": "https", "tls_config": certificate, "authorization": token},
        "no-token": {"scheme": "https", "tls_config": certificate},
        "no-certificate": {"scheme": "https", "tls_config": trust, "authorization": token},
    }
    target = served.url.removeprefix("https://")
    with Prometheus({job: [target] for job in scrape}, served.folder / "prometheus", scrape=scrape) as prometheus:
        eventually(lambda: len(prometheus.query("up")) == 3)
        eventually(lambda: bool(prometheus.query("orders_total")))
        up = {labels["job"]: value for labels, value in prometheus.query("up")}
        jobs = {labels["job"] for labels, _ in prometheus.query("orders_total")}

    assert up == {"both": 1, "no-token": 0, "no-certificate": 0}
    assert jobs == {"both"}


@pytest.mark.parametrize("served", ["optional"], indirect=True)
def test_commands_reach_a_program_with_tls(served: Served) -> None:
    """That of the configuration, and one by its address with ``--ca``; without that, its certificate is no good."""
    config = ("--config", "monitoring.json")
    assert served.run("healthcheck", *config).returncode == 0
    assert served.run("healthcheck", "--url", served.url, "--ca", "ca.pem").returncode == 0
    assert "certificate" in served.run("healthcheck", "--url", served.url).stdout

    status = served.run("dashboard", "--mode", "status", *config)
    assert status.returncode == 0
    assert "SHOP" in status.stdout
    there = ("--url", served.dashboard, "--token-file", "token")
    assert json.loads(served.run("query", "health", "--json", *there, "--ca", "ca.pem").stdout)
    refused = served.run("query", "health", *there)
    assert refused.returncode != 0
    assert "certificate" in refused.stderr
    assert TOKEN not in status.stdout + refused.stderr

    assert "is in use by a running program with csg_otel" in served.run("doctor", "monitoring.json").stdout


@pytest.mark.parametrize("served", ["required"], indirect=True)
def test_commands_show_a_certificate_where_one_is_needed(served: Served) -> None:
    """For the program of the configuration, too; a file that can't be used is named."""
    config = ("--config", "monitoring.json")
    without = served.run("healthcheck", *config)
    assert without.returncode != 0
    assert "--client-cert" in without.stdout + without.stderr
    assert served.run("healthcheck", *config, "--client-cert", "client.pem").returncode == 0
    assert "SHOP" in served.run("dashboard", "--mode", "status", *config, "--client-cert", "client.pem").stdout
    assert "give --client-cert" in served.run("doctor", "monitoring.json").stdout
    seen = served.run("doctor", "monitoring.json", "--client-cert", "client.pem").stdout
    assert "is in use by a running program with csg_otel" in seen
    missing = served.run("dashboard", "--mode", "status", *config, "--client-cert", "none.pem")
    assert missing.returncode != 0
    assert "--client-cert" in missing.stderr
