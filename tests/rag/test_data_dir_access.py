"""Only its owner can open a data folder, whatever its permissions were."""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

import pytest

from rag import Check, open_rag
from rag.data_dir import is_accessible_to_others, make_private
from tests.flows.team import settings

posix = pytest.mark.skipif(not hasattr(os, "getuid"), reason="needs POSIX permissions")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def check(data: Path) -> Check:
    with open_rag(settings(data)) as rag:
        return next(check for check in rag.doctor() if check.name == "data folder")


@posix
@pytest.mark.parametrize("before", [None, 0o700, 0o755, 0o777, 0o710, 0o2770])
def test_folder_is_private_after_opening(tmp_path: Path, before: int | None) -> None:
    data = tmp_path / "data"
    if before is not None:
        data.mkdir()
        data.chmod(before)
    assert check(data).status == "ok"
    assert mode(data) & 0o777 == 0o700
    assert mode(data) & 0o7000 == (before or 0) & 0o7000


@posix
def test_shared_folder_is_reported_and_not_changed(tmp_path: Path) -> None:
    shared = tmp_path / "for all's use"
    shared.mkdir()
    shared.chmod(0o1777)
    found = check(shared)
    assert mode(shared) == 0o1777
    assert found.status == "warn"
    command = found.fix.removeprefix("As its owner: ")
    assert shlex.split(command) == ["chmod", "700", str(shared)]


@posix
def test_home_folder_is_not_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    tmp_path.chmod(0o755)
    make_private(tmp_path)
    assert is_accessible_to_others(tmp_path)


@posix
@pytest.mark.skipif(hasattr(os, "getuid") and os.getuid() != 0, reason="only root can give a folder away")
def test_folder_of_another_user_is_reported_and_not_changed(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    theirs.chmod(0o755)
    os.chown(theirs, 12345, -1)
    assert check(theirs).status == "warn"
    assert mode(theirs) == 0o755
