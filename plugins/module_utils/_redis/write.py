# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Write keys of the source to the target, by payload if the target accepts it, otherwise by commands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis import pieces, whole
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.columns import (
    Columns,
    Sweep,
    ahead,
    restore,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.digest import HASH
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.fields import Fields
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.look import (
    BIG,
    READ,
    Eyes,
    Seen,
    read_command,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.names import name_of
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.record import Record, note_command
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.whole import Room
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.wire import Command, Later, Refused

# What a target answers to a payload of another version, to one that is too large, or if it has no RESTORE.
NOT_TAKEN = ("DUMP payload", "Bad data format", "unknown command", "max request size", "NOPERM")


class Writer:
    """Writes into one database. Each key is noted in the record as ours before it is written."""

    def __init__(
        self, source: Eyes, target: Eyes, record: Record, room: Room, replace: bool, check: Callable[[], None]
    ) -> None:
        self._source, self._target, self._room = source, target, room
        self._record, self._replace, self._check = record, replace, check
        self._payloads = self._bulk = True
        self.fields = Fields(source.connection, target.connection)

    def write(self, keys: dict[bytes, Seen]) -> dict[bytes, Seen]:
        """Write keys over what is there, with their expiry; return those that are ours now.

        Without O(replace), a key that another client created meanwhile is kept.
        """
        self._check()
        target = self._target.connection
        new = [name_of(key) for key in keys if not self._record.has(key)]
        if new:
            target.call(*note_command(self._record.owner, new))
        dumped = {key: seen for key, seen in keys.items() if seen.payload is not None and self._payloads}
        refused, taken = self._restore(dumped)
        others = [key for key in keys if key not in dumped]
        small = [key for key in (*refused, *others) if keys[key].kind in READ and keys[key].size < BIG]
        self._by_commands(small, keys)
        done = {*small, *(key for key in dumped if key not in refused)}
        written = {key: seen for key, seen in keys.items() if key not in taken}
        for key, seen in keys.items():
            if key not in done:
                self._check()
                end = self._whole(key, seen)
                if end:
                    written[key] = seen._replace(tail=end)
                else:
                    self._in_pieces(key, seen)
        return written

    def write_new(self, groups: Iterable[list[bytes]]) -> Iterator[tuple[Columns, set[int]]]:
        """Write keys that the target does not have, with their expiry; yield each group and those not accepted.

        Both servers work meanwhile: one reads the next group, the other writes the last one.
        """
        swept = (Sweep(self._source, group, "pl", self._bulk) for group in groups)
        for columns, begun in ahead(self._begun(sweep.columns()) for sweep in ahead(swept)):
            yield columns, self._not_taken(columns, begun)

    def _begun(self, columns: Columns) -> tuple[Columns, list[Later]]:
        """Begin to note and to write a group."""
        if not self._bulk or not columns.payloads:
            return columns, []
        self._check()
        target = self._target.connection
        absent = columns.left | columns.gone
        names = [name for at, name in enumerate(columns.names) if at not in absent] if absent else columns.names
        return columns, [target.begin(*note_command(self._record.owner, names)), restore(target, columns)]

    def _not_taken(self, columns: Columns, begun: list[Later]) -> set[int]:
        """Return which keys of a group were not written; raises Refused if the target is full."""
        every = set(range(len(columns.keys))) - columns.gone
        if not begun:
            return every
        noted, restored = begun
        noted.get()
        try:
            errors = dict(error.split(b" ", 1) for error in restored.get())
        except Refused as error:
            if error.kind == "OOM":
                raise
            self._bulk = False
            return every
        full = next((text for text in errors.values() if text.startswith(b"OOM")), None)
        if full:
            raise self._target.connection.refused(full, "RESTORE")
        self._bulk &= len(errors) <= len(every) // 2
        return {int(number) - 1 for number in errors}

    def _may_replace(self, key: bytes) -> bool:
        return self._replace or self._record.has(key)

    def expire(self, keys: dict[bytes, Seen]) -> None:
        """Give keys, which hold what they should, the source's expiry."""
        self._check()
        self._target.connection.checked(
            ["PEXPIRE", key, left] if (left := seen.milliseconds_left()) else ["PERSIST", key]
            for key, seen in keys.items()
        )

    def _restore(self, keys: dict[bytes, Seen]) -> tuple[set[bytes], set[bytes]]:
        """Write payloads; return the keys whose payload the target does not accept, and those of other clients."""
        alive = {key: left for key, seen in keys.items() if (left := seen.milliseconds_left()) >= 0}
        answers = self._target.connection.pipe(
            ["RESTORE", key, left, keys[key].payload or b"", *(["REPLACE"] if self._may_replace(key) else [])]
            for key, left in alive.items()
        )
        refused: set[bytes] = set()
        taken: set[bytes] = set()
        for key, answer in zip(alive, answers):
            if isinstance(answer, Refused):
                if answer.kind == "BUSYKEY":
                    taken.add(key)
                    continue
                if not answer.says(*NOT_TAKEN):
                    raise answer
                refused.add(key)
                # Payloads of another version need not be sent again; one that is too large tells nothing about others.
                self._payloads &= answer.says("max request size") or not pieces.copyable(keys[key].kind)
        return refused, taken

    def _by_commands(self, keys: list[bytes], seen: dict[bytes, Seen]) -> None:
        """Write small keys by the commands of their types, each in one step."""
        if not keys:
            return
        values = self._source.connection.pipe(read_command(seen[key].kind, key) for key in keys)
        commands: list[Command] = []
        for key, value in zip(keys, values):
            left = seen[key].milliseconds_left()
            if left >= 0 and not isinstance(value, Refused) and (value or value == b""):
                commands += [["MULTI"], *pieces.write_commands(key, seen[key].kind, value, left), ["EXEC"]]
        for answer in self._target.connection.checked(commands):
            for inner in answer if isinstance(answer, list) else ():
                if isinstance(inner, Refused):
                    raise inner
        hashes = [(key, value) for key, value in zip(keys, values) if seen[key].kind == HASH]
        self.fields.carry([(key, key, value[::2]) for key, value in hashes if value and not isinstance(value, Refused)])

    def _whole(self, key: bytes, seen: Seen) -> bytes:
        """Write a big key by its payload; return the payload's end, nothing if that does not work."""
        if not self._payloads or not self._room.has(seen.size):
            return b""
        try:
            return whole.copy(self._source.connection, self._target.connection, key, seen, self._may_replace(key))
        except Refused as error:
            if not error.says(*NOT_TAKEN, "BUSYKEY"):
                raise
            self._payloads &= error.kind == "BUSYKEY"
            return b""

    def _in_pieces(self, key: bytes, seen: Seen) -> None:
        if not pieces.copyable(seen.kind):
            raise StateError(
                f"a key of the type {seen.kind.decode()}",
                "the target does not accept it: it is a module's type, and the target lacks the module or its version",
                "Leave such keys out (option exclude, or migrate_redis_exclude), or give a target that has the module.",
            )
        connections = self._source.connection, self._target.connection
        pieces.copy(*connections, key, seen, self._may_replace(key), self.fields)
