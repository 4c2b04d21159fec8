# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""The last look at a source after the seal: what came late is copied if that is safe, otherwise named.

The record says what each key held when it was copied. A new key is written if the target has none of that name. A list
that only grew gets what was added, at the same end, in one step with a note that it has it; so do the names of queues
and new sorted sets of jobs. Anything else is left alone, because Fly may have changed it since.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Callable

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis import digest as digests
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis import record
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.columns import Columns, Sweep, ahead
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.digest import LIST, SET, ZSET
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.look import BIG, Seen
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.names import Prefixes
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.pair import Pair
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.record import Copied
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.wire import Command
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.write import Writer

_QUEUES = re.compile(rb"(.*:)?queues", re.DOTALL)


@dataclass
class Late:
    """What was found."""

    brought: Prefixes = field(default_factory=Prefixes)
    left: Prefixes = field(default_factory=Prefixes)

    def as_counts(self) -> dict[str, int]:
        """Return the numbers for a module's result."""
        return {"late": self.brought.keys + self.left.keys, "brought": self.brought.keys, "left": self.left.keys}


def catch_up(pair: Pair, found: Late, check: Callable[[], None], check_mode: bool) -> None:
    """Look over the source's keys, and copy what came late; in check mode only count it."""
    writer = Writer(pair.source, pair.target, pair.record, pair.room, False, check)
    for sweep in ahead(Sweep(pair.source, names, "l") for names in pair.source.names(pair.selection)):
        for key, seen in pair.source.look(_changed(pair, sweep.columns())).items():
            known, now = pair.record.get(key), pair.remembered(key, seen)
            if known == now:
                continue
            target = pair.target.look([key]).get(key)
            if target is not None and pair.same(key, seen, target):
                continue
            check()
            done = _bring(pair, writer, key, seen, target, known, now, check_mode)
            (found.brought if done else found.left).add(key)


def _changed(pair: Pair, columns: Columns) -> list[bytes]:
    """Return the keys that may hold something other than when they were copied."""
    keys = dict(zip(columns.names, columns.keys))
    changed = [keys[name] for name, value in columns.entries(set()) if pair.record.value(name) != value]
    return changed + [columns.keys[at] for at in sorted(columns.left)]


def _bring(
    pair: Pair,
    writer: Writer,
    key: bytes,
    seen: Seen,
    target: Seen | None,
    known: Copied | None,
    now: Copied,
    dry: bool,
) -> bool:
    """Copy one key, or what was added to it; return whether that was safe."""
    if known is None and target is None:
        if not dry:
            for part in pair.source.looks([key]):
                writer.write(part)
            pair.target.connection.call(*record.late_command(pair.record.owner, key, now))
        return True
    commands = _additions(pair, key, seen, target, known)
    if commands is None:
        return False
    if not dry:
        pair.target.connection.together([*commands, record.late_command(pair.record.owner, key, now)])
    return True


def _additions(pair: Pair, key: bytes, seen: Seen, target: Seen | None, known: Copied | None) -> list[Command] | None:
    """Return the commands that add what a key got, or None if that is unknown."""
    if seen.size >= BIG or (target is not None and target.kind != seen.kind):
        return None
    if seen.kind == LIST:
        elements = pair.source.connection.call("LRANGE", key, 0, -1)
        return list_additions(key, elements, known)
    if seen.kind == SET and _QUEUES.fullmatch(key):
        return [["SADD", key, *pair.source.connection.call("SMEMBERS", key)]]
    if seen.kind == ZSET and known is None:
        flat = pair.source.connection.call("ZRANGE", key, 0, -1, "WITHSCORES")
        pairs: list[Any] = [part for at in range(0, len(flat), 2) for part in (flat[at + 1], flat[at])]
        return [["ZADD", key, "NX", *pairs]]
    return None


def list_additions(key: bytes, elements: Sequence[bytes], known: Copied | None) -> list[Command] | None:
    """Return the commands that add what a list got since it was copied, or None if it did not only grow."""
    if not elements:
        return None
    if known is None:
        return [["LPUSH", key, *reversed(elements)]]
    added = len(elements) - known.length
    if added <= 0 or not known.length:
        return None
    if _is(elements[added:], known):
        return [["LPUSH", key, *reversed(elements[:added])]]
    if _is(elements[: known.length], known):
        return [["RPUSH", key, *elements[known.length :]]]
    return None


def _is(elements: Sequence[bytes], known: Copied) -> bool:
    return digests.number(digests.of_list(elements)) == known.digest
