"""The same source makes the same wheel and the same source distribution, byte for byte, wherever and whenever it is built."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from csg_otel._version import VERSION


@dataclass(frozen=True)
class Build:
    """What one build made."""

    wheel: Path
    sdist: Path


def _copy(root: Path, paths: Iterable[str], target: Path, moment: float) -> None:
    """Copy the files in the order of *paths*, with *moment* as their time, and only for the user, as a strict umask does."""
    for path in paths:
        place = target / path
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / path, place)
        place.chmod(0o700 if os.access(root / path, os.X_OK) else 0o600)
        os.utime(place, (moment, moment))


def _build(source: Path, zone: str) -> Build:
    environment = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(source.parent / "dist")]
    subprocess.run(command, cwd=source, env={**environment, "TZ": zone}, check=True, capture_output=True)
    return Build(next((source.parent / "dist").glob("*.whl")), next((source.parent / "dist").glob("*.tar.gz")))


@pytest.fixture(scope="module")
def builds(root: Path, tracked: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Build, Build]:
    """Build twice: in the checkout's layout and order; and elsewhere, in reverse order, other modes, times and zone."""
    folder = tmp_path_factory.mktemp("builds")
    _copy(root, sorted(tracked, reverse=True), folder / "first" / "here", 1_000_000_000)
    second = folder / "second" / "a" / "longer" / "place"
    for path in sorted(tracked):
        (second / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / path, second / path)
    return _build(folder / "first" / "here", "UTC"), _build(second, "Asia/Tokyo")


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_two_builds_are_equal(builds: tuple[Build, Build], kind: str) -> None:
    """Place, order, modes and times of the files, and the time zone, leave no trace in what is built."""
    first, second = (Path(getattr(build, kind)) for build in builds)

    assert first.name == second.name
    assert first.read_bytes() == second.read_bytes()


def test_the_source_distribution_is_whole(builds: tuple[Build, Build], tracked: dict[str, str]) -> None:
    """It has every file of the repository, the locks and the security policy among them, besides its own metadata."""
    prefix = f"csg_otel-{VERSION}/"
    with tarfile.open(builds[0].sdist) as archive:
        names = {name.removeprefix(prefix) for name in archive.getnames()}

    assert set(tracked) - names <= {".editorconfig"}
    assert names - set(tracked) == {"PKG-INFO"}


def test_the_wheel_of_the_source_distribution_is_the_same(builds: tuple[Build, Build], tmp_path: Path) -> None:
    """Whoever builds from the source distribution with the locked backend, without a network, gets the released wheel."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "wheel",
        "--quiet",
        "--no-index",
        "--no-deps",
    ]
    command += ["--no-build-isolation", "--wheel-dir", str(tmp_path), str(builds[0].sdist)]
    subprocess.run(command, check=True, capture_output=True)

    assert next(tmp_path.glob("*.whl")).read_bytes() == builds[0].wheel.read_bytes()
