# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""The identity of this run: the ansible-playbook process, for one inventory host."""

from __future__ import annotations

import getpass
import multiprocessing
import os
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base import process

# Options whose values are shown; the value of any other option may be a secret.
_SHOWN_VALUES = frozenset(
    {"-i", "--inventory", "-l", "--limit", "-t", "--tags", "--skip-tags", "-f", "--forks", "-c", "--connection"}
    | {"-u", "--user", "--start-at-task"}
)
_WITHOUT_VALUE = re.compile(
    r"--(check|diff|become|step|syntax-check|verbose|force-handlers|flush-cache|list-\w+|ask-[\w-]+)|-[CDbkKJv]+"
)
_LETTERS = re.compile(r"-([CDbkKJv]*)(.?)(.*)", re.DOTALL)
_CUT = "…"
_LONGEST = 300  # characters


def this_run(inventory_host: str) -> dict[str, Any]:
    """Return the identity under which this worker process acquires a lease for O(inventory_host)."""
    parent = multiprocessing.parent_process()
    pid = (parent.pid if parent else None) or os.getpid()
    return {
        "host": os.uname().nodename,
        "user": _user(),
        "pid": pid,
        "command": command_line(sys.argv),
        "inventory_host": inventory_host,
        "process": process.began(pid) or "",
        "boot": process.boot(),
        "namespace": process.namespace(),
        "machine": process.machine(),
    }


def command_line(words: Sequence[str]) -> str:
    """Return a command line for people, without possible secrets."""
    text = " ".join([os.path.basename(words[0]), *_readable(words[1:])])
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + _CUT


def _readable(words: Sequence[str]) -> Iterator[str]:
    option = ""  # the option whose value comes next
    for word in words:
        name, equals, value = word.partition("=")
        if option:
            yield shlex.quote(word) if option in _SHOWN_VALUES or word.startswith("@") else _CUT
            option = ""
        elif name.startswith("--") and equals:
            yield f"{name}={shlex.quote(value) if name in _SHOWN_VALUES else _CUT}"
        elif not word.startswith("-"):
            # A URL, or a variable without its -e, is not a playbook.
            yield _CUT if equals or "://" in word else shlex.quote(word)
        elif _WITHOUT_VALUE.fullmatch(word):
            yield word
        elif name.startswith("--"):
            yield word
            option = word
        else:  # letters without a value, a letter that takes one, and possibly the value
            letters, letter, value = _LETTERS.fullmatch(word).groups()  # type: ignore[union-attr]
            shown = shlex.quote(value) if f"-{letter}" in _SHOWN_VALUES or value.startswith("@") else _CUT
            yield f"-{letters}{letter}" + (shown if value else "")
            option = "" if value else f"-{letter}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return str(os.getuid())
