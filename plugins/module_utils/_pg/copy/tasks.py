# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What a worker of the pool does: copy, build, compare. Each piece of work is sent to it and has a method C(do)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy import marker
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.archive import Entry, make
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look import checksums as content
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.checksums import Content, LargeObjects
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.tables import Table
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session


class Feed(Protocol):
    """The worker's other process, which holds the source's session under the snapshot."""

    def ask(self, what: Any) -> None:
        """Send a list of COPY statements, each with what it does, or something with a method C(read(session))."""

    def answer(self) -> Any:
        """Return what was read."""

    def copy_in(self, target: Session, sql: str, doing: str) -> int:
        """COPY the next statement's data into O(target); return the number of rows, which both sides counted alike."""

    def skip(self) -> None:
        """Discard what was asked for and not read to its end."""


class Work(Protocol):
    """A piece of work."""

    def do(self, target: Session, feed: Feed) -> Any:
        """Do it in a worker; return what the pool's owner needs to know."""


class Copied(NamedTuple):
    """A table that was copied."""

    name: str
    rows: int
    seconds: float


@dataclass
class Outcome:
    """What happened to tables and to their entries."""

    copied: list[Copied]
    tables: list[tuple[Table, StateError]] = field(default_factory=list)
    """Those that could not be copied yet, and why."""
    entries: list[tuple[Entry, StateError]] = field(default_factory=list)
    """Those that could not be made yet, and why."""
    contents: dict[str, Content] = field(default_factory=dict)
    """What the source's tables hold, as far as it was read meanwhile."""


# What may work once all rows are there: a function that reads other tables, a value that names an index.
_MAY_PASS = ("0A", "22", "23", "2F", "38", "39", "3F", "42", "55000", "P0")


def may_pass(error: StateError) -> bool:
    """Return whether what failed with O(error) is worth another try, in another way or later."""
    return str(error.facts.get("sqlstate", "")).startswith(_MAY_PASS)


@dataclass(frozen=True)
class _TableWork:
    """Copy O(tables), then make O(entries), their indexes and keys, in one transaction, or else each by itself."""

    tables: Sequence[Table]
    horizon: int
    """The source's, for the marker."""
    entries: Sequence[Entry] = ()
    analyze: Sequence[str] = ()
    """Tables whose statistics can be gathered when that is done."""
    checksums: bool = False
    """Whether the source reads its checksums while the target makes the entries."""

    def do(self, target: Session, feed: Feed) -> Outcome:
        """Return what was copied."""
        try:
            return self.copy(target, feed)
        except StateError as error:
            if not may_pass(error):
                raise
        feed.skip()
        return _one_by_one(self, target, feed)

    def copy(self, target: Session, feed: Feed) -> Outcome:
        """Copy all or nothing."""
        raise NotImplementedError


def _one_by_one(work: _TableWork, target: Session, feed: Feed) -> Outcome:
    """Copy each table and make each entry by itself; a table whose binary form is refused goes as text."""
    outcome = Outcome([])
    for table in work.tables:
        failed: StateError | None = None
        for form in [table, replace(table, binary=False)][: 1 + table.binary]:
            try:
                outcome.copied += CopyTables([form], work.horizon).copy(target, feed).copied
                break
            except StateError as error:
                feed.skip()
                failed = failed or error
        else:
            if failed is not None:
                outcome.tables.append((table, failed))
    for entry in work.entries:
        try:
            make(target, [entry], f"making {entry.label}")
        except StateError as error:
            outcome.entries.append((entry, error))
    return outcome


