# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""pg_transfer between two real servers of different majors, neither role a superuser."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg import transfer as transferring
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy import full_copy as engine
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy import marker
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire import tools
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.url import parse
from ansible_collections.flyover.heroku_to_fly.plugins.modules import pg_transfer
from ansible_collections.flyover.heroku_to_fly.tests.services.conftest import (
    PASSWORD,
    PASSWORD_IN_URL,
    Database,
    content,
    in_another_process,
    sequences,
    wait_for,
)


def test_copies_everything(transfer: Any, source: Database, target: Database) -> None:
    # Large enough to be copied in two slices.
    source.app("select lo_from_bytea(70004, decode(repeat('00ff', 4200000), 'hex'))")
    result = transfer()

    assert result.get("msg") is None
    assert (result["changed"], result["verdict"], result["sealed"]) == (True, "copied", False)
    assert content(target) == content(source)
    assert len(content(target)[0]["public.users"]) == 500
    assert target.rows(
        "select nspname from pg_namespace where nspname in ('_heroku', 'heroku_ext', 'billing') order by 1"
    ) == [
        ("billing",),
        ("heroku_ext",),
    ]
    assert target.rows("select evtname from pg_event_trigger") == []
    assert target.rows("select distinct tableowner from pg_tables where schemaname in ('public', 'billing')") == [
        ("fly-user",)
    ]


def test_the_copy_works_as_the_app_expects(transfer: Any, target: Database) -> None:
    transfer()

    # search_path, citext, identity, the trigger with its unqualified name, defaults, keys and the rule.
    assert target.app("select id from users where email = 'USER7@EXAMPLE.COM'") == [(7,)]
    assert target.app("insert into users (email, first_name) values ('a@b', 'N') returning id, full_name") == [
        (501, "N")
    ]
    assert target.app("insert into posts (user_id, title) values (1, 'Next') returning id, slug") == [
        (1001, "next-501")
    ]
    assert target.app("select nextval('never_called'), nextval('down')") == [(5, 94)]
    assert target.app("delete from users where id = 1; select count(*) from posts where user_id = 1") == [(0,)]
    assert target.rows("select conname from pg_constraint where not convalidated") == [("posts_title_check",)]
    assert target.rows("select relispopulated from pg_class where relname = 'unfilled'") == [(False,)]
    assert target.rows("select count(*) from pg_index where not indisvalid") == [(0,)]
    # The planner has statistics of all tables, and those that only a final ANALYZE can gather.
    unknown = """
        select relname from pg_class c join pg_namespace n on n.oid = relnamespace
        where relkind in ('r', 'p', 'm') and reltuples < 0 and relispopulated
          and nspname !~ '^(pg_|_flyover|information)'
    """
    assert target.rows(unknown) == []
    assert target.rows("select count(*) from pg_statistic_ext_data where stxddependencies is not null") == [(1,)]


def test_says_what_it_moved_and_what_not(transfer: Any, source: Database, target: Database) -> None:
    result = transfer(jobs=3)

    tables = {table["name"]: table for table in result["tables"]}
    assert tables["public.users"]["rows"] == 500
    assert tables['public."Odd ""Table"".name"']["rows"] == 3
    assert tables["public.users"]["bytes"] > 0
    assert tables["public.users"]["seconds"] >= 0
    assert result["totals"]["tables"] == len(tables) == 17
    assert result["totals"]["rows"] == sum(table["rows"] for table in tables.values())
    assert result["totals"]["large_objects"] == 3
    assert result["totals"]["sequences"] == len(sequences(source))
    assert result["verified"] == {"level": "checksums", "matched": True, "mismatches": []}
    assert {(left["kind"], left["name"]) for left in result["plan"]["not_moved"]} >= {
        ("event trigger", "validate_extension"),
        ("event trigger", "extension_before_drop"),
        ("schema", "_heroku"),
        ("extension", "pg_stat_statements"),
    }
    assert result["plan"]["source"]["database"] == f"{source.name} at 127.0.0.1:{source.server.port}"
    extensions = {extension["name"]: extension for extension in result["plan"]["extensions"]}
    assert extensions["citext"]["source"]["schema"] == "heroku_ext"
    assert {"schema", "data", "verify"} <= set(result["seconds"])


