# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""pg_change_log on a real server as at Heroku, and pg_transfer going by what it noted."""

from __future__ import annotations

import io
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import ConnectionFailed
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy import marker
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update import change_log, movement
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update import survey as changes
from ansible_collections.flyover.heroku_to_fly.plugins.modules import pg_fence
from ansible_collections.flyover.heroku_to_fly.tests.services.conftest import (
    Database,
    content,
    in_another_process,
    wait_for,
)
from ansible_collections.flyover.heroku_to_fly.tests.services.test_pg_delta import WRITES

LOGGED = {
    "public.users",
    "public.posts",
    "public.events_2023",
    "public.events_2024_a",
    "public.events_2024_b",
    "public.events_other",
    "public.vehicles",
    "public.notes",
    "public.hens",
    "public.eggs",
    "billing.invoices",
    'public."Odd ""Table"".name"',
}


def how(result: dict[str, Any]) -> dict[str, str]:
    """Return how each table that changed became equal."""
    return {row["name"].replace("public.", ""): row["how"] for row in result["tables"] if row["how"] != "unchanged"}


def equal(transfer: Any, source: Database, target: Database) -> bool:
    """Tell whether the copy is equal, by our own way and by the module's comparison of everything."""
    source.app("refresh materialized view counts; refresh materialized view sums")
    return content(source) == content(target) and transfer(verify="checksums", mode="warm")["verdict"] == "unchanged"


def leftovers(database: Database) -> list[Any]:
    """Return what is left of any log."""
    return database.rows(
        """
        select nspname::text from pg_namespace where nspname = '_flyover_log'
        union all select tgname::text from pg_trigger where tgname like '%flyover%'
        """
    )


def test_every_table_with_a_key_is_logged(log: Any, source: Database) -> None:
    before = source.fingerprint()
    predicted = log(check_mode=True, diff=True)
    assert source.fingerprint() == before
    result = log(diff=True)

    assert {table["name"] for table in result["tables"]} == LOGGED
    assert {table["name"].replace("public.", ""): table["reason"] for table in result["not_logged"]} == {
        "cars": "has neither a primary key nor a unique key without nulls",
        "nothing": "has neither a primary key nor a unique key without nulls",
        "empty": "has neither a primary key nor a unique key without nulls",
        "gated": "has neither a primary key nor a unique key without nulls",
        "cache": "is unlogged: a crash empties it without a trace",
    }
    for name in ("changed", "tables", "not_logged", "diff"):
        assert predicted[name] == result[name]
    assert result["diff"] == {"before": {"tables": []}, "after": {"tables": sorted(LOGGED)}}
    before = source.fingerprint()
    assert not log()["changed"]
    assert not log(check_mode=True)["changed"]
    assert source.fingerprint() == before


def test_absent_leaves_nothing(log: Any, source: Database) -> None:
    assert not log("absent")["changed"]
    log()
    assert log("absent", check_mode=True)["changed"]
    assert leftovers(source)
    assert log("absent", diff=True)["diff"] == {"before": {"tables": sorted(LOGGED)}, "after": {"tables": []}}
    assert not leftovers(source)
    assert not log("absent")["changed"]


def test_small_tables_are_left_alone(log: Any, source: Database) -> None:
    source.app(
        "alter table users add constraint other unique (uuid); alter table users drop constraint users_pkey cascade"
    )
    source.app("create table typed (mood mood primary key)")
    result = log(min_bytes=65536)
    reasons = {table["name"]: table["reason"] for table in result["not_logged"]}

    assert [table["name"] for table in result["tables"]] == ["public.posts"]
    assert reasons["public.notes"] == "smaller than 65536 bytes: a scan of it takes no time"
    assert reasons["public.users"] == "has a key of a type that is not PostgreSQL's own"
    assert reasons["public.typed"] == "has a key of a type that is not PostgreSQL's own"
    # A logged table stays logged, whatever minimum size is given now.
    assert not log(min_bytes=1 << 30)["changed"]


def test_another_roles_table_is_named(log: Any, source: Database) -> None:
    source.rows("alter table notes owner to helper; grant all on notes to public")
    assert {"name": "public.notes", "reason": "belongs to the role helper"}.items() <= next(
        table for table in log()["not_logged"] if table["name"] == "public.notes"
    ).items()


