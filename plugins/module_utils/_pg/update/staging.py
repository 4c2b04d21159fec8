# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Only what changed is read from the source: workers copy the new rows, and the keys of the rows that are gone, into
staging tables next to the marker.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.marker import Evidence
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.tasks import Feed
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look import checksums as content
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.keys import Key
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.scope import MARKER_SCHEMA
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.tables import Table
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update import survey as changes
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update.survey import (
    BY_LOG,
    WHOLE,
    Change,
    Logged,
    Scan,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session

SLICES = f"{MARKER_SCHEMA}.staged_slices"
"""Of large objects."""
# Buckets of keys for each row that is gone: with this many, few of the other rows share a bucket with one.
_BUCKETS = 64
_MOST_BUCKETS = 1 << 16


def staging(table: Table, what: str) -> str:
    """Return the name of a staging table: of V(rows), logged V(keys), keys V(kept) in some buckets, or keys V(gone)."""
    return f"{MARKER_SCHEMA}.staged_{what}_{table.oid}"


def key_of(change: Change) -> Key:
    """Return the key by which a table is updated."""
    if change.key is None:
        raise AssertionError(f"{change.table.name} has no key to be updated by")
    return change.key


def logs_of(change: Change) -> Logged:
    """Return the logs by which a table was surveyed."""
    if change.logged is None:
        raise AssertionError(f"{change.table.name} was not surveyed by logs")
    return change.logged


@dataclass(frozen=True)
class Staged:
    """What is staged next to the marker, to be put into a table."""

    change: Change
    evidence: Evidence
    expected: Scan
    """What a scan of the target must find at the end, with rows marked as in the survey."""
    gone: int = 0
    """Number of rows that the source no longer has."""
    replaced: int = 0
    """Number of rows that the target holds with another content."""

    @property
    def name(self) -> str:
        """The table's name."""
        return self.change.table.name


@dataclass(frozen=True)
class _Counts:
    """Count rows by a query that gives bucket and number."""

    sql: str
    doing: str

    def read(self, session: Session) -> dict[int, int]:
        return dict(session.rows(self.sql, doing=self.doing))


@dataclass(frozen=True)
class _All:
    """Scan a table with every row marked."""

    table: Table

    def read(self, session: Session) -> Scan:
        return changes.scans(session, [(self.table, "true")])[0]


@dataclass(frozen=True)
class Stage:
    """Copy the new rows of a table, and the keys of those that are gone, into staging tables."""

    change: Change
    evidence: Evidence
    loose: Mapping[str, str] = field(default_factory=dict)
    """Columns, with their types, that the staging table stores as text: see constraints.loose."""
    indexed: bool = True
    """Whether the target has the key's index, which an interrupted copy may lack."""

    def do(self, target: Session, feed: Feed) -> Staged:
        """Return what was staged; raises StateError if the numbers do not add up."""
        if self.change.how == BY_LOG:
            return self._logged(target, feed)
        table = self.change.table
        if self.change.how == WHOLE:
            self._bring(target, feed, "rows", table.columns, table.source_query)
            feed.ask(_All(table))
            return Staged(self.change, self.evidence, feed.answer())
        newer = changes.newer(self.evidence.source_horizon)
        marked = f"select {', '.join(table.columns)} from only {table.name} where {newer}"
        near = f"({marked} and {self.change.place})"
        rows = self._bring(target, feed, "rows", table.columns, near, (self.change.source.marked, f"({marked})"))
        same = key_of(self.change).same("s", "t")
        replaced = f"only {table.name} t where exists (select from {rows} s where {same})"
        number = target.value(f"select count(*) from {replaced}")
        gone = self.change.target.rows + self.change.source.marked - number - self.change.source.rows
        if gone:
            self._find_gone(target, feed, gone, rows, replaced)
        expected = self.change.source
        if self.change.proof:
            feed.ask(_All(table))
            expected = feed.answer()
        return Staged(self.change, self.evidence, expected, gone, number)

    def _logged(self, target: Session, feed: Feed) -> Staged:
        """Stage the logged keys too; rows whose key the source no longer has are gone."""
        table, key = self.change.table, key_of(self.change)
        written = changes.written(logs_of(self.change).source, changes.newer(self.evidence.source_horizon))
        keys = self._bring(target, feed, "keys", key.columns, written)
        wanted = ", ".join(f"t.{column}" for column in table.columns)
        query = f"(select {wanted} {changes.found(written, key, table, table.columns)})"
        rows = self._bring(target, feed, "rows", table.columns, query)
        name = staging(table, "gone")
        target.run(
            f"create unlogged table {name} as select k.* {changes.found(keys, key, table, ())} "
            f"where not exists (select from {rows} s where {key.same('s', 'k')}); analyze {name}",
            doing=f"comparing the keys of {table.name}",
        )
        logged = target.value(f"select count(*) {changes.found(keys, key, table, ())}")
        source = self.change.source
        return Staged(
            self.change,
            self.evidence,
            source._replace(rows=self.evidence.rows - logged + source.marked),
            target.value(f"select count(*) from {name}"),
        )

    def _bring(
        self,
        target: Session,
        feed: Feed,
        what: str,
        columns: Sequence[str],
        query: str,
        sure: tuple[int, str] | None = None,
    ) -> str:
        """Fill a staging table from the source's O(query), which gives O(columns); return its name.

        O(sure) is a number of rows and a slower query. If O(query) gives another number, because the table was
        rewritten meanwhile, that query is used.
        """
        table = self.change.table
        name, form = staging(table, what), "binary" if table.binary else "text"
        feed.ask([(f"copy {query} to stdout (format {form})", f"reading {table.name}")])
        loose = {column: self.loose[column] for column in columns if column in self.loose}
        filled = f"{name}_text" if loose else name
        taken = ", ".join(f"{column}::text" if column in loose else column for column in columns)
        doing = f"staging {table.name}"
        target.run(f"create unlogged table {filled} as select {taken} from only {table.name} with no data", doing=doing)
        copy = f"copy {filled} from stdin (format {form})"
        brought = feed.copy_in(target, copy, doing)
        if sure and brought != sure[0]:
            target.run(f"truncate {filled}", doing=doing)
            feed.ask([(f"copy {sure[1]} to stdout (format {form})", f"reading {table.name}")])
            feed.copy_in(target, copy, doing)
        finish = f"analyze {filled}"
        if loose:
            typed = (f"{column}::{loose[column]}" if column in loose else column for column in columns)
            finish += f"; create view {name}({', '.join(columns)}) as select {', '.join(typed)} from {filled}"
        target.run(finish, doing=doing)
        return name

    def _find_gone(self, target: Session, feed: Feed, gone: int, rows: str, replaced: str) -> None:
        """Find the O(gone) rows of the target that are no longer on the source, by buckets of their keys.

        Without these, the target would have the source's keys once O(rows) are in the place of those O(replaced). So if
        the numbers of a bucket agree, so do its keys.
        """
        table, key = self.change.table, key_of(self.change)
        number = 64
        while number < min(gone * _BUCKETS, _MOST_BUCKETS):
            number *= 2
        buckets = key.buckets(target, table.name, number)
        doing = f"comparing the keys of {table.name}"
        counts = _Counts(buckets.counts(f"only {table.name}"), doing)
        feed.ask(counts)
        surplus = Counter(counts.read(target))
        surplus.subtract(_Counts(buckets.counts(replaced), doing).read(target))
        surplus.update(_Counts(buckets.counts(rows), doing).read(target))
        surplus.subtract(feed.answer())
        differing = sorted(bucket for bucket, keys in surplus.items() if keys)
        source = f"({buckets.inside(table.name, differing, True)})"
        old = self._bring(target, feed, "kept", key.columns, source)
        name = staging(table, "gone")
        unmatched = " and ".join(
            f"not exists (select from {kept} s where {key.same('s', 't')})" for kept in (old, rows)
        )
        # How many keys are left the planner cannot know: it expects one, and would read them all for each other.
        found = target.value(
            f"set local enable_nestloop = off; create unlogged table {name} as "
            f"with t as materialized ({buckets.inside(table.name, differing, self.indexed)}) "
            f"select * from t where {unmatched}; analyze {name}; select count(*) from {name}",
            doing=doing,
        )
        if found != gone:
            raise StateError(
                table.name,
                f"{gone} rows must have been deleted on the source since the copy, but {found} were found",
                "Run again; if it happens again, copy with mode full.",
            )


@dataclass(frozen=True)
class StageLargeObjects:
    """Copy large objects (oid, bytes) into a staging table."""

    objects: Sequence[tuple[int, int]]

    def do(self, target: Session, feed: Feed) -> None:
        """Return nothing."""
        feed.ask([(content.slices_query(self.objects), "reading large objects")])
        with target.transaction(doing="staging large objects"):
            target.run(f"create unlogged table {SLICES} {content.SLICE_COLUMNS}", doing="staging large objects")
            feed.copy_in(target, f"copy {SLICES} from stdin (format binary)", "staging large objects")


_CLEAR = f"""
do $$ declare tables text; begin
  for tables in
    -- Not all at once: a transaction has room for so many locks only.
    select string_agg(format('{MARKER_SCHEMA}.%I', relname), ', ') from (
      select relname, row_number() over () / 100 as part from pg_class
      where relkind = 'r' and relname like 'staged\\_%' and relnamespace = '{MARKER_SCHEMA}'::regnamespace) found
    group by part
  loop
    execute 'drop table ' || tables || ' cascade';
    commit;
  end loop;
end $$
"""


def clear(target: Session) -> None:
    """Drop the staging tables of this run or of one that was killed."""
    target.run(_CLEAR, doing="dropping staging tables")
