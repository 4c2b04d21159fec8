# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""The folder of an app's source: which files belong to it, and their text. Nothing in it is run or written.

In a git checkout these are the tracked files, otherwise all that F(.slugignore) and F(.dockerignore) leave. A symbolic
link is followed only if it leads to something in the folder.
"""

from __future__ import annotations

import os
import re
import stat
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase, translate
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules import lexer, parsers

LARGEST = 512 * 1024
MOST = 50_000
# Folders with installed or generated files, wherever they are.
_NEVER = frozenset([".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv", ".bundle", "_build", ".flyover"])
_NEVER_AT_ROOT = ("tmp", "log", "deps", "vendor/bundle", "coverage", "public/assets", "public/packs", "storage")
# What says how the image is built counts even if it is not committed yet.
_OF_THE_BUILD = ("Dockerfile", "dockerfile", ".dockerignore", "fly.toml")
# No hook, no helper, no lock: git should only answer.
_GIT = ["git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.untrackedCache=false"]
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
_SSH_REMOTE = re.compile(r"(?:ssh://)?(?:[\w.-]+@)([\w.-]+)(?::\d+)?[:/](.+)")


class Folder:
    """An app's source; files are named by their path in it, with slashes."""

    def __init__(self, root: Path) -> None:
        """List the files below O(root); raises InputError if that is not a folder."""
        if not root.is_dir():
            raise InputError(str(root), "it is not a folder", "Give the folder of the app's source.")
        self.root = root
        self._real = os.path.realpath(root)
        self._texts: dict[str, str] = {}
        self._codes: dict[str, str] = {}
        self._data: dict[str, Mapping[str, Any]] = {}
        self.broken: dict[str, parsers.Broken] = {}
        """The files that data() could not parse."""
        self._parents: dict[str, bool] = {}
        tracked = self._git("ls-files", "-z", "--cached")
        self.checkout = tracked is not None
        listed = [*tracked.split("\0"), *_OF_THE_BUILD] if tracked is not None else self._walk()
        # Of too many, those that say what the app is: they lie at the top.
        belonging = sorted({path for path in listed if path and self._belongs(path)}, key=_depth)[:MOST]
        self.files: tuple[str, ...] = tuple(sorted(belonging))
        self._known = frozenset(self.files)

    def __contains__(self, path: str) -> bool:
        """Return whether there is such a file."""
        return path in self._known

    def matching(self, *globs: str) -> list[str]:
        """Return the files whose path matches one of O(globs); C(*) also matches slashes."""
        return [path for path in self.files if any(fnmatchcase(path, glob) for glob in globs)]

    def text(self, path: str) -> str:
        """Return the text of a file that belongs to the folder; nothing for one that is binary or too large."""
        if path not in self._texts:
            self._texts[path] = self._read(path) if path in self._known else ""
        return self._texts[path]

    def code(self, path: str) -> str:
        """Return the text of a file with blanks in place of comments."""
        if path not in self._codes:
            self._codes[path] = lexer.without_comments(self.text(path), path)
        return self._codes[path]

    def data(self, path: str) -> Mapping[str, Any]:
        """Return what a JSON or TOML file says; nothing if it is missing or broken."""
        if path not in self._data:
            try:
                self._data[path] = parsers.parse(path, self.text(path))
            except parsers.Broken as broken:
                self._data[path] = {}
                self.broken[path] = broken
        return self._data[path]

    def unlisted(self) -> list[str]:
        """Return the existing files that git does not track.

        A copy of the folder has them, but what was pushed to Heroku did not.
        """
        found: list[str] = []
        for options in (("--others", "--exclude-standard"), ("--others", "--ignored", "--exclude-standard")):
            found += (self._git("ls-files", "-z", *options) or "").split("\0")
        return sorted({path for path in found if path and not _NEVER.intersection(path.split("/"))})

    def commit(self) -> str:
        """Return the commit that is checked out, or nothing."""
        return (self._git("rev-parse", "HEAD") or "").strip() if self.checkout else ""

    def changed(self) -> list[str]:
        """Return the tracked files that differ from the commit."""
        names = self._git("diff-index", "--name-only", "-z", "--relative", "HEAD", "--") if self.checkout else ""
        return [name for name in (names or "").split("\0") if name]

    def web(self) -> str:
        """Return where the repository's hosting site shows the folder at its commit, without credentials."""
        commit = self.commit()
        remote = (self._git("config", "--get", "remote.origin.url") or "").strip() if commit else ""
        ssh = _SSH_REMOTE.fullmatch(remote)
        try:
            parts = urlsplit(remote)
            host, path = (ssh[1], ssh[2]) if ssh else (parts.hostname or "", parts.path)
        except ValueError:
            return ""
        if not host or not (ssh or parts.scheme in ("http", "https")):
            return ""
        view = {"bitbucket.org": "src", "gitlab.com": "-/blob"}.get(host, "blob")
        prefix = (self._git("rev-parse", "--show-prefix") or "").strip()
        name = path.strip("/")[: -len(".git")] if path.endswith(".git") else path.strip("/")
        return f"https://{host}/{name}/{view}/{commit}/{prefix}"

    def _git(self, *arguments: str) -> str | None:
        """Return what git answers about the folder, or None if it fails."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        environment.update(LC_ALL="C", GIT_OPTIONAL_LOCKS="0", GIT_TERMINAL_PROMPT="0")
        try:
            # Not run_command: this knows no module.
            done = subprocess.run(  # pylint: disable=ansible-bad-function
                [*_GIT, *arguments], cwd=self.root, env=environment, capture_output=True, timeout=60, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None

    def _walk(self) -> Iterator[str]:
        ignored = Ignored([*self._lines(".slugignore"), *self._lines(".dockerignore")])
        seen = 0
        for folder, folders, files in os.walk(self.root):
            inside = os.path.relpath(folder, self.root).replace(os.sep, "/")
            prefix = "" if inside == "." else f"{inside}/"
            folders[:] = sorted(
                name
                for name in folders
                if name not in _NEVER and prefix + name not in _NEVER_AT_ROOT and not ignored.matches(prefix + name)
            )
            for name in files:
                seen += 1
                if seen > MOST:
                    return
                if not ignored.matches(prefix + name):
                    yield prefix + name

    def _lines(self, name: str) -> list[str]:
        path = self.root / name
        return self._read(name).splitlines() if path.is_file() and self._belongs(name) else []

    def _belongs(self, path: str) -> bool:
        """Return whether O(path) is a file of this folder, even after links are followed."""
        full = os.path.join(self._real, path)
        if _NOT_UTF8.search(path):
            return False  # no report can name it
        try:
            mode = os.lstat(full).st_mode
        except (OSError, ValueError):
            return False
        if stat.S_ISLNK(mode):
            return os.path.isfile(full) and self._inside(os.path.realpath(full))
        parent = os.path.dirname(full)
        if parent not in self._parents:
            self._parents[parent] = self._inside(os.path.realpath(parent))
        return stat.S_ISREG(mode) and self._parents[parent]

    def _inside(self, real: str) -> bool:
        return real == self._real or real.startswith(self._real.rstrip(os.sep) + os.sep)

    def _read(self, path: str) -> str:
        try:
            with open(os.path.join(self._real, path), "rb") as file:
                content = file.read(LARGEST + 1)
        except OSError:
            return ""
        if len(content) > LARGEST or b"\0" in content[:1024]:
            return ""
        return content.decode("utf-8-sig", "replace").replace("\r\n", "\n")


def _depth(path: str) -> tuple[int, str]:
    return path.count("/"), path


class Ignored:
    """The patterns of an ignore file; the last one that matches counts."""

    def __init__(self, lines: Iterable[str]) -> None:
        """Take the lines of the file."""
        patterns = (line.strip() for line in lines)
        self._patterns = [
            (not pattern.startswith("!"), re.compile(_regex(pattern.lstrip("!"))))
            for pattern in patterns
            if pattern.strip("!/") and not pattern.startswith("#")
        ]

    def matches(self, path: str) -> bool:
        """Return whether O(path) or a folder that it is in is ignored."""
        name = path.strip("/")
        return next((verdict for verdict, pattern in reversed(self._patterns) if pattern.match(name)), False)


def _regex(pattern: str) -> str:
    """Return a pattern for paths; without a slash it means any depth, as in .slugignore."""
    wanted = pattern.strip("/")
    anywhere = "/" not in wanted or wanted.startswith("**/")
    wanted = wanted[3:] if wanted.startswith("**/") else wanted
    wanted = re.sub(r"(?<=[^*/])/\*+$", "", wanted)
    return f"(?:.*/)?{translate(wanted)[:-2]}(?:/.*)?$" if anywhere else f"{translate(wanted)[:-2]}(?:/.*)?$"
