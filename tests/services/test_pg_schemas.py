# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Schemas of every kind, one per file in C(schemas): copied, compared with what pg_dump gives, and updated."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look import schema as definitions
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.url import parse
from ansible_collections.flyover.heroku_to_fly.plugins.modules import pg_transfer
from ansible_collections.flyover.heroku_to_fly.tests.services import round_trip
from ansible_collections.flyover.heroku_to_fly.tests.services.conftest import HERE, Database, Server

# Kinds that few apps have, because each step of a file costs three transfers and a dump.
_SLOW = ("extremes", "partitions", "views")
FILES = [
    pytest.param(path, id=path.stem, marks=[pytest.mark.slow] if path.stem in _SLOW else [])
    for path in sorted((HERE / "schemas").glob("*.sql"))
]


@pytest.fixture(scope="module")
def empty_app(heroku_server: Server) -> Iterator[str]:
    """Yield the name of a template with Heroku's extensions and nothing else."""
    with round_trip.template(heroku_server) as name:
        yield name


@pytest.fixture
def databases(heroku_server: Server, fly_server: Server, empty_app: str) -> Iterator[tuple[Database, Database]]:
    """Yield source and target."""
    with round_trip.pair(heroku_server, fly_server, empty_app) as both:
        yield both


@pytest.fixture
def latin(heroku_server: Server, fly_server: Server) -> Iterator[tuple[Database, Database]]:
    """Yield a source whose server stores text in LATIN1, and a target."""
    heroku_server.rows(
        "postgres",
        "create database latin template template0 encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' "
        f"owner {heroku_server.role}",
    )
    heroku_server.rows("latin", f"alter schema public owner to {heroku_server.role}")
    fly_server.rows("postgres", f'create database latin owner "{fly_server.role}"')
    yield Database(heroku_server, "latin"), Database(fly_server, "latin")
    heroku_server.rows("postgres", "drop database latin with (force)")
    fly_server.rows("postgres", "drop database latin with (force)")


@pytest.mark.parametrize("path", FILES)
def test_a_schema_comes_through(run_module: Any, databases: tuple[Database, Database], path: Path) -> None:
    has_icu = "select exists (select from pg_collation where collprovider = 'i' and collversion is not null)"
    if path.stem == "icu" and not all(each.rows(has_icu)[0][0] for each in databases):
        pytest.skip("a server was built without ICU; tests/tools/postgres-versions has some with it")
    comes_through(run_module, *databases, round_trip.read(path))


def comes_through(run_module: Any, source: Database, target: Database, case: round_trip.Case) -> None:
    """Run a case's steps: each must give its verdict and what pg_dump gives, and a second run must change nothing."""
    urls = {"source": source.url, "target": target.url}
    for step in case.steps:
        assert round_trip.load(source, step.sql) == []
        result = run_module(pg_transfer, {**urls, "mode": "auto" if step.verdict == "copied" else "delta"})
        assert (result.get("verdict"), result.get("msg")) == (step.verdict, None)
        compared = round_trip.compare(source, target, result)
        assert [one for one in compared.differences if not case.allows(one)] == []
        before = target.fingerprint()
        assert run_module(pg_transfer, urls, check_mode=True)["verdict"] == "unchanged"
        assert run_module(pg_transfer, urls)["verdict"] == "unchanged"
        assert target.fingerprint() == before


def test_an_index_holds_what_the_app_looks_for(run_module: Any, databases: tuple[Database, Database]) -> None:
    """It is built with the database's own text search configuration, which no dump contains."""
    source, target = databases
    made = round_trip.read(HERE / "schemas" / "settings.sql").steps[0].sql
    assert round_trip.load(source, made) == []
    assert run_module(pg_transfer, {"source": source.url, "target": target.url})["verdict"] == "copied"

    for each in (source, target):
        sql = "set enable_seqscan = off; select id from articles where words(body) @@ to_tsquery('Häuser')"
        assert each.app(sql) == [(1,)]