def test_roles_without_rights_on_the_log_go_on_writing(log: Any, source: Database) -> None:
    source.app("grant select, insert, update on hens to helper")
    log()
    source.server.rows(source.name, "insert into hens values (7); update hens set id = 8 where id = 7", "helper")
    oid = source.rows("select 'hens'::regclass::oid")[0][0]
    assert source.rows(f"select id from _flyover_log.log_{oid}") == [(7,), (8,), (7,)]


def test_a_table_in_use_is_named_and_the_next_run_goes_on(log: Any, source: Database) -> None:
    with source.server.connect(source.name, source.server.role) as connection, connection.cursor() as cursor:
        cursor.execute("begin; update posts set title = title || '!' where id = 3")
        failed = log(wait_timeout=1)
        assert "table public.posts could not be locked within 1 seconds" in failed["msg"]
        assert log(check_mode=True)["changed"]
        cursor.execute("commit")
    result = log()
    assert (result["changed"], {table["name"] for table in result["tables"]}) == (True, LOGGED)
    assert not log()["changed"]


# What an app does between two runs, and the tables that change with it.
_ROUNDS = (
    {"select 1; begin; delete from posts; rollback": ()},
    {
        # full_name is generated from it.
        "update users set first_name = 'New' where id = 3": ("users",),
        "delete from posts where id % 50 = 0 and id not in (select parent_id from posts where parent_id > 0)": (
            "posts",
        ),
        # Keys that change, and keys that rotate
        "insert into vehicles values (11), (12), (13); update only vehicles set id = id + 100;"
        "update only vehicles set id = id - 99": ("vehicles",),
        # A row that comes back with other content, and one that comes back unchanged
        "delete from billing.invoices where id = 110;"
        "insert into billing.invoices (id, during, account) values (110, '[500,501)', 1);"
        "begin; create temporary table kept as select * from billing.invoices where id = 120;"
        "delete from billing.invoices where id = 120; insert into billing.invoices select * from kept; commit": (
            "billing.invoices",
        ),
        "begin; insert into notes values (51); savepoint one; insert into notes values (52);"
        "rollback to one; savepoint two; update notes set body = 'x' where id = 51; commit": ("notes",),
        'update "Odd ""Table"".name" set "a b" = \'new\'': ('"Odd ""Table"".name"',),
        # A row that goes to another partition
        "update events set at = '2023-05-05' where id = (select min(id) from events_other)": (
            "events_2023",
            "events_other",
        ),
        "update hens set egg_id = null; delete from eggs; insert into eggs select 100 + id, id from hens;"
        "update hens set egg_id = 100 + id": ("hens", "eggs"),
    },
    {
        # With all of its rows in one partition
        "update posts set parent_id = null; delete from users where id between 40 and 60": ("users", "posts"),
        "insert into events (at, kind) values ('2023-04-04', 'new'), ('1999-01-01', 'new')": (
            "events_2023",
            "events_other",
        ),
        "insert into notes values (1, 'someone', 'again'), (60, 'other', 'new')"
        "on conflict (id) do update set body = 'up'": ("notes",),
        "insert into vehicles values (50, 1); delete from vehicles where id = 50": ("vehicles",),
    },
    {
        # A child that gets another parent before its own is deleted, and unique values that move to other rows
        "update posts set user_id = 1, title = 'Moved ' || id where user_id = 77; delete from users where id = 77;"
        "update users set email = 'tmp@x' where id = 8; update users set email = 'User8@example.com' where id = 9;"
        "update users set email = 'User9@example.com' where id = 8": ("users", "posts"),
        "delete from notes": ("notes",),
    },
)


def test_brings_forward_what_was_logged(transfer: Any, logged: None, source: Database, target: Database) -> None:
    for changes_ in _ROUNDS:
        for statement in changes_:
            source.app(statement)
        source.app("refresh materialized view counts; refresh materialized view sums")
        expected = dict.fromkeys((table for tables in changes_.values() for table in tables), "by log")
        predicted, result = transfer(check_mode=True), transfer(mode="delta")
        assert predicted["verdict"] == result["verdict"].replace("updated", "would_update")
        assert how(predicted) == how(result) == expected
        rows, *_rest = content(source)
        assert content(target) == content(source)
        assert {row["name"]: row["rows"] for row in result["tables"]}.items() <= {
            name: len(texts) for name, texts in rows.items()
        }.items()
        assert all(row["verified_at"] for row in result["tables"])
    assert not target.rows("select relname from pg_class where relname like 'staged%'")
    before = target.fingerprint()
    assert transfer()["verdict"] == "unchanged"
    assert target.fingerprint() == before
    assert equal(transfer, source, target)


