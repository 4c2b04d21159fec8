# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""A row reduced to 64 bits: the same on every server that holds the same row, and different for every other row.

Each column goes in by the cheapest form that tells all its values apart: as it is if equal values are identical,
otherwise by its binary output or as text. C(hash_record_extended) is the same from PostgreSQL 14 on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.naming import quoted
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session

# PostgreSQL's own types whose values are equal only where they are identical, and that are hashed by their content.
_IDENTICAL = frozenset(
    [
        "bool",
        "int2",
        "int4",
        "int8",
        "oid",
        "char",
        "date",
        "time",
        "timetz",
        "timestamp",
        "timestamptz",
        "uuid",
        "bytea",
        "macaddr",
        "macaddr8",
        "inet",
        "cidr",
        "int4range",
        "int8range",
        "daterange",
        "tsrange",
        "tstzrange",
    ]
)
# Those whose elements may be sent in an array as they are: without oids of the server, and the same bits for the same
# text (a float's NaN has many).
_IN_ARRAYS = _IDENTICAL | frozenset(["text", "varchar", "bpchar", "name", "numeric", "interval"])
# Each function by its schema: an app's own with a better signature, such as array_send(int[]), would be taken first.
_SENT = {
    "bpchar": "pg_catalog.bpcharsend",
    "interval": "pg_catalog.interval_send",
    "money": "pg_catalog.cash_send",
    "numeric": "pg_catalog.numeric_send",
}
_AS_TEXT = frozenset(["text", "varchar", "name", "json", "jsonb", "tsvector", "tsquery", "jsonpath"])
_C = 'collate pg_catalog."C"'
# A row cannot be built with more columns.
_MOST = 1600


class Column(NamedTuple):
    """One column of a table, and the type beneath its domains."""

    name: str
    """Quoted."""
    type: str
    """Name of the type if it is PostgreSQL's own, otherwise empty."""
    element: str = ""
    """The same for an array's elements."""
    domain: bool = False
    is_enum: bool = False
    """Whether it is an enum that nobody casts to text in a way of their own."""
    like_text: bool = False
    """Whether it is another's type that is text in all but name and operators, such as citext."""
    generated: bool = False
    """Whether the server computes it from the other columns."""


class RowHash(NamedTuple):
    """SQL for the hashes of a table's rows."""

    written: str
    """Of the columns that are written."""
    generated: str = ""
    """Of those that the server computes, if there are any."""


def expression(columns: Sequence[Column], utf8: bool) -> str:
    """Return SQL for the hash of a row, a bigint; text is hashed as UTF-8 even if the server stores it otherwise."""
    parts: list[str] = []
    others: list[str] = []
    for column in columns:
        own = _parts(column, utf8)
        parts += own
        if not own:
            others.append(column.name)
    if others or not parts or len(parts) > _MOST:
        whole = [column.name for column in columns]
        kept = parts if parts and len(parts) <= _MOST else []
        parts = [*kept, _text(f"row({', '.join(others if kept else whole)})::pg_catalog.text", utf8)]
    # A record's hash is a sum over its columns, and a sum of sums would not see two rows exchange a value: what is
    # summed over rows must be scattered once more. A bigint's own hash keeps 32 bits of it, that of a float 53, at a
    # fifth less of the whole cost than the hash of its bytes.
    record = f"pg_catalog.hash_record_extended(row({', '.join(parts)}), 0)"
    return f"pg_catalog.hashfloat8extended({record}::pg_catalog.float8, 0)"


def _parts(column: Column, utf8: bool) -> list[str]:
    """Return what stands for O(column), or nothing for a type that goes in as part of the row's text."""
    name = column.name
    value = f"{name}::pg_catalog.{column.type}" if column.domain and column.type else name
    if column.element:
        sound = column.element in _IN_ARRAYS and not column.domain
        return [f"pg_catalog.array_send({name})"] if sound else []
    if column.type in ("float4", "float8"):
        # -0 is equal to 0, too.
        return [value, f"case when {value} = '0'::pg_catalog.{column.type} then {value}::pg_catalog.text {_C} end"]
    if column.type in _SENT:
        return [f"{_SENT[column.type]}({value})"]
    if column.type == "char":
        return [f'{name}::pg_catalog."char"' if column.domain else name]
    if column.type in _IDENTICAL:
        return [value]
    if column.type in _AS_TEXT or column.is_enum or column.like_text:
        return [_text(f"{name}::pg_catalog.text", utf8)]
    return []


def _text(value: str, utf8: bool) -> str:
    return f"({value}) {_C}" if utf8 else f"pg_catalog.convert_to({value}, 'UTF8')"


_COLUMNS = f"""
with recursive bases(whole, base) as (
  select distinct atttypid, atttypid from pg_attribute where attrelid = any (%(oids)s::oid[]) and attnum > 0
  union select b.whole, t.typbasetype from bases b join pg_type t on t.oid = b.base where t.typtype = 'd'
), types as (
  select b.whole,
    case when t.typnamespace = 'pg_catalog'::regnamespace and t.typtype in ('b', 'r') and e.oid is null
         then t.typname::text else '' end as type,
    case when e.typnamespace = 'pg_catalog'::regnamespace then e.typname::text when e.oid is not null then '?'
         else '' end as element,
    b.whole <> t.oid as domain,
    t.typtype = 'e' and not exists (
      select from pg_cast c where c.castsource = t.oid and c.casttarget = 'text'::regtype) as is_enum,
    t.typnamespace <> 'pg_catalog'::regnamespace and exists (
      select from pg_cast c where c.castsource = t.oid and c.casttarget = 'text'::regtype and c.castmethod = 'b')
      as like_text
  from bases b join pg_type t on t.oid = b.base and t.typtype <> 'd'
  left join pg_type e on e.oid = t.typelem and t.typlen = -1
)
select a.attrelid, {quoted("a.attname")}, t.type, t.element, t.domain, t.is_enum, t.like_text,
  a.attgenerated <> ''
from pg_attribute a join types t on t.whole = a.atttypid
where a.attrelid = any (%(oids)s::oid[]) and a.attnum > 0 and not a.attisdropped order by a.attrelid, a.attnum
"""


def expressions(session: Session, oids: Sequence[int]) -> dict[int, RowHash]:
    """Return the hashes of a row of each table."""
    columns: dict[int, list[Column]] = {oid: [] for oid in oids}
    for oid, *column in session.rows(_COLUMNS, {"oids": list(oids)}):
        columns[oid].append(Column(*column))
    utf8 = session.value("select getdatabaseencoding() = 'UTF8'")
    return {oid: hashes(found, utf8) for oid, found in columns.items()}


def hashes(columns: Sequence[Column], utf8: bool) -> RowHash:
    """Return the hashes of a row with O(columns)."""
    generated = [column for column in columns if column.generated]
    written = expression([column for column in columns if not column.generated], utf8)
    return RowHash(written, expression(generated, utf8) if generated else "")