def test_text_in_another_encoding_comes_through(run_module: Any, latin: tuple[Database, Database]) -> None:
    made = """
        create type "größe" as enum ('klein', 'groß');
        create table "straßen" (id int primary key, "name ü" text, g "größe", check ("name ü" <> 'ß'));
        insert into "straßen" values (1, 'Königsallee', 'groß'), (2, 'naïve café', 'klein');
        create table keys (k text primary key, v text, j jsonb, a text[], x xml, b bytea);
        insert into keys values ('ä', 'Ä', '{"ü": "é"}', '{ä,"ö,"}', '<a>é</a>', 'é');
        insert into keys values ('ö', 'ÿ');
        create index on keys (upper(v)) where v <> 'é';
        create view "übersicht" as select "name ü" || 'ß' as "größer" from "straßen";
        create function "grüß"(text) returns text immutable language sql as $$ select 'Grüß dich, ' || $1 $$;
        comment on table "straßen" is 'für alle';
    """
    changed = """
        update keys set v = 'ß' where k = 'ä'; delete from keys where k = 'ö'; insert into keys values ('ü', 'µ');
        insert into "straßen" values (4, '¼', 'groß');
    """
    case = round_trip.Case([round_trip.Step("copied", made), round_trip.Step("updated", changed)])

    comes_through(run_module, *latin, case)


def test_the_schema_that_is_named_after_the_role_is_found(
    run_module: Any, databases: tuple[Database, Database]
) -> None:
    """On Fly the role has another name, so that "$user" would lead to nothing."""
    source, target = databases
    source.app(
        """
        create schema authorization current_user;
        create table mine as select 'own' as whose;
        create table public.mine as select 'public' as whose;
        """
    )
    urls = {"source": source.url, "target": target.url}

    assert run_module(pg_transfer, urls)["verdict"] == "copied"
    assert target.app("select whose from mine") == source.app("select whose from mine") == [("own",)]
    assert run_module(pg_transfer, urls)["verdict"] == "unchanged"


_STALE = """
create function rate() returns numeric immutable language sql as 'select 1.19';
create table bills (id int primary key, net numeric, gross numeric generated always as (net * rate()) stored);
insert into bills values (1, 100), (2, 50);
create or replace function rate() returns numeric immutable language sql as 'select 1.16';
create function bare(t text) returns text immutable language plpgsql as $$ begin return lower(unaccent(t)); end $$;
create index on bills (bare(net::text));
"""


def test_what_a_copy_is_not_is_said_by_later_runs_too(run_module: Any, databases: tuple[Database, Database]) -> None:
    source, target = databases
    assert round_trip.load(source, _STALE) == []

    def run(**options: Any) -> tuple[str, set[str]]:
        result = run_module(pg_transfer, {"source": source.url, "target": target.url, **options})
        told = {one["id"] for one in result["findings"] if one["id"] in ("database-generated", "database-search-path")}
        if "database-generated" in told:
            assert "public.bills (gross)" in str(result["findings"])
        return result.get("verdict"), told

    both = {"database-generated", "database-search-path"}
    assert run() == ("copied", both)
    assert run() == ("unchanged", both)
    source.app("insert into bills values (3, 1)")
    assert run(mode="delta") == ("updated", both)
    # After a failover everything is compared, and the settings given to functions are still known.
    target.rows("update _flyover.transfer set document = jsonb_set(document, '{servers,source,timeline}', '\"9\"')")
    assert run() == ("unchanged", both)
    assert run(mode="delta") == ("unchanged", both)
    source.app("update bills set net = net")
    assert run(mode="warm") == ("updated", {"database-search-path"})
    assert run() == ("unchanged", {"database-search-path"})


