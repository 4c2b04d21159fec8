# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real PostgreSQL servers: one as Heroku has them, one of a newer major as Fly has them; a database per test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg2
import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.modules import pg_change_log, pg_transfer
from ansible_collections.flyover.heroku_to_fly.tests.sandbox.postgres import (
    Installation,
    PostgresServer,
    installations,
    verifier,
)
from ansible_collections.flyover.heroku_to_fly.tests.unit.conftest import run_module

__all__ = ["run_module"]

HERE = Path(__file__).parent
ADMIN = "postgres"
# Any character of a password must survive both libpq's password file and the URL.
PASSWORD = "s3cr:t/p@ss\\w%41'rd"
PASSWORD_IN_URL = quote(PASSWORD, safe="")
_NUMBERS = count(1)
# Fixtures whose resulting source and target are kept for all tests that use them.
KEPT = ("copied", "logged")
# Only the tests may write, because some check that nothing was written.
_SETTINGS = {"max_connections": "40", "autovacuum_naptime": "1d", "max_prepared_transactions": "10"}


@dataclass(frozen=True)
class Server:
    """A running server, with the role that an app has there: no superuser."""

    postgres: PostgresServer
    role: str

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.postgres.port

    @contextmanager
    def connect(self, database: str, role: str = ADMIN) -> Iterator[Any]:
        """Give a connection in autocommit."""
        if role == ADMIN:
            connection = self.postgres.superuser(database)
        else:
            connection = psycopg2.connect(
                host="127.0.0.1", port=self.port, user=role, password=PASSWORD, dbname=database, application_name="test"
            )
        connection.autocommit = True
        try:
            yield connection
        finally:
            connection.close()

    def rows(self, database: str, sql: str, role: str = ADMIN) -> list[tuple[Any, ...]]:
        """Return a query's rows, none for another statement."""
        with self.connect(database, role) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []


@dataclass(frozen=True)
class Database:
    """One database of a server."""

    server: Server
    name: str

    @property
    def url(self) -> str:
        """Return the URL as the app's config var has it."""
        return self.url_of(self.server.role)

    def url_of(self, role: str) -> str:
        """Return the URL for another role."""
        return f"postgres://{role}:{PASSWORD_IN_URL}@127.0.0.1:{self.server.port}/{self.name}"

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Run O(sql) as superuser."""
        return self.server.rows(self.name, sql)

    def app(self, sql: str) -> list[tuple[Any, ...]]:
        """Run O(sql) as the app's role."""
        return self.server.rows(self.name, sql, self.server.role)

    def fingerprint(self) -> tuple[Any, ...]:
        """Return what changes with any write: positions in the log are the server's, so nothing else may run."""
        (schemas,) = self.rows("select array_agg(nspname::text order by 1) from pg_namespace where nspname !~ '^pg_t'")
        (xid,) = self.rows("select pg_snapshot_xmax(pg_current_snapshot())::text")
        return schemas, xid


@contextmanager
def running(where: Installation, role: str) -> Iterator[Server]:
    """Give a running server, with the app's role and others."""
    postgres = PostgresServer(where, settings=_SETTINGS)
    postgres.start()
    try:
        server = Server(postgres, role)
        server.rows("postgres", f"create role \"{role}\" login password '{verifier(PASSWORD)}'")
        server.rows("postgres", f"create role helper login password '{verifier(PASSWORD)}'")
        server.rows("postgres", f"create role superuser superuser login password '{verifier(PASSWORD)}'")
        yield server
    finally:
        postgres.stop()


def installation(side: int) -> Installation:
    """Return what runs the source (0) or the target (-1): the oldest and newest here, or E(FLYOVER_POSTGRES)=15:18."""
    majors = os.environ.get("FLYOVER_POSTGRES")
    if not majors:
        return installations()[side]
    wanted = int(majors.split(":")[side])
    return next(found for found in installations(clients=False) if found.major == wanted)


@pytest.fixture(scope="session")
def heroku_server() -> Iterator[Server]:
    """Yield a server with the database C(template_app), in the shape that Heroku gives it."""
    with running(installation(0), "u1a2b3c4d5e6f7") as server:
        server.rows("postgres", f"create database template_app owner {server.role}")
        server.rows("template_app", f"alter schema public owner to {server.role}")
        server.rows("template_app", (HERE / "heroku.sql").read_text(encoding="utf-8"))
        path = 'set search_path = "$user", public, heroku_ext;'
        server.rows("template_app", path + (HERE / "app.sql").read_text(encoding="utf-8"), server.role)
        yield server


