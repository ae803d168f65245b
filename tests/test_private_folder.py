"""The private folders: where the user's state belongs, and what happens to a folder that others use, too."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from csg_otel.exporters.build import spool_folder
from csg_otel.multiprocess.folder import state_folder
from csg_otel.private_folder import NotPrivateError, private_folder_at, state_home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home directory of this user in the user database."""
    path = tmp_path / "home"
    path.mkdir()
    monkeypatch.setattr(
        pwd, "getpwuid", lambda uid: pwd.struct_passwd(("user", "x", uid, uid, "", str(path), "/bin/sh"))
    )
    return path


@pytest.mark.parametrize(
    "variables",
    [{}, {"HOME": "relative"}, {"HOME": "/does/not/exist"}, {"XDG_STATE_HOME": "state"}, {"XDG_RUNTIME_DIR": "run"}],
)
def test_the_home_is_that_of_the_user_database(variables: dict[str, str], home: Path) -> None:
    """Without HOME, as with cron; what is relative is ignored, as the XDG specification requires."""
    assert state_home(variables) == home / ".local" / "state"
    assert state_folder(variables) == home / ".local" / "state" / "csg-otel" / "workers"


def test_the_variables_decide_where_they_are_absolute(home: Path, tmp_path: Path) -> None:
    """XDG_STATE_HOME, then HOME."""
    assert state_home({"XDG_STATE_HOME": "/state", "HOME": str(tmp_path)}) == Path("/state")
    assert state_home({"HOME": str(tmp_path)}) == tmp_path / ".local" / "state"


def test_a_user_without_a_home_has_no_spool(monkeypatch: pytest.MonkeyPatch) -> None:
    """No folder is invented for it."""

    def unknown(uid: int) -> pwd.struct_passwd:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    assert (state_home({}), spool_folder(None)) == (None, None)


@pytest.mark.parametrize("mode", [0o1777, 0o2775, 0o755, 0o710])
def test_a_folder_that_others_use_keeps_its_mode(mode: int, tmp_path: Path) -> None:
    """What is private is below it, and is found there again."""
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(mode)

    private = private_folder_at(shared)

    assert shared.stat().st_mode & 0o7777 == mode
    assert (private.parent, private.stat().st_mode & 0o777) == (shared, 0o700)
    assert private_folder_at(shared) == private


def test_a_folder_of_this_user_alone_is_used_itself(tmp_path: Path) -> None:
    """Also when it is created, and through a link of this user."""
    assert private_folder_at(tmp_path / "new") == private_folder_at(tmp_path / "new") == tmp_path / "new"

    (tmp_path / "link").symlink_to(tmp_path / "new")
    assert private_folder_at(tmp_path / "link") == tmp_path / "new"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes links of other users")
def test_a_link_of_another_user_is_refused(tmp_path: Path) -> None:
    """It may lead anywhere, tomorrow somewhere else."""
    (tmp_path / "new").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "new")
    os.lchown(tmp_path / "link", 12345, 12345)
    with pytest.raises(NotPrivateError, match="is a link, not a directory of this user"):
        private_folder_at(tmp_path / "link")


def test_a_relative_folder_of_the_spool_stays_where_the_program_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon changes its working directory after it has called instrument()."""
    monkeypatch.chdir(tmp_path)
    folder = spool_folder("spool")
    monkeypatch.chdir("/")

    assert folder is not None
    assert private_folder_at(folder) == tmp_path / "spool"


def test_a_prepared_folder_below_a_shared_one_is_refused(tmp_path: Path) -> None:
    """Another user may have put a link where the private folder belongs."""
    tmp_path.chmod(0o1777)
    (tmp_path / f"csg-otel-{os.geteuid()}").symlink_to("/etc")
    with pytest.raises(NotPrivateError, match="not a directory of this user"):
        private_folder_at(tmp_path)
