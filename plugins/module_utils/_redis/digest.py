# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""A value as a short text that is the same on servers of all versions; scripts.py has the servers compute it.

A string is hashed in pieces, a list in groups of elements. Sets, hashes and sorted sets have no order that two servers
share (one sorts by locale, the other by bytes), so the hashes of their members are added up.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

STRING, LIST, HASH, SET, ZSET, STREAM = b"string", b"list", b"hash", b"set", b"zset", b"stream"
PIECE = 1 << 20  # bytes of a string
GROUP = 64  # elements of a list
_BASE = 1 << 48
# HyperLogLogs keep a cached count in these bytes, which reading it with PFCOUNT changes.
HYPERLOGLOG = b"HYLL"
CACHED = slice(8, 16)


def is_hyperloglog(value: bytes) -> bool:
    """Return whether a string has a HyperLogLog's header."""
    return len(value) >= 16 and value[:4] == HYPERLOGLOG and value[4] <= 1 and value[5:8] == b"\0\0\0"


def of_string(value: bytes) -> str:
    """Return a string's digest."""
    if is_hyperloglog(value):
        value = value[: CACHED.start] + b"\0" * 8 + value[CACHED.stop :]
    return chain(hashlib.sha1(value[at : at + PIECE]).hexdigest() for at in range(0, max(len(value), 1), PIECE))


def of_list(elements: Sequence[bytes]) -> str:
    """Return a list's digest, with its length."""
    return f"{chain(groups_of_list(elements))}.{len(elements)}"


def groups_of_list(elements: Sequence[bytes]) -> Iterable[str]:
    """Yield the digests of a list's groups; O(elements) begin at a group's border."""
    for at in range(0, len(elements), GROUP):
        group = elements[at : at + GROUP]
        lengths = ",".join(str(len(element)) for element in group)
        yield hashlib.sha1(lengths.encode() + b":" + b"".join(group)).hexdigest()


def chain(parts: Iterable[str]) -> str:
    """Return the digest of several parts, or the part itself if there is only one."""
    known = list(parts)
    return known[0] if len(known) == 1 else hashlib.sha1("".join(known).encode()).hexdigest()


class Sum:
    """The digest of members in any order."""

    def __init__(self) -> None:
        self._first = self._second = 0
        self.count = 0

    def add_pairs(self, flat: Sequence[bytes]) -> None:
        """Add a hash's fields and values, one after the other."""
        for at in range(0, len(flat), 2):
            self._add(b"%d:" % len(flat[at]) + flat[at] + flat[at + 1])

    def add_members(self, members: Iterable[bytes]) -> None:
        """Add a set's members."""
        for member in members:
            self._add(member)

    def add_scored(self, flat: Sequence[bytes]) -> None:
        """Add a sorted set's members and scores, one after the other; servers print scores in different ways."""
        for at in range(0, len(flat), 2):
            self._add(b"%.17g " % float(flat[at + 1]) + flat[at])

    def _add(self, member: bytes) -> None:
        text = hashlib.sha1(member).hexdigest()
        self._first = (self._first + int(text[:12], 16)) % _BASE
        self._second = (self._second + int(text[12:24], 16)) % _BASE
        self.count += 1

    def add_sum(self, text: str) -> None:
        """Add a digest of further members."""
        sums, _point, count = text.partition(".")
        self._first = (self._first + int(sums[:12], 16)) % _BASE
        self._second = (self._second + int(sums[12:], 16)) % _BASE
        self.count += int(count)

    def text(self) -> str:
        """Return the digest."""
        return f"{self._first:012x}{self._second:012x}.{self.count}"


def number(digest: str) -> int:
    """Return the 64-bit number that a digest is remembered by."""
    return int(digest[:16], 16)


def length_of_list(kind: bytes, digest: str) -> int:
    """Return the length that a list's digest contains, 0 for other types."""
    return int(digest.partition(".")[2]) if kind == LIST else 0
