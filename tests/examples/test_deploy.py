"""Deployment files: held against the schemas of those who read them, and their probe commands run as they would be."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from csg_otel.alerts.grafana import provisioning
from csg_otel.config import load
from support.programs import Program, eventually, get

COMPOSE = "github.com/compose-spec/compose-go/v2@v2.9.0"
OPERATOR = "github.com/prometheus-operator/prometheus-operator@v0.85.0"


@pytest.fixture
def deploy(examples: Path) -> Path:
    """The folder of the deployment files."""
    return examples / "deploy"


def documents(path: Path) -> list[Any]:
    """Return the YAML documents in *path*."""
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def module(name: str) -> Path:
    """Return the folder of a Go module, from the module cache or the registry."""
    done = subprocess.run(
        ["go", "mod", "download", "-json", name], capture_output=True, text=True, timeout=300, cwd="/"
    )
    return Path(json.loads(done.stdout)["Dir"])


@pytest.mark.real("go")
def test_the_compose_file_is_one(deploy: Path) -> None:
    """By the Compose Specification's own schema."""
    schema = json.loads((module(COMPOSE) / "schema" / "compose-spec.json").read_text())
    (compose,) = documents(deploy / "docker-compose.yml")

    jsonschema.Draft7Validator(schema).validate(compose)
    mounted = re.findall(r'["\s](\./\S+?):', (deploy / "docker-compose.yml").read_text())
    assert [name for name in mounted if not (deploy / name).exists() and name != "./inbox"] == []
    assert {"app", "collector", "prometheus", "alertmanager", "grafana"} <= compose["services"].keys()


@pytest.mark.parametrize("name", ["app.yaml", "exec-probes.yaml"])
@pytest.mark.parametrize("version", ["1.30", "1.37"])
def test_the_manifests_are_what_the_api_server_takes(deploy: Path, name: str, version: str) -> None:
    """By the API's own schemas, unknown keys refused."""
    for document in documents(deploy / "kubernetes" / name):
        kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.real("go")
def test_the_service_monitor_is_what_the_operator_takes(deploy: Path) -> None:
    """By the schema of its custom resource, unknown keys refused."""
    path = module(OPERATOR) / "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml"
    (resource,) = documents(path)
    schema = closed(resource["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
    (monitor,) = documents(deploy / "kubernetes" / "servicemonitor.yaml")

    jsonschema.validate(monitor, schema)
    app = documents(deploy / "kubernetes" / "app.yaml")
    service = next(document for document in app if document["kind"] == "Service")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["spec"]["endpoints"][0]["port"] in {port["name"] for port in service["spec"]["ports"]}


def closed(schema: Any) -> Any:
    """Return *schema* with no key allowed that it does not name; metadata is Kubernetes' own."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(value) for key, value in schema.items()}
    if "properties" in schema and "additionalProperties" not in schema:
        found["additionalProperties"] = False
        if "kind" in schema["properties"] and "metadata" in schema["properties"]:
            found["properties"]["metadata"] = {"type": "object"}
    return found


@pytest.mark.real("promtool", "amtool")
def test_prometheus_and_alertmanager_take_their_files(deploy: Path, tmp_path: Path) -> None:
    """By their own tools: what the service `rules` writes is what the two others read, at the places they are mounted at."""
    (compose,) = documents(deploy / "docker-compose.yml")
    services = compose["services"]
    folder = services["rules"]["command"][-1]
    assert services["rules"]["volumes"] == [f"alerts:{folder}"]
    rules, configuration = (mounted_at("alerts", services[name]) for name in ("prometheus", "alertmanager"))
    words = [str(tmp_path) if word == folder else word for word in services["rules"]["command"][1:]]
    config = ["--config", str(deploy / "monitoring_config.yaml")]
    subprocess.run([sys.executable, "-m", "csg_otel", *words, *config], check=True, timeout=60)
    prometheus = (deploy / "monitoring/prometheus.yml").read_text()
    assert f"{rules}/prometheus-*.yaml" in prometheus
    (tmp_path / "prometheus.yml").write_text(prometheus.replace(rules, str(tmp_path)))
    (flag,) = [word for word in services["alertmanager"]["command"] if word.startswith("--config.file=")]
    for command in (
        ["promtool", "check", "config", tmp_path / "prometheus.yml"],
        ["amtool", "check-config", tmp_path / flag.removeprefix(f"--config.file={configuration}/")],
    ):
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "rules found" in done.stdout or "SUCCESS" in done.stdout, done.stdout


def mounted_at(volume: str, service: Mapping[str, Any]) -> str:
    """Return where a compose service has *volume*."""
    (mount,) = [mount for mount in service["volumes"] if mount.startswith(f"{volume}:")]
    return str(mount.split(":")[1])


def test_grafana_has_the_data_source_that_the_rules_name(deploy: Path) -> None:
    """By its uid; without one Grafana makes one up, and every rule is in error."""
    (provisioned,) = documents(deploy / "monitoring/grafana/datasources/csg_otel.yaml")

    assert [source["uid"] for source in provisioned["datasources"]] == [provisioning.DATASOURCE]


def test_the_spool_has_a_place_beside_a_read_only_root(deploy: Path) -> None:
    """The image's state folder is a volume in the pod, and in the compose file."""
    (state,) = re.findall(r"XDG_STATE_HOME=(\S+)", (deploy / "Dockerfile").read_text())
    (pod, *_) = documents(deploy / "kubernetes" / "app.yaml")
    (container,) = pod["spec"]["template"]["spec"]["containers"]
    (compose,) = documents(deploy / "docker-compose.yml")

    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert state in [mount["mountPath"] for mount in container["volumeMounts"]]
    assert mounted_at("state", compose["services"]["app"]) == state


@pytest.mark.real("systemd-analyze")
def test_the_unit_is_one(deploy: Path, tmp_path: Path) -> None:
    """By systemd's own verification, without a complaint, with an interpreter of this machine in the place of its own."""
    text = (deploy / "systemd/snapshot-generator.service").read_text()
    own = "/opt/snapshot-generator/.venv/bin/python"
    assert f"ExecStart={own} -m snapshot_generator" in text
    assert "WorkingDirectory=/opt/snapshot-generator\n" in text, "where the module is"
    unit = tmp_path / "snapshot-generator.service"
    unit.write_text(text.replace(own, sys.executable))
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, timeout=60)

    complaints = [line for line in done.stderr.splitlines() if "snapshot-generator" in line]
    assert (done.returncode, complaints) == (0, [])


@pytest.mark.parametrize("enabled", ["true", "false"])
def test_the_containers_settings_are_right(deploy: Path, enabled: str) -> None:
    """With and without a collector."""
    environ = {"COLLECTOR_ENABLED": enabled, "COLLECTOR_URL": "http://collector:4317"}
    loaded = load(deploy / "monitoring_config.yaml", environ=environ)

    assert [otlp.enabled for otlp in loaded.config.exporters.otlp] == [enabled == "true"]


# -- the commands ------------------------------------------------------------------------------------------------------


def docker_command(deploy: Path) -> tuple[list[str], float]:
    """Return the image's health check: its words and its timeout."""
    text = (deploy / "Dockerfile").read_text().replace("\\\n", " ")
    found = re.search(r"^HEALTHCHECK .*--timeout=(\d+)s.* CMD (\[.*\])$", text, re.MULTILINE)
    assert found is not None
    return json.loads(found[2]), float(found[1])


def probes(deploy: Path) -> Mapping[str, tuple[list[str], float]]:
    """Return the probe commands of the exec variant with their timeouts."""
    (pod,) = documents(deploy / "kubernetes/exec-probes.yaml")
    container = pod["spec"]["containers"][0]
    return {
        name: (probe["exec"]["command"], float(probe["timeoutSeconds"]))
        for name, probe in container.items()
        if name.endswith("Probe")
    }


Run = Callable[[tuple[list[str], float]], int]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Program]:
    """A program with a check that counts for readiness and fails while a file is there."""
    source = """
        import os, sys, csg_otel
        @csg_otel.health_check("queue", interval_s=0.05, groups=("readiness", "startup"))
        def queue():
            if os.path.exists("fail"): raise csg_otel.Critical("queue is full")
        off = {section: {"enabled": False} for section in ("system_resources", "dependencies", "performance")}
        telemetry = csg_otel.instrument(exporters=["prometheus"], config={"health_monitoring": {"checks": off}})
        print(telemetry.url, flush=True)
        sys.stdin.read()
    """
    with Program(source, tmp_path) as program:
        yield program


