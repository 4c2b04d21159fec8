# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""A name for the content of a source tree, so that an image shows which source it was built from."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from contextlib import suppress
from pathlib import Path

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError

LABEL_PREFIX = "flyover-"
# Never part of a build; the migration itself writes the second.
ALWAYS_LEFT_OUT = ["**/.git", "**/.flyover"]
_LITERAL = re.compile(r"[^*?\[]*")


def image_label(source: Path, config: Path) -> str:
    """Return the label of the image built from O(source) and O(config): the same content gives the same label.

    Files that C(.dockerignore) excludes do not count. Raises InputError if O(source) is not a folder, or if a file that
    counts cannot be read.
    """
    if not source.is_dir():
        raise InputError(f"source_dir {source}", "it is not a folder", "Give the folder of the app's source.")
    digest = hashlib.sha256()
    try:
        ignored = Ignore.read(source / ".dockerignore")
        for path in sorted(_files(source, ignored)):
            # A program at work in the folder may have removed it meanwhile; the build does not see it either.
            with suppress(FileNotFoundError):
                _add(digest, path, str(path.relative_to(source)))
        _add(digest, config, "config")
    except OSError as error:
        raise InputError(
            str(error.filename),
            f"it cannot be read ({os.strerror(error.errno or 0)}), but the build needs it",
            "Make it readable, run as its owner, or list it in .dockerignore.",
        ) from None
    return LABEL_PREFIX + digest.hexdigest()[:16]


class Ignore:
    """The patterns in a C(.dockerignore), as in docs.docker.com/build/concepts/context: the last match wins."""

    def __init__(self, lines: list[str]) -> None:
        """Take the file's lines, which may include comments and blank lines."""
        self._rules: list[tuple[re.Pattern[str], bool]] = []
        self._exceptions: list[str] = []
        for line in (line.strip() for line in lines):
            if line and not line.startswith("#"):
                glob, out = line.lstrip("!").strip("/"), not line.startswith("!")
                self._rules.append((_pattern(glob), out))
                if not out:
                    self._exceptions.append(glob)

    @classmethod
    def read(cls, path: Path) -> Ignore:
        """Return the file's patterns and those that always apply."""
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
        return cls([*lines, *ALWAYS_LEFT_OUT])

    def leaves_out(self, relative: str) -> bool:
        """Return whether the build does not see O(relative), because of its own path or a parent folder's."""
        parts = relative.split("/")
        above = ["/".join(parts[: end + 1]) for end in range(len(parts))]
        verdict = False
        for pattern, out in self._rules:
            if any(pattern.fullmatch(path) for path in above):
                verdict = out
        return verdict

    def leaves_out_all_of(self, folder: str) -> bool:
        """Return whether the build sees nothing in O(folder), so that it need not be walked."""
        if not self.leaves_out(folder):
            return False
        inside = f"{folder}/"
        for glob in self._exceptions:
            literal = _LITERAL.match(glob)
            start = literal[0] if literal else ""
            wild = len(start) < len(glob)
            if start.startswith(inside) or glob == folder or (wild and inside.startswith(start)):
                return False
        return True


def _pattern(glob: str) -> re.Pattern[str]:
    text = ""
    for token in re.findall(r"\*\*/?|\*|\?|\[[^\]]*\]|.", glob):
        if token.startswith("**"):
            text += "(?:.*/)?" if token.endswith("/") else ".*"
        elif token == "*":
            text += "[^/]*"
        elif token == "?":
            text += "[^/]"
        else:
            text += token if token.startswith("[") and len(token) > 1 else re.escape(token)
    return re.compile(text)


def _files(source: Path, ignored: Ignore) -> list[Path]:
    found = []
    for folder, folders, names in os.walk(source, onerror=_refuse):
        top = Path(folder)
        names += [name for name in folders if (top / name).is_symlink()]
        for name in names:
            if not ignored.leaves_out((top / name).relative_to(source).as_posix()):
                found.append(top / name)
        folders[:] = [
            name for name in folders if not ignored.leaves_out_all_of((top / name).relative_to(source).as_posix())
        ]
    return found


def _refuse(error: OSError) -> None:
    """Raise O(error), about a folder that cannot be listed, unless the folder is gone."""
    if not isinstance(error, FileNotFoundError):
        raise error


def _add(digest: hashlib._Hash, path: Path, name: str) -> None:
    state = path.lstat()
    digest.update(
        f"{name}\0{stat.S_IFMT(state.st_mode):o} {state.st_mode & 0o111:o}\0".encode("utf-8", "surrogateescape")
    )
    if path.is_symlink():
        digest.update(os.readlink(path).encode("utf-8", "surrogateescape"))
    elif path.is_file():
        with path.open("rb") as content:
            for block in iter(lambda: content.read(1 << 20), b""):
                digest.update(block)
    digest.update(b"\0")