@pytest.fixture(scope="session")
def fly_server() -> Iterator[Server]:
    """Yield a server without any database of an app."""
    with running(installation(-1), "fly-user") as server:
        yield server


@dataclass(frozen=True)
class Kept:
    """A database that was kept, to be made again with its name and oid, so that it counts as the same one."""

    template: str
    name: str
    oid: int = 0
    settings: Sequence[tuple[int, list[str]]] = ()
    """Of each role, or 0 for all, what ALTER DATABASE or ALTER ROLE IN DATABASE set: no template gives it."""

    @classmethod
    def of(cls, database: Database) -> Kept:
        """Keep what O(database) holds now."""
        template = f"kept_{next(_NUMBERS)}"
        (oid,) = database.rows("select oid from pg_database where datname = current_database()")[0]
        settings = database.rows(f"select setrole, setconfig from pg_db_role_setting where setdatabase = {oid}")
        database.server.rows("postgres", f'create database {template} template "{database.name}"')
        return cls(template, database.name, oid, settings)

    @contextmanager
    def again(self, server: Server) -> Iterator[Database]:
        """Make it on O(server), for the app's role; drop it afterwards."""
        oid = f"oid = {self.oid}" if self.oid else ""
        server.rows("postgres", f'create database "{self.name}" template {self.template} owner "{server.role}" {oid}')
        with server.connect("postgres") as connection, connection.cursor() as cursor:
            for role, settings in self.settings:
                cursor.execute(
                    "insert into pg_db_role_setting select oid, %s, %s from pg_database where datname = %s",
                    (role, settings, self.name),
                )
        try:
            yield Database(server, self.name)
        finally:
            server.rows("postgres", f'drop database "{self.name}" with (force)')

    @staticmethod
    def possible(*servers: Server) -> bool:
        """Tell whether the servers let a new database have a certain oid, which they do since PostgreSQL 15."""
        return all(int(server.rows("postgres", "show server_version_num")[0][0]) >= 150000 for server in servers)


@pytest.fixture(scope="session")
def kept() -> dict[str, tuple[Kept, Kept]]:
    """Return the source and target that O(copied) and O(logged) made once: no test spends more than on a copy."""
    return {}


def _start(request: pytest.FixtureRequest, side: int, fresh: Kept) -> Kept:
    """Return what a test's source (0) or target (1) begins with: what its other fixture left, if that is kept."""
    pairs: dict[str, tuple[Kept, Kept]] = request.getfixturevalue("kept")
    return next((pairs[name][side] for name in KEPT if name in request.fixturenames and name in pairs), fresh)


@pytest.fixture
def source(request: pytest.FixtureRequest, heroku_server: Server) -> Iterator[Database]:
    """Yield the app's database at Heroku, fresh, or as the test's other fixture left it."""
    settings = [(0, ['search_path="$user", public, heroku_ext'])]
    fresh = Kept("template_app", f"d{next(_NUMBERS)}", settings=settings)
    with _start(request, 0, fresh).again(heroku_server) as database:
        yield database


@pytest.fixture
def target(request: pytest.FixtureRequest, fly_server: Server) -> Iterator[Database]:
    """Yield a database at Fly, empty, or as the test's other fixture left it."""
    fresh = Kept("template1", f"fly-db-{next(_NUMBERS)}")
    with _start(request, 1, fresh).again(fly_server) as database:
        yield database


def _once(request: pytest.FixtureRequest, source: Database, target: Database, make: Callable[[], None]) -> None:
    """Do O(make), unless an earlier test did it for the same fixture; keep what it leaves."""
    pairs: dict[str, tuple[Kept, Kept]] = request.getfixturevalue("kept")
    if request.fixturename in pairs:
        return
    make()
    if Kept.possible(source.server, target.server):
        pairs[str(request.fixturename)] = Kept.of(source), Kept.of(target)


@pytest.fixture
def copied(request: pytest.FixtureRequest, transfer: Any, source: Database, target: Database) -> None:
    """Have the target hold a copy of the source."""

    def make() -> None:
        assert transfer()["verdict"] == "copied"

    _once(request, source, target, make)


@pytest.fixture
def logged(request: pytest.FixtureRequest, log: Any, transfer: Any, source: Database, target: Database) -> None:
    """Have every table logged, and copied since."""

    def make() -> None:
        assert log()["changed"]
        assert transfer()["verdict"] == "copied"

    _once(request, source, target, make)