def test_copied_in(transfer: Any, logged: None, source: Database, target: Database) -> None:
    with source.server.connect(source.name, source.server.role) as connection, connection.cursor() as cursor:
        cursor.copy_expert("copy notes from stdin", io.StringIO("900\tx\ty\n901\tx\ty\n"))
    assert how(transfer(mode="delta")) == {"notes": "by log"}
    assert equal(transfer, source, target)


def test_check_mode_does_not_guess_rows(transfer: Any, logged: None, source: Database, target: Database) -> None:
    source.app("insert into notes values (5)")
    before = target.fingerprint()
    result = transfer(check_mode=True)
    rows = {row["name"]: (row["how"], row["rows"], row["moved"]) for row in result["tables"]}

    assert (rows["public.notes"], result["totals"]["rows"]) == (("by log", None, 1), None)
    assert rows["public.users"] == ("unchanged", 500, 0)
    assert target.fingerprint() == before


@pytest.mark.parametrize("seed", range(3))
def test_any_mixture_of_writes(transfer: Any, logged: None, source: Database, target: Database, seed: int) -> None:
    chance = random.Random(seed)
    for _round in range(3):
        for write in chance.choices(WRITES, k=6):
            source.app(write.format(n=chance.randrange(2, 30)))
        if chance.random() < 0.3:
            target.app(chance.choice(WRITES).format(n=chance.randrange(2, 30)))
        source.app("refresh materialized view counts; refresh materialized view sums")
        assert transfer(mode="delta")["verdict"] == "updated"
        assert content(target) == content(source)
    assert equal(transfer, source, target)


# What makes a table's log worthless without a trace in its rows. Each is done to another table,
# and writes to it without a trace.
_UNSEEN = {
    "public.users": "update users set last_name = 'unseen' where id = 3",
    "public.posts": "update posts set title = 'unseen!' where id = 3",
    "public.events_2023": "delete from events_2023 where kind = 'k3'",
    "public.events_2024_a": "update events_2024_a set kind = 'unseen'",
    "public.events_2024_b": "update events_2024_b set kind = 'unseen'",
    "public.events_other": "update events_other set kind = 'unseen'",
    "public.vehicles": "update only vehicles set wheels = 9",
    "public.notes": "update notes set body = 'unseen'",
    "billing.invoices": "update billing.invoices set account = account + 100",
    'public."Odd ""Table"".name"': 'update "Odd ""Table"".name" set "a b" = \'unseen\'',
}
_DOUBTS = {
    "switched off for a while": (
        "alter table {table} disable trigger _flyover_log; {write};"
        "alter table {table} enable always trigger _flyover_log"
    ),
    "still off": "alter table {table} disable trigger _flyover_log; {write}",
    "not always on": "alter table {table} enable trigger _flyover_log; set session_replication_role = replica; {write}",
    "dropped": "drop trigger _flyover_log on {table}; {write}",
    "truncated": (
        "alter table {log} disable trigger guard; {write}; truncate {log};alter table {log} enable always trigger guard"
    ),
    "emptied": (
        "alter table {log} disable trigger guard; {write}; delete from {log};"
        "alter table {log} enable always trigger guard"
    ),
    "deaf for a while": (
        "create or replace function {log}() returns trigger language plpgsql as 'begin return null; end';"
        "{write}; {function}"
    ),
    "a rule on the log": "create rule gone as on insert to {log} do instead nothing; {write}",
    "truncated, and filled again": (
        "begin; create temporary table kept as select * from only {table}; truncate only {table} cascade;"
        "alter table {table} disable trigger user; insert into {table} select * from kept; {write};"
        "alter table {table} enable always trigger _flyover_log; commit"
    ),
    "rewritten": "alter table {table} alter \"a b\" type text using 'rewritten'",
}


