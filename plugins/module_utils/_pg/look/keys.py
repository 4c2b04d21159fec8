# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Keys of tables: what tells rows apart, and by which equality.

It is the equality of the key's own index, found in the catalog: a type's operators may be in any schema and have any
name. Values that it calls equal need not be identical, such as C(1.0) and C(1.00), so whoever writes a row writes its
key too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.naming import quoted
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.scope import USER_SCHEMA, not_of_extension
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session


class Equality(NamedTuple):
    """How the values of one column are compared."""

    operator: str = "="
    cast: str = ""
    """To the type that the operator takes, with the collation of the index where it is not the column's."""
    boxed: bool = False
    """Whether arrays of the values must be compared: the operator of enums and composite types takes any of them, and
    where an app has such a type cast to text by itself, text's operator would do as well as far as the parser can tell.
    """

    def sql(self, value: str) -> str:
        """Return what the operator takes."""
        return f"array[{value}{self.cast}]" if self.boxed else f"{value}{self.cast}"


@dataclass(frozen=True)
class Key:
    """Columns that tell a table's rows apart."""

    columns: tuple[str, ...]
    """Quoted names."""
    integer: bool
    """Whether it is one column of an integer type."""
    equalities: tuple[Equality, ...] = ()
    """Of each column."""
    exact: bool = True
    """Whether equal keys are identical in every byte."""

    def same(self, one: str, other: str) -> str:
        """Return the condition that two rows have the same key."""
        equalities = self.equalities or (Equality(),) * len(self.columns)
        return " and ".join(
            f"{equality.sql(f'{one}.{column}')} {equality.operator} {equality.sql(f'{other}.{column}')}"
            for column, equality in zip(self.columns, equalities)
        )

    def buckets(self, session: Session, table: str, number: int) -> Buckets:
        """Return how to divide the rows of O(table) into about O(number) buckets, a power of 2."""
        if self.integer:
            column = f"{self.columns[0]}::bigint"
            low, high = session.row(f"select coalesce(min({column}), 0), coalesce(max({column}), 0) from only {table}")
            bits = ((high - low) // number).bit_length()
            return Buckets(self.columns, f"{column} >> {bits}", bits)
        text = f'pg_catalog.concat_ws(chr(31), {", ".join(self.columns)}) collate pg_catalog."C"'
        record = f"row(pg_catalog.convert_to({text}, 'UTF8'))"
        return Buckets(
            self.columns, f"pg_catalog.hash_record_extended({record}, 0) operator(pg_catalog.&) {number - 1}"
        )


@dataclass(frozen=True)
class Buckets:
    """Rows divided by their key: identical keys share a bucket on every server, whatever its encoding."""

    columns: tuple[str, ...]
    """Quoted names of the key's columns."""
    bucket: str
    """SQL for the bucket of a row."""
    bits: int | None = None
    """Integers that differ in nothing but these lowest bits share a bucket. None for other keys, which are hashed."""

    def counts(self, rows: str) -> str:
        """Return the query of how many of O(rows), the items of a FROM clause, are in each bucket."""
        return f"select {self.bucket}, count(*) from {rows} group by 1"

    def inside(self, table: str, numbers: Iterable[int], indexed: bool) -> str:
        """Return the query of the keys of O(table) that are in the buckets O(numbers).

        If the key is O(indexed), integers are looked up without reading the rest of the table.
        """
        columns, listed = ", ".join(self.columns), f"'{{{','.join(map(str, numbers))}}}'::bigint[]"
        if self.bits is None or not indexed:
            return f"select {columns} from only {table} where ({self.bucket}) = any ({listed})"
        # The offset keeps the planner from joining in another way.
        low, high = f"b.number << {self.bits}", f"b.number << {self.bits} | {(1 << self.bits) - 1}"
        keys = f"select {columns} from only {table} t where t.{columns} between {low} and {high} offset 0"
        return f"select k.* from pg_catalog.unnest({listed}) b(number) cross join lateral ({keys}) k"


# By the operator class of each column: 3 is btree's equality, 4 its function that says whether equal is identical.
_KEYS = f"""
with candidates as (
  select i.indrelid, i.indexrelid, i.indisprimary, i.indnkeyatts, u.place, a.attname, a.atttypid,
    a.attnotnull and a.attgenerated = '' as firm,
    case when i.indcollation[u.place - 1] <> a.attcollation then i.indcollation[u.place - 1] else 0 end as collation,
    l.collisdeterministic, o.opcintype, o.opcfamily
  from pg_index i join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace
  join pg_class x on x.oid = i.indexrelid join pg_am m on m.oid = x.relam and m.amname = 'btree'
  cross join lateral unnest(i.indkey::int2[]) with ordinality u(number, place)
  join pg_attribute a on a.attrelid = i.indrelid and a.attnum = u.number
  join pg_opclass o on o.oid = i.indclass[u.place - 1]
  left join pg_collation l on l.oid = i.indcollation[u.place - 1]
  where i.indisunique and i.indisvalid and not i.indisexclusion and i.indpred is null and i.indexprs is null
    and u.place <= i.indnkeyatts and {USER_SCHEMA} and {not_of_extension("pg_class", "c.oid")}
)
select distinct on (k.indrelid) k.indrelid, k.columns, k.integer, k.operators, k.casts, k.boxed,
  k.exact from (
  select c.indrelid, c.indexrelid, c.indisprimary, count(*) as number,
    array_agg({quoted("c.attname")} order by c.place) as columns,
    count(*) = 1 and bool_and(c.atttypid = any ('{{int2,int4,int8}}'::regtype[])) as integer,
    array_agg(format('operator(%%I.%%s)', e.nspname, e.oprname) order by c.place) as operators,
    array_agg(concat(
      case when t.oid <> c.atttypid then format('::%%I.%%I', s.nspname, t.typname) end,
      case when c.collation <> 0 then (select format(' collate %%I.%%I', f.nspname, collname)
        from pg_collation d join pg_namespace f on f.oid = d.collnamespace where d.oid = c.collation) end)
      order by c.place) as casts,
    array_agg(i.typtype = 'p' and exists (
        select from pg_cast y where y.castsource = t.oid and y.castcontext = 'i') order by c.place) as boxed,
    bool_and(coalesce(p.prosrc = 'btequalimage' or p.prosrc = 'btvarstrequalimage' and c.collisdeterministic, false))
      as exact
  from candidates c
  cross join lateral (
    select n.nspname, q.oprname from pg_amop a join pg_operator q on q.oid = a.amopopr
    join pg_namespace n on n.oid = q.oprnamespace
    where a.amopfamily = c.opcfamily and a.amopstrategy = 3 and a.amoplefttype = c.opcintype
      and a.amoprighttype = c.opcintype) e
  -- A polymorphic operator takes the column's type, without its domain.
  join pg_type i on i.oid = c.opcintype
  join pg_type t on t.oid = case when i.typtype <> 'p' then c.opcintype else (
    with recursive base(oid) as (
      select c.atttypid union select b.typbasetype from pg_type b join base on b.oid = base.oid where b.typtype = 'd')
    select b.oid from pg_type b join base using (oid) where b.typtype <> 'd') end
  join pg_namespace s on s.oid = t.typnamespace
  left join pg_amproc r on r.amprocfamily = c.opcfamily and r.amprocnum = 4
    and r.amproclefttype = c.opcintype and r.amprocrighttype = c.opcintype
  left join pg_proc p on p.oid = r.amproc
  group by c.indrelid, c.indexrelid, c.indisprimary, c.indnkeyatts
  having bool_and(c.firm) and count(*) = c.indnkeyatts
) k
order by k.indrelid, k.indisprimary desc, k.exact desc, k.number, k.indexrelid
"""


def keys(session: Session) -> dict[int, Key]:
    """Return, by the table's oid, its primary key, or else the unique index with the fewest columns, none of which may
    be null or computed.
    """
    return {
        oid: Key(tuple(columns), integer, tuple(map(Equality, operators, casts, boxed)), exact)
        for oid, columns, integer, operators, casts, boxed, exact in session.rows(_KEYS, {})
    }
