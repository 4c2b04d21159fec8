# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Which keys of a database were copied, and what they held then: 20 bytes for each key, in memory and on the target.

Only keys in the record are ours: nothing else on a target is deleted or overwritten unasked. A key is noted before it
is written, so that a killed run leaves no key that the next run takes for another client's.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.names import HIDDEN, name_of, number
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.wire import Command, Connection

KEYS_IN_CHUNK = 2048
CHUNKS_AT_ONCE = 32
MOST_LENGTH = (1 << 32) - 1
_BUCKETS = 4096
_ENTRY = 20
_NAME = 8
_NONE = b"\0\0\0\0"


class Copied(NamedTuple):
    """What a key held when it was copied: its digest's number, and for a list its length."""

    digest: int
    length: int


class Record:
    """What was copied into one database, sorted by the numbers of the names."""

    def __init__(self, owner: str = "") -> None:
        self.owner = owner
        self._names, self._digests, self._lengths = array("Q"), array("Q"), array("I")
        self._noted = array("Q")
        self._late: dict[int, Copied] = {}

    def __len__(self) -> int:
        return len(self._names)

    def get(self, key: bytes) -> Copied | None:
        """Return what a key held, or None if it was not copied completely."""
        return self._get(number(key))

    def value(self, name: bytes) -> bytes:
        """Return digest and length of the key with this name's bytes, nothing for one that was not copied."""
        found = self._get(int.from_bytes(name, "big"))
        return found.digest.to_bytes(8, "big") + found.length.to_bytes(4, "big") if found else b""

    def _get(self, wanted: int) -> Copied | None:
        if wanted in self._late:
            return self._late[wanted]
        at = _find(self._names, wanted)
        return None if at < 0 else Copied(self._digests[at], self._lengths[at])

    def has(self, key: bytes) -> bool:
        """Return whether a key is ours."""
        return bool(self._names or self._noted or self._late) and self.has_name(name_of(key))

    def has_name(self, name: bytes) -> bool:
        """Return whether the key with this name's bytes is ours."""
        wanted = int.from_bytes(name, "big")
        return wanted in self._late or _find(self._names, wanted) >= 0 or _find(self._noted, wanted) >= 0

    def take(self, chunk: bytes) -> None:
        """Add a chunk, whose names come after the present ones."""
        count = len(chunk) // _ENTRY
        for numbers, start, width in (
            (self._names, 0, 8),
            (self._digests, 8 * count, 8),
            (self._lengths, 16 * count, 4),
        ):
            part = array(numbers.typecode)
            part.frombytes(chunk[start : start + width * count])
            if sys.byteorder == "little":
                part.byteswap()
            numbers.extend(part)

    def note(self, names: bytes) -> None:
        """Add names that were noted before they were written."""
        noted = array("Q")
        noted.frombytes(names)
        if sys.byteorder == "little":
            noted.byteswap()
        self._noted = array("Q", sorted([*self._noted, *noted]))

    def add_late(self, name: bytes, entry: bytes) -> None:
        """Add what was copied afterwards; it replaces what the copy held."""
        self._late[int.from_bytes(name, "big")] = Copied(
            int.from_bytes(entry[:8], "big"), int.from_bytes(entry[8:], "big")
        )


class Builder:
    """Collects what is copied, in any order and with repetitions."""

    def __init__(self) -> None:
        self._buckets = [bytearray() for _bucket in range(_BUCKETS)]

    def add(self, key: bytes, digest: int, length: int) -> None:
        """Add a key; the last entry counts."""
        name = name_of(key)
        bucket = self._buckets[name[0] << 4 | name[1] >> 4]
        bucket += name + digest.to_bytes(8, "big") + (min(length, MOST_LENGTH).to_bytes(4, "big") if length else _NONE)

    def add_all(self, entries: Iterable[tuple[bytes, bytes]]) -> None:
        """Add keys by their names' bytes; digest and length are bytes already."""
        buckets = self._buckets
        for name, value in entries:
            buckets[name[0] << 4 | name[1] >> 4] += name + value

    def chunks(self) -> Iterator[bytes]:
        """Yield the record's chunks in order."""
        entries: list[bytes] = []
        for bucket in self._buckets:
            each = (bytes(bucket[at : at + _ENTRY]) for at in range(0, len(bucket), _ENTRY))
            last = {entry[:_NAME]: entry for entry in each}
            entries += [last[name] for name in sorted(last)]
            while len(entries) >= KEYS_IN_CHUNK:
                yield _chunk(entries[:KEYS_IN_CHUNK])
                entries = entries[KEYS_IN_CHUNK:]
        if entries:
            yield _chunk(entries)


def load(connection: Connection, owner: str) -> Record:
    """Read the record of a database, which belongs to the copy O(owner)."""
    record = Record(owner)
    key, noted = _key(owner), _noted_key(owner)
    count = connection.call("HLEN", key)
    for start in range(0, count, CHUNKS_AT_ONCE):
        fields = range(start, min(start + CHUNKS_AT_ONCE, count))
        for chunk in connection.call("HMGET", key, *fields):
            record.take(chunk or b"")
    names = b"".join(connection.call("LRANGE", noted, 0, -1))
    if names:
        record.note(names)
    late = connection.call("HGETALL", _late_key(owner))
    for name, entry in zip(late[::2], late[1::2]):
        record.add_late(name, entry)
    return record


def note_command(owner: str, names: Iterable[bytes]) -> Command:
    """Return the command that notes keys, by their names' bytes, before they are written."""
    return ["RPUSH", _noted_key(owner), b"".join(names)]


def save(connection: Connection, owner: str, builder: Builder) -> None:
    """Write the record, which replaces the former one in one step."""
    key, new = _key(owner), HIDDEN + b"record:" + owner.encode()
    connection.call("DEL", new)
    written = 0
    for chunk in builder.chunks():
        connection.call("HSET", new, written, chunk)
        written += 1
    replaced: list[Command] = [["RENAME", new, key]] if written else [["DEL", key]]
    connection.together([*replaced, ["DEL", _noted_key(owner), _late_key(owner)]])


def late_command(owner: str, key: bytes, copied: Copied) -> Command:
    """Return the command that notes what was copied afterwards."""
    entry = copied.digest.to_bytes(8, "big") + min(copied.length, MOST_LENGTH).to_bytes(4, "big")
    return ["HSET", _late_key(owner), number(key).to_bytes(8, "big"), entry]


def _chunk(entries: Sequence[bytes]) -> bytes:
    """Return entries as columns, which can be read all at once."""
    return b"".join(entry[start:end] for start, end in ((0, 8), (8, 16), (16, 20)) for entry in entries)


def _find(numbers: array[int], wanted: int) -> int:
    at = bisect_left(numbers, wanted)
    return at if at < len(numbers) and numbers[at] == wanted else -1


def _key(owner: str) -> bytes:
    return HIDDEN + b"copied:" + owner.encode()


def _noted_key(owner: str) -> bytes:
    return HIDDEN + b"noted:" + owner.encode()


def _late_key(owner: str) -> bytes:
    return HIDDEN + b"late:" + owner.encode()
