# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What pg_transfer accepts as proof that a table did not change: each case would fool counts and transaction ids."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.marker import Evidence, Marker
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look import identity
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.run import Run
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update import survey as changes
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update import updating
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.url import parse
from ansible_collections.flyover.heroku_to_fly.tests.services.conftest import Database, content

_SWAP = "alter table {0} rename to swapped; alter table {1} rename to {0}; alter table swapped rename to {1};"
_TWINS = """
    create table {0} (id int constraint {0}_key primary key, v text);
    create table {1} (id int constraint {1}_key primary key, v text);
    insert into {0} select i, '{0} ' || i from generate_series(1, 50) i;
    insert into {1} select i, '{1} ' || i from generate_series(1, 50) i;
"""
# Before the copy, after it, and how the tables became equal again.
_CASES = {
    "tables that changed names": (
        "create table hot (id int, v text); create table cold (id int, v text);"
        "insert into hot select i, 'h' || i from generate_series(1, 50) i;"
        "insert into cold select i, 'c' || i from generate_series(1, 50) i",
        _SWAP.format("hot", "cold"),
        {"hot": "whole", "cold": "whole"},
    ),
    "tables that changed names with their keys, as by rails": (
        _TWINS.format("blue", "green"),
        _SWAP.format("blue", "green")
        + "alter index blue_key rename to swapped; alter index green_key rename to blue_key;"
        "alter index swapped rename to green_key",
        {"blue": "whole", "green": "whole"},
    ),
    "tables with the same rows that changed names": (
        "create table one (id int primary key); create table two (id int primary key);"
        "insert into one select generate_series(1, 9); insert into two select generate_series(1, 9)",
        _SWAP.format("one", "two") + "alter index one_pkey rename to swapped; alter index two_pkey rename to one_pkey;"
        "alter index swapped rename to two_pkey",
        {},
    ),
    "schemas that changed names": (
        "create schema a; create schema b; create table a.t (v text); create table b.t (v text);"
        "insert into a.t values ('a'); insert into b.t values ('b')",
        "alter schema a rename to c; alter schema b rename to a; alter schema c rename to b",
        {"a.t": "whole", "b.t": "whole"},
    ),
    "partitions that changed places": (
        "create table p (at int, v text) partition by range (at);"
        "create table p1 (at int, v text); create table p2 (at int, v text);"
        "alter table p attach partition p1 for values from (0) to (9);"
        "insert into p values (1, 'old'), (2, 'old'); insert into p2 values (1, 'new'), (2, 'new')",
        "alter table p detach partition p1;" + _SWAP.format("p1", "p2") + "alter table p attach partition p1 "
        "for values from (0) to (9)",
        {"p1": "whole", "p2": "whole"},
    ),
    "a partition that left and came back": (
        "create table q (at int, v text) partition by range (at);"
        "create table q1 partition of q for values from (0) to (9); insert into q values (1, 'x')",
        "alter table q detach partition q1; alter table q attach partition q1 for values from (0) to (9)",
        {},
    ),
    "a composite attribute that was made again": (
        "create type addr as (street text, zip int); create table u (id int primary key, a addr, b addr[]);"
        "insert into u values (1, ('x', 1), array[('y', 2)::addr]), (2, ('z', 3), null)",
        "alter type addr drop attribute zip; alter type addr add attribute zip int",
        {"u": "whole"},
    ),
    "the same inside a domain, an array and another type": (
        "create type inner_t as (a int, b int); create domain dom as inner_t; create type outer_t as (d dom[], n int);"
        "create table v (id int primary key, o outer_t); insert into v values (1, (array[(1, 2)::inner_t::dom], 3))",
        "alter type inner_t drop attribute b; alter type inner_t add attribute b int",
        {"v": "whole"},
    ),
    "a row type that is a column": (
        "create table rt (a int, b text); create table ru (id int primary key, r rt);"
        "insert into rt values (1, 'x'); insert into ru select 1, rt from rt",
        "alter table rt drop column b; alter table rt add column b text",
        {"rt": "whole", "ru": "whole"},
    ),
    "a column that was made again": (
        "create table c (id int primary key, v text); insert into c values (1, 'x'); create table d (id int)",
        "alter table c drop column v; alter table c add column v text",
        {"c": "whole"},
    ),
    "a table made again with the same rows": (
        "create table r (id int constraint r_pkey primary key, v text); insert into r values (1, 'a'), (2, 'b')",
        "create table r2 (id int, v text); insert into r2 values (1, 'a'), (2, 'c'); drop table r;"
        "alter table r2 rename to r; alter table r add constraint r_pkey primary key (id)",
        {"r": "whole"},
    ),
    "emptied and loaded again": (
        "create table l (id int primary key, v text); insert into l select i, 'x' from generate_series(1, 20) i",
        "truncate l; insert into l select i, 'y' from generate_series(1, 20) i",
        {"l": "by key"},
    ),
    "names of objects that changed": (
        "create table n1 (); create table n2 (); create table names (id int primary key, r regclass, rs regclass[]);"
        "insert into names values (1, 'n1', '{n1,n2}'), (2, 'n2', null)",
        "alter table n1 rename to n3; alter table n2 rename to n1; alter table n3 rename to n2",
        {"names": "whole"},
    ),
    "another type and back": (
        "create table k (id int primary key, v varchar); insert into k values (1, 'x')",
        "alter table k alter v type text; alter table k alter v type varchar",
        {},
    ),
}
# Functions that suit our calls better than PostgreSQL's own of the same name, which take any type or another one.
_TRAPS = "".join(
    f"create function public.{signature} returns {type_} language plpgsql immutable as "
    "$$ begin raise exception 'another function was meant'; end $$;"
    for signature, type_ in {
        "count(bigint)": "bigint",
        "count(int)": "bigint",
        "count(oid)": "bigint",
        "concat_ws(text, oid, smallint, name, oid)": "text",
        "concat_ws(text, smallint, name, oid, text)": "text",
        "concat_ws(text, oid, oid, text)": "text",
        "concat_ws(text, oid, text)": "text",
        "unnest(text[])": "text",
        "unnest(int[])": "int",
        "unnest(bigint[])": "bigint",
        "unnest(regclass[])": "regclass",
        "generate_series(int, bigint, int)": "bigint",
        "lo_lseek64(int, int, int)": "bigint",
        "pg_relation_filenode(oid)": "oid",
        "pg_partition_root(oid)": "oid",
        "obj_description(oid, text)": "text",
    }.items()
)
_REWRITTEN = {
    "vacuumed": ["vacuum full {t}"],
    "clustered": ["cluster {t} using {t}_pkey", "alter table {t} set without cluster"],
}