def test_check_mode_predicts_and_writes_nothing(
    transfer: Any, source: Database, target: Database, tmp_path: Path
) -> None:
    before = source.fingerprint(), target.fingerprint()
    result = transfer(check_mode=True, progress_file=str(tmp_path / "progress"))

    assert (result["changed"], result["verdict"]) == (True, "would_copy")
    assert (source.fingerprint(), target.fingerprint()) == before
    assert not list(tmp_path.iterdir())

    transfer()
    before = source.fingerprint(), target.fingerprint()
    result = transfer(check_mode=True)

    assert (result["changed"], result["verdict"]) == (False, "unchanged")
    assert (source.fingerprint(), target.fingerprint()) == before


def test_without_target_all_is_unknown(run_module: Any, source: Database) -> None:
    before = source.fingerprint()
    result = run_module(pg_transfer, {"source": source.url}, check_mode=True)

    assert result["verdict"] == "unknown"
    assert result["totals"]["tables"] == 17
    assert result["plan"]["target"] == {}
    assert source.fingerprint() == before
    refused = run_module(pg_transfer, {"source": source.url})
    assert refused["failed"]
    assert refused["msg"].startswith("target: it is missing")


def test_second_run_writes_nothing(transfer: Any, source: Database, target: Database) -> None:
    transfer()
    before = source.fingerprint(), target.fingerprint()
    result = transfer()

    assert (result["changed"], result["verdict"]) == (False, "unchanged")
    assert result["verified"]["matched"]
    assert (source.fingerprint(), target.fingerprint()) == before


def test_a_changed_schema_is_copied_again(transfer: Any, source: Database, target: Database) -> None:
    transfer()
    source.rows("alter table public.empty add column more int")
    assert transfer(check_mode=True)["verdict"] == "would_copy"
    result = transfer()

    assert (result["changed"], result["verdict"]) == (True, "copied")
    assert result["reason"].startswith("the schemas differ: column public.empty.more")
    assert content(target) == content(source)
    assert transfer()["verdict"] == "unchanged"


def test_check_mode_estimates_how_long_a_large_database_takes(transfer: Any, source: Database) -> None:
    assert transfer(check_mode=True)["plan"]["estimate"] == {}
    source.app("create table log as select i, repeat(md5(i::text), 10) from generate_series(1, 40000) i; analyze log")
    estimate = transfer(check_mode=True)["plan"]["estimate"]

    assert estimate["sampled_table"] == "public.log"
    assert 0 < estimate["read_seconds"] < 60
    assert set(transfer(check_mode=True, target=None)["plan"]["estimate"]) == set(estimate)
    assert "estimate" not in transfer()["plan"]


def test_many_small_tables_do_not_each_wait_for_the_source(transfer: Any, source: Database, target: Database) -> None:
    source.app(
        """
        do $$ begin
          for number in 1..60 loop
            execute format('create table small_%1$s (id int generated always as identity primary key, "A b" text[],
              twice int generated always as (id * 2) stored, gone int, price numeric(6, 2))', number);
            execute format('alter table small_%1$s drop column gone', number);
            execute format('insert into small_%1$s ("A b", price) values (array[''x, "y"'', null], 1.5), (null, null)',
              number);
          end loop;
        end $$;
        create table grown (inherited text) inherits (small_1);
        alter table small_1 add column later text;
        insert into grown overriding system value values (7, null, default, 2, 'own', 'late')
        """
    )
    source.rows(f"alter database {source.name} set log_statement = 'all'")
    logged = source.server.postgres.log.stat().st_size
    transfer()

    with source.server.postgres.log.open("rb") as log:
        log.seek(logged)
        statements = log.read().decode().count("statement: copy ")
    # The app's own tables have some that are read one by one.
    assert statements < 25
    # pg_dump gives a child its parent's columns first.
    grown = 'select id, "A b", twice, price, inherited, later from grown'
    assert target.rows(grown) == source.rows(grown) == [(7, None, 14, 2, "own", "late")]
    for database in (source, target):
        database.rows("drop table grown")
    assert content(target) == content(source)


