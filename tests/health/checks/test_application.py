"""Modules, configuration, functions and memory of the program: proven both ways."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from csg_otel.check_result import Critical, Warn
from csg_otel.health import checks
from csg_otel.health.checks.configuration import Configuration
from csg_otel.health.checks.functional import Functional
from csg_otel.health.checks.imports import Imports
from csg_otel.health.checks.memory_growth import MemoryGrowth
from csg_otel.health.checks.process_memory import ProcessMemory
from csg_otel.health.checks.processing import Processing
from csg_otel.health.checks.python_environment import PythonEnvironment
from csg_otel.status import HealthStatus

HEALTHY, WARNING, CRITICAL = HealthStatus.HEALTHY, HealthStatus.WARNING, HealthStatus.CRITICAL


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of importable modules."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "good_module.py").write_text("print('noise on import')")
    (tmp_path / "raising_module.py").write_text("raise RuntimeError('secret')")
    (tmp_path / "exiting_module.py").write_text("import sys; sys.exit(0)")
    (tmp_path / "dying_module.py").write_text("import os; os._exit(0)")
    (tmp_path / "hanging_module.py").write_text("import time; time.sleep(60)")
    return tmp_path


def test_modules_that_can_be_imported(modules: Path) -> None:
    """What they print or read on import does not matter."""
    assert Imports(["good_module", "json"])().status is HEALTHY


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("raising_module", "raising_module can't be imported: RuntimeError"),
        ("exiting_module", "exiting_module can't be imported: SystemExit"),
        ("no_such_module", "no_such_module can't be imported: ModuleNotFoundError"),
        ("dying_module", "dying_module ended the interpreter"),
    ],
)
def test_modules_that_can_not_be_imported(modules: Path, module: str, message: str) -> None:
    """The message has the module and the class of the error, never its text."""
    with pytest.raises(Critical) as caught:
        Imports(["good_module", module, "json"])()

    assert str(caught.value) == message


def test_a_module_that_hangs_on_import(modules: Path) -> None:
    """The deadline holds and the process is gone."""
    began = time.monotonic()
    with pytest.raises(Critical, match="hanging_module was not imported within 1 s"):
        Imports(["good_module", "hanging_module"], timeout_s=1.0)()

    assert time.monotonic() - began < 5


def test_configuration(tmp_path: Path) -> None:
    """Missing files and variables are CRITICAL, wrong settings a WARNING; messages have no values."""
    file = tmp_path / "settings.yaml"
    with pytest.raises(Critical, match="No such file"):
        Configuration(file=str(file))()
    file.write_text("a: 1")
    complete = Configuration(str(file), ["TOKEN"], {"TOKEN": "secret"})
    assert complete().status is HEALTHY
    assert "secret" not in repr(complete)

    with pytest.raises(Critical, match="not set: TOKEN, URL"):
        Configuration(None, ["TOKEN", "URL"], {"TOKEN": ""})()
    with pytest.raises(Warn) as caught:
        Configuration(problems=lambda: ["file.yaml:3:5: exporters.otlp: unknown value 'secret'"])()
    assert str(caught.value) == (
        "1 setting is wrong and left at the default (file.yaml:3:5: exporters.otlp); csg-otel config check lists every mistake"
    )


def test_a_function_that_proves_the_program_works() -> None:
    """Its result and its time count; one that raises fails with its own error."""
    assert Functional(lambda: 42, expected=42)().status is HEALTHY
    assert Functional(lambda: time.sleep(0.02), limit_s=0.001)().status is WARNING
    assert Functional("platform:python_version")().status is HEALTHY
    with pytest.raises(Critical, match="did not return the expected value"):
        Functional(lambda: 41, expected=42)()
    with pytest.raises(Critical, match="can't be loaded: AttributeError"):
        Functional("platform:no_such_function")()
    with pytest.raises(ZeroDivisionError):
        Functional(lambda: 1 / 0)()


def test_memory_of_the_process() -> None:
    """A limit far above and one far below what any interpreter takes."""
    assert ProcessMemory(limit_mb=100_000)().status is HEALTHY
    assert ProcessMemory(limit_mb=1)().status is CRITICAL


def test_growth_is_a_slope_over_a_window() -> None:
    """Steady growth beyond the limit warns, noise and a start that is too short don't."""
    now, size = [0.0], [100e6]
    check = MemoryGrowth(warning_mb_per_h=100, window_s=600, clock=lambda: now[0], read=lambda: int(size[0]))
    early = [check().status for _ in range(4)]
    for step in range(30):
        now[0] += 30
        size[0] = 100e6 + (1e6 if step % 2 else 0)
        steady = check()
    for _ in range(30):
        now[0] += 30
        size[0] += 2e6  # 240 MB an hour
        growing = check()

    assert set(early) == {HEALTHY}
    assert steady.status is HEALTHY
    assert growing.status is WARNING
    assert growing.measurements[0].value == pytest.approx(240, rel=0.05)


