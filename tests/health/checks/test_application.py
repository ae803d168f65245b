"""Modules, configuration, functions and memory of the program: proven both ways."""

from __future__ import annotations

import itertools
import threading
import time
from pathlib import Path

import pytest

from csg_otel.check_result import CheckResult, Critical, Warn
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


@pytest.mark.parametrize(
    ("sizes_mb", "status"),
    [
        ([100] * 8 + [400] * 52, HEALTHY),  # a model is loaded once
        ([100 + 75 * min(at, 4) for at in range(60)], HEALTHY),  # in several readings, from the start
        ([100 + 300 * (at > 8) + 200 * (at > 50) for at in range(60)], HEALTHY),  # two models
        ([100 + 10 * (at % 12) for at in range(60)], HEALTHY),  # rises, and is released, over and over
        ([100 + 10 * (at % 12) for at in range(58)], HEALTHY),  # seen at its height
        ([400] * 10 + [100] * 50, HEALTHY),  # less than before
        ([100] * 8 + [400 + at for at in range(52)], WARNING),  # a leak after a step
        ([100 + 5 * (at % 80) for at in range(150)], HEALTHY),  # rises for 40 minutes, and is released
        ([400 + at for at in range(52)] + [100] * 30, HEALTHY),  # released at last
        ([100 + at + 10 * (at % 5) for at in range(60)], WARNING),  # a leak below a saw-tooth
        ([100 + 20 * (at // 7) for at in range(60)], WARNING),  # a leak by steps
    ],
)
@pytest.mark.parametrize("every_s", [3.0, 30.0])
def test_only_growth_that_goes_on_is_a_leak(sizes_mb: list[float], status: HealthStatus, every_s: float) -> None:
    """A step is no growth, nor is memory that is released again; what grows after a step is."""
    readings = iter(sizes_mb)
    now = itertools.count(0.0, every_s)
    check = MemoryGrowth(clock=lambda: next(now), read=lambda: int(next(readings) * 1e6))
    results = [check() for _ in sizes_mb]

    assert results[-1].status is status, results[-1].message


def test_buffers_that_fill_after_the_start_are_no_leak() -> None:
    """Five minutes at 160 MB an hour are 13 MB, which a program's buffers may take; ten more minutes of it are a leak."""
    now, sizes = itertools.count(0.0, 3.0), itertools.count(60_000_000, 133_000)
    check = MemoryGrowth(clock=lambda: next(now), read=lambda: next(sizes))
    states = [check().status for _ in range(300)]

    assert WARNING not in states[:100]
    assert states[-1] is WARNING


def test_a_leak_is_seen_soon_after_a_long_quiet_time() -> None:
    """The last quarter of the window is judged, too: a leak need not fill an hour."""
    now = itertools.count(0.0, 30.0)
    sizes = iter([100.0] * 120 + [100 + 5 * at for at in range(60)])
    check = MemoryGrowth(clock=lambda: next(now), read=lambda: int(next(sizes) * 1e6))
    states = [check().status for _ in range(180)]

    assert WARNING not in states[:120]
    assert states.index(WARNING) < 120 + 40


def test_the_growth_check_goes_by_the_programs_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that runs the clock of a program faster sees its leak sooner."""
    real = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: real() * 1e6)
    sizes = itertools.count(100_000_000, 1_000_000)
    check = MemoryGrowth(window_s=1e9, read=lambda: next(sizes))
    results: list[CheckResult] = []
    while len(results) < 10:
        results.append(check())
        time.sleep(0.001)

    assert "too few" not in results[-1].message


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