def test_docker_and_the_kubelet_get_the_exit_codes_they_know(service: Program, deploy: Path, tmp_path: Path) -> None:
    """argv without a shell, within the timeout: 0 while well, 1 while not, and never the 2 Docker reserves."""
    url = service.line()
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    binaries = {**os.environ, "PATH": path, "PROMETHEUS_PORT": url.rpartition(":")[2]}

    def run(probe: tuple[list[str], float]) -> int:
        words = [word.replace("http://127.0.0.1:8081", url) for word in probe[0]]
        if "/usr/local/bin/healthcheck.py" in words:
            words[words.index("/usr/local/bin/healthcheck.py")] = str(deploy / "healthcheck.py")
        for _ in range(5):  # on a busy machine another attempt may be within the time
            with suppress(subprocess.TimeoutExpired):
                return subprocess.run(
                    words, cwd=tmp_path, env=binaries, capture_output=True, timeout=probe[1]
                ).returncode
        raise AssertionError(f"{words} never ended within {probe[1]} s")

    health, exec_probes = docker_command(deploy), probes(deploy)
    eventually(lambda: get(f"{url}/readyz")[0] == 200)
    assert run(health) == 0
    assert {name: run(probe) for name, probe in exec_probes.items()} == dict.fromkeys(exec_probes, 0)

    (tmp_path / "fail").touch()
    eventually(lambda: get(f"{url}/readyz")[0] == 503)
    assert run(health) == 1
    assert {name: run(probe) for name, probe in exec_probes.items()} == {
        "startupProbe": 1,
        "livenessProbe": 0,
        "readinessProbe": 1,
    }

    service.terminate()
    service.wait()
    assert run(health) == 1, "a process that is gone is not healthy"
    assert run(exec_probes["livenessProbe"]) in (0, 1)


def test_http_probes_ask_what_is_served(deploy: Path, service: Program) -> None:
    """Every path of the manifest is answered."""
    url = service.line()
    container = documents(deploy / "kubernetes/app.yaml")[0]["spec"]["template"]["spec"]["containers"][0]
    paths = [container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")]
    assert len(set(paths)) == 3
    for path in paths:
        eventually(lambda path=path: get(url + path)[0] == 200)
