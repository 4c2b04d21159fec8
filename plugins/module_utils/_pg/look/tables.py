# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""The tables that hold rows, and how their rows are read."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look import row_hash
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.naming import quoted
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.scope import NAME, OWN_RELATION
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session

# Types whose binary form is the same in every major version, and means the same on another server: no oid inside
# (regclass, aclitem, user-defined element types), and independent of settings.
_BINARY_TYPES = [
    "bit",
    "bool",
    "box",
    "bpchar",
    "bytea",
    "char",
    "cidr",
    "circle",
    "date",
    "daterange",
    "datemultirange",
    "float4",
    "float8",
    "inet",
    "int2",
    "int4",
    "int8",
    "int4range",
    "int4multirange",
    "int8range",
    "int8multirange",
    "interval",
    "json",
    "jsonb",
    "line",
    "lseg",
    "macaddr",
    "macaddr8",
    "name",
    "numeric",
    "numrange",
    "nummultirange",
    "oid",
    "path",
    "point",
    "polygon",
    "text",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "tsrange",
    "tsmultirange",
    "tstzrange",
    "tstzmultirange",
    "uuid",
    "varbit",
    "varchar",
]


@dataclass(frozen=True)
class Table:
    """A table with its own rows: an ordinary one, a leaf of a partition tree, or an extension's with user rows."""

    oid: int
    name: str
    """Schema and name, quoted as SQL needs."""
    columns: tuple[str, ...]
    """Quoted names of the columns that COPY moves: all but generated ones."""
    all_columns: tuple[str, ...]
    bytes: int
    binary: bool
    """Whether COPY's binary format is safe for every column."""
    freeze: bool = True
    condition: str = ""
    """For an extension's table, the WHERE clause for the rows that are the user's."""
    row_hash: str = "0"
    """SQL for the hash of what is written of a row, see there."""
    generated_hash: str = ""
    """The same of the columns that the server computes, if there are any."""
    generated: tuple[str, ...] = ()
    """Quoted names of these."""
    inherits: bool = False
    """Whether it inherits from another table, so that the target may have its columns in another order."""

    @property
    def source_query(self) -> str:
        """What COPY reads on the source."""
        columns = ", ".join(self.columns)
        if self.condition:
            return f"(select {columns} from only {self.name} {self.condition})"
        return f"{self.name} ({columns})" if columns else self.name

    @property
    def clearing(self) -> str:
        """The statement that removes the rows before they are copied."""
        return f"truncate only {self.name}" if self.freeze else f"delete from only {self.name} {self.condition}"

    @property
    def row_query(self) -> str:
        """A subquery with every column in the source's order, to compare content by."""
        return f"select {', '.join(self.all_columns)} from only {self.name} {self.condition}"


def read_tables(session: Session) -> list[Table]:
    """Return the tables that hold rows, largest first."""
    rows = session.rows(
        f"""
        select c.oid, {NAME}, pg_table_size(c.oid),
               not c.relispartition and exists (select from pg_inherits where inhrelid = c.oid), a.*
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        cross join lateral (
          select coalesce(array_agg({quoted("attname")} order by attnum)
                          filter (where attgenerated = ''), '{{}}'),
                 coalesce(array_agg({quoted("attname")} order by attnum), '{{}}'),
                 coalesce(bool_and(case when tn.nspname <> 'pg_catalog' then false
                                        when t.typcategory = 'A' and t.typelem <> 0 then e.typname = any (%s)
                                        else t.typname = any (%s) end), false)
          from pg_attribute join pg_type t on t.oid = atttypid join pg_namespace tn on tn.oid = t.typnamespace
          left join pg_type e on e.oid = t.typelem
          where attrelid = c.oid and attnum > 0 and not attisdropped) a
        where c.relkind = 'r' and c.relpersistence in ('p', 'u') and {OWN_RELATION}
        order by 3 desc, 2
        """,
        [_BINARY_TYPES, _BINARY_TYPES],
    )
    own = [
        Table(
            oid=oid,
            name=name,
            columns=tuple(columns),
            all_columns=tuple(all_columns),
            bytes=size,
            binary=binary,
            inherits=inherits,
        )
        for oid, name, size, inherits, columns, all_columns, binary in rows
    ]
    found = own + _extension_tables(session)
    hashes = row_hash.expressions(session, [table.oid for table in found])
    return [
        replace(
            table,
            row_hash=hashes[table.oid].written,
            generated_hash=hashes[table.oid].generated,
            generated=tuple(column for column in table.all_columns if column not in table.columns),
        )
        for table in found
    ]


def _extension_tables(session: Session) -> list[Table]:
    """Return the tables in which extensions keep rows of the user, such as PostGIS's reference systems."""
    rows = session.rows(
        f"""
        select c.oid, {NAME}, pg_table_size(c.oid), coalesce(x.condition, ''),
               array(select {quoted("attname")} from pg_attribute
                     where attrelid = c.oid and attnum > 0 and not attisdropped and attgenerated = '' order by attnum)
        from pg_extension e
        cross join lateral unnest(e.extconfig, e.extcondition) x(oid, condition)
        join pg_class c on c.oid = x.oid and c.relkind = 'r' join pg_namespace n on n.oid = c.relnamespace
        """
    )
    return [
        Table(
            oid=oid,
            name=name,
            columns=tuple(columns),
            all_columns=tuple(columns),
            bytes=size,
            binary=False,
            freeze=False,
            condition=condition or "where true",
        )
        for oid, name, size, condition, columns in rows
    ]


def column_numbers(relation: str) -> str:
    """Return SQL for the numbers of the columns of O(relation), an oid.

    A column that is dropped and created again gets a new number, and loses its content without a trace in the rows.
    """
    return (
        "(select string_agg(attnum::text, ',' order by attnum) from pg_attribute "
        f"where attrelid = {relation} and attnum > 0 and not attisdropped)"
    )