@pytest.mark.parametrize("level", ["none", "counts"])
def test_an_update_is_seen_at_every_level(transfer: Any, source: Database, target: Database, level: str) -> None:
    result = transfer(verify=level)
    assert result["verified"]["level"] == level
    source.rows("update public.users set last_name = 'changed' where id = 3")

    assert transfer(verify=level)["verdict"] == "updated"
    assert content(target) == content(source)


def test_totals_are_known_at_every_level(transfer: Any) -> None:
    counted = transfer(verify="none")
    again = transfer()

    assert again["verdict"] == "unchanged"
    assert counted["totals"] == again["totals"]
    assert counted["totals"]["rows"] > 2000
    assert counted["totals"]["large_objects"] == 3


def test_killed_in_its_midst_the_next_run_finishes(
    transfer: Any, source: Database, target: Database, tmp_path: Path
) -> None:
    progress = tmp_path / "progress"
    with target.server.connect(target.name) as connection, connection.cursor() as gate:
        gate.execute("select pg_advisory_lock(4242)")
        process = in_another_process(source, target, progress)
        wait_for(target, "select exists (select from pg_locks where locktype = 'advisory' and not granted)")
        kept = "name in ('public.users', 'public.posts')"
        wait_for(target, f"select count(*) = 2 from _flyover.transfer_table where {kept}")
        # No command line or environment of the copy's processes shows a password.
        for shown in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                assert PASSWORD.encode() not in shown.read_bytes()
            except OSError:
                continue
        assert json.loads(progress.read_text())["phase"] == "data"
        refused = transfer()
        assert refused["failed"]
        assert "another transfer is copying" in refused["msg"]
        audit = transfer(check_mode=True)
        assert audit["verdict"] == "unknown"
        assert "another transfer is copying" in str(audit["findings"])
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert target.rows("select state from _flyover.transfer") == [("copying",)]
        refused = _sealed(transfer)
        assert refused["failed"]
        assert "no complete copy" in refused["msg"]
    # The processes of the killed run end by themselves.
    wait_for(target, "select not exists (select from pg_stat_activity where application_name = 'flyover pg_transfer')")
    wait_for(source, "select not exists (select from pg_stat_activity where application_name = 'flyover pg_transfer')")
    assert transfer(check_mode=True)["verdict"] == "would_copy"
    files = "select relname, relfilenode from pg_class where relname in ('users', 'posts') order by 1"
    before = target.rows(files)
    source.app("update users set last_name = 'meanwhile' where id = 3; refresh materialized view counts")
    source.app("delete from notes; select lo_unlink(70002)")
    result = transfer(progress_file=str(progress))

    assert result["verdict"] == "copied"
    # Complete tables are kept, and updated to the new snapshot.
    assert re.fullmatch(r"a copy was interrupted; \d+ tables of it are kept", result["reason"])
    ways = {row["name"]: row["how"] for row in result["tables"]}
    assert (ways["public.users"], ways["public.posts"], ways["public.gated"]) == ("by key", "unchanged", "copy")
    assert (
        target.rows("select relname, relfilenode from pg_class where relname in ('users', 'posts') order by 1")
        == before
    )
    assert content(target) == content(source)
    assert transfer()["verdict"] == "unchanged"
    assert json.loads(progress.read_text())["phase"] == "done"