def test_what_casts_doubt_on_a_log(transfer: Any, log: Any, logged: None, source: Database, target: Database) -> None:
    for (table, write), doubt in zip(_UNSEEN.items(), _DOUBTS.values()):
        oid = source.rows(f"select '{table}'::regclass::oid")[0][0]
        function = source.rows(f"select pg_get_functiondef('_flyover_log.log_{oid}'::regproc)")[0][0]
        source.rows(doubt.format(table=table, write=write, log=f"_flyover_log.log_{oid}", function=function))
    source.app("update hens set egg_id = null; refresh materialized view counts; refresh materialized view sums")
    wanted = {table.replace("public.", ""): "by key" for table in _UNSEEN} | {"hens": "by log"}

    assert how(transfer(check_mode=True)) == wanted
    assert how(transfer(mode="delta")) == wanted
    assert content(target) == content(source)
    # A damaged log is created again, and can be trusted after everything has been compared.
    assert log()["changed"]
    assert transfer(mode="warm")["verdict"] == "unchanged"
    for write in _UNSEEN.values():
        source.app(write.replace("unseen", "again").replace("k3", "k2").replace("9", "7"))
    assert how(transfer(mode="delta")) == dict.fromkeys(wanted.keys() - {"hens"}, "by log")
    assert equal(transfer, source, target)


def test_a_log_that_was_removed_and_made_again(
    transfer: Any, log: Any, logged: None, source: Database, target: Database
) -> None:
    log("absent")
    source.app("update users set last_name = 'unseen' where id = 3")
    log()
    source.app("update users set last_name = 'seen' where id = 4")
    assert how(transfer(mode="delta")) == {"users": "by key"}
    assert equal(transfer, source, target)


def test_too_many_keys_are_scanned_for(
    transfer: Any, logged: None, source: Database, target: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "_VERY_FEW", 3)
    source.app("update users set last_name = 'x' where id < 60; update posts set title = 'long' where id < 60")
    assert how(transfer(mode="delta")) == {"users": "by key", "posts": "by log"}
    assert equal(transfer, source, target)


def test_a_log_is_only_added_to(log: Any, source: Database) -> None:
    log()
    source.app("update notes set body = 'x'")
    (oid,) = source.rows("select 'notes'::regclass::oid")[0]
    name = f"_flyover_log.log_{oid}"
    for statement in (f"delete from {name}", f"update {name} set id = 5", f"truncate {name}"):
        with pytest.raises(psycopg2.Error, match="only added to"):
            source.app(statement)
    source.rows("set session_replication_role = replica; update notes set body = 'y'")
    assert source.rows(f"select * from {name}") == [(1,), (1,)]


def test_a_guard_that_lets_everything_through_is_made_again(log: Any, source: Database) -> None:
    log()
    guard = (
        "create or replace function _flyover_log.guard() returns trigger language plpgsql as 'begin return old; end'"
    )
    source.app(guard)
    assert log(diff=True)["diff"] == {"before": {"tables": []}, "after": {"tables": sorted(LOGGED)}}
    assert not log()["changed"]


@pytest.mark.parametrize(
    "written",
    [
        "update users set last_name = 'on Fly' where id = 3",
        "insert into users (email, first_name) values ('only@fly', 'F')",
        "alter table users disable trigger _flyover_log; update users set last_name = 'on Fly' where id = 3;"
        "alter table users enable always trigger _flyover_log",
        "alter table posts drop constraint posts_user_id_fkey; truncate users;"
        "alter table posts add constraint posts_user_id_fkey foreign key (user_id) references users on delete cascade"
        " not valid",
        "drop schema _flyover_log cascade; update users set last_name = 'on Fly' where id = 3",
    ],
)
def test_what_the_target_wrote_is_taken_back(
    transfer: Any, logged: None, source: Database, target: Database, written: str
) -> None:
    target.app(written)
    source.app("update users set last_name = 'on Heroku' where id = 4")
    result = transfer()

    # A changed schema makes everything be copied, too.
    assert result["verdict"] == "copied" if "valid" in written else how(result)["users"] == "whole"
    assert equal(transfer, source, target)
    source.app("update users set last_name = 'again' where id = 4")
    assert how(transfer(mode="delta")) == {"users": "by log"}


@pytest.mark.parametrize("valid", ["", "not valid"])
@pytest.mark.parametrize("also", ["", "; update posts set title = 'moved too' where id = 3"])
def test_what_a_cascade_takes_only_on_the_target(
    transfer: Any, log: Any, source: Database, target: Database, also: str, valid: str
) -> None:
    source.app(
        f"""
        update posts set parent_id = null; alter table posts drop constraint posts_user_id_fkey;
        alter table posts add constraint posts_user_id_fkey foreign key (user_id) references users
          on delete cascade {valid}
        """
    )
    log()
    transfer()
    # A replica checks no foreign keys, but it does fire the log's triggers.
    source.rows(f"set session_replication_role = replica; delete from users where id = 77 {also}")
    source.app("refresh materialized view counts; refresh materialized view sums")
    before = content(target)
    result = transfer(mode="delta")

    if valid:  # rows may break it, so it is put aside
        assert result["verdict"] == "updated"
        assert content(target) == content(source)
    else:
        assert "the copy differs from the source: table public.posts" in result["msg"]
        assert content(target) == before


