# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random schemas, and what may happen to them between two runs: everything follows from a seed."""

from __future__ import annotations

import io
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import psycopg2

_PATIENCE = "set lock_timeout = '300ms'; set statement_timeout = '20s';"
TYPES = {
    "int": [str(number) for number in range(1, 25)],
    "bigint": ["1", "2", "9223372036854775807", "-5"],
    "numeric": ["1", "1.0", "1.00", "'NaN'", "0", "-0.5", "1e-20", "1e30", "2.50", "2.5"],
    "float8": ["0", "'-0'", "'NaN'", "'Infinity'", "1.5", "1e-320", "2"],
    "real": ["0", "'-0'", "1.1", "'NaN'"],
    "text": ["''", "'a'", "'A'", "'é'", "E'tab\\t\\\\ nl\\n'", "repeat('long', 2000)", "'a '"],
    "varchar(9)": ["''", "'x'", "'x '", "'ß'"],
    "char(4)": ["''", "'x'", "'xy'"],
    "bool": ["true", "false"],
    "date": ["'2024-02-29'", "'infinity'", "'0044-03-15 BC'"],
    "timestamptz": ["'2024-01-01'", "'-infinity'", "'2024-01-01 01:02:03.000004+05'"],
    "interval": ["'1 mon'", "'30 days'", "'720 hours'", "'-1 day'"],
    "bytea": ["''", "'\\x00ff'"],
    "json": ["'{\"a\": 1}'", "'{\"a\":1}'"],
    "jsonb": ["'{\"a\": 1.0}'", "'{\"a\": 1.00}'", "'[]'", "'\"x\"'"],
    "uuid": [f"'00000000-0000-0000-0000-00000000000{digit}'" for digit in range(9)],
    "int[]": ["'{}'", "'{1,2}'", "'[0:1]={1,2}'", "'{{1},{2}}'", "'{NULL}'"],
    "text[]": ["'{}'", "'{a,NULL,\"\"}'", "'{b}'"],
    "numeric[]": ["'{1.0}'", "'{1.00}'"],
    "int4range": ["'[1,3)'", "'empty'", "'(,)'"],
    "numrange": ["'[1.0,2]'", "'[1.00,2]'"],
    "inet": ["'10.0.0.1'", "'10.0.0.1/8'", "'::1'"],
    "tsvector": ["'a:1 b:2A'", "''"],
    "bit(3)": ["B'101'", "B'000'"],
    "money": ["'1.50'", "'-3'"],
    "point": ["'(1,2)'", "'(0,-0)'"],
    "name": ["'n'", "'m'"],
    '"char"': ["'c'", "''"],
    "regclass": ["'public.t0'", "'public.t1'", "'pg_class'"],
    "mood": ["'happy'", "'sad'", "'so so'"],
    "addr": ["('x', 1)", "(null, 2)", "('', null)"],
    "addr[]": ["array[('x', 1)::addr]", "array[null, ('y', 2)::addr]"],
    "dom": ["5", "7", "3"],
    "dom[]": ["'{5,6}'", "'{}'"],
}
_WIDER = {"int": "bigint", "bigint": "numeric", "real": "float8", "varchar(9)": "text", "name": "text"}
_KEYS = [
    ("id int", "id"),
    ("id int, k text", "id, k"),
    ("k numeric", "k"),
    ("k float8", "k"),
    ("k text", "k"),
    ('k text collate "C", l text collate "POSIX"', "k, l"),
    ("k dom", "k"),
    ("k mood, id int", "k, id"),
    ("k int[]", "k"),
    ("k char(4)", "k"),
    ("k uuid", "k"),
    ("k date", "k"),
    ("id int, k name", "id, k"),
]
STEPS = {
    "_write": 30, "_transaction": 10, "_truncate": 3, "_rewrite": 5, "_swap": 6, "_remake": 3, "_attribute": 3,
    "_detach": 4, "_retype": 4, "_begin_one": 6, "_settle": 6, "_count": 2, "_check": 1, "_enum": 1, "_large_object": 1,
}  # fmt: skip
"""What may happen, and how often."""
_ACTIONS = ["cascade", "set null", "restrict", "no action"]
_COMMON = """
create type mood as enum ('happy', 'sad', 'so so'); create type addr as (street text, zip int);
create domain dom as int; create sequence counter;
"""


