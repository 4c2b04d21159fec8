# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What a database holds besides tables: sequences, materialized views, and how many objects of each kind."""

from __future__ import annotations

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.scope import (
    NAME,
    OWN_RELATION,
    USER_SCHEMA,
    not_of_extension,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session

Sequences = dict[str, tuple[int, bool]]
"""By name: last value, and whether it was called."""


def read_sequences(session: Session) -> Sequences:
    """Return the sequences' values at this moment: they are not part of any snapshot."""
    names = [
        name
        for (name,) in session.rows(
            f"""
            select {NAME} from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where c.relkind = 'S' and c.relpersistence in ('p', 'u') and {OWN_RELATION}
              and not exists (select from pg_depend d join pg_class f on f.oid = d.refobjid and f.relkind = 'f'
                              where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype in ('a', 'i'))
            order by 1
            """
        )
    ]
    found: dict[str, tuple[int, bool]] = {}
    for start in range(0, len(names), 200):
        chunk = names[start : start + 200]
        parts = (f"select {index}, last_value, is_called from {name}" for index, name in enumerate(chunk))
        for index, value, called in session.rows(" union all ".join(parts)):
            found[chunk[index]] = (value, called)
    return found


def populated_views(session: Session) -> dict[str, int]:
    """Return the oids of the materialized views that hold rows, by name."""
    return dict(
        session.rows(
            f"""
            select {NAME}, c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where c.relkind = 'm' and c.relispopulated and {OWN_RELATION}
            """
        )
    )


def parents_and_views(session: Session) -> list[str]:
    """Return the partitioned tables, which hold no rows of their own, and the materialized views with rows."""
    return [
        name
        for (name,) in session.rows(
            f"""
            select {NAME} from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where (c.relkind = 'p' or c.relkind = 'm' and c.relispopulated) and {OWN_RELATION}
            """
        )
    ]


def count_objects(session: Session) -> dict[str, int]:
    """Return how many objects of each kind a user made here: an empty database has none."""
    kinds = {"r": "tables", "p": "tables", "v": "views", "m": "materialized views", "S": "sequences"}
    counted: dict[str, int] = {}
    for kind, number in session.rows(
        f"""
        select c.relkind, count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') and c.relpersistence in ('p', 'u') and {OWN_RELATION}
        group by 1 order by 1
        """
    ):
        name = kinds.get(kind, "foreign tables")
        counted[name] = counted.get(name, 0) + number
    others = session.rows(
        f"""
        select 'functions', count(*) from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where {USER_SCHEMA} and {not_of_extension("pg_proc", "p.oid")}
        union all
        select 'types', count(*) from pg_type t join pg_namespace n on n.oid = t.typnamespace
        left join pg_class c on c.oid = t.typrelid
        where t.typtype in ('c', 'd', 'e', 'r') and coalesce(c.relkind, 'c') = 'c'
          and {USER_SCHEMA} and {not_of_extension("pg_type", "t.oid")}
        union all
        select 'large objects', count(*) from pg_largeobject_metadata
        """
    )
    counted.update({name: number for name, number in others if number})
    return counted
