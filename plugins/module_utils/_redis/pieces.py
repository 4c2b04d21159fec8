# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""One key in pieces, so that neither this machine nor a server holds it whole: compute its digest, or copy it.

It is written under a temporary name, which then replaces the key in one step, by commands that every server has,
whatever its version. This copies big keys, and those whose payload the target does not accept.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Sequence
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis import digest as digests
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis import scripts, stream
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.digest import (
    GROUP,
    HASH,
    LIST,
    PIECE,
    SET,
    STREAM,
    STRING,
    ZSET,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.fields import Fields
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.look import Eyes, Seen, digest_of
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.names import HIDDEN
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.wire import Command, Connection, Refused

PART = HIDDEN + b"part"
MOST_ELEMENTS = 1024 * GROUP
_ATTEMPTS = 3
_LENGTH = {STRING: "STRLEN", LIST: "LLEN", HASH: "HLEN", SET: "SCARD", ZSET: "ZCARD"}
_WRITE = {LIST: "RPUSH", HASH: "HSET", SET: "SADD"}


def copyable(kind: bytes) -> bool:
    """Return whether there are commands for a type; those for modules' types are not known here."""
    return kind in _LENGTH or kind == STREAM


def digest(eyes: Eyes, key: bytes, kind: bytes, size: int) -> str:
    """Return the digest of a key, read in pieces; O(size) is its size in memory."""
    try:
        return _digest(eyes, key, kind, size)
    except Refused as error:
        if not error.has_moved:
            raise
        return f"{secrets.token_hex(20)}.0"  # equal to nothing


def _digest(eyes: Eyes, key: bytes, kind: bytes, size: int) -> str:
    connection = eyes.connection
    if kind == STREAM:
        return stream.digest(connection, key)
    if kind in (STRING, LIST):
        # A HyperLogLog has 12 KB and is never read in pieces.
        text = digests.chain(part for piece in _digests(eyes, key, kind, size) for part in _hashes(piece))
        return f"{text}.{connection.call('LLEN', key)}" if kind == LIST else text
    for _attempt in range(_ATTEMPTS):
        total = digests.Sum()
        for piece in _digests(eyes, key, kind, size):
            total.add_sum(piece)
        # While a table is resized, SCAN may give a member twice.
        if total.count == connection.call(_LENGTH[kind], key):
            break
    return total.text()


def _hashes(text: str) -> Iterator[str]:
    for at in range(0, len(text), 40):
        yield text[at : at + 40]


def _digests(eyes: Eyes, key: bytes, kind: bytes, size: int) -> Iterator[str]:
    """Yield the digests of a key's pieces, computed by the server if it has scripts."""
    if not eyes.scripts:
        for value in _values(eyes.connection, key, kind, size):
            yield _digest_of_piece(kind, value)
        return
    length = eyes.connection.call(_LENGTH[kind], key)
    count = PIECE if kind == STRING else elements_at_once(length, size)
    at = 0
    while True:
        cursor, text = eyes.connection.call("EVAL", scripts.PIECE, 1, key, kind, at, count)
        yield text.decode()
        at = int(cursor) if kind in (HASH, SET) else at + count
        if at == 0 or (kind not in (HASH, SET) and at >= length):
            return


def _digest_of_piece(kind: bytes, value: Any) -> str:
    if kind == STRING:
        return hashlib.sha1(value).hexdigest()
    if kind == LIST:
        return "".join(digests.groups_of_list(value))
    return digest_of(kind, value)


def copy(source: Connection, target: Connection, key: bytes, seen: Seen, replace: bool, fields: Fields) -> None:
    """Copy a key from the source to the target, overwriting what is there with O(replace)."""
    target.call("DEL", PART)
    try:
        _write(source, target, key, seen, fields)
    except Refused as error:
        if error.origin is not source or not error.has_moved:
            raise
        target.call("DEL", PART)
    milliseconds = seen.milliseconds_left()
    if milliseconds < 0 or not target.call("EXISTS", PART):
        return  # it disappeared from the source meanwhile
    if milliseconds:
        target.call("PEXPIRE", PART, milliseconds)
    target.checked([["RENAME" if replace else "RENAMENX", PART, key], ["DEL", PART]])


def _write(source: Connection, target: Connection, key: bytes, seen: Seen, fields: Fields) -> None:
    if seen.kind == STREAM:
        stream.copy(source, target, key, PART)
        return
    for at, piece in enumerate(_values(source, key, seen.kind, seen.size)):
        target.checked(_commands(PART, seen.kind, piece, at * PIECE))
        if seen.kind == HASH:
            fields.carry([(key, PART, piece[::2])])


def write_commands(key: bytes, kind: bytes, value: Any, milliseconds: int) -> list[Command]:
    """Return the commands that write a small value, as its read command returned it, over what is there."""
    expiry: list[Command] = [["PEXPIRE", key, milliseconds]] if milliseconds > 0 else []
    return [
        ["DEL", key],
        *_commands(key, kind, value, 0),
        *expiry,
    ]


def _values(connection: Connection, key: bytes, kind: bytes, size: int) -> Iterator[Any]:
    """Yield a key's value in pieces of about a mebibyte."""
    length = connection.call(_LENGTH[kind], key)
    if kind == STRING:
        for at in range(0, length, PIECE):
            yield connection.call("GETRANGE", key, at, at + PIECE - 1)
        return
    count = elements_at_once(length, size)
    if kind in (LIST, ZSET):
        for at in range(0, length, count):
            if kind == LIST:
                yield connection.call("LRANGE", key, at, at + count - 1)
            else:
                yield connection.call("ZRANGE", key, at, at + count - 1, "WITHSCORES")
        return
    cursor = b"0"
    while True:
        cursor, piece = connection.call("HSCAN" if kind == HASH else "SSCAN", key, cursor, "COUNT", count)
        if piece:
            yield piece
        if cursor == b"0":
            return


def elements_at_once(length: int, size: int) -> int:
    """Return how many elements make a piece, as whole groups of a list."""
    average = max(size // max(length, 1), 1)
    return max(min(PIECE // average, MOST_ELEMENTS) // GROUP, 1) * GROUP


def _commands(key: bytes, kind: bytes, value: Any, at: int) -> list[Command]:
    """Return the commands that add a piece to a key, none larger than about a mebibyte."""
    if kind == STRING:
        return [["SETRANGE", key, at, value]] if at else [["SET", key, value]]
    if kind == ZSET:
        flipped = [part for i in range(0, len(value), 2) for part in (value[i + 1], value[i])]
        return [["ZADD", key, *part] for part in _in_parts(flipped, 2)]
    return [[_WRITE[kind], key, *part] for part in _in_parts(value, 2 if kind == HASH else 1)]


def _in_parts(items: Sequence[bytes], step: int) -> Iterator[list[bytes]]:
    """Yield items in parts of about a mebibyte; O(step) of them belong together."""
    part: list[bytes] = []
    held = 0
    for at in range(0, len(items), step):
        together = items[at : at + step]
        grown = sum(len(item) + 16 for item in together)
        if part and held + grown > PIECE:
            yield part
            part, held = [], 0
        part += together
        held += grown
    if part:
        yield part
