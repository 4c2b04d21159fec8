# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Files that other processes read or write at the same time."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Callable

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError


def replace_file(path: Path, content: str, thing: str) -> None:
    """Write O(content) to O(path), mode 0600: whoever reads it sees the former content or this one, whole.

    Raises InputError, about O(thing), where it cannot be written.
    """
    _replace(path, content.encode("utf-8"), thing, lambda _aside: None)


def update_file(path: Path, content: bytes, thing: str, executable: bool = False) -> None:
    """Write O(content) to a file of the user's: it keeps its mode, owner and attributes, a symbolic link stays one.

    A new file gets the mode that the umask leaves. Raises InputError, about O(thing), where it cannot be written.
    """
    target = Path(os.path.realpath(path))

    def take_over(aside: str) -> None:
        if not target.exists():
            os.chmod(aside, (0o777 if executable else 0o666) & ~_umask())
            return
        status = target.stat()
        shutil.copystat(target, aside)  # SELinux's label is among the attributes
        os.utime(aside)
        with suppress(PermissionError):  # only root may give a file to somebody else
            os.chown(aside, status.st_uid, status.st_gid)

    _replace(target, content, thing, take_over)


def _replace(path: Path, content: bytes, thing: str, prepare: Callable[[str], None]) -> None:
    try:
        # A temporary file of its own in the same folder, so that the rename is atomic.
        descriptor, aside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with open(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            prepare(aside)
            os.replace(aside, path)
        except BaseException:
            os.unlink(aside)
            raise
    except OSError as error:
        raise _unwritable(thing, error) from None


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask


def prepare_folder(folder: Path) -> None:
    """Make sure that O(folder) is there. A new one is left out of git, because it may lie in the app's source."""
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(folder / ".gitignore", "*\n", f"folder {folder}")


@contextmanager
def locked(path: Path, thing: str) -> Iterator[None]:
    """Hold the lock O(path), a file, whose folder is made where it is missing.

    Raises InputError, about O(thing), where it cannot be made.
    """
    try:
        prepare_folder(path.parent)
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise _unwritable(thing, error) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError as error:
            raise _unwritable(thing, error) from None
        yield
    finally:
        os.close(descriptor)


def _unwritable(thing: str, error: OSError) -> InputError:
    return InputError(
        thing,
        f"it cannot be written ({os.strerror(error.errno or 0)})",
        "Give a path in a folder that this user may write to, on a disk that is not full.",
    )
