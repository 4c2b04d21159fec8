# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Many small keys at once: a server describes a thousand keys in a few long strings, one column for each fact.

Two servers' columns are compared as a whole, and payloads are passed on to the target as they came, so that nothing is
done here for a single key. Keys for which that is not enough are left to look.py: big ones, and those that differ.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis import scripts
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.look import BIG, EXPIRY_TOLERANCE, TAIL, Eyes
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.names import name_of
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.wire import (
    Connection,
    Later,
    Refused,
    arguments,
)

BYTES_AT_ONCE = 1 << 20  # of payloads; the rest is left
_LEFT, _GONE = 255, 254  # instead of a type: left for another way; does not exist
_LISTS = frozenset((1, 10, 14, 18))
_LIST_BYTES = 16 + 8  # of a digest and a length in hexadecimal

Item = TypeVar("Item")


def ahead(items: Iterable[Item]) -> Iterator[Item]:
    """Yield items, each only when the next one was begun, so that the servers work on that one meanwhile."""
    iterator = iter(items)
    for before in iterator:
        for item in iterator:
            yield before
            before = item
        yield before


@dataclass(frozen=True)
class Columns:
    """What a server says about some keys, in their order."""

    keys: list[bytes]
    kinds: bytes
    tails: bytes
    marks: bytes
    """What is compared: if two marks are equal, so are the values; if not, the values may still be equal."""
    remaining: list[int]
    """Milliseconds until a key expires, negative for one that never does."""
    instant: float
    blur: float
    lists: bytes = b""
    payloads: bytes = b""

    def mark(self, at: int) -> bytes:
        """Return what a key is compared by."""
        return self.marks[TAIL * at : TAIL * at + TAIL]

    @cached_property
    def names(self) -> list[bytes]:
        """What the record remembers the keys' names by."""
        return list(map(name_of, self.keys))

    @property
    def left(self) -> set[int]:
        """The keys that are left for another way."""
        return set(_positions(self.kinds, _LEFT))

    @property
    def gone(self) -> set[int]:
        """The keys that do not exist."""
        return set(_positions(self.kinds, _GONE))

    def differing(self, target: Columns) -> set[int]:
        """Return which of these keys, without those that do not exist, may differ on the other server."""
        found = self.left | target.left | target.gone
        if self.marks != target.marks:
            found |= {at for at in range(len(self.keys)) if self.mark(at) != target.mark(at)}
        if max(self.remaining, default=-1) >= 0 or max(target.remaining, default=-1) >= 0:
            moved = (target.instant - self.instant) * 1000
            most = EXPIRY_TOLERANCE + (self.blur + target.blur) * 1000
            for at, (left, other) in enumerate(zip(self.remaining, target.remaining)):
                if (left < 0) != (other < 0) or (left >= 0 and abs(other + moved - left) > most):
                    found.add(at)
        return found - self.gone

    def remaining_now(self) -> str:
        """Return in how many milliseconds each key expires: 0 for never, negative for one that has."""
        passed = int((time.monotonic() - self.instant) * 1000)
        return " ".join(["0" if left < 0 else str(left - passed or -1) for left in self.remaining])

    def entries(self, without: set[int]) -> Iterator[tuple[bytes, bytes]]:
        """Yield what the record keeps of each key: the number of its name, and checksum and length of its value."""
        skipped = without | self.left | self.gone
        lists = 0
        none = b"\0\0\0\0"
        for at, (name, kind) in enumerate(zip(self.names, self.kinds)):
            value = b""
            if kind in _LISTS:
                value = bytes.fromhex(self.lists[lists : lists + _LIST_BYTES].decode())
                lists += _LIST_BYTES
            if at not in skipped:
                yield name, value or self.tails[TAIL * at + 2 : TAIL * at + TAIL] + none


class Sweep:
    """Columns that a server was asked for; the answer is read when it is needed."""

    def __init__(self, eyes: Eyes, keys: list[bytes], wishes: str = "", asked: bool = True) -> None:
        """Take O(wishes) for more: p for payloads, l for what the record keeps of lists, m or c for marks."""
        self.keys, self._eyes = keys, eyes
        self._began = time.monotonic()
        self._answer: Later | None = None
        if asked and eyes.sweeps:
            self._answer = eyes.connection.begin(
                "EVAL", scripts.SWEEP, len(keys), *keys, BIG, BYTES_AT_ONCE, wishes or "-"
            )

    def columns(self) -> Columns:
        """Return the columns. If the server has no scripts, or lacks a command of this one, all keys are left."""
        try:
            if self._answer:
                kinds, tails, remaining, lists, payloads, marks = self._answer.get()
                blur = (time.monotonic() - self._began) / 2
                left = list(map(int, remaining.split()))
                return Columns(self.keys, kinds, tails, marks, left, self._began + blur, blur, lists, payloads)
        except Refused as error:
            if error.is_about_the_server:
                raise
            self._eyes.sweeps = False
        return Columns(self.keys, bytes([_LEFT]) * len(self.keys), b"", b"", [-1] * len(self.keys), 0.0, 0.0)


def restore(connection: Connection, columns: Columns) -> Later:
    """Send the payloads, to be written if no key has the name; the answer lists those that were not written.

    It has "NUMBER ERROR" for each, counted from 1.
    """
    count = len(columns.keys)
    head = [b"EVAL", scripts.RESTORE.encode(), b"%d" % count, *columns.keys, columns.remaining_now().encode()]
    packed = b"*%d\r\n" % (len(head) + count) + arguments(head) + columns.payloads
    return connection.begin_packed(packed, "EVAL")


def _positions(column: bytes, value: int) -> Iterator[int]:
    at = column.find(value)
    while at >= 0:
        yield at
        at = column.find(value, at + 1)