def _children(pid: int) -> list[int]:
    """Return the processes that O(pid) started and that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            if int(stat.read_text(encoding="utf-8").rsplit(")", 1)[1].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found


@pytest.mark.parametrize("generation", [1, 2], ids=["of the target", "of the source"])
def test_a_killed_worker_is_named_and_the_next_run_finishes(
    transfer: Any, source: Database, target: Database, tmp_path: Path, generation: int
) -> None:
    """As the kernel does when memory is short."""
    with target.server.connect(target.name) as connection, connection.cursor() as gate:
        gate.execute("select pg_advisory_lock(4242)")
        process = in_another_process(source, target, tmp_path / "progress")
        wait_for(target, "select exists (select from pg_locks where locktype = 'advisory' and not granted)")
        workers = _children(process.pid)
        for worker in workers if generation == 1 else [feed for each in workers for feed in _children(each)]:
            with suppress(ProcessLookupError):  # they end each other
                os.kill(worker, signal.SIGKILL)
        gate.execute("select pg_advisory_unlock(4242)")
    assert process.stdout is not None
    result = json.loads(process.stdout.read().splitlines()[-1])
    process.wait()

    assert result["failed"]
    assert re.search("its process (ended|was killed)", result["msg"]) and "defect" not in result["msg"]
    assert "exception" not in result
    assert transfer()["verdict"] == "copied"
    assert content(target) == content(source)


def test_progress_is_written(transfer: Any, tmp_path: Path) -> None:
    result = transfer(progress_file=str(tmp_path / "progress"))
    state = json.loads((tmp_path / "progress").read_text())

    assert (state["phase"], state["tables_done"], state["rows_done"]) == ("done", 17, result["totals"]["rows"])


@pytest.mark.parametrize(
    "waits_for",
    [
        "create index users_lower",
        "ALTER TABLE ONLY public.posts\n    ADD CONSTRAINT posts_user_id_fkey",
        "CREATE TRIGGER",
    ],
    ids=["indexes", "foreign keys", "triggers"],
)
def test_killed_at_any_stage_the_next_run_finishes(
    transfer: Any, source: Database, target: Database, tmp_path: Path, waits_for: str
) -> None:
    target.rows(
        f"""
        create schema _heroku;
        create function _heroku.wait() returns event_trigger language plpgsql security definer as $$
        begin
          if position(lower($sql${waits_for}$sql$) in lower(current_query())) > 0 then
            perform pg_advisory_xact_lock_shared(4242);
          end if;
        end $$;
        create event trigger wait on ddl_command_start execute function _heroku.wait();
        """
    )
    with target.server.connect(target.name) as connection, connection.cursor() as gate:
        gate.execute("select pg_advisory_lock(4242)")
        process = in_another_process(source, target, tmp_path / "progress")
        wait_for(target, "select exists (select from pg_locks where locktype = 'advisory' and not granted)")
        process.kill()
        process.wait()
    wait_for(target, "select not exists (select from pg_stat_activity where application_name = 'flyover pg_transfer')")
    wait_for(source, "select not exists (select from pg_stat_activity where application_name = 'flyover pg_transfer')")
    target.rows("drop event trigger wait")
    # Deletes on the source that follow foreign keys, whether the target has them yet or not.
    source.app("update posts set parent_id = null; delete from users where id = 9; refresh materialized view counts")
    source.app("refresh materialized view sums")
    result = transfer()

    assert result["verdict"] == "copied"
    assert re.fullmatch(r"a copy was interrupted; \d+ tables of it are kept", result["reason"])
    assert content(target) == content(source)
    assert transfer(mode="warm")["verdict"] == "unchanged"


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # the thread is the test's own
@pytest.mark.parametrize("lost", ["source", "target"])
def test_a_lost_connection_fails_and_the_next_run_finishes(
    transfer: Any, source: Database, target: Database, lost: str
) -> None:
    def cut(gate: Any) -> None:
        wait_for(target, "select exists (select from pg_locks where locktype = 'advisory' and not granted)")
        {"source": source, "target": target}[lost].rows(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and application_name = 'flyover pg_transfer'"
        )
        gate.execute("select pg_advisory_unlock(4242)")

    with target.server.connect(target.name) as connection, connection.cursor() as gate:
        gate.execute("select pg_advisory_lock(4242)")
        thread = threading.Thread(target=cut, args=[gate])
        thread.start()
        result = transfer()
        thread.join()

    assert result["failed"]
    assert "traceback" not in result
    assert result["msg"].startswith((lost, "the source"))
    assert transfer()["verdict"] == "copied"
    assert content(target) == content(source)


def test_large_tables_go_alone_and_their_indexes_after_them(
    transfer: Any, source: Database, target: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "LARGE", 16384)
    assert transfer(jobs=3)["verdict"] == "copied"
    assert content(target) == content(source)


def _sealed(transfer: Any, **options: Any) -> dict[str, Any]:
    result: dict[str, Any] = transfer(state="sealed", **options)
    return result


# Run on the target by its superuser at the end of the copy, when materialized views are filled.
_PLANTED = {
    "a byte": ("update public.users set last_name = 'nXme' where id = 3", "table public.users"),
    "a row fewer": ("delete from public.posts where id = 999", "table public.posts"),
    "a row replaced": (
        "update public.events_2023 set id = 1000000 where id = (select min(id) from public.events_2023)",
        "table public.events_2023",
    ),
    "empty for null": (
        'update public."Odd ""Table"".name" set "a b" = \'\' where "select" = 2',
        'table public."Odd ""Table"".name"',
    ),
    "zero for minus zero": ("update public.users set ratio = 0 where id = 1", "table public.users"),
    "sequence": ("select setval('public.posts_id_seq', 998)", "sequence public.posts_id_seq"),
    "large object": ("select lo_put(70003, 47999, '\\x01')", "large objects all"),
    "index": ("drop index if exists public.users_lower", "index public.users_lower"),
    "trigger": ("alter table public.posts disable trigger posts_slug", "trigger public.posts.posts_slug"),
}


@pytest.mark.parametrize("planted", _PLANTED)
def test_a_planted_difference_is_found(transfer: Any, source: Database, target: Database, planted: str) -> None:
    statement, named = _PLANTED[planted]
    # In a schema that belongs to neither side's app, so the means are no difference themselves.
    target.rows(
        f"""
        create schema _heroku;
        create function _heroku.spoil() returns event_trigger language plpgsql security definer as $$
        begin
          execute $planted${statement}$planted$;
        end $$;
        create event trigger spoil on ddl_command_end when tag in ('REFRESH MATERIALIZED VIEW')
          execute function _heroku.spoil();
        """
    )
    result = transfer()

    assert "the copy differs" in result["msg"]
    assert [f"{found['kind']} {found['name']}" for found in result["mismatches"]] == [named]
    assert named in result["msg"]
    assert target.rows("select state from _flyover.transfer") == [("copying",)]
    target.rows("drop event trigger spoil")
    assert transfer()["verdict"] == "copied"


@pytest.mark.parametrize(
    ("made", "named"),
    [
        ("create table theirs (id int)", "1 tables"),
        ("create function theirs() returns int language sql as 'select 1'", "1 functions"),
        ("select lo_create(5)", "1 large objects"),
        ("create type theirs as enum ('a')", "1 types"),
    ],
)
def test_a_target_that_is_not_empty_is_refused(transfer: Any, target: Database, made: str, named: str) -> None:
    target.app(made)
    before = target.fingerprint()
    result = transfer()
    assert result["failed"]
    assert named in result["msg"]
    assert "clean" in result["remedy"]
    # An audit ends with its report, in which everything that blocks is a finding.
    result = transfer(check_mode=True)
    assert result["verdict"] == "unknown"
    (block,) = (finding for finding in result["findings"] if finding["level"] == "block")
    assert named in block["text"]
    assert "clean" in block["remedy"]
    assert target.fingerprint() == before


def test_a_view_of_what_the_newer_version_no_longer_has(transfer: Any, source: Database, target: Database) -> None:
    columns = "select from pg_attribute where attrelid = 'pg_stat_bgwriter'::regclass and attname = 'buffers_backend'"
    if not source.rows(f"select exists ({columns})")[0][0] or target.rows(f"select exists ({columns})")[0][0]:
        pytest.skip("PostgreSQL 17 dropped this column")
    source.app("create view buffers as select now(), buffers_backend, buffers_clean from pg_stat_bgwriter")
    source.app("create view locks as select locktype, mode from pg_locks")
    before = target.fingerprint()
    result = transfer()

    assert "View public.buffers reads pg_catalog.pg_stat_bgwriter.buffers_backend, which PostgreSQL" in result["msg"]
    assert [block["id"] for block in transfer(check_mode=True)["findings"] if block["level"] == "block"] == [
        "database-catalog"
    ]
    assert target.fingerprint() == before


def test_check_mode_tells_all_that_blocks(transfer: Any, source: Database, target: Database) -> None:
    target.rows("create extension citext schema public; create table theirs (id int)")
    source.rows("create table public.foreign_one (id int)")
    source.app("create table ranks (rank text unique); alter role current_user set timezone = 'Europe/Berlin'")
    try:
        result = transfer(check_mode=True, pg_bin_dir="/nowhere")
    finally:
        source.app("alter role current_user reset timezone")

    assert result["verdict"] == "unknown"
    blocks = " ".join(finding["text"] for finding in result["findings"] if finding["level"] == "block")
    for told in ("citext", "table public.foreign_one (SELECT)", "pg_dump", "it is not empty"):
        assert told in blocks
    assert result["plan"]["source"]["version"]


def test_clean_drops_what_is_there(transfer: Any, source: Database, target: Database) -> None:
    target.app(
        """
        create schema billing; create table billing.invoices (id serial); create view v as select 1;
        create materialized view m as select 1; create type mood as enum ('x'); create domain d as int;
        create table users (mood mood, d d); create function f(users) returns int language sql as 'select 1';
        create aggregate agg (int) (sfunc = int4pl, stype = int); create procedure p() language sql as 'select 1';
        create table parted (id int) partition by range (id); create table part partition of parted default;
        create type span as range (subtype = float8); select lo_create(70001);
        """
    )
    assert transfer(check_mode=True, clean=True)["verdict"] == "would_copy"
    assert transfer(clean=True)["verdict"] == "copied"
    assert content(target) == content(source)
    assert transfer(clean=True)["verdict"] == "unchanged"


def test_extensions_and_empty_schemas_are_nocontent(transfer: Any, source: Database, target: Database) -> None:
    target.rows("create schema heroku_ext; create extension citext schema heroku_ext; create schema unused")
    target.rows("grant usage, create on schema heroku_ext to public")

    assert transfer()["verdict"] == "copied"
    assert content(target) == content(source)


def test_an_extension_in_another_schema_is_refused(transfer: Any, target: Database) -> None:
    target.rows("create extension citext schema public")
    before = target.fingerprint()
    result = transfer()

    assert result["failed"]
    assert "citext is in schema public on the target" in result["msg"]
    assert target.fingerprint() == before


def test_sealed_is_never_overwritten(transfer: Any, run_module: Any, source: Database, target: Database) -> None:
    refused = _sealed(transfer)
    assert refused["failed"]
    assert "no complete copy" in refused["msg"]
    transfer()
    assert _sealed(transfer, check_mode=True)["changed"]
    assert target.rows("select state from _flyover.transfer") == [("complete",)]
    sealed = run_module(pg_transfer, {"target": target.url, "state": "sealed"})
    assert (sealed["changed"], sealed["sealed"]) == (True, True)
    again = _sealed(transfer)
    assert (again["changed"], again["sealed"]) == (False, True)

    target.app("insert into users (email, first_name) values ('new@fly', 'New')")
    source.rows("delete from public.notes")
    before = target.fingerprint()
    for check_mode in (True, False):
        result = transfer(check_mode=check_mode)
        assert (result["changed"], result["verdict"], result["sealed"]) == (False, "unchanged", True)
    assert target.fingerprint() == before
    result = transfer(clean=True)
    assert (result["verdict"], result["sealed"]) == ("copied", False)
    assert content(target) == content(source)


def test_a_seal_waits_for_the_transfer_that_holds_the_target(
    transfer: Any, run_module: Any, source: Database, target: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    transfer()
    begin = marker.begin
    sealed = []

    def seal_first(here: Any, document: dict[str, Any]) -> None:
        # In the middle of a copy, neither a seal nor another copy may begin.
        sealed.append(_sealed(transfer)["msg"])
        sealed.append(transfer()["msg"])
        begin(here, document)

    monkeypatch.setattr(transferring, "_PATIENCE", 0.5)
    monkeypatch.setattr(marker, "begin", seal_first)
    source.app("alter table notes add more text")
    assert transfer()["verdict"] == "copied"
    for message in sealed:
        assert re.search(r"another transfer is copying into it \(session \d+ from 127\.0\.0\.1, since ", message), (
            message
        )
    assert len(sealed) == 2
    assert _sealed(transfer)["sealed"]


def test_a_transfer_that_runs_never_overwrites_a_seal(
    transfer: Any, source: Database, target: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    transfer()
    hold, write = marker.hold, marker.complete

    def seal_meanwhile(*arguments: Any) -> None:
        # As an administrator might, or a version of this module that takes no lock.
        target.app("update _flyover.transfer set state = 'sealed'")
        hold(*arguments)

    monkeypatch.setattr(marker, "hold", seal_meanwhile)
    source.app("delete from notes")
    before = content(target)
    result = transfer()
    assert (result["changed"], result["sealed"]) == (False, True)
    assert content(target) == before

    monkeypatch.setattr(marker, "hold", hold)
    target.app("update _flyover.transfer set state = 'complete'")

    def sealed_last(*arguments: Any) -> None:
        target.app("update _flyover.transfer set state = 'sealed'")
        write(*arguments)

    monkeypatch.setattr(marker, "complete", sealed_last)
    assert "it was sealed while this copy was being made" in transfer(mode="warm")["msg"]
    assert target.rows("select state from _flyover.transfer") == [("sealed",)]


def test_sealed_needs_no_source_any_more(run_module: Any, transfer: Any, source: Database, target: Database) -> None:
    transfer()
    _sealed(transfer)
    gone = f"postgres://nobody:{PASSWORD_IN_URL}@127.0.0.1:1/gone"
    result = run_module(pg_transfer, {"source": gone, "target": target.url})

    assert (result["changed"], result["sealed"]) == (False, True)


def test_another_source_is_refused(run_module: Any, transfer: Any, source: Database, target: Database) -> None:
    transfer()
    other = f"{source.name}_other"
    source.server.rows("postgres", f"create database {other} template template_app owner {source.server.role}")
    try:
        result = run_module(pg_transfer, {"source": Database(source.server, other).url, "target": target.url})
    finally:
        source.server.rows("postgres", f"drop database {other} with (force)")

    assert result["failed"]
    assert "a copy of another database" in result["msg"]


def test_source_and_target_must_differ(run_module: Any, source: Database) -> None:
    alias = source.url.replace("127.0.0.1", "localhost")
    result = run_module(pg_transfer, {"source": source.url, "target": alias})

    assert result["failed"]
    assert "it is the same database" in result["msg"]


@pytest.mark.parametrize("jobs", [0, -1])
def test_no_jobs_is_no_number_of_jobs(transfer: Any, jobs: int) -> None:
    result = transfer(jobs=jobs)

    assert result["failed"]
    assert result["msg"].startswith("jobs: ")


def test_more_jobs_than_free_connections(transfer: Any, source: Database, target: Database) -> None:
    source.server.rows("postgres", f"alter role {source.server.role} connection limit 3")
    try:
        result = transfer(jobs=8)
    finally:
        source.server.rows("postgres", f"alter role {source.server.role} connection limit -1")

    assert result["verdict"] == "copied"
    assert "Only 1 of 8 jobs can run" in str(result["plan"]["warnings"])


def test_an_older_target_is_refused(run_module: Any, source: Database, target: Database) -> None:
    if source.rows("show server_version_num")[0][0][:2] == target.rows("show server_version_num")[0][0][:2]:
        pytest.skip("both servers are of one major version")
    result = run_module(pg_transfer, {"source": target.url, "target": source.url, "clean": True})

    assert result["failed"]
    assert "and the target only " in result["msg"]
    assert source.rows("select count(*) from public.users") == [(500,)]


def test_what_the_role_may_not_read_is_named(transfer: Any, source: Database, target: Database) -> None:
    source.rows("create table public.foreign_one (id int); alter table public.notes force row level security")
    before = target.fingerprint()
    result = transfer()

    assert result["failed"]
    assert "table public.foreign_one (SELECT)" in result["msg"]
    assert "Row-level security hides rows of public.notes" in result["msg"]
    assert target.fingerprint() == before


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_wrong_password_is_not_repeated(run_module: Any, source: Database, target: Database, side: str) -> None:
    urls = {"source": source.url, "target": target.url}
    urls[side] = urls[side].replace(PASSWORD_IN_URL, "wr0ng-wr0ng")
    result = run_module(pg_transfer, urls)

    assert result["failed"]
    assert "refuses the user or password" in result["msg"]
    assert "wr0ng" not in json.dumps(result)
    assert "s3cr" not in json.dumps(result)


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_a_password_reaches_pg_dump_on_every_platform(
    source: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    """Except on Linux, a file in /dev/fd is read from where its writer stopped: at its end."""
    monkeypatch.setattr(tools, "sys", SimpleNamespace(platform=platform, executable=sys.executable))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    programs = tools.find_tools(source.server.postgres.installation.major, 99, None)

    programs.dump(
        parse(source.url, "source"), ["--schema-only", "--exclude-schema=_heroku", f"--file={tmp_path}/dump"], "source"
    )
    with pytest.raises(StateError) as refused:
        programs.dump(replace(parse(source.url, "source"), password="wrong"), [], "source")

    assert "CREATE TABLE" in (tmp_path / "dump").read_text()
    assert "password authentication failed" in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["dump"]


def test_a_password_that_is_a_word_masks_no_names(run_module: Any, source: Database, target: Database) -> None:
    """On ansible-core before 2.22 a masked value is replaced wherever it occurs in a result."""
    source.server.rows("postgres", f"create role short login password 'users' in role {source.server.role}")
    url = f"postgres://short:users@127.0.0.1:{source.server.port}/{source.name}"
    try:
        result = run_module(pg_transfer, {"source": url, "target": target.url}, inject_invocation=True)
    finally:
        source.server.rows("postgres", "drop role short")

    assert result["verdict"] == "copied"
    assert "public.users" in {table["name"] for table in result["tables"]}
    assert result["invocation"]["module_args"]["source"] == "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
    assert url not in json.dumps(result)


def test_settings_of_the_database_come_along(transfer: Any, source: Database, target: Database) -> None:
    for setting in ("timezone = 'Europe/Berlin'", "statement_timeout = '30000'", "log_min_duration_statement = 5"):
        source.rows(f"alter database {source.name} set {setting}")
    result = transfer()

    assert result["verdict"] == "copied"
    assert target.app("select current_setting('timezone'), current_setting('statement_timeout')") == [
        ("Europe/Berlin", "30s")
    ]
    assert "log_min_duration_statement" in str([one for one in result["findings"] if one["id"] == "not-moved-setting"])
    assert transfer()["verdict"] == "unchanged"
    source.rows(f"alter database {source.name} set timezone = 'Asia/Tokyo'")
    assert transfer(check_mode=True)["verdict"] == "would_update"
    assert transfer()["settled"] == ["setting TimeZone"]