@dataclass(frozen=True)
class CopyTables(_TableWork):
    """Copy tables by one COPY each."""

    def copy(self, target: Session, feed: Feed) -> Outcome:
        """Copy all or nothing."""
        formats = ["binary" if table.binary else "text" for table in self.tables]
        feed.ask(
            [
                (f"copy {table.source_query} to stdout (format {form})", f"reading {table.name}")
                for table, form in zip(self.tables, formats)
            ]
        )
        # FREEZE: a table truncated in the transaction that fills it need not write its pages a second time.
        copied: list[Copied] = []
        with target.transaction(doing="writing the copy"):
            target.run(";".join(table.clearing for table in self.tables), doing=f"clearing {self.tables[0].name}")
            for table, form in zip(self.tables, formats):
                started = time.monotonic()
                columns = f" ({', '.join(table.columns)})" if table.columns else ""
                freeze = ", freeze" if table.freeze else ""
                sql = f"copy {table.name}{columns} from stdin (format {form}{freeze})"
                rows = feed.copy_in(target, sql, f"writing {table.name}")
                copied.append(Copied(table.name, rows, time.monotonic() - started))
            with _meanwhile(feed, self) as contents:
                _finish_tables(target, self, [one[:2] for one in copied])
        return Outcome(copied, contents=contents)


@dataclass(frozen=True)
class CopyTogether(_TableWork):
    """Copy small O(tables) by one statement on the source, so that across a slow line each does not wait for its own.

    Rows travel as text of their table's row type, which the target takes apart: type by type the same functions that
    COPY calls.
    """

    def copy(self, target: Session, feed: Feed) -> Outcome:
        """Copy all or nothing; seconds are shared out evenly."""
        started = time.monotonic()
        names = self.tables[0].name + (f" and {len(self.tables) - 1} more small tables" if self.tables[1:] else "")
        query = " union all ".join(
            f"select {number}, row({', '.join(table.all_columns)})::text from only {table.name}"
            for number, table in enumerate(self.tables)
        )
        feed.ask([(f"copy ({query}) to stdout (format binary)", f"reading {names}")])
        with target.transaction(doing="writing the copy"):
            target.run("create temporary table flyover_row (number int, data text) on commit drop")
            feed.copy_in(target, "copy pg_temp.flyover_row from stdin (format binary)", f"writing {names}")
            with _meanwhile(feed, self) as contents:
                put = ";".join(self._put(*numbered) for numbered in enumerate(self.tables))
                target.run(put, doing=f"writing {names}")
                rows = dict(target.rows("select number, count(*) from pg_temp.flyover_row group by 1"))
                copied = [(table.name, rows.get(number, 0)) for number, table in enumerate(self.tables)]
                _finish_tables(target, self, copied)
        seconds = (time.monotonic() - started) / len(self.tables)
        return Outcome([Copied(name, number, seconds) for name, number in copied], contents=contents)

    def _put(self, number: int, table: Table) -> str:
        values = ", ".join(f"(one).{column}" for column in table.columns)
        return (
            f"delete from only {table.name}; "
            f"insert into {table.name} ({', '.join(table.columns)}) overriding system value select {values} "
            # Without "offset 0" each column would take the row apart again.
            f"from (select data::{table.name} as one from pg_temp.flyover_row where number = {number} offset 0) rows"
        )


@contextmanager
def _meanwhile(feed: Feed, work: _TableWork) -> Iterator[dict[str, Content]]:
    """Have the source read tables' content while the target does what is inside; give a dict that then holds it."""
    contents: dict[str, Content] = {}
    if not work.checksums:
        yield contents
        return
    feed.ask(Compare(work.tables, True))
    try:
        yield contents
    finally:
        found = feed.answer()
    contents.update(zip((table.name for table in work.tables), found))


def _finish_tables(target: Session, work: _TableWork, copied: Sequence[tuple[str, int]]) -> None:
    """Make indexes and keys of tables just copied, gather statistics, and note all that in the marker."""
    if work.entries:
        labels = ", ".join(entry.label for entry in work.entries[:3])
        target.run("\n".join(entry.sql for entry in work.entries), doing=f"making {labels}")
        marker.record_entries(target, [entry.id for entry in work.entries])
    if work.analyze:
        target.run(f"analyze {', '.join(work.analyze)}", doing="analyzing")
    marker.record_tables(target, copied, work.horizon)