def _moved(result: dict[str, Any]) -> dict[str, str]:
    """Return the tables that moved, and how."""
    return {row["name"]: row["how"] for row in result["tables"] if row["how"] != "unchanged"}


def test_what_counts_and_transactions_do_not_tell(transfer: Any, source: Database, target: Database) -> None:
    # All in one database: by counts and transaction ids, each would count as unchanged, or be copied without need.
    source.app(_TRAPS + "select lo_from_bytea(0, 'x')")
    for before, _after, _moved in _CASES.values():
        source.app(before)
    transfer()
    for _before, after, _moved in _CASES.values():
        source.app(after)
    expected = {name: how for _before, _after, moved in _CASES.values() for name, how in moved.items()}
    assert transfer(check_mode=True)["verdict"] == "would_update"
    result = transfer(mode="delta")

    assert result["verdict"] == "updated", result
    assert content(target) == content(source)
    how = {row["name"].replace("public.", ""): row["how"] for row in result["tables"] if row["how"] != "unchanged"}
    assert how == expected
    # What was proven is noted: the next run writes nothing.
    before_next = target.fingerprint()
    assert transfer(mode="delta")["verdict"] == "unchanged"
    assert target.fingerprint() == before_next


def test_rows_in_another_file_are_compared(transfer: Any, source: Database, target: Database) -> None:
    tables = [f"{side}_{how}" for side in ("source", "target") for how in _REWRITTEN]
    for table in tables:
        source.app(f"create table {table} (id int primary key, v text)")
        source.app(f"insert into {table} select i, 'x' from generate_series(1, 99) i")
    source.app("create table moves (id int primary key, v text); insert into moves values (1, 'a'), (2, 'b')")
    transfer()
    for table in tables:
        for statement in _REWRITTEN[table.partition("_")[2]]:
            {"source": source, "target": target}[table.partition("_")[0]].app(statement.format(t=table))
    before = target.rows("select max(target_xid) from _flyover.transfer_table")
    assert transfer(mode="delta")["verdict"] == "unchanged"
    # That they are equal is noted, once.
    assert target.rows("select max(target_xid) from _flyover.transfer_table") > before
    fingerprint = target.fingerprint()
    assert transfer(mode="delta")["verdict"] == "unchanged"
    assert target.fingerprint() == fingerprint

    source.app("vacuum full moves")
    source.app(f"update moves set v = 'c' where id = 2; update {tables[0]} set v = 'y' where id = 7")
    result = transfer(mode="delta")
    moved = {row["name"]: (row["how"], row["moved"]) for row in result["tables"] if row["how"] != "unchanged"}
    assert moved == {"public.moves": ("by key", 1), f"public.{tables[0]}": ("by key", 1)}
    assert content(target) == content(source)


