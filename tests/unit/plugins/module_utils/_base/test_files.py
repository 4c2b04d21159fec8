# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A user's file is replaced as a whole, and otherwise stays as it was."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base import files
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError


def test_mode_and_link_are_kept_and_the_time_is_new(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"old")
    real.chmod(0o640)
    os.utime(real, (1, 1))
    link.symlink_to(real)
    files.update_file(link, b"new", "fly.toml")
    assert (link.is_symlink(), real.read_bytes()) == (True, b"new")
    assert (stat.S_IMODE(real.stat().st_mode), real.stat().st_mtime > 1) == (0o640, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "real"]


@pytest.mark.parametrize(("executable", "mode"), [(False, 0o640), (True, 0o750)])
def test_new_file_gets_what_the_umask_leaves(tmp_path: Path, executable: bool, mode: int) -> None:
    umask = os.umask(0o027)
    try:
        files.update_file(tmp_path / "new", b"x", "new", executable)
    finally:
        os.umask(umask)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == mode


def test_what_fails_leaves_the_former_content_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(InputError, match=r"fly.toml: it cannot be written \(No space left on device\)"):
        files.update_file(path, b"new", "fly.toml")
    assert (path.read_bytes(), list(tmp_path.iterdir())) == (b"old", [path])


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"report X: it cannot be written \((File exists|Not a directory)\)"):
        files.prepare_folder(tmp_path / "file", "report X")
    with pytest.raises(InputError, match=r"report X: it cannot be written \(Not a directory\)"):
        files.prepare_folder(tmp_path / "file" / "below", "report X")
