# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What a key holds, in a form that is equal on two servers of any versions; and how to write it there."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError

KEYS_AT_ONCE = 200
# Expiry times are compared as points in time; clocks and round trips blur them (milliseconds).
EXPIRY_TOLERANCE = 5000
NO_EXPIRY = -1

# How to read a type whole. SCAN-wise reading would not be one point in time either.
_READ = {
    b"string": lambda pipe, key: pipe.execute_command("GET", key),
    b"hash": lambda pipe, key: pipe.execute_command("HGETALL", key),
    b"list": lambda pipe, key: pipe.execute_command("LRANGE", key, 0, -1),
    b"set": lambda pipe, key: pipe.execute_command("SMEMBERS", key),
    b"zset": lambda pipe, key: pipe.execute_command("ZRANGE", key, 0, -1, "WITHSCORES"),
    b"stream": lambda pipe, key: pipe.execute_command("XRANGE", key, "-", "+"),
}


@dataclass(frozen=True)
class Content:
    """One key's type, digest and expiry (Unix time in milliseconds, or NO_EXPIRY)."""

    kind: bytes
    digest: str
    expires_at: int

    def equals(self, other: Content) -> bool:
        """Return whether two keys hold the same and expire at the same time."""
        if (self.kind, self.digest) != (other.kind, other.digest):
            return False
        if NO_EXPIRY in (self.expires_at, other.expires_at):
            return self.expires_at == other.expires_at
        return abs(self.expires_at - other.expires_at) <= EXPIRY_TOLERANCE


def scan(client: Any, match: str, hidden: bytes) -> Iterator[list[bytes]]:
    """Yield the keys that match, each once, in groups; O(hidden) is left out."""
    seen: set[bytes] = set()
    group: list[bytes] = []
    for key in client.scan_iter(match=match, count=1000):
        if key != hidden and key not in seen:
            seen.add(key)
            group.append(key)
            if len(group) == KEYS_AT_ONCE:
                yield group
                group = []
    if group:
        yield group


def contents(client: Any, keys: Sequence[bytes]) -> dict[bytes, Content]:
    """Return what O(keys) hold; one that has gone meanwhile is left out. Two round trips."""
    pipe = client.pipeline(transaction=False)
    for key in keys:
        pipe.execute_command("TYPE", key)
        pipe.execute_command("PTTL", key)
    answers = pipe.execute()
    instant = int(time.time() * 1000)
    kinds = {key: (kind, ttl) for key, kind, ttl in zip(keys, answers[::2], answers[1::2]) if _bytes(kind) != b"none"}
    pipe = client.pipeline(transaction=False)
    for key, (kind, _ttl) in kinds.items():
        read = _READ.get(_bytes(kind))
        if read is None:
            raise StateError(
                "Redis", f"a key is of the type {_bytes(kind).decode()}, which can not be compared",
                "Leave such keys out with the option match, or drop them.",
            )  # fmt: skip
        read(pipe, key)
    found = {}
    for (key, (kind, ttl)), value in zip(kinds.items(), pipe.execute()):
        if value is not None:
            expires_at = NO_EXPIRY if ttl < 0 else instant + ttl
            found[key] = Content(_bytes(kind), _digest(_bytes(kind), value), expires_at)
    return found


def copy(source: Any, target: Any, keys: Sequence[bytes], library: Any) -> None:
    """Write O(keys) into the target over what is there, with their expiry."""
    pipe = source.pipeline(transaction=False)
    for key in keys:
        pipe.execute_command("DUMP", key)
        pipe.execute_command("PTTL", key)
    answers = pipe.execute()
    dumps = [(key, dump, ttl) for key, dump, ttl in zip(keys, answers[::2], answers[1::2]) if dump is not None]
    pipe = target.pipeline(transaction=False)
    for key, dump, ttl in dumps:
        pipe.execute_command("RESTORE", key, max(ttl, 0) or (1 if ttl == 0 else 0), dump, "REPLACE")
    refused = []
    for (key, _dump, ttl), answer in zip(dumps, pipe.execute(raise_on_error=False)):
        if isinstance(answer, library.exceptions.ResponseError):
            # A newer server's payload: the value itself can still be written.
            if "DUMP payload" not in str(answer) and "Bad data format" not in str(answer):
                raise answer
            refused.append((key, ttl))
        elif isinstance(answer, Exception):
            raise answer
    for key, ttl in refused:
        _copy_value(source, target, key, ttl)


def _copy_value(source: Any, target: Any, key: bytes, ttl: int) -> None:
    kind = _bytes(source.execute_command("TYPE", key))
    pipe = target.pipeline(transaction=True)
    pipe.execute_command("DEL", key)
    if kind == b"string":
        value = source.execute_command("GET", key)
        if value is None:
            return
        pipe.execute_command("SET", key, value)
    elif kind == b"hash":
        _in_parts(pipe, "HSET", key, [x for pair in source.hgetall(key).items() for x in pair])
    elif kind == b"list":
        _in_parts(pipe, "RPUSH", key, source.execute_command("LRANGE", key, 0, -1))
    elif kind == b"set":
        _in_parts(pipe, "SADD", key, list(source.smembers(key)))
    elif kind == b"zset":
        pairs = source.zrange(key, 0, -1, withscores=True)
        _in_parts(pipe, "ZADD", key, [x for member, score in pairs for x in (repr(float(score)), member)])
    elif kind == b"stream":
        for entry, fields in source.xrange(key):
            pipe.execute_command("XADD", key, entry, *(x for pair in fields.items() for x in pair))
        for group in source.xinfo_groups(key):
            pipe.execute_command("XGROUP", "CREATE", key, group["name"], group["last-delivered-id"], "MKSTREAM")
    else:
        return
    if ttl > 0:
        pipe.execute_command("PEXPIRE", key, ttl)
    pipe.execute()


def _in_parts(pipe: Any, command: str, key: bytes, items: Sequence[Any], most: int = 10000) -> None:
    for start in range(0, len(items), most):
        pipe.execute_command(command, key, *items[start : start + most])


def _digest(kind: bytes, value: Any) -> str:
    digest = hashlib.sha256()
    if kind == b"hash":
        pairs = value.items() if isinstance(value, dict) else zip(value[::2], value[1::2])
        parts: Iterable[bytes] = (part for pair in sorted(pairs) for part in pair)
    elif kind == b"set":
        parts = sorted(value)
    elif kind in (b"list", b"string"):
        parts = value if isinstance(value, list) else [value]
    else:
        parts = _flat(value)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _flat(value: Any) -> Iterator[bytes]:
    """Yield the leaves of a nested answer, numbers as text."""
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _flat(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _flat([name, item])
    else:
        yield value if isinstance(value, bytes) else repr(value).encode()


def _bytes(text: Any) -> bytes:
    return text if isinstance(text, bytes) else str(text).encode()