def test_a_rewritten_table_that_moved_is_proven(transfer: Any, source: Database, target: Database) -> None:
    source.app("create table w (id int primary key, v text); insert into w select i, 'x' from generate_series(1, 99) i")
    transfer()
    source.app("vacuum full w")
    source.app("update w set v = 'y' where id = 7")
    # A difference that no transaction id shows.
    target.rows("update w set v = 'other' where id = 9")
    target.rows(
        "update _flyover.transfer_table set target_horizon = pg_snapshot_xmax(pg_current_snapshot())::text::int8"
    )
    assert "table public.w: 99 rows of 99, or other content" in transfer(mode="delta")["msg"]


def test_a_marker_of_an_older_format_is_not_trusted(
    copied: None, transfer: Any, source: Database, target: Database
) -> None:
    target.rows("update _flyover.transfer set format = 3")
    result = transfer(check_mode=True)
    assert (result["verdict"], "compare" in result["seconds"]) == ("unchanged", True)
    assert transfer()["verdict"] == "unchanged"
    # It is rewritten, so that transaction ids show what changes from now on.
    result = transfer()
    assert (result["verdict"], "compare" in result["seconds"]) == ("unchanged", False)

    target.rows("update _flyover.transfer set format = 3")
    target.app("update users set last_name = 'moved' where id = 3")
    assert "by another version of this module" in transfer(mode="delta")["msg"]
    assert transfer()["verdict"] == "copied"
    assert content(target) == content(source)


def test_other_tables_are_named(copied: None, transfer: Any, source: Database, target: Database) -> None:
    source.app("create table fresh (id int)")
    assert "the tables differ: public.fresh are on one side only" in transfer(mode="delta")["msg"]


def test_identity_changes_with_what_it_is_made_of(source: Database) -> None:
    source.app(
        "create type hue as enum ('a', 'b'); create type pair as (m hue, r int4range);"
        "create domain pairs as pair[]; create table i (id int, p pairs, v text)"
    )

    def now() -> identity.Identity:
        with Session(parse(source.url, "source"), "source", read_only=True) as session:
            return identity.named(session, ["public.i"])["public.i"]

    seen = {now()}
    for statement in (
        "alter type hue rename value 'a' to 'c'",
        "alter type pair drop attribute r",
        "alter type pair add attribute r int4range",
        "alter table i drop column v",
        "alter table i add column v text",
        "alter table i rename v to w",
        "insert into i values (1, array[('b', null)::pair], 'x'); truncate i",
    ):
        source.app(statement)
        assert now() not in seen, statement
        seen.add(now())
    for statement in ("analyze i", "create index on i (w)", "grant select on i to public", "comment on table i is 'x'"):
        source.app(statement)
        assert now() in seen, statement
    assert not any(one.fickle for one in seen)
    source.app("alter table i add column r regrole")
    assert now().fickle


def test_ids_that_may_have_been_given_out_again() -> None:
    noted = {"timeline": "00000001", "version": 15, "next": 1000, "position": 70, "started": "then"}
    evidence = Evidence(1, 1003, 1004, 1002)
    found = Marker("complete", {"servers": {"source": noted, "target": noted}}, {"public.t": evidence})

    def reason(side: str, **now: Any) -> str:
        later = {"source": {**noted, "next": 1010}, "target": {**noted, "next": 1010}}
        later[side].update(now)
        return updating.no_evidence(found, later)

    for side, horizon in ("source", 1003), ("target", 1004):
        for now in {"next": horizon}, {"position": 71}, {"started": "since"}, {"next": horizon + 2_000_000_000}:
            assert not reason(side, **now)
        for now in {"next": horizon - 1}, {"position": 69}:
            assert "put back to an earlier state" in reason(side, **now)
        for now in {"timeline": "00000002"}, {"timeline": None}, {"version": 16}:
            assert "failed over" in reason(side, **now)
        assert "too many transactions" in reason(side, next=horizon + 2_000_000_001)
    del noted["position"]
    assert "another version of this module" in reason("source", position=70)


