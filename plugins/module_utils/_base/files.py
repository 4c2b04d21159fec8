# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Files that other processes read or write at the same time."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError


def replace_file(path: Path, content: str, thing: str) -> None:
    """Write O(content) to O(path), mode 0600: whoever reads it sees the former content or this one, whole.

    Raises InputError, about O(thing), where it cannot be written.
    """
    try:
        # A temporary file of its own in the same folder, so that the rename is atomic.
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise _unwritable(thing, error) from None


def prepare_folder(folder: Path) -> None:
    """Make sure that O(folder) is there. A new one is left out of git, because it may lie in the app's source."""
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")


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
