# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Files that other processes may read or write at the same time."""

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
    """Replace O(path) atomically with O(content), mode 0600: a reader sees the old content or the new, never a mix.

    Raises InputError, about O(thing), if it cannot be written.
    """
    _replace(path, content.encode("utf-8"), thing, lambda _aside: None)


def update_file(path: Path, content: bytes, thing: str, executable: bool = False) -> None:
    """Write O(content) to one of the user's files, keeping its mode, owner, attributes and any symbolic link to it.

    A new file's mode follows the umask. Raises InputError, about O(thing), if it cannot be written.
    """
    target = Path(os.path.realpath(path))

    def take_over(aside: str) -> None:
        if not target.exists():
            os.chmod(aside, (0o777 if executable else 0o666) & ~_umask())
            return
        status = target.stat()
        shutil.copystat(target, aside)  # the attributes include the SELinux label
        os.utime(aside)
        with suppress(PermissionError):  # only root may change a file's owner
            os.chown(aside, status.st_uid, status.st_gid)

    _replace(target, content, thing, take_over)


def _replace(path: Path, content: bytes, thing: str, prepare: Callable[[str], None]) -> None:
    try:
        # A temporary file in the same folder, so that the rename is atomic.
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


def prepare_folder(folder: Path, thing: str) -> None:
    """Create O(folder) if it is missing. Git ignores a new one, because it may be inside the app's source.

    Raises InputError, about O(thing), if it cannot be created.
    """
    if folder.is_dir():
        return
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(thing, error) from None
    replace_file(folder / ".gitignore", "*\n", f"folder {folder}")


@contextmanager
def locked(path: Path, thing: str) -> Iterator[None]:
    """Hold a lock on the file O(path), creating it and its folder if they are missing.

    Raises InputError, about O(thing), if the file cannot be created or locked.
    """
    prepare_folder(path.parent, thing)
    try:
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
