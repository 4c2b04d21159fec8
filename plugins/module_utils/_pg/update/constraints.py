# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Foreign keys, triggers and rules of the target, moved out of the way of rows that arrive in another order than they
were written in. It needs only the owner's rights, within a transaction; C(session_replication_role) would need more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.naming import dotted, quoted, relation
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.scope import LOG_SCHEMA
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session

# ON DELETE actions that deferring does not postpone: cascade, restrict, set null, set default.
_AT_ONCE = "crnd"
# A unique value that is taken, one that violates an exclusion constraint, and a row that another refers to, which
# since PostgreSQL 18 is an error of its own if RESTRICT forbids it.
_KEYS_HINDER = ("23505", "23P01", "23503", "23001")
_CHECK_HINDERS = "23514"


@dataclass(frozen=True)
class ForeignKey:
    """One foreign key; that of a partitioned table has another one below it for each partition."""

    oid: int
    parent: int
    table: str
    referenced: str
    on_delete: str
    deferrable: bool
    name: str
    definition: str
    comment: str | None
    checked: bool
    """Whether the server knows that every row obeys it, which it does not for one made NOT VALID."""
    indexed: bool
    """Whether the rows that refer to one are found by an index; otherwise each lookup reads the table."""

    @property
    def acts_at_once(self) -> bool:
        """Whether deleting a referenced row does something at once."""
        return self.on_delete in _AT_ONCE


class Aside(NamedTuple):
    """What is dropped while rows are written, and made again afterwards, which checks every row."""

    keys: bool = False
    """Foreign keys that refer to the tables: rows may swap unique values, and leave a circle of RESTRICT."""
    checks: bool = False
    """Checks that call the app's functions, which may read other tables."""

    def against(self, sqlstate: str) -> Aside:
        """Return what to drop too, after the error O(sqlstate)."""
        return Aside(self.keys or sqlstate in _KEYS_HINDER, self.checks or sqlstate == _CHECK_HINDERS)


class ForeignKeys:
    """All foreign keys of a database."""

    def __init__(self, session: Session) -> None:
        """Read them."""
        rows = session.rows(
            f"""
            select oid, conparentid, {relation("conrelid")}, {relation("confrelid")}, confdeltype::text,
                   condeferrable, quote_ident(conname::text), pg_get_constraintdef(oid),
                   pg_catalog.obj_description(oid, 'pg_constraint'),
                   convalidated or pg_catalog.to_jsonb(k) ->> 'conenforced' = 'false',
                   exists (select from pg_index i where i.indrelid = k.conrelid and i.indisvalid and i.indpred is null
                           and (i.indkey::int2[])[0:pg_catalog.cardinality(k.conkey) - 1]
                             operator(pg_catalog.@>) k.conkey)
            from pg_constraint k where contype = 'f'
            """
        )
        self._all = {row[0]: ForeignKey(*row) for row in rows}

    def into(self, table: str) -> list[ForeignKey]:
        """Return the keys that refer to O(table) itself, including a partition's own."""
        return [key for key in self._all.values() if key.referenced == table]

    def touching(self, tables: Collection[str]) -> list[ForeignKey]:
        """Return the topmost of the keys that belong to O(tables) or refer to them."""
        return self.topmost(key for key in self._all.values() if key.table in tables or key.referenced in tables)

    def topmost(self, keys: Iterable[ForeignKey]) -> list[ForeignKey]:
        """Return O(keys), with those of a partitioned table in place of its partitions'."""
        found = {}
        for key in keys:
            while key.parent in self._all:
                key = self._all[key.parent]
            found[key.oid] = key
        return list(found.values())

    def reached(self, tables: Collection[str]) -> set[str]:
        """Return the tables whose rows may change at once, directly or indirectly, if rows of O(tables) are deleted."""
        found: set[str] = set()
        fresh = set(tables)
        while fresh:
            fresh = {key.table for key in self._all.values() if key.acts_at_once and key.referenced in fresh} - found
            found |= fresh
        return found

    def children_first(self, tables: Collection[str]) -> list[str]:
        """Return O(tables), each after those that refer to it; those in a circle in any order."""
        parents = {key: set[str]() for key in tables}
        for key in self._all.values():
            if key.table in parents and key.referenced in parents and key.table != key.referenced:
                parents[key.table].add(key.referenced)
        ordered: list[str] = []
        visited: set[str] = set()

        def visit(table: str) -> None:
            if table not in visited:
                visited.add(table)
                for parent in sorted(parents[table]):
                    visit(parent)
                ordered.append(table)

        for table in sorted(parents):
            visit(table)
        return ordered[::-1]


def deferred(keys: Iterable[ForeignKey]) -> tuple[list[str], list[str]]:
    """Return statements that defer the checks of O(keys), and those that undo it."""
    fixed = [f"alter table {key.table} alter constraint {key.name}" for key in keys if not key.deferrable]
    begin = [f"{alter} deferrable initially deferred" for alter in fixed]
    return [*begin, "set constraints all deferred"], [f"{alter} not deferrable" for alter in fixed]


def set_aside(keys: Iterable[ForeignKey]) -> tuple[list[str], list[str]]:
    """Return statements that drop O(keys), and those that make them again, which checks every row."""
    drop, make = [], []
    for key in keys:
        drop.append(f"alter table {key.table} drop constraint {key.name}")
        make.append(f"alter table {key.table} add constraint {key.name} {key.definition}")
        if key.comment is not None:
            make.append(f"comment on constraint {key.name} on {key.table} is {_literal(key.comment)}")
    return drop, make


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


