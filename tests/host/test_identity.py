"""The resource says where the program runs, without a network, and not what it was called with."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from csg_otel.config import load
from csg_otel.host.identity import identity
from csg_otel.pipeline.resource import make_resource, of_this_process

ID = "0123456789abcdef" * 4
UID = "12345678-1234-1234-1234-123456789abc"
POD = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "HOSTNAME": "shop-1"}

Files = Callable[..., Path]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Write files below a root, by path."""

    def write(**contents: str) -> Path:
        for name, text in contents.items():
            path = tmp_path / name.replace("__", "/").replace("os_release", "os-release")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


def test_host_system_and_process_are_always_there(files: Files) -> None:
    """Names of the semantic conventions; outside of Kubernetes and containers nothing of them."""
    found = identity({"HOSTNAME": "x"}, files(etc__os_release='NAME="Debian GNU/Linux"\nVERSION_ID="12"\n'))

    assert found["host.name"] == os.uname().nodename
    assert (found["os.type"], found["os.name"], found["os.version"]) == ("linux", "Debian GNU/Linux", "12")
    assert found["process.pid"] == os.getpid()
    assert found["process.runtime.version"] == ".".join(map(str, sys.version_info[:3]))
    assert not [key for key in found if key.startswith(("k8s.", "container."))]


@pytest.mark.parametrize(
    "contents",
    [
        {"proc__self__cgroup": f"0::/docker/{ID}\n"},
        {"proc__self__cgroup": f"1:cpu:/kubepods/pod{UID}/{ID}\n"},
        {"proc__self__cgroup": f"0::/system.slice/docker-{ID}.scope\n"},
        {
            "proc__self__mountinfo": f"1 2 8:1 /var/lib/docker/containers/{ID}/hostname /etc/hostname rw - ext4 /dev/a rw\n"
        },
        {
            "proc__self__cgroup": "0::/\n",
            "proc__self__mountinfo": f"1 2 8:1 /containers/overlay-containers/{ID}/userdata/hosts /etc/hosts rw - ext4 a rw\n",
        },
    ],
)
def test_a_container_has_its_id(files: Files, contents: dict[str, str]) -> None:
    """From the control group, or from the mounts where the group's path is hidden."""
    assert identity({}, files(**contents))["container.id"] == ID


def test_a_pod_is_named(files: Files) -> None:
    """By the downward API's variables, and without them by its host name, its group and the mounted namespace."""
    group = f"0::/kubepods.slice/kubepods-pod{UID.replace('-', '_')}.slice/cri-{ID}.scope\n"
    root = files(proc__self__cgroup=group)
    path = root / "var/run/secrets/kubernetes.io/serviceaccount/namespace"
    path.parent.mkdir(parents=True)
    path.write_text("market")
    found = identity({**POD, "NODE_NAME": "node-7"}, root)

    pod = {key: value for key, value in found.items() if key.startswith("k8s.")}
    assert pod == {
        "k8s.pod.name": "shop-1",
        "k8s.namespace.name": "market",
        "k8s.node.name": "node-7",
        "k8s.pod.uid": UID,
    }
    assert identity({**POD, "POD_NAME": "other", "POD_NAMESPACE": "n"}, root)["k8s.pod.name"] == "other"


def test_what_is_configured_wins() -> None:
    """The host's name of the configuration replaces the detected one."""
    config = load({"service": {"attributes": {"host.name": "mine"}}}).config

    assert make_resource(config).attributes["host.name"] == "mine"


def test_a_child_has_its_own_process_id() -> None:
    """A forked child's telemetry does not carry the id of its parent."""
    resource = make_resource(load({}).config)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, str(of_this_process(resource).attributes["process.pid"]).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)

    assert resource.attributes["process.pid"] == os.getpid()
    with os.fdopen(reading) as sent:
        assert sent.read() == str(child)
