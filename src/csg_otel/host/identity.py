"""
The identity of this process for the resource of its telemetry: host, operating system, process, container and Kubernetes pod.

Reads a few small files and the environment, in under 5 ms; asks no other program and no network. The rule: an attribute that
can't be found out is left out, and neither arguments nor environment variables of the program become attributes, because they
may hold secrets; but for the variables that Kubernetes' downward API is usually given.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from csg_otel import names

_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64", "i386": "x86", "i686": "x86", "armv7l": "arm32"}
"""Architectures as the semantic conventions name them, by the kernel's names."""

_CONTAINER_ID: Final = re.compile(r"[0-9a-f]{64}")
_MOUNTED_CONTAINER: Final = re.compile(r"containers/([0-9a-f]{64})/\S*(?:hostname|hosts|resolv\.conf)")
"""A file of the container in the list of mounts: with control groups of version 2 the group's own path is hidden."""

_POD_UID: Final = re.compile(r"pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12})")
_NAMESPACE: Final = "var/run/secrets/kubernetes.io/serviceaccount/namespace"
_DOWNWARD: Final = {
    names.K8S_POD_NAME: ("K8S_POD_NAME", "POD_NAME", "HOSTNAME"),
    names.K8S_NAMESPACE: ("K8S_NAMESPACE_NAME", "K8S_NAMESPACE", "POD_NAMESPACE"),
    names.K8S_NODE_NAME: ("K8S_NODE_NAME", "NODE_NAME"),
    names.K8S_POD_UID: ("K8S_POD_UID", "POD_UID"),
    names.K8S_CONTAINER_NAME: ("K8S_CONTAINER_NAME", "CONTAINER_NAME"),
}
"""Usual names of the variables that a manifest fills from the pod's fields, by attribute; the first that is set counts."""


def identity(environ: Mapping[str, str], root: Path = Path("/")) -> dict[str, str | int]:
    """Return the attributes that can be found out, from *environ* and the files below *root*."""
    groups = _text(root / "proc/self/cgroup")
    attributes = {
        **_host(),
        **_system(root),
        **_process(),
        **_container(root, groups),
        **_kubernetes(environ, root, groups),
    }
    return {key: value for key, value in attributes.items() if value}


def _host() -> dict[str, str | int]:
    if not hasattr(os, "uname"):
        return {}
    kernel = os.uname()
    return {names.HOST_NAME: kernel.nodename, names.HOST_ARCH: _ARCHITECTURES.get(kernel.machine, kernel.machine)}


def _system(root: Path) -> dict[str, str | int]:
    release = dict(
        line.replace('"', "").split("=", 1) for line in _text(root / "etc/os-release").splitlines() if "=" in line
    )
    return {
        names.OS_TYPE: "windows" if sys.platform == "win32" else sys.platform,
        names.OS_NAME: release.get("NAME", ""),
        names.OS_VERSION: release.get("VERSION_ID", ""),
    }


def _process() -> dict[str, str | int]:
    return {
        names.PROCESS_PID: os.getpid(),
        names.PROCESS_EXECUTABLE: Path(sys.executable or "").name,
        names.PROCESS_RUNTIME: sys.implementation.name,
        names.PROCESS_RUNTIME_VERSION: ".".join(map(str, sys.version_info[:3])),
    }


def _container(root: Path, groups: str) -> dict[str, str | int]:
    in_group = _CONTAINER_ID.findall(groups)
    mounted = [] if in_group else _MOUNTED_CONTAINER.findall(_text(root / "proc/self/mountinfo"))
    return {names.CONTAINER_ID: (in_group or mounted or [""])[-1]}


def _kubernetes(environ: Mapping[str, str], root: Path, groups: str) -> dict[str, str | int]:
    if not environ.get("KUBERNETES_SERVICE_HOST"):
        return {}
    pod: dict[str, str | int] = {
        key: next((environ[name] for name in variables if environ.get(name)), "")
        for key, variables in _DOWNWARD.items()
    }
    uid = _POD_UID.search(groups) or _POD_UID.search(_text(root / "proc/self/mountinfo"))
    pod[names.K8S_NAMESPACE] = pod[names.K8S_NAMESPACE] or _text(root / _NAMESPACE).strip()
    pod[names.K8S_POD_UID] = pod[names.K8S_POD_UID] or (uid[1].replace("_", "-") if uid else "")
    return pod


def _text(path: Path) -> str:
    """Return the text of a small file; empty if it can't be read."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(1 << 20)
    except OSError:
        return ""