@dataclass(frozen=True)
class CopyLargeObjects:
    """Copy large objects (oid, bytes) in one transaction."""

    objects: Sequence[tuple[int, int]]

    def do(self, target: Session, feed: Feed) -> int:
        """Return the number of bytes."""
        doing = "copying large objects"
        feed.ask([(content.slices_query(self.objects), "reading large objects")])
        with target.transaction(doing=doing):
            target.run(f"create temporary table flyover_slice {content.SLICE_COLUMNS} on commit drop", doing=doing)
            feed.copy_in(target, "copy pg_temp.flyover_slice from stdin (format binary)", doing)
            content.put_slices(target, "pg_temp.flyover_slice")
        return sum(size for _oid, size in self.objects)


@dataclass(frozen=True)
class RunEntry:
    """Make one entry of the archive on the target."""

    entry: Entry

    def do(self, target: Session, feed: Feed) -> None:
        """Return nothing."""
        make(target, [self.entry], f"making {self.entry.label}")


@dataclass(frozen=True)
class BuildIndex:
    """Build an index that will be a key."""

    sql: str
    label: str

    def do(self, target: Session, feed: Feed) -> None:
        """Return nothing."""
        target.run(self.sql, doing=f"making the index of {self.label}")


@dataclass(frozen=True)
class Checked:
    """Have the source read the content of a table while its index is built, which needs the target alone."""

    table: Table
    index: Work

    def do(self, target: Session, feed: Feed) -> dict[str, Content]:
        """Return what the source holds."""
        with _meanwhile(feed, CopyTables([self.table], 0, checksums=True)) as contents:
            self.index.do(target, feed)
        return contents


@dataclass(frozen=True)
class Analyze:
    """Gather the planner's statistics on the target."""

    name: str

    def do(self, target: Session, feed: Feed) -> StateError | None:
        """Return why that is not possible, if a function that it calls fails."""
        try:
            target.run(f"analyze {self.name}", doing=f"analyzing {self.name}")
        except StateError as error:
            if not may_pass(error):
                raise
            return error
        return None


@dataclass(frozen=True)
class Compare:
    """Read the content of O(tables) on both sides at the same time."""

    tables: Sequence[Table]
    checksums: bool
    known: Mapping[str, Content] = field(default_factory=dict)
    """What the source holds, as far as it was read before under the same snapshot."""

    def read(self, session: Session) -> list[Content]:
        """Return one side's content."""
        return content.table_contents(session, self.tables, self.checksums)

    def do(self, target: Session, feed: Feed) -> tuple[list[Content], list[Content]]:
        """Return the source's content and the target's."""
        asked = [table for table in self.tables if table.name not in self.known]
        if asked:
            feed.ask(replace(self, tables=asked, known={}))
        on_target = self.read(target)
        on_source = dict(self.known)
        if asked:
            on_source.update(zip((table.name for table in asked), feed.answer()))
        return [on_source[table.name] for table in self.tables], on_target


@dataclass(frozen=True)
class CompareLargeObjects:
    """Read number, bytes and checksum of the large objects on both sides at the same time."""

    checksums: bool

    def read(self, session: Session) -> LargeObjects:
        """Return one side's large objects."""
        return content.large_objects(session, self.checksums)

    def do(self, target: Session, feed: Feed) -> tuple[LargeObjects, LargeObjects]:
        """Return the source's large objects and the target's."""
        feed.ask(self)
        on_target = self.read(target)
        return feed.answer(), on_target


@dataclass(frozen=True)
class ReadLargeObjects:
    """Read size and digest of each large object on both sides at the same time."""

    def read(self, session: Session) -> dict[int, tuple[int, str]]:
        """Return one side's large objects."""
        return content.large_object_digests(session)

    def do(self, target: Session, feed: Feed) -> tuple[dict[int, tuple[int, str]], dict[int, tuple[int, str]]]:
        """Return the source's large objects and the target's."""
        feed.ask(self)
        on_target = self.read(target)
        return feed.answer(), on_target