KINDS = """
create table t (id int primary key, a text); create index ti on t ((lower(a) || a));
create function tf(int, int) returns int immutable language sql as 'select $1 + $2';
create function inv(int, int) returns int immutable language sql as 'select $1 - $2';
create aggregate ag(int)
  (sfunc = tf, stype = int, initcond = '0', msfunc = tf, minvfunc = inv, mstype = int, minitcond = '0');
create conversion cv for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8;
create function near(int, int) returns boolean immutable language sql as 'select abs($1 - $2) < 2';
create operator ### (leftarg = int, rightarg = int, procedure = near, restrict = eqsel);
create text search configuration tc (parser = pg_catalog.default); create text search dictionary td (template = simple);
create type rg as range (subtype = text, collation = "C"); create type r1 as (a int, b int);
create type m as enum ('a', 'b'); create function pay() returns int language sql security definer as 'select 1';
create table parts (id int) partition by list (id); create table part partition of parts for values in (1);
create function tg() returns trigger language plpgsql as 'begin return null; end';
create trigger noted after insert on parts for each row execute function tg();
create materialized view mv as select 1 as n;
"""
CHANGES = [
    "alter index ti alter column 1 set statistics 500",
    "drop aggregate ag(int); create aggregate ag(int) (sfunc = tf, stype = int, initcond = '0', msfunc = tf, "
    "minvfunc = inv, mstype = int, minitcond = '7')",
    "drop conversion cv; create default conversion cv for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8",
    "alter operator ###(int, int) set (restrict = none)",
    "drop text search dictionary td; create text search dictionary td (template = snowball, language = english)",
    "alter text search configuration tc add mapping for asciiword with simple",
    'drop type rg; create type rg as range (subtype = text, collation = "POSIX")',
    "alter type r1 rename attribute a to x; alter type r1 rename attribute b to a; "
    "alter type r1 rename attribute x to b; alter type r1 alter attribute a type bigint",
    "alter type m rename value 'a' to 'q'; alter type m rename value 'b' to 'a'; alter type m rename value 'q' to 'b'",
    "alter table part disable trigger noted",
    "alter function pay() security invoker",
    "alter function pay() depends on extension citext",
    "alter index ti depends on extension citext",
    "alter trigger noted on parts depends on extension citext",
    "alter materialized view mv depends on extension citext",
]


def test_each_change_of_a_definition_is_seen(databases: tuple[Database, Database]) -> None:
    source, _target = databases
    assert round_trip.load(source, KINDS) == []
    with Session(parse(source.url, "database"), "database", read_only=True) as session:
        unseen = []
        before = definitions.definitions(session)
        assert (
            definitions.differences(before, definitions.definitions(session), lambda pairs: [False] * len(pairs)) == []
        )
        for change in CHANGES:
            assert round_trip.load(source, change) == []
            after = definitions.definitions(session)
            if not definitions.differences(before, after, lambda pairs: [False] * len(pairs)):
                unseen.append(change)
            before = after
    assert unseen == []


REFUSED = {
    "hash of an enum": "create type e as enum ('a'); create table public.h (e e) partition by hash (e);",
    "access method odd": "create access method odd type table handler heap_tableam_handler;",
    "function public.raw(text)": "create function public.raw(text) returns text language internal as 'textin';",
    "type public.later": "create type public.later;",
    "text search parser public.parser": "create text search parser public.parser "
    "(start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end, lextypes = prsd_lextype);",
    "operator family public.family": "create operator family public.family using btree;",
    "cast from integer to date": "create function public.day(int) returns date language sql as 'select null::date'; "
    "create cast (int as date) with function public.day(int);",
    "transform for integer language sql": "create transform for int language sql "
    "(from sql with function prsd_lextype(internal));",
    "function public.proper()": "create function public.proper() returns bool leakproof language sql as 'select true';",
    "which is the one that will own the copy": "create table public.q (i int); "
    'create policy q on public.q to "fly-user";',
    "holds the role": "create table public.r (r regrole); insert into public.r values ('only_on_heroku');",
}


