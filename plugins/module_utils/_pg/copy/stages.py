# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""When each entry that comes after the data can be made: with its table, once all tables are there, or in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.archive import Entry
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.tables import Table
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session


@dataclass
class Stages:
    """The archive's post-data entries, by when and how they can be made."""

    of_table: dict[int, list[Entry]] = field(default_factory=dict)
    """Indexes and keys of one table, by the table's oid: as soon as its rows are there."""
    whole: list[Entry] = field(default_factory=list)
    """Indexes and keys that need rows of several tables, or join the indexes of partitions; in order."""
    foreign_keys: list[tuple[Entry, frozenset[int]]] = field(default_factory=list)
    """With the tables that each locks; they are made in parallel."""
    rest: list[Entry] = field(default_factory=list)
    """Triggers, rules, policies and everything else, in order."""


def stages(source: Session, entries: Sequence[Entry], tables: Sequence[Table]) -> Stages:
    """Sort O(entries), which come in an order that always works, into stages that need less waiting."""
    index_tables, careful = _indexes(source)
    constraints = _constraints(source)
    copied = {table.oid for table in tables}
    later = {entry.id for entry in entries}
    result = Stages()
    early: set[int] = set()
    for entry in entries:
        needs = entry.needs & later
        table = index_tables.get(entry.oid)
        if entry.kind == "CONSTRAINT":
            table = constraints.get(entry.oid, (0, 0))[0]
        if entry.kind in ("INDEX", "CONSTRAINT") and table in copied and not needs and entry.oid not in careful:
            result.of_table.setdefault(table or 0, []).append(entry)
        elif entry.kind in ("INDEX", "CONSTRAINT", "INDEX ATTACH") and needs <= early:
            result.whole.append(entry)
        elif entry.kind == "FK CONSTRAINT" and needs <= early and set(constraints.get(entry.oid, ())) <= copied:
            result.foreign_keys.append((entry, frozenset(constraints[entry.oid])))
            continue
        else:
            result.rest.append(entry)
            continue
        early.add(entry.id)
    return result


def _indexes(source: Session) -> tuple[dict[int, int], set[int]]:
    """Return each index's table, and the indexes that call the user's functions, which may read other tables."""
    rows = source.rows(
        """
        select i.indexrelid, i.indrelid, exists (
          select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = i.indexrelid
            and d.refclassid = 'pg_proc'::regclass and d.refobjid >= 16384
            and not exists (select from pg_depend e where e.deptype = 'e' and e.classid = d.refclassid
                            and e.objid = d.refobjid))
        from pg_index i where i.indexrelid >= 16384
        """
    )
    return {index: table for index, table, _careful in rows}, {index for index, _table, careful in rows if careful}


def _constraints(source: Session) -> dict[int, tuple[int, int]]:
    """Return the table of each constraint, and the table that it refers to, or the same table again."""
    return {
        oid: (table, other or table)
        for oid, table, other in source.rows("select oid, conrelid, confrelid from pg_constraint where conrelid <> 0")
    }
