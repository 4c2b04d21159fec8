# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""pg_fence on a real server, as the role that owns the tables: what it stops, and that everything is restored."""

from __future__ import annotations

import json
import threading
import time
from contextlib import ExitStack, suppress
from typing import Any

import psycopg2
import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.modules import pg_fence, pg_transfer
from ansible_collections.flyover.heroku_to_fly.tests.services.conftest import ADMIN, Database

WRITES = {
    "insert": "insert into users (email, first_name) values ('a@b', 'N')",
    "insert into a view": "insert into happy (email) values ('a@b')",
    "insert into a partition": "insert into events_2023 (at, kind) values ('2023-02-02', 'x')",
    "update": "update users set last_name = 'x' where id = 1",
    "update of quoted names": 'update "Odd ""Table"".name" set "a b" = null',
    "delete": "delete from billing.invoices",
    "truncate": "truncate cache",
    "nextval": "select nextval('never_called')",
    "setval": "select setval('never_called', 7)",
    "create table": "create table made (id int)",
    "create in another schema": "create table billing.made (id int)",
    "large object": "select lo_put(70002, 0, 'X')",
    "lock": "select id from users for update",
}

# What everybody may do, owners included, however the catalog stores it.
_PRIVILEGES = """
select 'relation', c.oid::regclass::text, '', a.grantee::regrole::text, a.privilege_type, a.is_grantable
from pg_class c join pg_namespace n on n.oid = c.relnamespace
cross join lateral aclexplode(
  coalesce(c.relacl, acldefault((case when c.relkind = 'S' then 's' else 'r' end)::"char", c.relowner))) a
where n.nspname in ('public', 'billing')
union all
select 'column', c.oid::regclass::text, t.attname::text, a.grantee::regrole::text, a.privilege_type, a.is_grantable
from pg_attribute t join pg_class c on c.oid = t.attrelid cross join lateral aclexplode(t.attacl) a
where c.oid >= 16384
union all
select 'schema', n.nspname::text, '', a.grantee::regrole::text, a.privilege_type, a.is_grantable
from pg_namespace n cross join lateral aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
where n.nspname in ('public', 'billing', 'heroku_ext')
union all
select 'large object', l.oid::text, '', a.grantee::regrole::text, a.privilege_type, a.is_grantable
from pg_largeobject_metadata l cross join lateral aclexplode(coalesce(l.lomacl, acldefault('L', l.lomowner))) a
"""


_REFUSED = (psycopg2.errors.InsufficientPrivilege, psycopg2.errors.ReadOnlySqlTransaction)


def _admin(database: Database, sql: str) -> None:
    """Run O(sql) as superuser in a database whose sessions begin read-only."""
    database.rows(f"begin read write; {sql}; commit")


def _determined(database: Database, sql: str) -> None:
    """Run O(sql) as the app's role, which does not want to be read-only."""
    database.app(f"begin read write; {sql}; commit")


def _privileges(database: Database) -> set[tuple[Any, ...]]:
    return set(database.rows(_PRIVILEGES))


