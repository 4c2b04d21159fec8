# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Streams: entries in pieces, consumer groups with what each consumer has taken and not yet acknowledged."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.wire import Command, Connection, Refused

ENTRIES_AT_ONCE = 500


def digest(connection: Connection, key: bytes) -> str:
    """Return a stream's digest: entries, last id, groups, consumers and pending entries."""
    total = hashlib.sha1()
    for entries in _entries(connection, key):
        for identity, fields in entries:
            for part in (identity, *(fields or ())):
                total.update(b"%d:" % len(part) + part)
    total.update(_state(connection, key)[b"last-generated-id"])
    for group in sorted(_groups(connection, key), key=lambda group: bytes(group[b"name"])):
        total.update(b"group %b %b;" % (group[b"name"], group[b"last-delivered-id"]))
        for consumer in sorted(_consumers(connection, key, group[b"name"])):
            total.update(b"consumer %b;" % consumer)
        for identity, consumer, _idle, count in _pending(connection, key, group[b"name"]):
            total.update(b"pending %b %b %d;" % (identity, consumer, count))
    return total.hexdigest()


def copy(source: Connection, target: Connection, key: bytes, name: bytes) -> None:
    """Copy a stream from the source to the target as O(name), which must not exist."""
    state = _state(source, key)
    groups = _groups(source, key)
    for entries in _entries(source, key):
        target.checked(["XADD", name, identity, *fields] for identity, fields in entries if fields)
    if not target.call("EXISTS", name):
        # A stream may be empty: only a group makes one.
        target.checked([["XGROUP", "CREATE", name, "flyover", "0", "MKSTREAM"], ["XGROUP", "DESTROY", name, "flyover"]])
    _set_last(target, name, state)
    for group in groups:
        _copy_group(source, target, key, name, group)


def _copy_group(source: Connection, target: Connection, key: bytes, name: bytes, group: dict[bytes, Any]) -> None:
    title = group[b"name"]
    target.call("XGROUP", "CREATE", name, title, group[b"last-delivered-id"])
    consumers = _consumers(source, key, title)
    # Before Redis 6.2 a consumer is created when it takes an entry.
    target.pipe(["XGROUP", "CREATECONSUMER", name, title, consumer] for consumer in consumers)
    claims: list[Command] = []
    for identity, consumer, idle, count in _pending(source, key, title):
        claims.append(
            ["XCLAIM", name, title, consumer, 0, identity, "IDLE", idle, "RETRYCOUNT", count, "FORCE", "JUSTID"]
        )
    target.checked(claims)


def _set_last(target: Connection, name: bytes, state: dict[bytes, Any]) -> None:
    more: list[Any] = []
    if b"entries-added" in state and b"max-deleted-entry-id" in state:
        more = ["ENTRIESADDED", state[b"entries-added"], "MAXDELETEDID", state[b"max-deleted-entry-id"]]
    command: list[Any] = ["XSETID", name, state[b"last-generated-id"]]
    answer = target.pipe([[*command, *more]])[0]
    if isinstance(answer, Refused):
        target.call(*command)  # before Redis 7


def _entries(connection: Connection, key: bytes) -> Iterator[list[Any]]:
    start = b"-"
    while True:
        entries = connection.call("XRANGE", key, start, "+", "COUNT", ENTRIES_AT_ONCE)
        if entries:
            yield entries
        if len(entries) < ENTRIES_AT_ONCE:
            return
        start = _after(entries[-1][0])


def _pending(connection: Connection, key: bytes, group: bytes) -> Iterator[Any]:
    start = b"-"
    while True:
        rows = connection.call("XPENDING", key, group, start, "+", ENTRIES_AT_ONCE)
        # A pending entry that was deleted meanwhile can be neither read nor claimed, and no command creates one.
        entries = connection.checked(["XRANGE", key, row[0], row[0]] for row in rows)
        yield from (row for row, entry in zip(rows, entries) if entry)
        if len(rows) < ENTRIES_AT_ONCE:
            return
        start = _after(rows[-1][0])


def _after(identity: bytes) -> bytes:
    """Return the smallest id after another; Redis before 6.2 has no exclusive ranges."""
    first, second = identity.split(b"-")
    if int(second) == (1 << 64) - 1:
        return b"%d-0" % (int(first) + 1)
    return b"%b-%d" % (first, int(second) + 1)


def _state(connection: Connection, key: bytes) -> dict[bytes, Any]:
    return _named(connection.call("XINFO", "STREAM", key))


def _groups(connection: Connection, key: bytes) -> list[dict[bytes, Any]]:
    return [_named(row) for row in connection.call("XINFO", "GROUPS", key)]


def _consumers(connection: Connection, key: bytes, group: bytes) -> list[bytes]:
    return [_named(row)[b"name"] for row in connection.call("XINFO", "CONSUMERS", key, group)]


def _named(flat: list[Any]) -> dict[bytes, Any]:
    return dict(zip(flat[::2], flat[1::2]))
