# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""pg_fence on a real server, as the role that owns the tables: what it stops, and that all of it comes back."""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
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

# What everybody may do, owners included, however it is written down.
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
    """Give another role privileges of each kind, some of which it may pass on, and does."""
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
    for what, statement in WRITES.items():
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            source.app(statement)
            pytest.fail(f"{what} passed the fence")
    for statement in (
        "insert into public.users (email, first_name) values ('a@b', 'N')",
        "update public.notes set body = 'x'",
        "truncate public.cache",
    ):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            source.server.rows(source.name, statement, "helper")
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
    source.rows(f"create table public.later (id serial); alter table public.later owner to {owner}")
    source.rows(f"grant insert on public.users to {owner}")
    source.app("select * from later")
    source.app("insert into later default values")
    result = fence("raised")

    assert result["changed"]
    for statement in ("insert into later default values", WRITES["insert"]):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            source.app(statement)
    source.rows("drop table public.notes")
    fence("lowered")
    source.app("insert into later default values")
    assert {row for row in before if not row[1].startswith("notes")} <= _privileges(source)


def test_who_is_gone_when_the_fence_is_lowered_is_passed_over(fence: Any, source: Database) -> None:
    server = source.server
    server.rows("postgres", "create role gone")
    source.app("grant update on users to gone; grant update (body) on notes to gone")
    fence("raised")
    source.rows("drop owned by gone; drop role gone; alter table public.notes drop column body")
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


def test_an_open_transaction_may_end_by_itself(fence: Any, source: Database) -> None:
    with source.server.connect(source.name, source.server.role) as connection, connection.cursor() as cursor:
        cursor.execute("begin")
        cursor.execute(WRITES["update"])
        threading.Timer(1.0, lambda: cursor.execute("commit")).start()
        started = time.monotonic()
        result = fence("raised", wait_timeout=30)

    assert result["sessions_ended"] == 0
    assert 0.5 < time.monotonic() - started < 10
    assert source.rows("select last_name from public.users where id = 1") == [("x",)]


def test_readers_are_left_alone(fence: Any, source: Database) -> None:
    with source.server.connect(source.name, source.server.role) as connection, connection.cursor() as cursor:
        cursor.execute("begin")
        cursor.execute("select count(*) from users")
        assert fence("raised", wait_timeout=0)["sessions_ended"] == 0
        cursor.execute("select count(*) from posts")


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


def test_a_fenced_source_is_copied_with_its_privileges(
    fence: Any, run_module: Any, source: Database, target: Database
) -> None:
    fence("raised")
    urls = {"source": source.url, "target": target.url}
    before = source.fingerprint()
    result = run_module(pg_transfer, urls)

    assert result["verdict"] == "copied"
    assert source.fingerprint() == before
    assert target.rows("select count(*) from pg_namespace where nspname = '_flyover_fence'") == [(0,)]
    assert run_module(pg_transfer, urls)["verdict"] == "unchanged"
    target.app(WRITES["insert"])
    target.app(WRITES["nextval"])
    target.app(WRITES["create table"])
    target.app(WRITES["large object"])


def test_lowering_the_fence_changes_no_content(fence: Any, run_module: Any, source: Database, target: Database) -> None:
    fence("raised")
    urls = {"source": source.url, "target": target.url}
    run_module(pg_transfer, urls)
    fence("lowered")

    assert run_module(pg_transfer, urls)["verdict"] == "unchanged"