OWN_SCHEMAS = "n.nspname !~ '^(pg_|_flyover|_heroku|information_schema)'"


def _each(database: Database, relations: str, query: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return what O(query) gives for each of some relations. One connection asks all: opening one costs much more."""
    with database.server.connect(database.name) as connection, connection.cursor() as cursor:
        cursor.execute("set timezone = 'UTC'")
        cursor.execute(
            f"""
            select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where {relations} and {OWN_SCHEMAS} order by 1
            """
        )
        found = {}
        for (name,) in cursor.fetchall():
            cursor.execute(query.format(name))
            found[name] = cursor.fetchall()
        return found


def _tables(database: Database) -> dict[str, list[str]]:
    """Return every table's rows as sorted text, in a way that is not the module's."""
    found = _each(database, "c.relkind in ('r', 'm') and c.relispopulated", "select t::text from only {} t order by 1")
    return {name: [row for (row,) in rows] for name, rows in found.items()}


def sequences(database: Database) -> dict[str, Any]:
    """Return last value and state of every sequence."""
    found = _each(database, "c.relkind = 'S'", "select last_value, is_called from {}")
    return {name: rows[0] for name, rows in found.items()}


def large_objects(database: Database) -> list[tuple[Any, ...]]:
    """Return oid, content and comment of every large object."""
    return database.rows(
        "select oid, md5(lo_get(oid)), pg_catalog.obj_description(oid, 'pg_largeobject') from pg_largeobject_metadata "
        "order by 1"
    )


def content(database: Database) -> tuple[Any, ...]:
    """Return all rows, sequences and large objects, to compare databases by."""
    return _tables(database), sequences(database), large_objects(database)


def in_another_process(source: Database, target: Database, progress: Path) -> subprocess.Popen[bytes]:
    """Begin a transfer that can be killed; each table is a transaction of its own."""
    arguments = {"source": source.url, "target": target.url, "progress_file": str(progress)}
    program = (
        "import json, sys\n"
        "from ansible.module_utils.testing import patch_module_args\n"
        "from ansible_collections.flyover.heroku_to_fly.plugins.modules import pg_transfer\n"
        "from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy import full_copy as engine\n"
        "engine._TABLES_AT_ONCE = engine._SMALL_TABLES_AT_ONCE = 1\n"
        "with patch_module_args(json.load(sys.stdin)): pg_transfer.main()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(progress.parent)},
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(arguments).encode())
    process.stdin.close()
    return process


def wait_for(database: Database, query: str) -> None:
    """Wait until O(query) gives true."""
    for _attempt in range(300):
        if database.rows(query)[0][0]:
            return
        time.sleep(0.1)
    raise AssertionError(f"never became true: {query}")


@pytest.fixture
def transfer(run_module: Any, source: Database, target: Database) -> Any:
    """Return a function that runs the module from source to target; no password may be in any result."""

    def call(check_mode: bool = False, **options: Any) -> dict[str, Any]:
        given = {"source": source.url, "target": target.url, **options}
        result: dict[str, Any] = run_module(pg_transfer, given, check_mode=check_mode)
        assert PASSWORD not in str(result)
        assert "s3cr" not in json.dumps(result)
        return result

    return call


@pytest.fixture
def log(run_module: Any, source: Database) -> Any:
    """Return a function that runs the module on the source; no password may be in any result."""

    def call(state: str = "present", check_mode: bool = False, diff: bool = False, **options: Any) -> dict[str, Any]:
        given = {"url": source.url, "state": state, "min_bytes": 0, "wait_timeout": 3, **options}
        result: dict[str, Any] = run_module(pg_change_log, given, check_mode=check_mode, diff=diff)
        assert "s3cr" not in json.dumps(result)
        return result

    return call


@pytest.fixture
def spoilt(target: Database) -> Callable[[], None]:
    """Return a function that spoils a row whenever materialized views are filled."""

    def spoil() -> None:
        target.rows(
            """
            create schema _heroku;
            create function _heroku.spoil() returns event_trigger language plpgsql security definer as $$
            begin
              update public.users set last_name = 'spoilt' where id = 3;
            end $$;
            create event trigger spoil on ddl_command_end when tag in ('REFRESH MATERIALIZED VIEW')
              execute function _heroku.spoil();
            """
        )

    return spoil
