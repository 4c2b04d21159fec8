# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Which table it is, apart from its rows: transaction ids of rows prove something only for the same table with the same
row type.

A name does not identify: tables, schemas and partitions swap names. Nor does a column's name: dropped and made again,
in the table or in a composite type inside it, a column has lost its content without a new row version.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.findings import named as listed
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.tables import Table
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session


class Identity(NamedTuple):
    """What one table is."""

    lineage: str
    """Its oid, access method, columns, and the attributes and labels of all types inside them."""
    file: str
    """The files that hold its rows: VACUUM FULL, CLUSTER, TRUNCATE and ALTER TABLE make new ones."""
    fickle: bool
    """Whether rows can show other content without having been written: they hold names of other objects, such as
    C(regclass), or have no transaction ids that are known to mean the same as a heap's.
    """


_IDENTITIES = """
with recursive columns as (
  select attrelid, attnum, attname, atttypid from pg_attribute
  where attrelid = any (%(oids)s::oid[]) and attnum > 0 and not attisdropped
), parts(whole, part) as (
  select distinct atttypid, atttypid from columns
  union
  select p.whole, x.part from parts p join pg_type t on t.oid = p.part
  cross join lateral (
    select t.typelem where t.typelem <> 0 and t.typlen = -1
    union all select t.typbasetype where t.typtype = 'd'
    union all select r.rngsubtype from pg_range r where r.rngtypid = t.oid
    union all select r.rngtypid from pg_range r where t.typtype = 'm' and r.rngmultitypid = t.oid
    union all select a.atttypid from pg_attribute a
      where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped) x(part)
), types as (
  select p.whole,
    string_agg(case t.typtype
      when 'c' then (select string_agg(pg_catalog.concat_ws(' ', a.attrelid, a.attnum, a.attname, a.atttypid), ','
                                       order by a.attnum)
                     from pg_attribute a where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped)
      when 'e' then (select string_agg(pg_catalog.concat_ws(' ', e.oid, e.enumlabel), ',' order by e.oid)
                     from pg_enum e where e.enumtypid = t.oid) end, ';' order by t.oid) as inside,
    bool_or(t.typnamespace = 'pg_catalog'::regnamespace and (t.typname ~ '^reg' or t.typname = 'aclitem')) as fickle
  from parts p join pg_type t on t.oid = p.part group by p.whole
), shapes as (
  select c.attrelid, bool_or(t.fickle) as fickle,
    string_agg(pg_catalog.concat_ws(' ', c.attnum, c.attname, c.atttypid, t.inside), '; ' order by c.attnum) as columns
  from columns c join types t on t.whole = c.atttypid group by c.attrelid
)
select c.oid, md5(pg_catalog.concat_ws(' ', c.oid, c.relam, r.columns)),
  pg_catalog.concat_ws(' ', pg_catalog.pg_relation_filenode(c.oid),
    pg_catalog.pg_relation_filenode(nullif(c.reltoastrelid, 0))),
  coalesce(r.fickle, false) or m.amname <> 'heap'
from pg_class c join pg_am m on m.oid = c.relam left join shapes r on r.attrelid = c.oid
where c.oid = any (%(oids)s::oid[])
"""


def identities(session: Session, oids: Mapping[str, int]) -> dict[str, Identity]:
    """Return the identity of each table, of O(oids) by name."""
    names = {oid: name for name, oid in oids.items()}
    rows = session.rows(_IDENTITIES, {"oids": list(names)}) if names else []
    return {names[oid]: Identity(*identity) for oid, *identity in rows}


class Rewritten(StateError):
    """The snapshot no longer shows the rows of a table: TRUNCATE and most forms of ALTER TABLE ignore it.

    See "Caveats" in the chapter on concurrency control of PostgreSQL's manual.
    """


def refuse_rewritten(source: Session, tables: Sequence[Table]) -> None:
    """Raise Rewritten if one of O(tables) was given other files, or dropped, since the session's snapshot.

    What was read from it by now may be no row at all. The function sees the present, the column the snapshot.
    """
    rows = source.rows(
        "select oid from pg_class "
        "where oid = any (%s::oid[]) and relfilenode is distinct from pg_relation_filenode(oid)",
        [[table.oid for table in tables]],
    )
    moved = {oid for (oid,) in rows}
    if moved:
        raise Rewritten(
            source.thing,
            f"while it was read, these tables were emptied, rewritten or dropped: "
            f"{listed([table.name for table in tables if table.oid in moved])}",
            "Run again when no TRUNCATE, ALTER TABLE, VACUUM FULL or CLUSTER runs on the source.",
            sqlstate="40001",
        )


def named(session: Session, names: Sequence[str]) -> dict[str, Identity]:
    """Return the identity of those of the tables O(names) that exist."""
    rows = session.rows("select name, to_regclass(name)::oid from pg_catalog.unnest(%s::text[]) name", [list(names)])
    return identities(session, {name: oid for name, oid in rows if oid is not None})