def test_a_server_that_was_started_with_other_files(
    copied: None, transfer: Any, source: Database, target: Database
) -> None:
    # A marker that does not know yet: everything is compared, once.
    target.rows("update _flyover.transfer set document = document #- '{servers,source,position}'")
    assert "compare" in transfer()["seconds"]
    # An id was given out again, so that a row looks old: only that the server was started since shows it.
    source.app("update users set last_name = 'put back' where id = 3")
    (following,) = source.rows("select pg_snapshot_xmax(pg_current_snapshot())::text::int8")[0]
    target.rows(f"update _flyover.transfer_table set source_horizon = {following} where name = 'public.users'")
    source.app("update posts set title = 'also written' where id = 5")
    moved = {"public.posts": "by key"}
    assert _moved(transfer(check_mode=True)) == moved
    target.rows("""update _flyover.transfer set document = jsonb_set(document, '{servers,source,started}', '""')""")
    assert _moved(transfer(mode="delta")) == {**moved, "public.users": "whole"}
    assert content(target) == content(source)
    before = target.fingerprint()
    result = transfer(mode="delta")
    assert (result["verdict"], "compare" in result["seconds"]) == ("unchanged", False)
    assert target.fingerprint() == before


def test_ids_more_than_two_billion_behind(source: Database, target: Database) -> None:
    def matching(database: Database, condition: str) -> list[int]:
        """Return which rows match, by how many ids their transaction is behind the next one."""
        behind = [-1_000_000, -1, 1, 80, 90, 100, 101, 2**31 - 1, 2**31 + 1, 3_000_000_000]
        # Of the tables that the servers hold, none is that old.
        xmin = f"(({following} - behind + (1::int8 << 33)) % (1::int8 << 32))::text::xid as xmin"
        rows = f"select behind, {xmin} from unnest(array{behind}::int8[]) behind offset 0"
        return [one for (one,) in database.rows(f"select behind from ({rows}) rows where {condition}")]

    for database in (source, target):
        (following,) = database.rows("select pg_snapshot_xmax(pg_current_snapshot())::text::int8")[0]
        horizon = following - 100
        assert matching(database, changes.newer(horizon)) == [1, 80, 90, 100]
        # On the target others may write after the transaction that looks was given its id.
        own = Evidence(1, horizon, horizon, following - 90, own=(following - 80,))
        assert matching(database, changes.foreign(own)) == [-1_000_000, -1, 1, 100]


def test_views_that_others_filled(copied: None, transfer: Any, source: Database, target: Database) -> None:
    expected = content(source)
    user = "insert into users (id, email, first_name) overriding system value values (-1, 'x@y', 'X')"
    gone = "delete from users where id = -1"
    target.app("create unique index kept_out on counts (mood)")
    source.app("create unique index kept_out on counts (mood)")
    for fill in ("refresh materialized view counts", "refresh materialized view concurrently counts"):
        for sql in (user, fill, "refresh materialized view sums", gone):
            target.app(sql)
        assert content(target) != expected
        assert transfer(mode="delta")["verdict"] == "updated"
        assert content(target) == expected
    target.app("refresh materialized view sums with no data; refresh materialized view unfilled")
    # The same where everything is compared.
    target.rows("update _flyover.transfer set document = document #- '{servers,source,position}'")
    assert transfer(check_mode=True)["verdict"] == "would_update"
    assert transfer(mode="delta")["verdict"] == "updated"
    assert content(target) == expected
    before = target.fingerprint()
    assert transfer(mode="warm")["verdict"] == "unchanged"
    assert target.fingerprint() == before


def test_a_sequence_that_the_target_uses_meanwhile(
    copied: None, transfer: Any, source: Database, target: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare = Run.compare

    def used(run: Run, *arguments: Any) -> Any:
        target.app("select nextval('never_called')")
        return compare(run, *arguments)

    monkeypatch.setattr(Run, "compare", used)
    assert transfer(mode="warm")["verdict"] == "updated"
    assert content(target) == content(source)


def test_what_the_copy_wrote_while_a_transaction_is_open(
    copied: None, transfer: Any, source: Database, target: Database
) -> None:
    with target.server.connect("postgres") as connection, connection.cursor() as cursor:
        cursor.execute("begin; select pg_current_xact_id()")
        for number, table in enumerate(("users", "posts", "users", "users"), 4):
            source.app(f"update {table} set {'body' if table == 'posts' else 'last_name'} = 'new' where id = {number}")
            assert _moved(transfer(mode="delta")) == {f"public.{table}": "by key"}
        target.app("update users set last_name = 'theirs' where id = 5")
        assert _moved(transfer()) == {"public.users": "whole"}
    assert content(target) == content(source)