@pytest.mark.parametrize("row", [3, 4])
def test_a_difference_leaves_the_copy_as_it_was(
    transfer: Any, logged: None, source: Database, target: Database, spoilt: Callable[[], None], row: int
) -> None:
    before = content(target)
    # What is spoilt is row 3, whether or not its key was logged.
    source.app(f"update users set last_name = 'new' where id = {row}")
    spoilt()

    assert "the copy differs from the source: table public.users" in transfer(mode="delta")["msg"]
    assert content(target) == before


def test_a_target_that_is_written_to_meanwhile(
    transfer: Any, logged: None, source: Database, target: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.app("update users set last_name = 'new' where id = 4")
    look = movement.survey

    def survey(*arguments: Any) -> Any:
        movement = look(*arguments)
        target.app("update users set last_name = 'on Fly' where id = 5")
        return movement

    monkeypatch.setattr(movement, "survey", survey)
    assert "the copy differs from the source: table public.users" in transfer(mode="delta")["msg"]
    monkeypatch.undo()
    assert how(transfer(mode="delta")) == {"users": "whole"}
    assert equal(transfer, source, target)


def test_interrupted_before_it_was_called_complete(
    transfer: Any, log: Any, source: Database, target: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_arguments: Any) -> None:
        raise ConnectionFailed("the target", "the connection was lost", "Run again.")

    log()
    monkeypatch.setattr(marker, "complete", lost)
    assert "was lost" in transfer()["msg"]
    monkeypatch.undo()
    target.app("update users set last_name = 'on Fly' where id = 5")
    source.app("update users set last_name = 'on Heroku' where id = 6")
    result = transfer()
    assert (result["verdict"], "interrupted" in result["reason"]) == ("copied", True)
    assert how(result)["users"] == "whole"
    source.app("update users set last_name = 'again' where id = 7")
    assert how(transfer(mode="delta")) == {"users": "by log"}
    assert equal(transfer, source, target)


def test_killed_in_its_midst_the_copy_stays_what_it_was(
    transfer: Any, logged: None, source: Database, target: Database, tmp_path: Path
) -> None:
    before = content(target)
    source.app("update users set last_name = 'new' where id = 4; insert into gated values (99)")
    with target.server.connect(target.name) as connection, connection.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(4242)")
        process = in_another_process(source, target, tmp_path / "progress")
        wait_for(target, "select exists (select from pg_locks where locktype = 'advisory' and not granted)")
        process.kill()
        process.wait()
        cursor.execute("select pg_advisory_unlock(4242)")
    wait_for(target, "select not exists (select from pg_stat_activity where application_name = 'flyover pg_transfer')")

    assert content(target) == before
    assert how(transfer(mode="delta")) == {"users": "by log", "gated": "whole"}
    assert equal(transfer, source, target)


def test_made_while_the_app_writes(transfer: Any, log: Any, source: Database, target: Database) -> None:
    stop = threading.Event()

    def write(first: int) -> None:
        with source.server.connect(source.name, source.server.role) as connection, connection.cursor() as cursor:
            number = 0
            while not stop.is_set():
                number += 1
                cursor.execute(
                    f"begin; insert into notes values ({first + number % 90}) on conflict do nothing;"
                    f"update posts set title = 'by {number} and {first}' where id = {first + number % 90} - 200;"
                    f"delete from notes where id = {first + (number + 50) % 90}; commit"
                )

    transfer()
    apps = [threading.Thread(target=write, args=(first,)) for first in (1000, 1100)]
    for app in apps:
        app.start()
    try:
        assert log(wait_timeout=30)["changed"]
        assert transfer(mode="warm")["verdict"] == "updated"
    finally:
        stop.set()
        for app in apps:
            app.join()
    assert set(how(transfer(mode="delta")).values()) <= {"by log"}
    assert equal(transfer, source, target)


def test_what_was_copied_before_is_logged_from_the_next_comparison_on(
    copied: None, transfer: Any, log: Any, source: Database, target: Database
) -> None:
    log()
    source.app("update users set last_name = 'new' where id = 4")
    assert how(transfer(mode="delta")) == {"users": "by key"}
    assert how(transfer(mode="warm", verify="counts")) == {}
    source.app("update users set last_name = 'newer' where id = 4")
    assert how(transfer(mode="delta")) == {"users": "by key"}
    assert how(transfer(mode="warm")) == {}
    source.app("update users set last_name = 'newest' where id = 4")
    assert how(transfer(mode="delta")) == {"users": "by log"}
    # If the source no longer has a log, the target needs none.
    log("absent")
    assert transfer(mode="warm")["verdict"] == "unchanged"
    assert not leftovers(target)


def test_a_cut_over_leaves_no_log(
    transfer: Any, log: Any, logged: None, run_module: Any, source: Database, target: Database
) -> None:
    source.app("update users set last_name = 'last' where id = 4")
    run_module(pg_fence, {"url": source.url, "state": "raised", "wait_timeout": 1})
    assert how(transfer(mode="delta")) == {"users": "by log"}
    assert leftovers(target)
    assert transfer(state="sealed", check_mode=True)["changed"]
    assert transfer(state="sealed")["changed"]
    assert not leftovers(target)
    assert not transfer(state="sealed")["changed"]
    assert log("absent")["changed"]
    assert not leftovers(source)


def test_a_table_in_use_on_the_target_does_not_stop_the_seal(
    transfer: Any, logged: None, target: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_log, "PATIENCE", 0)
    with target.server.connect(target.name, target.server.role) as connection, connection.cursor() as cursor:
        cursor.execute("begin; lock table posts in row exclusive mode")
        result = transfer(state="sealed")
        assert result["sealed"]
        assert "public.posts could not be locked" in str(result["warnings"])
        cursor.execute("rollback")
    assert leftovers(target)
    assert transfer(state="sealed")["changed"]
    assert not leftovers(target)


def test_full_copies_and_logs_anew(transfer: Any, logged: None, source: Database, target: Database) -> None:
    source.app("update users set last_name = 'new' where id = 4")
    assert transfer(mode="full")["verdict"] == "copied"
    source.app("update users set last_name = 'newer' where id = 4")
    assert how(transfer(mode="delta")) == {"users": "by log"}
    assert equal(transfer, source, target)


def _scans(*databases: Database) -> list[Any]:
    """Return how often the large tables were scanned, which a session reports at the latest when it ends."""
    for database in databases:
        wait_for(database, "select not exists (select from pg_stat_activity where application_name like 'flyover%')")
    return [
        database.rows("select relname::text, seq_scan from pg_stat_user_tables where relname like 'large%' order by 1")
        for database in databases
    ]


def test_nothing_large_is_scanned(transfer: Any, log: Any, source: Database, target: Database) -> None:
    source.app(
        """
        create table large (id bigserial primary key, text text not null, unique (text));
        insert into large (text) select repeat(md5(i::text), 6) from generate_series(1, 40000) i;
        create table large_parent (id bigint primary key, text text not null);
        insert into large_parent select id, text from large;
        create table large_child (
          parent_id bigint references large_parent on delete cascade, number int, text text,
          primary key (number, parent_id));
        create index on large_child (parent_id);
        insert into large_child select id, id % 3, text from large_parent;
        analyze
        """
    )
    result = log(min_bytes=8 << 20)
    assert {table["name"] for table in result["tables"]} == {
        "public.large",
        "public.large_parent",
        "public.large_child",
    }
    transfer()

    def write() -> None:
        source.app(
            """
            update large set text = repeat(md5(text), 6) where id in (select i * 97 from generate_series(1, 300) i);
            insert into large (text) select 'new ' || clock_timestamp() || i from generate_series(1, 100) i;
            delete from large where id in (select i * 89 + 1 from generate_series(1, 100) i);
            update large_parent set text = 'x' where id in (select i * 79 from generate_series(1, 300) i);
            delete from large_parent where id in (select i * 83 + 2 from generate_series(1, 100) i);
            insert into large_child select id, 7, 'new' from large_parent where id < 50
            on conflict (number, parent_id) do update set text = large_child.text || '!';
            """
        )

    write()
    before = _scans(source, target)
    result = transfer(mode="delta")
    assert how(result) == {"large": "by log", "large_parent": "by log", "large_child": "by log"}
    assert _scans(source, target) == before
    assert content(target) == content(source)

    # Without the log they are.
    log("absent")
    write()
    before = _scans(source, target)
    transfer(mode="delta")
    assert _scans(source, target) != before
