# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Names of keys: which are chosen, how they are shown, and the number that stands for a name in the record.

A name may contain what nobody should see (a session's id, an address), so only its prefix is shown.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError

# This collection's own keys on a target, which are never copied, compared or counted.
HIDDEN = b"_flyover:"
NO_PREFIX = "(no prefix)"
OTHERS = "(others)"
MOST_PREFIXES = 20
_SEPARATOR = re.compile(rb"[:/|.{ ]")
# A word, and not an identifier: letters with at most two digits.
_WORD = re.compile(r"[A-Za-z_#-]{1,40}[0-9]{0,2}")


class Selection:
    """The keys that match one of O(match), one of O(within) if given, and none of O(exclude), which are Redis globs."""

    def __init__(
        self, match: Iterable[str] = ("*",), exclude: Iterable[str] = (), within: Sequence[str] | None = None
    ) -> None:
        self._match, exclusions = list(match), list(exclude)
        self._within = None if within is None else _any_of(within)
        self._included = None if "*" in self._match else _any_of(self._match)
        self._excluded = _any_of(exclusions) if exclusions else None

    @property
    def scan_pattern(self) -> str:
        """The glob for SCAN, which takes only one."""
        return self._match[0] if len(self._match) == 1 else "*"

    def chosen(self, keys: list[bytes]) -> list[bytes]:
        """Return those of O(keys) that are in it."""
        if self._included is None and self._excluded is None and self._within is None:
            return [key for key in keys if not key.startswith(HIDDEN)]
        return [key for key in keys if key in self]

    def __contains__(self, key: bytes) -> bool:
        if key.startswith(HIDDEN) or (self._included is not None and not self._included.fullmatch(key)):
            return False
        if self._within is not None and not self._within.fullmatch(key):
            return False
        return self._excluded is None or not self._excluded.fullmatch(key)


def prefix(key: bytes) -> str:
    """Return what may be shown of a key's name: everything up to its first separator, if that is a word."""
    head = _SEPARATOR.split(key, maxsplit=1)
    text = head[0].decode("ascii", "replace")
    if not _WORD.fullmatch(text):
        return NO_PREFIX
    return text + key[len(head[0]) : len(head[0]) + 1].decode() if len(head) > 1 else text


class Prefixes:
    """How many keys have which prefix, in bounded memory whatever the names are."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self.keys = 0

    def add(self, key: bytes) -> None:
        """Count a key."""
        self.keys += 1
        name = prefix(key)
        if len(self._counts) > 50 * MOST_PREFIXES and name not in self._counts:
            name = OTHERS
        self._counts[name] += 1

    def add_all(self, keys: Iterable[bytes]) -> None:
        """Count keys."""
        for key in keys:
            self.add(key)

    def add_rest(self, count: int) -> None:
        """Count keys that were not looked at."""
        if count > 0:
            self.keys += count
            self._counts[OTHERS] += count

    def update(self, other: Prefixes) -> None:
        """Add another's."""
        self.keys += other.keys
        self._counts.update(other._counts)

    def most(self) -> dict[str, int]:
        """Return the most frequent prefixes with their numbers, the rest together."""
        ranked = sorted(self._counts.items(), key=lambda item: (item[0] == OTHERS, -item[1], item[0]))
        shown = dict(ranked[:MOST_PREFIXES])
        rest = sum(count for _name, count in ranked[MOST_PREFIXES:])
        if rest:
            shown[OTHERS] = shown.get(OTHERS, 0) + rest
        return shown

    def as_result(self) -> dict[str, Any]:
        """Return number and prefixes for a module's result."""
        return {"keys": self.keys, "prefixes": self.most()}

    def in_words(self, most: int = 5) -> str:
        """Return the most frequent prefixes as text."""
        shown = list(self.most().items())
        named = [f"{name} ({count})" for name, count in shown[:most]]
        return ", ".join(named) + (", ..." if len(shown) > most else "")


def name_of(key: bytes) -> bytes:
    """Return the eight bytes that stand for a name in the record."""
    return hashlib.blake2b(key, digest_size=8).digest()


def number(key: bytes) -> int:
    """Return the same as a number."""
    return int.from_bytes(name_of(key), "big")


def _any_of(globs: Sequence[str]) -> re.Pattern[bytes]:
    parts = []
    for glob in globs:
        parts.append(b"(?:" + glob_expression(glob.encode()) + b")")
        try:
            re.compile(parts[-1])
        except re.error:
            raise InputError(f"pattern {glob}", "it is not a glob", "Write ranges upwards, as in [a-z].") from None
    return re.compile(b"|".join(parts), re.DOTALL)


def glob_expression(glob: bytes) -> bytes:
    """Return a Redis glob as a regular expression: *, ?, [abc], [^a], [a-z] and backslash as the server reads them."""
    expression, at = b"", 0
    while at < len(glob):
        char = glob[at : at + 1]
        at += 1
        if char == b"*":
            expression += b".*"
        elif char == b"?":
            expression += b"."
        elif char == b"[":
            end = glob.find(b"]", at)
            inside = glob[at : end if end >= 0 else len(glob)]
            at = end + 1 if end >= 0 else len(glob)
            negated = inside.startswith(b"^")
            body = re.sub(rb"([\\\]\[&~|])", rb"\\\1", inside[1:] if negated else inside)
            if body:
                expression += (b"[^%b]" if negated else b"[%b]") % body
            else:
                expression += b"." if negated else b"(?!)"
        elif char == b"\\" and at < len(glob):
            expression += re.escape(glob[at : at + 1])
            at += 1
        else:
            expression += re.escape(char)
    return expression
