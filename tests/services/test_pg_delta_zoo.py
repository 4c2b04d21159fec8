# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys, constraints and columns of every kind, updated: no case may fall back to copying everything."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.tests.services.conftest import Database, content

# Before the copy, after it, and how each table became equal again.
_CASES = {
    "a key whose operators stand in another schema": (
        "create table tree (path heroku_ext.ltree primary key, v text);"
        "insert into tree select ('a.b' || i)::heroku_ext.ltree, 'v' from generate_series(1, 20) i",
        "update tree set v = 'n' where path::text = 'a.b3'; delete from tree where path::text in ('a.b4', 'a.b5');"
        "insert into tree values ('x.y', 'z')",
        {"tree": "by key"},
    ),
    "a key of two collations": (
        'create table two (a text collate "C", b text collate "POSIX", v text, primary key (a, b));'
        "insert into two select 'a' || i, 'b' || i, 'v' from generate_series(1, 20) i",
        "delete from two where a in ('a4', 'a9'); update two set v = 'x' where a = 'a5'",
        {"two": "by key"},
    ),
    "a key with a name, which has a collation of its own": (
        "create table named (a name, b text, primary key (a, b));"
        "insert into named select 'a' || i, 'b' || i from generate_series(1, 20) i",
        "delete from named where a in ('a4', 'a7')",
        {"named": "by key"},
    ),
    "numbers that are equal but not the same": (
        "create table nums (k numeric primary key, v int); insert into nums values (1.0, 1), (2.0, 2), (3.0, 3);"
        "create table floats (k float8 primary key, v int); insert into floats values (0, 1), ('NaN', 2), (3, 3)",
        "update nums set k = 1.00 where v = 1; delete from nums where v = 3;"
        "update floats set k = '-0' where v = 1; delete from floats where v = 3",
        {"nums": "by key", "floats": "by key"},
    ),
    "the same, held by a cascade": (
        "create table held (k numeric primary key, v int);"
        "create table holds (id int primary key, k numeric references held on delete cascade);"
        "insert into held values (1.0, 1), (2.0, 2); insert into holds values (1, 1), (2, 2)",
        "update held set k = 1.00 where v = 1",
        {"held": "by key"},
    ),
    "a key of a domain over an enum, an array and a citext": (
        "create type shade as enum ('x', 'y', 'z'); create domain shades as shade; create domain ints as int[];"
        "create domain mail as heroku_ext.citext;"
        "create table doms (s shades, i ints, m mail, v int, primary key (s, i, m));"
        "insert into doms values ('x', '{1}', 'A@b', 1), ('y', '{2,3}', 'c@d', 2), ('z', '{}', 'e@f', 3)",
        "update doms set m = 'a@B' where v = 1; delete from doms where v = 3;"
        "insert into doms values ('z', '{9}', 'q', 4)",
        {"doms": "by key"},
    ),
    "an enum and a composite type that are cast to text by the app's own casts": (
        "create type tone as enum ('x', 'y', 'z'); create cast (tone as text) with inout as implicit;"
        "create type duo as (a int, b int); create function said(duo) returns text immutable language sql as"
        " 'select ($1).a::text'; create cast (duo as text) with function said(duo) as implicit;"
        "create table cast_keys (k tone, d duo, v int, primary key (k, d));"
        "insert into cast_keys values ('x', (1, 2), 1), ('x', (1, 3), 2), ('y', (1, 2), 3), ('z', (5, 6), 4)",
        "update cast_keys set v = 0 where v = 1; delete from cast_keys where v = 3;"
        "insert into cast_keys values ('z', (1, 2), 9)",
        {"cast_keys": "by key"},
    ),
    "a unique index with a collation of its own": (
        'create table own (k text not null, v int); create unique index own_key on own (k collate "C");'
        "insert into own select 'k' || i, i from generate_series(1, 9) i",
        "update own set v = 0 where k = 'k4'; delete from own where k = 'k5'",
        {"own": "by key"},
    ),
    "a check that old rows break": (
        "create table late (id int, v int); insert into late values (1, -1), (2, 5);"
        "alter table late add constraint late_positive check (v > 0) not valid;"
        "comment on constraint late_positive on late is 'it''s late'",
        "insert into late values (3, 3)",
        {"late": "whole"},
    ),
    "an inherited check that old rows break": (
        "create table parent (id int, v int) partition by list (id); create table child partition of parent for values "
        "in (1, 2); insert into parent values (1, -1), (2, 5);"
        "alter table parent add constraint positive check (v > 0) not valid",
        "update child set v = 6 where id = 2",
        {"child": "whole"},
    ),
    "a foreign key that old rows break": (
        "create table to_it (id int primary key); create table from_it (id int primary key, r int, v text);"
        "insert into to_it values (1), (2); insert into from_it values (1, 1, 'a'), (2, 99, 'b'), (3, 2, 'c');"
        "alter table from_it add constraint lost foreign key (r) references to_it on delete cascade not valid",
        "update from_it set v = 'x'; insert into to_it values (3)",
        {"from_it": "by key", "to_it": "by key"},
    ),
    "a domain that old rows break": (
        "create domain later as int; create type pair as (a later, b int);"
        "create table dated (id int primary key, e later, es later[], p pair, v text);"
        "insert into dated values (1, -1, '{-1,2}', (-3, 4), E'a\\t\\\\\\n'), (2, 5, null, null, 'b');"
        "alter domain later add constraint positive check (value > 0) not valid;"
        "comment on constraint positive on domain later is 'x'",
        "update dated set v = 'x' where id = 1; update dated set v = 'y' where id = 2",
        {"dated": "by key"},
    ),
    "an identity that is not the key": (
        "create table numbered (id int primary key, n int generated always as identity, v text);"
        "create table numbers (id int primary key references numbered on delete cascade);"
        "insert into numbered (id, v) values (1, 'a'), (2, 'b'), (3, 'c'); insert into numbers values (1), (2), (3)",
        "update numbered set v = 'x' where id = 1; update numbered set n = default where id = 2;"
        "delete from numbered where id = 3",
        {"numbered": "by key", "numbers": "by key"},
    ),
}