def test_processing_is_the_median_after_a_warm_up() -> None:
    """A slow first run does not count, slow runs do."""
    times = iter([0.2, 0.0, 0.0, 0.0])
    assert Processing(lambda: time.sleep(next(times)), warning_s=0.1, repeat=3)().status is HEALTHY
    assert Processing(lambda: time.sleep(0.02), warning_s=0.01, repeat=3)().status is WARNING
    assert Processing(warning_s=30)().status is HEALTHY


def test_processing_is_no_load_of_its_own() -> None:
    """It stops repeating when the time is up."""
    began = time.monotonic()
    Processing(lambda: threading.Event().wait(0.9), repeat=100)()

    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "package", ["pytest", "PyYAML>=5,<100", "psutil != 0.1", "pytest ~= 9.0", "pytest==9.*", "opentelemetry-api[x]>1.0"]
)
def test_packages_that_are_there(package: str) -> None:
    """Specifiers as pip understands them."""
    assert PythonEnvironment(packages=[package])().status is HEALTHY


@pytest.mark.parametrize(
    ("package", "message"),
    [
        ("no-such-package", "no-such-package is not installed"),
        ("PyYAML<3", "is not <3"),
        ("pytest==1.*", r"is not ==1\.\*"),
    ],
)
def test_packages_that_are_not(package: str, message: str) -> None:
    """Each is named with the version there is."""
    with pytest.raises(Critical, match=message):
        PythonEnvironment(packages=[package])()


def test_the_python_version() -> None:
    """One that is new enough and one that is not."""
    assert PythonEnvironment(minimum="3.10")().status is HEALTHY
    with pytest.raises(Critical, match="older than 99"):
        PythonEnvironment(minimum="99")()
    with pytest.raises(ValueError, match="not a requirement"):
        PythonEnvironment(packages=["PyYAML >= what"])


def test_every_type_can_be_loaded() -> None:
    """The table names what exists, and every type has a category."""
    for kind in checks.TYPES:
        assert callable(checks.check_type(kind))
    assert checks.CATEGORIES.keys() == checks.TYPES.keys()
    with pytest.raises(KeyError):
        checks.check_type("no-such-type")


def test_conflicts_between_installed_packages_are_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `pip check`: a requirement in a wrong version and a missing one count, one for another platform does not."""
    folder = tmp_path / "shop-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: shop\nVersion: 1.0\nRequires-Dist: PyYAML<1\nRequires-Dist: no-such-thing\n"
        "Requires-Dist: pywin32; sys_platform == 'win32'\nRequires-Dist: other; extra == 'x'\n"
    )
    assert PythonEnvironment(conflicts=False)().status is HEALTHY
    monkeypatch.syspath_prepend(str(tmp_path))

    with pytest.raises(
        Warn, match=r"shop needs PyYAML<1, not \d.*; shop needs no-such-thing, which is not installed"
    ) as raised:
        PythonEnvironment(conflicts=True)()

    assert "pywin32" not in str(raised.value)
    assert "other" not in str(raised.value)
