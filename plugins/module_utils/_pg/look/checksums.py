# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""The content of tables, sequences and large objects, reduced to something that two servers can compare."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.tables import Table
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session

SLICE = 8 * 1024 * 1024
"""Bytes of a large object that are handled at a time."""


class Content(NamedTuple):
    """What a table holds."""

    rows: int
    checksum: str | None
    """Sum of the rows' 64-bit hashes: the order of rows does not matter, their number does."""
    generated: str | None = None
    """The same of the columns that a server computes, which it may do otherwise than another, or than it once did."""


def table_contents(session: Session, tables: Sequence[Table], checksums: bool) -> list[Content]:
    """Return the content of O(tables), in their order, by one query.

    It costs one sequential read and the hashing; see row_hash.
    """
    if not tables:
        return []
    sql = " union all ".join(_content_query(index, table, checksums) for index, table in enumerate(tables))
    doing = f"reading {tables[0].name}" + (f" and {len(tables) - 1} more tables" if tables[1:] else "")
    found = {index: Content(*content) for index, *content in session.rows(sql, doing=doing)}
    return [found[index] for index in range(len(tables))]


def _content_query(index: int, table: Table, checksums: bool) -> str:
    sums = (
        f"coalesce(sum({hash_}), 0)::text" if checksums and hash_ else "null::text"
        for hash_ in (table.row_hash, table.generated_hash)
    )
    return f"select {index}, count(*), {', '.join(sums)} from only {table.name} {table.condition}"


# Each large object with its size. lo_open's descriptor is closed in the same row; 262144 is INV_READ.
LARGE_OBJECT_SIZES = """
select oid, pg_catalog.lo_lseek64(fd, 0, 2) as size, lo_close(fd)
from (select oid, lo_open(oid, 262144) as fd from pg_largeobject_metadata offset 0) opened
"""
_SLICES = f"""
from ({LARGE_OBJECT_SIZES} offset 0) o
cross join lateral pg_catalog.generate_series(0, greatest(size - 1, 0), {SLICE}) as slice(start)
"""


class LargeObjects(NamedTuple):
    """What the large objects of a database hold."""

    number: int
    bytes: int | None
    checksum: str | None
    """Of oids and contents."""
    comments: str
    """A digest of them all."""


_COMMENTS = """
select coalesce(md5(string_agg(pg_catalog.concat_ws(':', objoid, description), chr(31) order by objoid)), '')
from pg_description where classoid = 'pg_largeobject'::regclass
"""


def large_objects(session: Session, checksums: bool) -> LargeObjects:
    """Return the large objects' number and comments and, with O(checksums), their bytes and checksum."""
    comments = session.value(_COMMENTS)
    if not checksums:
        return LargeObjects(session.value("select count(*) from pg_largeobject_metadata"), None, None, comments)
    number, size, checksum = session.row(
        f"""
        select pg_catalog.count(distinct oid), coalesce(sum(length(data)), 0)::bigint,
               coalesce(sum(pg_catalog.hashtextextended(
                 pg_catalog.concat_ws(':', oid, start, md5(data)), 0)::numeric), 0)::text
        from (select oid, start, lo_get(oid, start, {SLICE}) as data {_SLICES} offset 0) s
        """,
        doing="reading large objects",
    )
    return LargeObjects(number, size, checksum, comments)


def large_object_digests(session: Session) -> dict[int, tuple[int, str]]:
    """Return size and digest of each large object, to name those that differ."""
    return {
        oid: (size, digest)
        for oid, size, digest in session.rows(
            f"""
            select oid, size, md5(string_agg(md5(lo_get(oid, start, {SLICE})), ',' order by start))
            {_SLICES} group by oid, size
            """,
            doing="reading large objects",
        )
    }


SLICE_COLUMNS = "(oid oid, start bigint, data bytea)"
"""Of a table that takes what slices_query gives."""


def slices_query(objects: Sequence[tuple[int, int]]) -> str:
    """Return the COPY statement that reads O(objects), oid and bytes of each, in slices."""
    oids = ",".join(str(oid) for oid, _size in objects)
    sizes = ",".join(str(size) for _oid, size in objects)
    return (
        f"copy (select oid, start, lo_get(oid, start, {SLICE}) "
        f"from unnest(array[{oids}]::oid[], array[{sizes}]::bigint[]) o(oid, size) "
        f"cross join lateral pg_catalog.generate_series(0, greatest(size - 1, 0), {SLICE}) s(start)) "
        "to stdout (format binary)"
    )


def put_slices(target: Session, table: str) -> None:
    """Make the large objects whose slices are in O(table)."""
    doing = "writing large objects"
    target.run(f"select pg_catalog.count(lo_create(oid)) from (select distinct oid from {table}) o", doing=doing)
    target.run(f"select count(*) from (select lo_put(oid, start, data) from {table} offset 0) p", doing=doing)


def batches(tables: Iterable[Table], most_bytes: int, most_tables: int) -> Iterator[list[Table]]:
    """Group O(tables), in their order, so that small ones share a round trip."""
    batch: list[Table] = []
    for table in tables:
        if batch and (len(batch) >= most_tables or sum(t.bytes for t in batch) + table.bytes > most_bytes):
            yield batch
            batch = []
        batch.append(table)
    if batch:
        yield batch
