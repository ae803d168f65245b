"""The wheel holds what the package needs, nothing else, and works without the repository."""

from __future__ import annotations

import importlib.metadata
import os
import posixpath
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from csg_otel._version import VERSION


def _files(root: Path, *folders: str) -> list[str]:
    """List what is committed or about to be in *folders*."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *folders]
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout.splitlines()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """Build the wheel with the locked backend."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_the_whole_package(wheel: Path, root: Path) -> None:
    """In the wheel are all files of the package, data included, the documentation, the examples; nothing else."""
    documentation = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "docs", "examples", "collector-config")
    tracked = _files(root, "src/csg_otel", *documentation)
    expected = {path.removeprefix("src/") if path.startswith("src/") else f"csg_otel/{path}" for path in tracked}
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}

    assert "csg_otel/py.typed" in names
    assert names == expected


def test_the_links_of_the_documentation_work_in_the_wheel(wheel: Path) -> None:
    """Each leads to a file or a folder that is there, and the command line says where to begin."""
    archive = zipfile.ZipFile(wheel)
    names = archive.namelist()
    pages = [name for name in names if name.endswith(".md")]
    linked = {
        (page, posixpath.normpath(posixpath.join(posixpath.dirname(page), link)))
        for page in pages
        for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", archive.read(page).decode())
        if "://" not in link
    }

    assert len(linked) > 30
    assert [
        (page, to) for page, to in linked if not any(name == to or name.startswith(f"{to}/") for name in names)
    ] == []


def test_the_wheel_carries_its_licence_and_command(wheel: Path) -> None:
    """Licence text, licence name and the `csg-otel` command are in the wheel's metadata."""
    archive = zipfile.ZipFile(wheel)
    info = f"csg_otel-{VERSION}.dist-info"

    assert b"Apache License" in archive.read(f"{info}/licenses/LICENSE")
    assert b"License-Expression: Apache-2.0" in archive.read(f"{info}/METADATA")
    assert b"csg-otel = csg_otel.cli:main" in archive.read(f"{info}/entry_points.txt")


def test_the_wheel_carries_its_bill_of_materials(wheel: Path, root: Path) -> None:
    """Scanners find the SBOM where PEP 770 puts it, and the wheel's metadata has no file that is not known here."""
    archive = zipfile.ZipFile(wheel)
    info = f"csg_otel-{VERSION}.dist-info"
    sbom = f"{info}/sboms/csg-otel.cdx.json"

    assert archive.read(sbom) == (root / "requirements" / "csg-otel.cdx.json").read_bytes()
    assert sbom in archive.read(f"{info}/RECORD").decode()
    assert {name for name in archive.namelist() if name.startswith(f"{info}/")} == {
        sbom,
        *(f"{info}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")),
    }


def test_the_version_has_one_source(wheel: Path) -> None:
    """The wheel's name and the installed metadata say the version that `csg_otel.scope` says."""
    assert wheel.name == f"csg_otel-{VERSION}-py3-none-any.whl"
    assert importlib.metadata.version("csg-otel") == VERSION


def test_the_wheel_works_without_the_repository(wheel: Path, tmp_path: Path) -> None:
    """Unpacked elsewhere, the wheel imports, and every public name is there."""
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = "import csg_otel; [getattr(csg_otel, name) for name in csg_otel.__all__]; print(csg_otel.__file__)"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=environment, check=True, stdout=subprocess.PIPE, text=True)

    assert Path(done.stdout.strip()) == tmp_path / "csg_otel" / "__init__.py"
    command = [sys.executable, "-m", "csg_otel", "--help"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    assert f"documentation: {tmp_path / 'csg_otel' / 'README.md'}\n" in done.stdout
