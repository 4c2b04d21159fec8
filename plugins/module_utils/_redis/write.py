# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Writing keys of the source into the target, by payload where the target takes it, else by commands."""

from __future__ import annotations

from typing import Callable

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis import pieces
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.look import (
    BIG,
    READ,
    Eyes,
    Seen,
    read_command,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.record import Record, note_command
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.wire import Command, Refused

# What a target answers to a payload of another version, to one that is too large, or where it has no RESTORE.
NOT_TAKEN = ("DUMP payload", "Bad data format", "unknown command", "max request size", "NOPERM")


class Writer:
    """Writes into one database. Each key is noted in the record as ours before it is written."""

    def __init__(self, source: Eyes, target: Eyes, record: Record, replace: bool, check: Callable[[], None]) -> None:
        self._source, self._target = source, target
        self._record, self._replace, self._check = record, replace, check
        self._payloads = True

    def write(self, keys: dict[bytes, Seen]) -> dict[bytes, Seen]:
        """Write keys over what is there, with their expiry; return those that are ours now.

        Without O(replace) a key that another client made meanwhile is kept.
        """
        self._check()
        target = self._target.connection
        new = [key for key in keys if not self._record.has(key)]
        if new:
            target.call(*note_command(self._record.owner, new))
        dumped = {key: seen for key, seen in keys.items() if seen.payload is not None and self._payloads}
        refused, taken = self._restore(dumped)
        others = [key for key in keys if key not in dumped]
        small = [key for key in (*refused, *others) if keys[key].kind in READ and keys[key].size < BIG]
        self._by_commands(small, keys)
        done = {*small, *(key for key in dumped if key not in refused)}
        for key, seen in keys.items():
            if key not in done:
                self._check()
                self._in_pieces(key, seen)
        return {key: seen for key, seen in keys.items() if key not in taken}

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
        """Write payloads; return keys whose payload the target does not take, and keys of other clients."""
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
                # Another version's payloads need not be sent again; a large one says nothing of the others.
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

    def _in_pieces(self, key: bytes, seen: Seen) -> None:
        if not pieces.copyable(seen.kind):
            raise StateError(
                f"a key of the type {seen.kind.decode()}",
                "the target does not take it: it is a module's type, and the target lacks the module, or this version",
                "Leave such keys out (option exclude, or migrate_redis_exclude), or give a target that has the module.",
            )
        pieces.copy(self._source.connection, self._target.connection, key, seen, self._may_replace(key))