def test_what_cannot_be_made_there_is_refused_before_anything_is_written(
    run_module: Any, databases: tuple[Database, Database]
) -> None:
    source, target = databases
    source.rows(
        "drop role if exists only_on_heroku; create role only_on_heroku; "
        'drop role if exists "fly-user"; create role "fly-user"; '
        + "".join(REFUSED.values()).replace("current_user", "'only_on_heroku'")
    )
    source.rows(f"grant select on public.r to {source.server.role}")
    urls = {"source": source.url, "target": target.url}
    before = target.fingerprint()

    audit = run_module(pg_transfer, urls, check_mode=True)
    refused = run_module(pg_transfer, urls)

    blockers = " ".join(one["text"] for one in audit["findings"] if one["level"] == "block")
    assert [named for named in REFUSED if named not in blockers] == []
    assert [named for named in REFUSED if named not in refused["msg"]] == []
    assert target.fingerprint() == before
    source.rows('drop table public.r, public.q; drop role only_on_heroku, "fly-user"')


def test_what_a_provider_gave_on_the_target_outlasts_copies(
    run_module: Any, databases: tuple[Database, Database]
) -> None:
    source, target = databases
    source.app("create table t (id int primary key); alter default privileges grant insert, select on tables to helper")
    target.rows(
        f'alter default privileges for role "{target.server.role}" grant select on tables to pg_monitor; '
        "grant usage on schema public to pg_monitor"
    )
    urls = {"source": source.url, "target": target.url}
    for change in ("create table u (id int)", "alter table t add x int"):
        source.app(change)
        assert run_module(pg_transfer, urls)["verdict"] == "copied"
        may = "select has_table_privilege(role, 'public.t', 'select') from (values ('pg_monitor'), ('helper')) r(role)"
        assert target.rows(may) == [(True,), (False,)]
        assert target.rows("select has_schema_privilege('pg_monitor', 'public', 'usage')") == [(True,)]
        defaults = "select unnest(defaclacl)::text from pg_default_acl"
        owned = f'"{target.server.role}"'
        assert set(target.rows(defaults)) >= {(f"pg_monitor=r/{owned}",), (f"helper=ar/{owned}",)}


def test_privileges_on_the_database_are_named_but_for_heroku_s_own(
    run_module: Any, databases: tuple[Database, Database]
) -> None:
    source, target = databases

    def named() -> list[str]:
        audit = run_module(pg_transfer, {"source": source.url, "target": target.url}, check_mode=True)
        return sorted(one["name"] for one in audit["plan"]["not_moved"] if one["kind"] == "grant")

    assert named() == []
    source.rows(
        f"revoke connect on database schemas from public; grant connect on database schemas to {source.server.role}"
    )
    assert named() == []
    source.rows("revoke temporary on database schemas from public")
    assert named() == []
    source.rows("grant connect on database schemas to helper")
    assert named() == ["CONNECT on database schemas to helper", "TEMPORARY on database schemas revoked from PUBLIC"]


_NEEDS_MORE = """
create foreign data wrapper wrapped;
create subscription sub connection 'host=none' publication p with (connect = false)
"""


def test_what_stays_behind_is_named(run_module: Any, databases: tuple[Database, Database]) -> None:
    source, target = databases
    made = round_trip.read(HERE / "schemas" / "not_in_dumps.sql").steps[0].sql
    assert round_trip.load(source, made) == []
    source.app(
        "create index failed on remarks.t (v); comment on index remarks.failed is 'left by CREATE INDEX CONCURRENTLY'"
    )
    source.rows("update pg_index set indisvalid = false where indexrelid = 'remarks.failed'::regclass")
    for sql in _NEEDS_MORE.split(";"):
        source.rows(sql)
    try:
        audit = run_module(pg_transfer, {"source": source.url, "target": target.url}, check_mode=True)
    finally:
        source.rows("alter subscription sub set (slot_name = none)")
        source.rows("drop subscription sub")
    left = {(one["kind"], one["name"]) for one in audit["plan"]["not_moved"]}
    assert left >= {("foreign data wrapper", "wrapped"), ("subscription", "sub")}
    assert sorted(name for kind, name in left if kind == "comment") == [
        "index remarks.failed",
        'rule "_RETURN" on remarks.v',
        "table constraint later on remarks.t",
        "table constraint p_t_fkey on remarks.p1",
        "table constraint positive on remarks.p1",
        "trigger noted on remarks.p1",
        "type remarks.pair[]",
        "type remarks.spans",
        "type remarks.t",
    ]