@pytest.fixture
def fence(run_module: Any, source: Database) -> Any:
    """Return a function that raises or lowers the fence of the source; no password may be in any result."""

    def call(state: str, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        given = {"url": source.url, "state": state, "wait_timeout": 1, **options}
        result: dict[str, Any] = run_module(pg_fence, given, check_mode=check_mode)
        assert "s3cr" not in json.dumps(result)
        return result

    return call


@pytest.fixture
def grants(source: Database) -> None:
    """Grant another role privileges of each kind, some with grant option, which it uses."""
    source.app(
        """
        grant select, insert, update, delete on users, posts to helper with grant option;
        grant insert (id, body), update (body) on notes to helper;
        grant usage on sequence never_called to helper;
        grant all on cache to public;
        grant usage, create on schema billing to helper;
        grant update on large object 70002 to helper;
        """
    )
    source.server.rows(source.name, "grant update on posts to postgres", "helper")


def test_no_write_passes_and_reading_goes_on(fence: Any, source: Database, grants: None) -> None:
    before = source.rows("select count(*) from public.users")
    result = fence("raised")

    assert result.get("msg") is None
    assert (result["changed"], result["state"], result["sessions_ended"]) == (True, "raised", 0)
    assert result["objects"] > 30
    assert result["read_only"] == ["database", "role"]
    for what, statement in WRITES.items():
        with pytest.raises(_REFUSED):
            source.app(statement)
            pytest.fail(f"{what} passed the fence")
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            _determined(source, statement)
            pytest.fail(f"{what} passed the fence in a session that wants to write")
    for statement in (
        "insert into public.users (email, first_name) values ('a@b', 'N')",
        "update public.notes set body = 'x'",
        "truncate public.cache",
    ):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            source.server.rows(source.name, f"begin read write; {statement}", "helper")
    assert source.app("select count(*) from users") == before
    assert source.app("select lo_get(70002)") != []
    assert source.app("select last_value from never_called") == [(5,)]


def test_lowering_restores_every_privilege(fence: Any, source: Database, grants: None) -> None:
    before = _privileges(source)
    raised = fence("raised")
    assert _privileges(source) != before
    lowered = fence("lowered")

    assert (lowered["changed"], lowered["state"]) == (True, "lowered")
    assert lowered["objects"] == raised["objects"]
    assert _privileges(source) == before
    assert source.rows("select count(*) from pg_namespace where nspname = '_flyover_fence'") == [(0,)]
    source.app(WRITES["insert"])
    source.app(WRITES["nextval"])
    source.app(WRITES["create table"])
    again = fence("lowered")
    assert (again["changed"], again["objects"]) == (False, 0)


def test_second_time_changes_nothing_and_keeps_the_record(fence: Any, source: Database, grants: None) -> None:
    before = _privileges(source)
    fence("raised")
    fingerprint = source.fingerprint()
    assert not fence("raised", check_mode=True)["changed"]
    assert source.fingerprint() == fingerprint
    assert not fence("raised")["changed"]
    fence("lowered")

    assert _privileges(source) == before


def test_what_was_made_meanwhile_is_fenced_too(fence: Any, source: Database, grants: None) -> None:
    before = _privileges(source)
    fence("raised")
    owner = source.server.role
    _admin(source, f"create table public.later (id serial); alter table public.later owner to {owner}")
    _admin(source, f"grant insert on public.users to {owner}")
    _determined(source, "insert into later default values")
    result = fence("raised")

    assert result["changed"]
    for statement in ("insert into later default values", WRITES["insert"]):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            _determined(source, statement)
    _admin(source, "drop table public.notes")
    fence("lowered")
    source.app("insert into later default values")
    assert {row for row in before if not row[1].startswith("notes")} <= _privileges(source)


def test_who_is_gone_when_the_fence_is_lowered_is_passed_over(fence: Any, source: Database) -> None:
    server = source.server
    server.rows("postgres", "create role gone")
    source.app("grant update on users to gone; grant update (body) on notes to gone")
    fence("raised")
    _admin(source, "drop owned by gone; drop role gone; alter table public.notes drop column body")
    result = fence("lowered")

    assert result["changed"]
    source.app(WRITES["insert"])


def test_check_mode_predicts_and_writes_nothing(fence: Any, source: Database) -> None:
    assert not fence("lowered", check_mode=True)["changed"]
    before = source.fingerprint()
    predicted = fence("raised", check_mode=True)
    assert source.fingerprint() == before
    done = fence("raised")
    assert (predicted["changed"], predicted["objects"]) == (done["changed"], done["objects"])
    before = source.fingerprint()
    predicted = fence("lowered", check_mode=True)
    assert source.fingerprint() == before
    done = fence("lowered")
    assert (predicted["changed"], predicted["objects"]) == (done["changed"], done["objects"])


@pytest.mark.parametrize("write", [WRITES["update"], "select lo_put(70002, 0, 'X')"], ids=["table", "large object"])
def test_an_open_transaction_is_ended(fence: Any, source: Database, write: str) -> None:
    with source.server.connect(source.name, source.server.role) as connection, connection.cursor() as cursor:
        cursor.execute("begin")
        cursor.execute(write)
        result = fence("raised")

        assert result["sessions_ended"] == 1
        with pytest.raises(psycopg2.Error):
            cursor.execute("commit")
    assert source.rows("select last_name, lo_get(70002) from public.users where id = 1")[0][0] != "x"
    assert bytes(source.rows("select lo_get(70002)")[0][0]) == b"small"


def test_sessions_that_only_read_are_ended_too(fence: Any, source: Database) -> None:
    """They might write later: what they may do was decided when they began."""
    with source.server.connect(source.name, source.server.role) as connection, connection.cursor() as cursor:
        cursor.execute("prepare writing as " + WRITES["insert"])
        assert fence("raised", wait_timeout=0)["sessions_ended"] == 1
        with pytest.raises(psycopg2.Error):
            cursor.execute("execute writing")


def test_vacuum_is_no_writer(fence: Any, source: Database) -> None:
    """It locks a table's indexes in the same way as a writer does."""
    with source.server.connect(source.name) as connection, connection.cursor() as cursor:
        cursor.execute("set vacuum_cost_delay = 100; set vacuum_cost_limit = 1")
        vacuum = threading.Thread(target=_until_ended, args=(cursor, "vacuum public.users"))
        vacuum.start()
        holds = "select count(*) > 0 from pg_locks where relation = 'public.users_lower'::regclass and mode ~ 'RowExcl'"
        while not source.rows(holds)[0][0]:
            assert vacuum.is_alive()
        result = fence("raised", wait_timeout=0)
        assert vacuum.is_alive()
        connection.cancel()
        vacuum.join()

    assert (result["changed"], result["sessions_ended"]) == (True, 0)


def _until_ended(cursor: Any, statement: str) -> None:
    with suppress(psycopg2.Error):
        cursor.execute(statement)


def test_a_transaction_of_another_role_is_an_error(fence: Any, source: Database, grants: None) -> None:
    with source.server.connect(source.name, ADMIN) as connection, connection.cursor() as cursor:
        cursor.execute("begin")
        cursor.execute("update public.users set last_name = 'x' where id = 1")
        result = fence("raised", wait_timeout=0)

    assert result["failed"]
    assert "sessions of other roles" in result["msg"]
    assert not fence("gathered")["raised"]  # that transaction has not ended for anybody
    assert fence("raised")["changed"]
    assert not fence("raised")["changed"]


def test_a_superuser_is_refused(fence: Any, source: Database) -> None:
    before = source.fingerprint()
    result = fence("raised", url=source.url_of("superuser"))

    assert result["failed"]
    assert "superuser" in result["msg"]
    assert source.fingerprint() == before


def test_what_belongs_to_others_is_named(fence: Any, source: Database) -> None:
    source.rows("create table public.theirs (id int)")
    result = fence("raised")

    assert result["not_fenced"] == ["table public.theirs"]
    assert "1 objects belong to other roles" in str(result["warnings"])


PUBLIC_WRITERS = """
select c.relname, a.privilege_type from pg_class c, aclexplode(c.relacl) a
where a.grantee = 0 and a.privilege_type in ('INSERT', 'UPDATE', 'DELETE') order by 1, 2
"""


def test_a_fenced_source_is_copied_with_its_privileges(
    fence: Any, run_module: Any, source: Database, target: Database, grants: None
) -> None:
    granted = source.rows(PUBLIC_WRITERS)
    assert granted
    fence("raised")
    urls = {"source": source.url, "target": target.url}
    before = source.fingerprint()
    result = run_module(pg_transfer, urls)

    assert result["verdict"] == "copied"
    assert source.fingerprint() == before
    assert target.rows("select count(*) from pg_namespace where nspname = '_flyover_fence'") == [(0,)]
    assert run_module(pg_transfer, urls)["verdict"] == "unchanged"
    assert target.rows(PUBLIC_WRITERS) == granted
    target.app(WRITES["insert"])
    target.app(WRITES["nextval"])
    target.app(WRITES["create table"])
    target.app(WRITES["large object"])


def test_fence_that_rises_after_the_copy_takes_nothing_from_it(
    fence: Any, run_module: Any, source: Database, target: Database, grants: None
) -> None:
    urls = {"source": source.url, "target": target.url}
    run_module(pg_transfer, urls)
    granted = target.rows(PUBLIC_WRITERS)
    fence("raised")

    assert run_module(pg_transfer, urls)["verdict"] == "unchanged"
    assert target.rows(PUBLIC_WRITERS) == granted
    target.app(WRITES["insert"])


def test_lowering_the_fence_changes_no_content(fence: Any, run_module: Any, source: Database, target: Database) -> None:
    fence("raised")
    urls = {"source": source.url, "target": target.url}
    run_module(pg_transfer, urls)
    fence("lowered")

    assert run_module(pg_transfer, urls)["verdict"] == "unchanged"


RECORD = {
    "formation": {"web": 2, "worker": 1},
    "maintenance": False,
    "release_version": 42,
    "opened_at": "2026-11-26T18:00:00Z",
    "lease": {"host": "deploy-1", "pid": 4711},
}


def test_record_is_kept_from_before_the_fence_until_it_is_lowered(fence: Any, source: Database) -> None:
    privileges = _privileges(source)
    assert (fence("gathered")["raised"], fence("gathered")["record"]) == (False, None)
    before = source.fingerprint()
    predicted = fence("noted", check_mode=True, record=RECORD)
    assert (predicted["changed"], predicted["record"], source.fingerprint()) == (True, RECORD, before)

    noted = fence("noted", record=RECORD)
    assert (noted["changed"], noted["record"], noted["raised"]) == (True, RECORD, False)
    assert _privileges(source) == privileges
    source.app(WRITES["insert"])
    for again in (fence("noted", record={"formation": {"web": 0}}), fence("raised"), fence("gathered")):
        assert again["record"] == RECORD
    assert fence("gathered")["raised"]
    assert not fence("noted", record={"formation": {"web": 0}})["changed"]
    assert fence("lowered")["record"] is None
    assert (fence("gathered")["record"], fence("gathered")["raised"]) == (None, False)


def test_record_alone_is_removed_by_lowering(fence: Any, source: Database) -> None:
    fence("noted", record=RECORD)
    assert fence("lowered", check_mode=True)["changed"]
    assert fence("lowered")["changed"]
    assert not fence("lowered")["changed"]


def test_record_is_asked_for(fence: Any) -> None:
    assert "record" in fence("noted")["msg"]


def _settings(database: Database) -> list[tuple[Any, ...]]:
    return database.rows(
        "select s.setrole::regrole::text, s.setconfig from pg_db_role_setting s join pg_database d "
        f"on d.oid = s.setdatabase where d.datname = '{database.name}' order by 1"
    )


def test_settings_of_the_users_own_are_restored(fence: Any, source: Database) -> None:
    role, name = source.server.role, source.name
    source.rows(f"alter role {role} in database {name} set default_transaction_read_only = off")
    source.rows(f"alter role {role} in database {name} set lock_timeout = '3s'")
    before = _settings(source)
    fence("raised")
    fence("raised")
    assert _settings(source) != before
    fence("lowered")
    assert _settings(source) == before
    source.app(WRITES["insert"])


def test_settings_that_were_not_there_are_gone(fence: Any, source: Database) -> None:
    before = _settings(source)
    fence("raised")
    fence("lowered")
    assert _settings(source) == before


def test_role_that_does_not_own_the_database_is_fenced_all_the_same(fence: Any, source: Database) -> None:
    source.rows(f"alter database {source.name} owner to postgres")
    source.rows(f"grant create on database {source.name} to {source.server.role}")
    result = fence("raised")

    assert result["read_only"] == ["role"]
    for statement in (*WRITES.values(), "create schema theirs", "select lo_create(0)"):
        if statement != "select lo_create(0)" or source.rows("show server_version_num")[0][0] >= "160000":
            with pytest.raises(_REFUSED):
                source.app(statement)
    fence("lowered")
    source.app("create schema theirs")


def test_sessions_of_the_fences_time_do_not_stay_read_only(fence: Any, source: Database) -> None:
    fence("raised")
    with source.server.connect(source.name, source.server.role) as connection, connection.cursor() as cursor:
        cursor.execute("select 1")
        assert fence("lowered")["sessions_ended"] == 1
        with pytest.raises(psycopg2.Error):
            cursor.execute("select 1")
    source.app(WRITES["insert"])


# Everything that an owner's session may do without these privileges. In a session that begins read-only, as all do,
# nothing succeeds; what one does that insists on writing is detected. Before PostgreSQL 16 a large object can be made
# and removed also in a read-only transaction.
HOLES = {
    "schema with a table": ("create schema made create table t (id int)", "schemas: made"),
    "add a column": ("alter table users add column more int", "columns: public.users.more"),
    "drop a column": ("alter table notes drop column body", "columns"),
    "drop a table": ("drop table notes", "tables, views, sequences and indexes"),
    "restart a sequence": ("alter sequence never_called restart with 900", "never_called"),
    "grant itself its rights": (f"grant insert on users to current_user; {WRITES['insert']}", "public.users"),
    "grant and revoke": (
        "grant usage on sequence never_called to current_user; select nextval('never_called'); "
        "revoke usage on sequence never_called from current_user",
        "values of sequences",
    ),
    "replace a function": ("create function public.made() returns int language sql as 'select 1'", "functions"),
    "make a large object": ("select lo_create(0)", "large objects"),
    "change a large object": (
        "grant update on large object 70002 to current_user; select lo_put(70002, 0, 'X')",
        "large objects: 70002",
    ),
    "remove a large object": ("select lo_unlink(70002)", "large objects"),
    "enum label": ("alter type mood add value 'new'", "enum labels"),
}


def test_what_an_owner_may_still_do_is_found(fence: Any, source: Database) -> None:
    fence("raised")
    before_16 = source.server.postgres.installation.major < 16
    for what, (statement, found) in HOLES.items():
        assert fence("gathered")["drift_since_raised"] == []
        if not (before_16 and what in ("make a large object", "remove a large object")):
            with pytest.raises(_REFUSED):
                source.app(statement)
                pytest.fail(f"{what} passed the fence")
            assert fence("gathered")["drift_since_raised"] == []
        with suppress(psycopg2.errors.InsufficientPrivilege):
            _determined(source, statement)
            assert found in str(fence("gathered")["drift_since_raised"]), what
            fence("raised")


def test_work_of_the_server_itself_is_no_drift(fence: Any, source: Database) -> None:
    fence("raised")
    with source.server.connect(source.name) as connection, connection.cursor() as cursor:
        cursor.execute("set default_transaction_read_only = off")
        for statement in ("vacuum", "analyze", "vacuum (freeze)", "checkpoint"):
            cursor.execute(statement)
    assert fence("gathered")["drift_since_raised"] == []


def test_copy_of_a_fenced_source_is_no_drift(fence: Any, run_module: Any, source: Database, target: Database) -> None:
    fence("raised")
    assert run_module(pg_transfer, {"source": source.url, "target": target.url})["verdict"] == "copied"
    assert fence("gathered")["drift_since_raised"] == []


def test_what_open_sessions_hold_is_lost(fence: Any, source: Database) -> None:
    """A large object that is open for writing, a table that a transaction made, one that it changed, a lock on it."""
    begun = {
        "large object": ("select lo_open(70002, 131072)", "select lowrite(0, 'XXXX')"),
        "new table": ("create table fresh (id int); grant all on fresh to public", "insert into fresh values (1)"),
        "changed table": ("alter table notes add column more int", "update notes set more = 1"),
        "cursor": ("declare c cursor for table users for update; fetch c", "delete from users where current of c"),
    }
    with ExitStack() as stack:
        cursors = {}
        for what, (first, _then) in begun.items():
            connection = stack.enter_context(source.server.connect(source.name, source.server.role))
            cursors[what] = stack.enter_context(connection.cursor())
            cursors[what].execute(f"begin; {first}")
        started = time.monotonic()
        result = fence("raised")
        took = time.monotonic() - started
        assert result["sessions_ended"] == len(begun)
        for what, cursor in cursors.items():
            with pytest.raises(psycopg2.Error):
                cursor.execute(f"{begun[what][1]}; commit")
                pytest.fail(f"{what} passed the fence")
    assert took < 10  # usually well below one second; the machine may be busy
    assert fence("gathered")["drift_since_raised"] == []
    assert bytes(source.rows("select lo_get(70002)")[0][0]) == b"small"
    assert source.rows("select to_regclass('public.fresh')") == [(None,)]


def test_sessions_that_come_back_at_once_do_not_keep_it_from_rising(fence: Any, source: Database) -> None:
    """As a pooler's sessions end, in the middle of transactions. Acknowledged writes are there, and no later ones."""
    acknowledged: list[int] = []
    over = threading.Event()

    def write(number: int) -> None:
        while not over.is_set():
            with (
                suppress(psycopg2.Error),
                source.server.connect(source.name, source.server.role) as connection,
                connection.cursor() as cursor,
            ):
                cursor.execute("prepare w as insert into written values ($1)")
                while not over.is_set():
                    number += 10
                    cursor.execute(f"begin; execute w({number}); commit")
                    acknowledged.append(number)

    source.app("create table written (id int primary key)")
    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    while len(acknowledged) < 50:
        time.sleep(0.01)
    result = fence("raised")
    there = {number for (number,) in source.rows("select id from written")}
    before = set(acknowledged)
    time.sleep(0.5)
    over.set()
    for writer in writers:
        writer.join()

    assert result["raised"]
    assert result["sessions_ended"] >= 1
    assert set(acknowledged) == before
    assert before <= there
    assert {number for (number,) in source.rows("select id from written")} == there
