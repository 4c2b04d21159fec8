# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clients write to Heroku's database as fast as they can, all the time: every acknowledged write is on Fly."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg2
import pytest

from .conftest import Sandbox
from .kills import facts, rows

CUT_OVER = ("-e", "migrate_cutover=true")


class Writers:
    """Clients with the app's role that nobody stops: they go on when all dynos are down."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._over = threading.Event()
        self.acknowledged: dict[str, set[int]] = {}
        self.refused = 0
        self._threads: list[threading.Thread] = []

    def start(
        self,
        what: str,
        write: Callable[[Any, int], int],
        sessions: int | None,
        pause: float = 0.0,
        begin: Callable[[], bool] = lambda: True,
    ) -> None:
        """Call O(write), with a cursor and a number, once O(begin): each in a session of its own, or in O(sessions)."""
        thread = threading.Thread(target=self._run, args=(what, write, sessions, pause, begin), daemon=True)
        self._threads.append(thread)
        thread.start()

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _run(
        self, what: str, write: Callable[[Any, int], int], sessions: int | None, pause: float, begin: Callable[[], bool]
    ) -> None:
        done = self.acknowledged.setdefault(what, set())
        number = 0
        while not begin() and not self._over.wait(0.05):
            pass
        while not self._over.is_set() and sessions != 0:
            sessions = None if sessions is None else sessions - 1
            try:
                with self._cursor() as cursor:
                    while not self._over.wait(pause):
                        number += 1
                        done.add(write(cursor, number))
                        if sessions is None:
                            break
            except psycopg2.Error:
                self.refused += 1

    @contextmanager
    def _cursor(self) -> Iterator[Any]:
        connection = psycopg2.connect(self._url)
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()


def _insert(kind: str) -> Callable[[Any, int], int]:
    def insert(cursor: Any, number: int) -> int:
        cursor.execute("insert into written (kind, number) values (%s, %s)", [kind, number])
        return number

    return insert


def _update(cursor: Any, number: int) -> int:
    cursor.execute("begin; delete from moved; insert into moved values (%s); commit", [number])
    return number


def _create(cursor: Any, number: int) -> int:
    cursor.execute(f"create table made_{number} as select {number} as number")
    return number


def _large_object(cursor: Any, _number: int) -> int:
    cursor.execute("select lo_from_bytea(0, '\\x6162')")
    return int(cursor.fetchone()[0])


@pytest.mark.slow
def test_nothing_that_was_acknowledged_is_lost_and_nothing_comes_after(sandbox: Sandbox) -> None:
    url = sandbox.environment["SANDBOX_SOURCE_DATABASE_URL"]
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute("create table written (id bigserial primary key, kind text, number int)")
        cursor.execute("create table moved (number int)")
        cursor.execute("show server_version_num")
        version = int(cursor.fetchone()[0])
    connection.close()
    writers = Writers(url)
    writers.start("long session", _insert("long session"), sessions=1000)
    writers.start("one-off sessions", _insert("one-off sessions"), sessions=None)
    writers.start("transactions", _update, sessions=1000, pause=0.01)
    # A schema that changes earlier stops the run before Heroku is touched; here it changes when that is too late.
    writers.start("tables", _create, sessions=1000, pause=0.1, begin=lambda: sandbox.heroku["maintenance"] is True)
    # Before PostgreSQL 16 a session that begins read-only can make a large object all the same.
    writers.start("large objects", _large_object, sessions=1000 if version >= 160000 else 1, pause=0.2)
    try:
        sandbox.play("migrate", *CUT_OVER).succeeded()
        refused = writers.refused
        assert refused > 0
        deadline = time.monotonic() + 60
        while writers.refused < refused + 20:  # they go on, and everything they write is kept
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        writers.stop()

    assert rows(sandbox, "SOURCE") == rows(sandbox, "TARGET")
    assert facts(sandbox)["heroku"]["maintenance"] is True
    done = writers.acknowledged
    connection = psycopg2.connect(sandbox.environment["SANDBOX_TARGET_DATABASE_URL"])
    with connection, connection.cursor() as cursor:
        for kind in ("long session", "one-off sessions"):
            cursor.execute("select number from written where kind = %s", [kind])
            assert done[kind] <= {number for (number,) in cursor}, kind
            assert len(done[kind]) > 50
        cursor.execute("select number from moved")
        assert max(done["transactions"]) <= max(number for (number,) in cursor)
        cursor.execute("select substr(relname, 6)::int from pg_class where relname ~ '^made_'")
        assert done["tables"] <= {number for (number,) in cursor}
        cursor.execute("select oid::bigint from pg_largeobject_metadata")
        assert done["large objects"] <= {number for (number,) in cursor}
    connection.close()
    with suppress(psycopg2.Error):
        print({kind: len(numbers) for kind, numbers in done.items()}, writers.refused, "refused")
