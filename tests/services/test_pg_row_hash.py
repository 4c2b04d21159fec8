# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rows with the same text have the same hash on every server, and other rows have another one."""

from __future__ import annotations

from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look import checksums as content
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look import keys
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.tables import read_tables
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.url import parse
from ansible_collections.flyover.heroku_to_fly.tests.services.conftest import Database
from ansible_collections.flyover.heroku_to_fly.tests.services.histories import TYPES

_MORE = {
    "float8": ["'inf'::float8 - 'inf'::float8", "'-NaN'"],  # NaN has many bit patterns, but one text
    "float8[]": ["'{0}'", "'{-0}'", "'{NaN}'", "array['inf'::float8 - 'inf'::float8]"],
    "numeric": ["'-0.00'", "'Infinity'"],
    "interval": ["'1 day'", "'24 hours'"],
    "timetz": ["'12:00+00'", "'13:00+01'"],
    "bpchar": ["'a'", "'a '"],
    "folded": ["'a'", "'A'"],
    "numbers": ["1.0", "1.00"],
    "cidr": ["'10.0.0.0/8'", "'10.0.0.0/9'"],
    "macaddr": ["'08:00:2b:01:02:03'"],
    "xml": ["'<a/>'", "'<a />'"],
    "int4multirange": ["'{[1,2)}'", "'{}'"],
    "tsrange": ["'[2024-01-01,)'", "'(2024-01-01,)'"],
    "pg_lsn": ["'0/1'"],
    "varbit": ["B'1'", "B'10'"],
    "heroku_ext.citext": ["'a'", "'A'"],
    "heroku_ext.hstore": ["'a=>1'", "'a=>NULL'", "'a=>\"NULL\"'"],
}


def _session(database: Database) -> Session:
    return Session(parse(database.url_of("superuser"), "database"), "database", read_only=True)


def _fill(database: Database) -> dict[str, list[tuple[str, int]]]:
    """Make a table of each type, and return the text and hash of each row."""
    database.rows(
        """
        create schema if not exists heroku_ext; create extension if not exists citext schema heroku_ext;
        create extension if not exists hstore schema heroku_ext;
        create type mood as enum ('so so', 'happy', 'sad'); create type addr as (street text, zip int);
        create domain dom as int; create domain folded as heroku_ext.citext; create domain numbers as numeric;
        create table t0 (); create table t1 ();
        """
    )
    types = {type_: [*values, *_MORE.get(type_, [])] for type_, values in {**_MORE, **TYPES}.items()}
    for number, (type_, values) in enumerate(types.items()):
        database.rows(f"create table hashed_{number} (n int, v {type_}, w text)")
        for value in (*values, "null"):
            database.rows(f"insert into hashed_{number} values (1, {value}, 'w')")
    found = {}
    with _session(database) as session:
        for table in read_tables(session):
            if "hashed_" in table.name:
                rows = session.rows(f"select t::text, {table.row_hash} from {table.name} t")
                found[list(types)[int(table.name.rpartition("_")[2].strip('"'))]] = rows
    return found


def test_tells_all_that_text_tells_on_every_server(heroku_server: Any, fly_server: Any) -> None:
    sides = []
    for server in (heroku_server, fly_server):
        database = Database(server, "hashes")
        server.rows("postgres", "create database hashes")
        try:
            sides.append(_fill(database))
        finally:
            server.rows("postgres", "drop database hashes with (force)")
    for type_, rows in sides[0].items():
        hashes = dict(rows)
        assert len(set(hashes.values())) == len(hashes), type_
        assert set(rows) == set(sides[1][type_]), type_
        assert len({text for text, _hash in rows}) == len(set(rows)), type_


def test_values_that_rows_exchange(source: Database) -> None:
    # A sum over rows of sums over columns would not see it.
    source.app("create table u (a int, b int); insert into u values (0, 0), (2, 2), (1, 0), (1, 2)")

    def checksum() -> Any:
        with _session(source) as session:
            (table,) = (table for table in read_tables(session) if table.name.endswith(("public.u", '"u"')))
            return content.table_contents(session, [table], True)[0].checksum

    before = checksum()
    source.app("update u set b = 2 where a = 0; update u set b = 0 where a = 2")
    assert checksum() != before


def test_an_apps_own_functions_do_not_count(source: Database) -> None:
    """Their signatures match better than PostgreSQL's own, and they call different values equal."""
    source.app(
        """
        set search_path = public;
        create function array_send(int[]) returns bytea immutable language sql as $$ select ''::bytea $$;
        create function hashfloat8extended(float8, int) returns bigint immutable language sql as 'select 1::bigint';
        create function concat_ws(text, text) returns text immutable language sql as $$ select '' $$;
        create type tone as enum ('x', 'y');
        create function same(tone) returns text immutable language sql as 'select null';
        create cast (tone as text) with function same(tone);
        create table shadowed (a int[], t tone);
        insert into shadowed values ('{1}', 'x'), ('{2}', 'x'), ('{1}', 'y');
        create table keyed (k text primary key); insert into keyed values ('a'), ('b'), ('c');
        """
    )
    with _session(source) as session:
        session.run("set search_path = pg_catalog, public")
        tables = {table.name: table for table in read_tables(session)}
        hashed = session.rows(f"select {tables['public.shadowed'].row_hash} from public.shadowed")
        key = keys.keys(session)[tables["public.keyed"].oid]
        buckets = session.rows(key.buckets(session, "public.keyed", 1 << 16).counts("public.keyed"))
    assert (len(set(hashed)), len(set(buckets))) == (3, 3)


def test_text_in_another_encoding(heroku_server: Any, fly_server: Any) -> None:
    sums: list[Any] = []
    tables: list[Any] = []
    for server, encoding in ((heroku_server, "LATIN1"), (fly_server, "UTF8")):
        server.rows("postgres", f"create database coded encoding '{encoding}' template template0 locale 'C'")
        try:
            database = Database(server, "coded")
            database.rows(
                "create type tint as enum ('gr\u00fcn'); create table c (id int, v text, t tint, p text[], q point)"
            )
            database.rows("insert into c values (1, 'stra\u00dfe', 'gr\u00fcn', '{\u00e9}', '(1,2)')")
            with _session(database) as session:
                # The source's expression is used on both.
                tables = tables or read_tables(session)
                sums.append(content.table_contents(session, tables, True))
        finally:
            server.rows("postgres", "drop database coded with (force)")
    assert sums[0] == sums[1]
