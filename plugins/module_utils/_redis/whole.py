# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""A big key in one piece, if both servers have room for its payload, which is passed on as it comes.

DUMP and RESTORE cost a server a hundredth of what reading and writing element by element does, but for a moment it
holds the payload in addition to the value. A server near its limit would evict keys for that, or refuse writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis import scripts
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.look import TAIL, Eyes, Seen
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.source import info
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.wire import Connection, Refused

MOST_BYTES = 256 << 20  # in memory, of one key: a server answers nobody else while it dumps
LIMITS = ("proto-max-bulk-len", "client-query-buffer-limit")


class Room:
    """Whether a key can go in one piece from one server to another."""

    def __init__(self, source: Connection, target: Connection) -> None:
        self._source, self._target = source, target
        self._most: int | None = None

    def has(self, size: int) -> bool:
        """Return whether there is room for a key of O(size) bytes; False if a server does not say."""
        if self._most is None:
            self._most = min(MOST_BYTES, *(_limit(self._target, name) for name in LIMITS))
        return size <= self._most and all(_memory_left(server) >= 2 * size for server in (self._source, self._target))


def _limit(server: Connection, name: str) -> int:
    """Return how large an argument may be, 0 if that is unknown."""
    answer: Any = server.pipe([["CONFIG", "GET", name]])[0]
    return int(answer[1]) if isinstance(answer, list) and len(answer) == 2 else 0


def _memory_left(server: Connection) -> float:
    facts = info(server, "memory")
    used, most = facts.get("used_memory", ""), facts.get("maxmemory", "")
    if not used.isdigit() or not most.isdigit():
        return 0
    return int(most) - int(used) if int(most) else float("inf")


def tail(eyes: Eyes, key: bytes) -> bytes:
    """Return the end of a big key's payload, nothing if the server has no scripts."""
    if not eyes.scripts:
        return b""
    try:
        end: bytes = eyes.connection.call("EVAL", scripts.TAIL, 1, key)
    except Refused as error:
        if error.is_about_the_server:
            raise
        return b""
    return end


def copy(source: Connection, target: Connection, key: bytes, seen: Seen, replace: bool) -> bytes:
    """Copy a key from the source to the target; return the end of its payload, nothing if the key disappeared.

    Raises Refused as the target does.
    """
    length, parts = source.stream("DUMP", key)
    end = bytearray()
    passing = _watched(parts, end)
    left = seen.milliseconds_left()
    if length < 0 or left < 0:
        for _part in passing:
            pass
        return b""
    target.send_stream(["RESTORE", key, left], length, passing, ["REPLACE"] if replace else [])
    return bytes(end)


def _watched(parts: Iterator[bytes], end: bytearray) -> Iterator[bytes]:
    for part in parts:
        end[:] = (end + part[-TAIL:])[-TAIL:]
        yield part