# Constraints that rows of the tables need not obey, where they were defined: on the table or one it inherits from.
_UNCHECKED = f"""
with recursive above(leaf, relation, level) as (
  select t::oid, t::oid, 0 from pg_catalog.unnest(%(tables)s::regclass[]) t
  union select a.leaf, i.inhparent, a.level + 1 from above a join pg_inherits i on i.inhrelid = a.relation
)
select 'table', {relation("k.conrelid")}, quote_ident(k.conname::text), pg_get_constraintdef(k.oid),
       pg_catalog.obj_description(k.oid, 'pg_constraint'), max(a.level)
from pg_constraint u join above a on a.leaf = u.conrelid
join pg_constraint k on k.conrelid = a.relation and k.conname = u.conname and k.contype = u.contype and k.conislocal
where coalesce(pg_catalog.to_jsonb(u) ->> 'conenforced', '') <> 'false' and (
  u.contype in ('c', 'n') and not u.convalidated
  or %(checks)s and u.contype = 'c' and exists (
    select from pg_depend d where d.classid = 'pg_constraint'::regclass and d.objid = u.oid
      and d.refclassid = 'pg_proc'::regclass and d.refobjid >= 16384))
group by k.oid, k.conrelid, k.conname
union all
select 'domain', {dotted("n.nspname", "t.typname")}, quote_ident(k.conname::text), pg_get_constraintdef(k.oid),
       pg_catalog.obj_description(k.oid, 'pg_constraint'), 0
from pg_constraint k join pg_type t on t.oid = k.contypid join pg_namespace n on n.oid = t.typnamespace
where k.contypid <> 0 and not k.convalidated and %(domains)s
order by 6 desc, 2, 3
"""


def unchecked(session: Session, tables: Collection[str], domains: bool, checks: bool) -> tuple[list[str], list[str]]:
    """Return statements that drop constraints made NOT VALID, which rows of O(tables) may violate, and those that
    create them again without checking a row; with O(checks) also checks that call the app's functions.
    """
    drop: list[str] = []
    make: list[str] = []
    for kind, owner, name, definition, comment, _level in session.rows(
        _UNCHECKED, {"tables": list(tables), "domains": domains, "checks": checks}
    ):
        drop.append(f"alter {kind} {owner} drop constraint {name}")
        on = f"domain {owner}" if kind == "domain" else owner
        again = [] if comment is None else [f"comment on constraint {name} on {on} is {_literal(comment)}"]
        # In reverse order: those that inherit a constraint merge it.
        make = [f"alter {kind} {owner} add constraint {name} {definition}", *again, *make]
    return drop, make


def loose(session: Session, tables: Collection[str]) -> dict[str, dict[str, str]]:
    """Return, by O(tables), the columns that hold a domain with a constraint made NOT VALID, with their types.

    A row that violates it cannot be put into a column of that type, not even for staging.
    """
    if not session.value("select exists (select from pg_constraint where contypid <> 0 and not convalidated)"):
        return {}
    rows = session.rows(
        f"""
        with recursive columns as (
          select attrelid, attname, atttypid, atttypmod from pg_attribute
          where attrelid = any (%s::regclass[]) and attnum > 0 and not attisdropped
        ), parts(whole, part) as (
          select distinct atttypid, atttypid from columns
          union
          select p.whole, x.part from parts p join pg_type t on t.oid = p.part
          cross join lateral (
            select t.typelem where t.typelem <> 0 and t.typlen = -1
            union all select t.typbasetype where t.typtype = 'd'
            union all select r.rngsubtype from pg_range r where t.oid in (r.rngtypid, r.rngmultitypid)
            union all select a.atttypid from pg_attribute a
              where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped) x(part)
        )
        select distinct {relation("attrelid")}, {quoted("attname")}, format_type(atttypid, atttypmod)
        from columns join parts on whole = atttypid join pg_constraint on contypid = part where not convalidated
        """,
        [list(tables)],
    )
    found: dict[str, dict[str, str]] = {}
    for table, column, type_ in rows:
        found.setdefault(table, {})[column] = type_
    return found


def writable_identities(session: Session, tables: Collection[str]) -> tuple[list[str], list[str]]:
    """Return statements that let identity columns of O(tables) be updated, and those that forbid it again."""
    rows = session.rows(
        f"""
        select distinct {relation("coalesce(pg_catalog.pg_partition_root(attrelid), attrelid)")}, {quoted("attname")}
        from pg_attribute where attrelid = any (%s::regclass[]) and attidentity = 'a' and not attisdropped
        """,
        [list(tables)],
    )
    alters = [f"alter table {table} alter column {column} set generated" for table, column in rows]
    return [f"{alter} by default" for alter in alters], [f"{alter} always" for alter in alters]


def silenced(session: Session, tables: Collection[str], watched: Collection[str] = ()) -> tuple[list[str], list[str]]:
    """Return statements that switch off triggers and rules on O(tables), and those that undo it.

    The change log's triggers stay on in tables that are O(watched).
    """
    rows = session.rows(
        f"""
        select 'trigger', {relation("tgrelid")}, quote_ident(tgname::text), tgenabled::text from pg_trigger
        where not tgisinternal and tgenabled in ('O', 'A') and tgrelid = any (%(tables)s::regclass[])
          and not (tgname = %(log)s and tgrelid = any (%(watched)s::regclass[]))
        union all
        select 'rule', {relation("ev_class")}, quote_ident(rulename::text), ev_enabled::text from pg_rewrite
        where rulename <> '_RETURN' and ev_enabled in ('O', 'A') and ev_class = any (%(tables)s::regclass[])
        """,
        {"tables": list(tables), "watched": list(watched), "log": LOG_SCHEMA},
    )
    off = [f"alter table {table} disable {kind} {name}" for kind, table, name, _state in rows]
    on = [
        f"alter table {table} enable {'always ' if state == 'A' else ''}{kind} {name}"
        for kind, table, name, state in rows
    ]
    return off, on