def test_brings_forward_what_others_refuse(transfer: Any, source: Database, target: Database) -> None:
    source.rows("create extension ltree schema heroku_ext")
    for before, _after, _moved in _CASES.values():
        source.app(before)
    assert transfer()["verdict"] == "copied"
    for _before, after, _moved in _CASES.values():
        source.app(after)
    expected = {name: how for _before, _after, moved in _CASES.values() for name, how in moved.items()}
    result = transfer(mode="delta")

    assert result.get("msg") is None
    assert content(target) == content(source)
    how = {row["name"].replace("public.", ""): row["how"] for row in result["tables"] if row["how"] != "unchanged"}
    assert how == expected
    # Everything that was put aside is back as it was.
    assert transfer(mode="warm")["verdict"] == "unchanged"
    constraints = "select conname from pg_constraint where not convalidated order by 1"
    assert target.rows(constraints) == source.rows(constraints)


def test_a_key_that_is_equal_without_regard_to_case(transfer: Any, source: Database, target: Database) -> None:
    for database in (source, target):
        if not database.rows(
            "select from pg_collation where collprovider = 'i' and pg_collation_actual_version(oid) <> ''"
        ):
            pytest.skip(f"PostgreSQL {database.server.postgres.installation.major} is built without ICU")
    source.app(
        """
        create collation nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
        create table folded (k text collate nocase primary key, v int);
        create table refers (id int primary key, k text collate nocase references folded on update cascade);
        insert into folded values ('Abc', 1), ('Def', 2), ('Ghi', 3); insert into refers values (1, 'ABC'), (2, 'def')
        """
    )
    assert transfer()["verdict"] == "copied"
    source.app("update folded set k = 'aBC' where k = 'abc'; delete from folded where k = 'GHI'")
    assert transfer(mode="delta")["verdict"] == "updated"
    assert content(target) == content(source)
    assert transfer(mode="warm")["verdict"] == "unchanged"


def test_refreshes_the_views_of_what_moved_alone(transfer: Any, source: Database, target: Database) -> None:
    source.app(
        """
        create table a (id int primary key); create table b (id int primary key) partition by list (id);
        create table b1 partition of b for values in (1, 2); create table c (id int primary key);
        insert into a values (1); insert into b values (1); insert into c values (1);
        create view over_a as select count(*) n from a;
        create materialized view z_of_a as select n from over_a;
        create materialized view a_of_z as select n + 1 as n from z_of_a;
        create materialized view of_b as select count(*) n from b;
        create materialized view of_c as select count(*) n from c;
        create function counted() returns bigint stable language sql as 'select count(*) from public.a';
        create materialized view of_function as select counted() n;
        """
    )
    transfer()

    def files() -> dict[str, int]:
        return dict(target.rows("select relname::text, relfilenode from pg_class where relkind = 'm'"))

    def refreshed() -> set[str]:
        before = files()
        assert transfer(mode="delta")["verdict"] == "updated"
        return {name for name, file in files().items() if file != before[name]}

    source.app("insert into a values (2)")
    assert refreshed() == {"z_of_a", "a_of_z", "of_function"}
    assert target.rows("select (select n from a_of_z), (select n from of_function)") == [(3, 2)]
    source.app("insert into b values (2)")
    assert refreshed() == {"of_b", "of_function"}
    source.app("select nextval('never_called')")
    assert refreshed() == set()
