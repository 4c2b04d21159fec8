# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What a target says about itself: which copies it holds, whether the app already lives there, and who is writing."""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import FlyoverError, StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.names import HIDDEN
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.server import Address, connected
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._redis.wire import Broken, Connection, Refused

MARKER = HIDDEN + b"transfer"
LOCK = HIDDEN + b"lock"
COPYING, COMPLETE, SEALED = "copying", "complete", "sealed"
VERSION = 2
LOCK_SECONDS = 30


class Marker:
    """The states of all copies in a target, by the name of each."""

    def __init__(self, target: Address, text: bytes | None) -> None:
        self._target = target
        try:
            content = json.loads(text or b"{}")
            version = content.get("version", 1 if "state" in content else VERSION)
            self._copies: dict[str, Any] = content.get("copies", {})
            # The first version had no names: what it sealed is sealed for every copy.
            self._first = content.get("state", "") if version == 1 else ""
            known = version in (1, VERSION) and isinstance(self._copies, dict)
        except (ValueError, AttributeError):
            known = False
        if not known:
            raise StateError(
                str(target), f"its key {MARKER.decode()} is damaged, or another version of this collection wrote it",
                "Use the version that wrote it. If no copy there matters, delete this key.",
            )  # fmt: skip

    def state(self, name: str) -> str:
        """Return the state of a copy, or nothing."""
        if self._first == SEALED:
            return SEALED
        return str(self._copies.get(name, {}).get("state", ""))

    def others(self, name: str) -> list[str]:
        """Return the names of other copies in this target."""
        return sorted(set(self._copies) - {name})

    def write(self, connection: Connection, name: str, state: str) -> None:
        """Set the state of a copy."""
        self._copies[name] = {"state": state}
        self._first = ""
        connection.call("SET", MARKER, json.dumps({"version": VERSION, "copies": self._copies}))


def read(connection: Connection, target: Address) -> Marker:
    """Read the marker of a target; raises StateError for one that this version does not understand."""
    return Marker(target, connection.call("GET", MARKER))


class Lock:
    """The right to write, as long as check() does not raise; it is renewed on its own connection."""

    def __init__(self, target: Address, token: str) -> None:
        self._target, self._token = target, token
        self._ended = threading.Event()
        self._lost = False
        self._thread = threading.Thread(target=self._renew, daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise StateError if the lock is lost: another client may be writing."""
        if self._lost:
            raise StateError(
                str(self._target),
                "the lock on it was lost while keys were copied",
                "Run again; nothing is copied twice.",
            )

    def end(self) -> None:
        """Stop renewing."""
        self._ended.set()
        self._thread.join(5)

    def _renew(self) -> None:
        failing_since = 0.0
        while not self._ended.wait(LOCK_SECONDS / 5):
            try:
                with connected(self._target) as connection:
                    while True:
                        self._lost = not _renewed(connection, self._token)
                        failing_since = 0.0
                        if self._lost or self._ended.wait(LOCK_SECONDS / 5):
                            return
            except (FlyoverError, Broken, Refused):
                failing_since = failing_since or time.monotonic()
                if time.monotonic() - failing_since > LOCK_SECONDS / 2:
                    self._lost = True
                    return


@contextmanager
def locked(connection: Connection, target: Address) -> Iterator[Lock]:
    """Give the lock on a target's database.

    A killed run leaves a lock that expires, so this waits for it; raises StateError if its holder is alive.
    """
    token = f"{secrets.token_hex(8)} {socket.gethostname()} {os.getpid()}"
    _acquire(connection, target, token)
    lock = Lock(target, token)
    try:
        yield lock
        lock.check()
    finally:
        lock.end()
        _release(connection, token)


def _acquire(connection: Connection, target: Address, token: str) -> None:
    before: tuple[bytes, int] | None = None
    while connection.call("SET", LOCK, token, "NX", "PX", LOCK_SECONDS * 1000) is None:
        holder, left = connection.checked([["GET", LOCK], ["PTTL", LOCK]])
        if before is not None and holder == before[0] and left > before[1]:  # it was renewed: its holder lives
            machine = " ".join(holder.decode("utf-8", "replace").split(" ")[1:])
            raise StateError(
                str(target),
                f"another transfer is writing to it (machine and process: {machine or 'unknown'})",
                "Wait until it has ended, then run again.",
            )
        before = None if holder is None else (holder, left)
        time.sleep(1)


def _renewed(connection: Connection, token: str) -> bool:
    """Make the lock last longer if it is still ours."""
    connection.call("WATCH", LOCK)
    if connection.call("GET", LOCK) != token.encode():
        connection.call("UNWATCH")
        return False
    return connection.checked([["MULTI"], ["PEXPIRE", LOCK, LOCK_SECONDS * 1000], ["EXEC"]])[-1] is not None


def _release(connection: Connection, token: str) -> None:
    try:
        connection.call("WATCH", LOCK)
        if connection.call("GET", LOCK) != token.encode():
            connection.call("UNWATCH")
            return
        answers = connection.pipe([["MULTI"], ["DEL", LOCK], ["EXEC"]])
        # A full server refuses transactions. The lock is still ours for some seconds, because it was renewed until now.
        if any(isinstance(answer, Refused) and answer.kind == "OOM" for answer in answers):
            connection.call("DEL", LOCK)
    except (Broken, Refused):
        pass  # it expires
