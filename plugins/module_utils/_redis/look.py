# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Look at many keys of one database at once: what each holds, when it expires, and its payload if wanted."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis import digest as digests
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis import scripts
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.digest import (
    HASH,
    LIST,
    SET,
    STREAM,
    STRING,
    ZSET,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.names import Selection
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.wire import Command, Connection, Refused

KEYS_AT_ONCE = 1000
BYTES_AT_ONCE = 1 << 24
BIG = 1 << 20  # bytes in memory from which a key is read and written in pieces
TAIL = 10  # bytes at the end of a payload: its version and its checksum
NO_EXPIRY = -1
EXPIRY_TOLERANCE = 1000  # milliseconds

# How a whole value is read.
READ: dict[bytes, tuple[str | int, ...]] = {
    STRING: ("GET",),
    HASH: ("HGETALL",),
    LIST: ("LRANGE", 0, -1),
    SET: ("SMEMBERS",),
    ZSET: ("ZRANGE", 0, -1, "WITHSCORES"),
}


# The first byte of a payload -> its type. Types of modules and of newer servers are not known here.
KINDS = {
    b"%d" % byte: kind
    for kind, bytes_ in (
        (STRING, (0,)), (LIST, (1, 10, 14, 18)), (SET, (2, 11, 20)), (ZSET, (3, 5, 12, 17)), (HASH, (4, 9, 13, 16)),
        (STREAM, (15, 19, 21)),
    )
    for byte in bytes_
}  # fmt: skip


class Seen(NamedTuple):
    """One key: its type, bytes in memory, digest (empty if it was not looked at closely) and payload.

    O(expires_at) is a time in milliseconds, by a clock that nobody sets, give or take O(blur). O(tail) is the end of
    the payload: if two are equal, so are the values; if not, the values may still be equal.
    """

    kind: bytes
    size: int
    digest: str
    expires_at: int
    blur: int
    payload: bytes | None = None
    tail: bytes = b""

    def expires_with(self, other: Seen) -> bool:
        """Return whether two keys expire at the same time."""
        if NO_EXPIRY in (self.expires_at, other.expires_at):
            return self.expires_at == other.expires_at
        return abs(self.expires_at - other.expires_at) <= EXPIRY_TOLERANCE + self.blur + other.blur

    @property
    def is_big(self) -> bool:
        """Whether it is read in pieces."""
        return not self.digest and not self.tail

    def milliseconds_left(self) -> int:
        """Return how long the key still lives: 0 forever, negative if it has expired."""
        if self.expires_at == NO_EXPIRY:
            return 0
        return (self.expires_at - _now()) or -1


def read_command(kind: bytes, key: bytes) -> Command:
    """Return the command that reads a whole value."""
    name, *rest = READ[kind]
    return [name, key, *rest]


def digest_of(kind: bytes, value: Any) -> str:
    """Return the digest of a value as its command answers it."""
    if kind == STRING:
        return digests.of_string(value)
    if kind == LIST:
        return digests.of_list(value)
    total = digests.Sum()
    {HASH: total.add_pairs, SET: total.add_members, ZSET: total.add_scored}[kind](value)
    return total.text()


class Eyes:
    """Looks at the keys of a connection's database: by a script on the server, or by commands if it has no scripts."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.scripts = self.quick = self.sweeps = True

    def names(self, selection: Selection) -> Iterator[list[bytes]]:
        """Yield the chosen keys in groups; a key may come twice if it moves during the scan."""
        cursor, group = b"0", []
        where = () if selection.scan_pattern == "*" else ("MATCH", selection.scan_pattern)
        while True:
            cursor, keys = self.connection.call("SCAN", cursor, *where, "COUNT", KEYS_AT_ONCE)
            group += selection.chosen(keys)
            while len(group) >= KEYS_AT_ONCE:
                yield group[:KEYS_AT_ONCE]
                group = group[KEYS_AT_ONCE:]
            if cursor == b"0":
                break
        if group:
            yield group

    def names_with(self, words: Sequence[bytes]) -> Iterator[list[bytes]]:
        """Yield the names that contain one of O(words) in groups, picked by the server if it has scripts."""
        cursor = b"0"
        while self.scripts:
            try:
                cursor, names = self.connection.call("EVAL", scripts.NAMES, 0, cursor, KEYS_AT_ONCE, *words)
            except Refused:
                break
            yield names
            if cursor == b"0":
                return
        yield from self.names(Selection())

    def look(self, keys: Sequence[bytes], closely: bool = False) -> dict[bytes, Seen]:
        """Return what O(keys) hold, without missing ones; with O(closely), small ones get digests."""
        found: dict[bytes, Seen] = {}
        for part in self.looks(keys, payloads=False, closely=closely):
            found.update(part)
        return found

    def looks(self, keys: Sequence[bytes], payloads: bool = True, closely: bool = False) -> Iterator[dict[bytes, Seen]]:
        """Yield what O(keys) hold, with their payloads, in parts of some megabytes."""
        left = list(keys)
        while left:
            try:
                if self.scripts:
                    found, left = self._by_script(left, payloads, closely)
                else:
                    found, left = self._by_commands(left, payloads)
            except Refused as error:
                if error.is_about_the_server or not self.scripts:
                    raise
                # A server may lack one of a script's commands, or scripts altogether.
                self.quick, self.scripts = False, self.quick and not closely
                continue
            yield found

    def kinds(self, keys: Iterable[bytes]) -> list[bytes]:
        """Return the types of keys."""
        return self.connection.checked(["TYPE", key] for key in keys)

    def present(self, keys: Sequence[bytes]) -> list[bytes]:
        """Return those of O(keys) that are there."""
        if self.connection.call("EXISTS", *keys) == len(keys):
            return list(keys)
        answers = self.connection.checked(["EXISTS", key] for key in keys)
        return [key for key, exists in zip(keys, answers) if exists]

    def _by_script(self, keys: list[bytes], payloads: bool, closely: bool) -> tuple[dict[bytes, Seen], list[bytes]]:
        """Return what was found, and the keys that are left for another call."""
        quick = self.quick and not closely
        started = _now()
        script = scripts.QUICK if quick else scripts.LOOK
        lines = self.connection.call("EVAL", script, len(keys), *keys, BIG, 1 if payloads else 0, BYTES_AT_ONCE)
        blur = (_now() - started) // 2
        instant = started + blur
        found: dict[bytes, Seen] = {}
        left: list[bytes] = []
        strange: list[bytes] = []
        for key, line in zip(keys, lines):
            if len(line) < 2:
                if line:
                    left.append(key)
                continue
            facts, _newline, payload = line.partition(b"\n")
            kind, remaining, size, digest = facts.split(b" ")
            if kind.isdigit():
                if kind not in KINDS:
                    strange.append(key)
                kind = KINDS.get(kind, kind)
            found[key] = Seen(
                kind,
                int(size),
                "" if digest == b"-" else digest.decode(),
                NO_EXPIRY if remaining[:1] == b"-" else instant + int(remaining),
                blur,
                payload if payloads and payload else None,
                payload[-10:] if quick else b"",
            )
        for key, kind in zip(strange, self.kinds(strange)):
            found[key] = found[key]._replace(kind=kind)
        return found, left

    def _by_commands(self, keys: list[bytes], payloads: bool) -> tuple[dict[bytes, Seen], list[bytes]]:
        started = _now()
        facts, left = self._facts(keys)
        blur = (_now() - started) // 2
        small = [key for key, (kind, _left, size) in facts.items() if _whole(kind, size) and kind != STREAM]
        values = dict(zip(small, self._values([(key, facts[key][0]) for key in small])))
        wanted = [key for key, (kind, _left, size) in facts.items() if payloads and _whole(kind, size)]
        dumps = self._dumps(wanted)
        found = {}
        for key, (kind, remaining, size) in facts.items():
            digest = values.get(key, "-")
            if digest:
                found[key] = _seen(kind, size, digest, remaining, started + blur, blur, dumps.get(key))
        return found, left

    def _facts(self, keys: list[bytes]) -> tuple[dict[bytes, tuple[bytes, int, int]], list[bytes]]:
        """Return type, milliseconds left and bytes of keys, and those keys that are left for another call."""
        answers = self.connection.pipe(
            [*words, key] for key in keys for words in (("TYPE",), ("PTTL",), ("MEMORY", "USAGE"))
        )
        facts: dict[bytes, tuple[bytes, int, int]] = {}
        total = 0
        for at, key in enumerate(keys):
            kind, remaining, size = answers[3 * at : 3 * at + 3]
            for answer in (kind, remaining):
                if isinstance(answer, Refused):
                    raise answer
            if total >= BYTES_AT_ONCE:
                return facts, keys[at:]
            if kind != b"none":
                # If the server does not report the size, assume an average one.
                facts[key] = (kind, remaining, size if isinstance(size, int) else BYTES_AT_ONCE // KEYS_AT_ONCE)
                total += facts[key][2] if _whole(kind, facts[key][2]) else 0
        return facts, []

    def _values(self, keys: Sequence[tuple[bytes, bytes]]) -> list[str]:
        """Return digests; empty for a key that disappeared meanwhile."""
        commands: list[Command] = [read_command(kind, key) if kind in READ else ["DUMP", key] for key, kind in keys]
        digest = []
        for (_key, kind), value in zip(keys, self.connection.pipe(commands)):
            if isinstance(value, Refused) and value.kind != "WRONGTYPE":
                raise value
            if isinstance(value, Refused) or (not value and value != b""):
                digest.append("")
            else:
                digest.append(digest_of(kind, value) if kind in READ else hashlib.sha1(value[:-10]).hexdigest())
        return digest

    def _dumps(self, keys: list[bytes]) -> dict[bytes, bytes]:
        """Return the payloads of keys that still exist, if the server supports DUMP."""
        answers = self.connection.pipe(["DUMP", key] for key in keys)
        return {key: answer for key, answer in zip(keys, answers) if isinstance(answer, bytes)}


def _whole(kind: bytes, size: int) -> bool:
    """Return whether a key is read whole; that is the only way for a module's type."""
    return size < BIG or kind not in (*READ, STREAM)


def _seen(kind: bytes, size: int, digest: str, left: int, instant: int, blur: int, payload: bytes | None) -> Seen:
    expires_at = NO_EXPIRY if left < 0 else instant + left
    return Seen(kind, size, "" if digest == "-" else digest, expires_at, blur, payload)


def _now() -> int:
    return int(time.monotonic() * 1000)