class Table:
    """A table of the schema, as it was made."""

    def __init__(self, name: str, columns: list[tuple[str, str]], key: str) -> None:
        self.name = name
        self.columns = columns
        self.key = key


class Tried:
    """How often each kind of change was tried, and how often it was done: what is never done tests nothing."""

    def __init__(self) -> None:
        self.all: Counter[str] = Counter()
        self.done: Counter[str] = Counter()

    @property
    def never_done(self) -> set[str]:
        """The kinds of change that the server refused each time, or that were never tried."""
        return {kind for kind in self.all if not self.done[kind]} | {
            step for step in STEPS if not any(kind.startswith(f"{step}:") for kind in self.all)
        }


class History:
    """One database's life."""

    def __init__(self, seed: int, connect: Callable[[], Any], tried: Tried) -> None:
        """O(connect) gives a connection in autocommit as the app's role."""
        self.chance = random.Random(seed)
        self._connect = connect
        self._connection = connect()
        self._tried = tried
        self._kind = ""
        self._open: list[Any] = []
        self._prepared: list[str] = []
        self.tables: list[Table] = []
        self.log: list[str] = []

    def close(self) -> None:
        """End everything that is open."""
        while self._open or self._prepared:
            self._settle()
        self._connection.close()

    @property
    def undecided(self) -> bool:
        """Whether a transaction is open or prepared."""
        return bool(self._open or self._prepared)

    def run(self, sql: str, connection: Any = None) -> list[tuple[Any, ...]] | None:
        """Run O(sql); return its rows, or None if the server refused it: the history goes on without a change, but not
        without a schema.
        """
        self.log.append(sql if connection is None else f"/* open */ {sql}")
        kind = f"{self._kind}: {sql.split()[0]}"
        self._tried.all[kind] += 1
        try:
            with (connection or self._connection).cursor() as cursor:
                cursor.execute(sql)
                self._tried.done[kind] += 1
                return cursor.fetchall() if cursor.description else []
        except psycopg2.Error as error:
            if not self._kind or error.pgcode is None:  # the latter did not come from the server
                raise
            self.log.append(f"-- {str(error).splitlines()[0]}")
            with (connection or self._connection).cursor() as cursor:
                cursor.execute("rollback")
            return None

    def begin(self) -> None:
        """Make the schema and its first rows."""
        self.run(_PATIENCE)
        self.run(_COMMON)
        for number in range(self.chance.randint(2, 5)):
            self._make(f"t{number}")
        # Two of a kind, so that they can swap names.
        twin = self.tables[0]
        self._make("twin", twin.columns, twin.key)
        self._references()
        self._partitions()
        if self.chance.random() < 0.5:
            self.run("create table parent (id int primary key, v text); create table kid (w int) inherits (parent)")
            self.tables += [Table(name, [("id", "int"), ("v", "text")], "id") for name in ("parent", "kid")]
        self.run("create materialized view counted as select count(*) n from t0")
        self.run("create materialized view by_parts as select at, count(*) n from parts group by at")
        values = ", ".join(f"{value}::{type_}" for type_, values in TYPES.items() for value in values)
        self.run(f"select {values} where false")  # each is of its type
        if self.chance.random() < 0.3:
            self.run("alter domain dom add constraint positive check (value > 4) not valid")
        self._kind = "_write"
        for _time in range(12):
            self._write()

    def go_on(self) -> None:
        """Let some time pass."""
        for _step in range(self.chance.randint(1, 12)):
            (self._kind,) = self.chance.choices(list(STEPS), list(STEPS.values()))
            getattr(self, self._kind)()

    def _make(self, name: str, columns: list[tuple[str, str]] | None = None, key: str = "") -> None:
        chance = self.chance
        if columns is None:
            declared, key = chance.choice(_KEYS) if chance.random() < 0.75 else ("id int", "")
            columns = [(part.split()[0], part.partition(" ")[2]) for part in declared.split(", ")]
            columns += [(f"c{index}", chance.choice(list(TYPES))) for index in range(chance.randint(0, 6))]
        defined = ", ".join(f"{column} {type_}" for column, type_ in columns)
        if "id" in dict(columns) and chance.random() < 0.2:
            defined += ", g int generated always as (id * 2) stored"
        if chance.random() < 0.15:
            defined += ", n int generated always as identity"
        constraint = f", constraint {name}_key primary key ({key})" if key else ""
        self.run(f"create table {name} ({defined}{constraint})")
        self.tables.append(Table(name, columns, key))
        if chance.random() < 0.3:
            self.run(f"create index {name}_more on {name} (({columns[-1][0]} is null))")
        if chance.random() < 0.2:
            body = "begin return new; end"
            self.run(f"create function {name}_noted() returns trigger language plpgsql as $${body}$$")
            self.run(f"create trigger noted before update on {name} for each row execute function {name}_noted()")

    def _references(self) -> None:
        for table in [one for one in self.tables if one.key == "id"]:
            for number in range(self.chance.randint(0, 2)):
                action = self.chance.choice(_ACTIONS)
                also = self.chance.choice(["", " deferrable", " deferrable initially deferred", " not valid"])
                other = f"ref_{table.name}_{number}"
                self.run(f"create table {other} (id int constraint {other}_key primary key, r int, v text)")
                self.tables.append(Table(other, [("id", "int"), ("r", "int"), ("v", "text")], "id"))
                if "not valid" in also:
                    self.run(f"insert into {other} select i, 900 + i, 'lost' from generate_series(1, 5) i")
                self.run(f"alter table {other} add foreign key (r) references {table.name} on delete {action} "
                         f"on update {self.chance.choice(['cascade', 'no action'])}{also}")  # fmt: skip

    def _partitions(self) -> None:
        key = ", primary key (at, id)" if self.chance.random() < 0.6 else ""
        self.run(f"create table parts (at int, id int, v text{key}) partition by list (at)")
        for number in range(3):
            self.run(f"create table part{number} partition of parts for values in ({number})")
        if self.chance.random() < 0.3:
            self.run("alter table parts add constraint short check (length(v) < 9) not valid")
        self.tables.append(Table("parts", [("at", "part"), ("id", "int"), ("v", "text")], key))

    def _value(self, type_: str) -> str:
        if type_ == "part":
            return str(self.chance.randrange(3))
        return "null" if self.chance.random() < 0.1 else self.chance.choice(TYPES[type_.partition(" collate")[0]])

    def _dml(self) -> str:
        chance = self.chance
        table = chance.choice(self.tables)
        kind = chance.random()
        where = self._where(table)
        if kind < 0.5:
            names = ", ".join(column for column, _type in table.columns)
            rows = ", ".join(
                f"({', '.join(self._value(type_) for _column, type_ in table.columns)})"
                for _row in range(chance.choice([1, 1, 3]))
            )
            return f"insert into {table.name} ({names}) values {rows} on conflict do nothing"
        if kind < 0.8:
            column, type_ = chance.choice(table.columns)
            return f"update {table.name} set {column} = {self._value(type_)} {where}"
        return f"delete from {table.name} {where}"

    def _where(self, table: Table) -> str:
        column, type_ = self.chance.choice(table.columns)
        if self.chance.random() < 0.2:
            return f"where {column} is null"
        if self.chance.random() < 0.5:
            return f"where ctid = (select min(ctid) from {table.name}) "
        return f"where {column}::text = ({self._value(type_)})::text"

    def _write(self) -> None:
        self.run(self._dml())

    def _transaction(self) -> None:
        statements = ["begin"]
        for number in range(self.chance.randint(1, 4)):
            statements += [f"savepoint s{number}", self._dml()]
            statements.append(self.chance.choice([f"release s{number}", f"rollback to s{number}", "select 1"]))
        self.run("; ".join([*statements, self.chance.choice(["commit", "commit", "rollback"])]))

    def _begin_one(self) -> None:
        connection = self._connect()
        self.run(_PATIENCE, connection)
        self.run(
            self.chance.choice(["begin", "begin isolation level repeatable read; select count(*) from t0"]), connection
        )
        for number in range(self.chance.randint(1, 3)):
            if self.run(f"savepoint s{number}; {self._dml()}", connection) is None:
                return connection.close()
        if self.chance.random() < 0.4:
            name = f"p{self.chance.randrange(10**9)}"
            if self.run(f"prepare transaction '{name}'", connection) is not None:
                self._prepared.append(name)
            connection.close()
        else:
            self._open.append(connection)

    def _settle(self) -> None:
        how = self.chance.choice(["commit", "commit", "rollback"])
        if self._open and (not self._prepared or self.chance.random() < 0.5):
            connection = self._open.pop(self.chance.randrange(len(self._open)))
            self.run(how, connection)
            connection.close()
        elif self._prepared:
            self.run(f"{how} prepared '{self._prepared.pop()}'")

    def _truncate(self) -> None:
        table = self.chance.choice(self.tables)
        self.run(f"truncate {table.name} cascade")
        for _row in range(self.chance.randint(0, 4)):
            self.run(self._dml())

    def _rewrite(self) -> None:
        table = self.chance.choice(self.tables).name
        index = f"(select indexrelid::regclass::text from pg_index where indrelid = '{table}'::regclass limit 1)"
        found = self.run(f"select {index}")
        if self.chance.random() < 0.5 or not found or found[0][0] is None:
            self.run(f"vacuum full {table}")
        else:
            self.run(f"cluster {table} using {found[0][0]}; alter table {table} set without cluster")

    def _swap(self) -> None:
        one, other = self.chance.choice([*[("t0", "twin")] * 6, ("part0", "part1"), ("t0", "t1")])
        swap = "alter {2} {0} rename to swapped; alter {2} {1} rename to {0}; alter {2} swapped rename to {1};"
        sql = swap.format(one, other, "table")
        if self.chance.random() < 0.8 and other == "twin":
            for kind in ("key", "more"):
                if self.run(f"select 1 where to_regclass('{one}_{kind}') <> to_regclass('{other}_{kind}')"):
                    sql += swap.format(f"{one}_{kind}", f"{other}_{kind}", "index")
        names = {one: other, other: one}
        if self.run(sql) is not None:
            for table in self.tables:
                table.name = names.get(table.name, table.name)

    def _remake(self) -> None:
        """Drop the last column and make it again."""
        table = self.chance.choice(self.tables)
        column, type_ = table.columns[-1]
        if column not in table.key and not (type_ in ("part",) or table.name in ("parts", "parent", "kid")):
            default = f" default {self._value(type_)}" if self.chance.random() < 0.5 else ""
            self.run(f"begin; alter table {table.name} drop {column};"
                     f"alter table {table.name} add {column} {type_}{default};"
                     f"alter table {table.name} alter {column} drop default; commit")  # fmt: skip

    def _attribute(self) -> None:
        self.run("begin; alter type addr drop attribute zip; alter type addr add attribute zip int; commit")

    def _detach(self) -> None:
        part = self.chance.randrange(3)
        away = f"alter table parts detach partition part{part}"
        back = f"alter table parts attach partition part{part} for values in ({part})"
        between = self.chance.choice(
            ["", f"delete from part{part};", f"insert into part{part} values ({part}, 77, 'd');"]
        )
        self.run(f"begin; {away}; {between} {back}; commit")

    def _retype(self) -> None:
        table = self.chance.choice(self.tables)
        for column, type_ in table.columns:
            if type_ in _WIDER and column.startswith("c"):
                self.run(f"begin; alter table {table.name} alter {column} type {_WIDER[type_]};"
                         f"alter table {table.name} alter {column} type {type_}; commit")  # fmt: skip

    def _count(self) -> None:
        self.run("select nextval('counter')")

    def _check(self) -> None:
        """Change the schema, so that everything is copied; after a dump, a child has its parent's columns first."""
        table = self.chance.choice([table for table in self.tables if table.name != "parent"])
        self.run(f"alter table {table.name} add column more{self.chance.randrange(99)} int default 3")

    def _enum(self) -> None:
        self.run(
            "begin; alter type mood rename value 'sad' to 'gone'; alter type mood rename value 'gone' to 'sad'; commit"
        )

    def _large_object(self) -> None:
        self.run(f"select lo_from_bytea({self.chance.randint(50000, 50009)}, 'x')")
        self.run(f"select lo_put({self.chance.randint(50000, 50009)}, 0, 'y{self.chance.randrange(9)}')")


