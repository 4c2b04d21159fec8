# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Foreign keys, triggers and rules of the target, put out of the way of rows that arrive in another order than they
were written in. All of it is the owner's right, and inside a transaction: C(session_replication_role) would need more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.catalog import LOG_SCHEMA
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.naming import relation
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session

# ON DELETE actions that no deferring puts off: cascade, restrict, set null, set default.
_AT_ONCE = "crnd"


@dataclass(frozen=True)
class ForeignKey:
    """One foreign key; a partitioned table's has one more for each partition, below it."""

    oid: int
    parent: int
    table: str
    referenced: str
    on_delete: str
    deferrable: bool
    name: str
    definition: str
    comment: str | None

    @property
    def acts_at_once(self) -> bool:
        """Whether deleting a referenced row does something at once."""
        return self.on_delete in _AT_ONCE


class ForeignKeys:
    """All foreign keys of a database."""

    def __init__(self, session: Session) -> None:
        """Read them."""
        rows = session.rows(
            f"""
            select oid, conparentid, {relation("conrelid")}, {relation("confrelid")}, confdeltype::text,
                   condeferrable, quote_ident(conname::text), pg_get_constraintdef(oid),
                   obj_description(oid, 'pg_constraint')
            from pg_constraint where contype = 'f'
            """
        )
        self._all = {row[0]: ForeignKey(*row) for row in rows}

    def into(self, table: str) -> list[ForeignKey]:
        """Return the keys that refer to O(table) itself, a partition's own among them."""
        return [key for key in self._all.values() if key.referenced == table]

    def touching(self, tables: Collection[str]) -> list[ForeignKey]:
        """Return the topmost of the keys that belong to O(tables) or refer to them."""
        return self.topmost(key for key in self._all.values() if key.table in tables or key.referenced in tables)

    def topmost(self, keys: Iterable[ForeignKey]) -> list[ForeignKey]:
        """Return O(keys), and instead of a partition's its partitioned table's."""
        found = {}
        for key in keys:
            while key.parent in self._all:
                key = self._all[key.parent]
            found[key.oid] = key
        return list(found.values())

    def reached(self, tables: Collection[str]) -> set[str]:
        """Return the tables in which deleting rows of O(tables) may change rows at once, step by step."""
        found: set[str] = set()
        fresh = set(tables)
        while fresh:
            fresh = {key.table for key in self._all.values() if key.acts_at_once and key.referenced in fresh} - found
            found |= fresh
        return found

    def children_first(self, tables: Collection[str]) -> list[str]:
        """Return O(tables), each after those that refer to it; in a circle anywhere."""
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
    """Return statements that put off the checks of O(keys), and those that undo it."""
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
            text = key.comment.replace("'", "''")
            make.append(f"comment on constraint {key.name} on {key.table} is '{text}'")
    return drop, make


def silenced(session: Session, tables: Collection[str], watched: Collection[str] = ()) -> tuple[list[str], list[str]]:
    """Return statements that switch off triggers and rules on O(tables), and those that undo it.

    The change log's go on in tables that are O(watched).
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