def meddle(chance: random.Random, run: Callable[[str], Any]) -> list[str]:
    """Write something to the target, as an app in a rehearsal does; return what was tried."""
    tried = [
        chance.choice(
            [
                "delete from t0 where ctid = (select min(ctid) from t0)",
                "insert into parts values (1, 99, 'target') on conflict do nothing",
                "vacuum full t0",
                "vacuum full twin",
                "update t1 set (c0) = (select c0 from t1 where c0 is not null limit 1)",
                "truncate t1 cascade",
                "select nextval('counter')",
                "refresh materialized view by_parts",
                "refresh materialized view counted with no data",
                "begin; insert into parts values (1, 98, 'x'); refresh materialized view by_parts;"
                "delete from parts where id = 98; commit",
                "begin; alter type addr drop attribute zip; alter type addr add attribute zip int; commit",
                "begin; alter table t0 rename to s; alter table twin rename to t0; alter table s rename to twin; end",
            ]
        )
        for _time in range(chance.randint(1, 2))
    ]
    for sql in tried:
        try:
            run(sql)
        except psycopg2.Error as error:
            if error.pgcode is None:
                raise
    return tried


class OneProcess:
    """A pool without workers, which does each task at once: these tests are about what moves, not about how."""

    def __init__(self, source: Any, target: Any, snapshot: str, jobs: int) -> None:
        """Take what the pool takes."""
        self._feed = source.again()
        self._feed.run(f"begin isolation level repeatable read read only; set transaction snapshot '{snapshot}'")
        self._target = target.again()
        self._asked: Any = None

    def run(self, tasks: Any, done: Callable[[Any, Any], None], tick: Callable[[], None]) -> None:
        """Do O(tasks) in their order, in which each comes after those that it needs."""
        with self._target.as_app(), self._feed.as_app():
            for task in tasks:
                done(task.work, task.work.do(self._target, self))

    def bytes_moved(self) -> int:
        """Return nothing that matters."""
        return 0

    def close(self) -> None:
        """End the sessions."""
        self._feed.close()
        self._target.close()

    def ask(self, what: Any) -> None:
        """Remember what the source is asked."""
        self._asked = list(what) if isinstance(what, list) else what

    def answer(self) -> Any:
        """Return what is read now."""
        return self._asked.read(self._feed)

    def copy_in(self, target: Any, sql: str, doing: str) -> int:
        """Read all of a table, then write it."""
        stream = io.BytesIO()
        copy, reading = self._asked.pop(0)
        rows = self._feed.copy_out(copy, stream, reading)
        stream.seek(0)
        assert target.copy_in(sql, stream, doing) == rows
        return int(rows)
