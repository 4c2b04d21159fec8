# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Update a copy: only what changed since is read from the source, and one transaction puts it in place.

Until that transaction commits, the target is the copy that it was, with a marker that says so. First, workers copy the
new rows, and the keys of the rows that are gone, into staging tables next to the marker.
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
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.naming import relation
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.scope import MARKER_SCHEMA
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.tables import Table
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update import change_log
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update import survey as changes
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update.constraints import (
    ForeignKeys,
    deferred,
    set_aside,
    silenced,
    unchecked,
    writable_identities,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update.survey import (
    BY_KEY,
    BY_LOG,
    WHOLE,
    Change,
    Logged,
    Scan,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session

_SLICES = f"{MARKER_SCHEMA}.staged_slices"
# Buckets of keys for each row that is gone: with this many, few of the other rows share a bucket with one.
_BUCKETS = 64
_MOST_BUCKETS = 1 << 16


def _staging(table: Table, what: str) -> str:
    return f"{MARKER_SCHEMA}.staged_{what}_{table.oid}"


def _key(change: Change) -> Key:
    if change.key is None:
        raise AssertionError(f"{change.table.name} has no key to be updated by")
    return change.key


def _logs(change: Change) -> Logged:
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
        same = _key(self.change).same("s", "t")
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
        table, key = self.change.table, _key(self.change)
        written = changes.written(_logs(self.change).source, changes.newer(self.evidence.source_horizon))
        keys = self._bring(target, feed, "keys", key.columns, written)
        wanted = ", ".join(f"t.{column}" for column in table.columns)
        query = f"(select {wanted} {changes.found(written, key, table, table.columns)})"
        rows = self._bring(target, feed, "rows", table.columns, query)
        name = _staging(table, "gone")
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
        name, form = _staging(table, what), "binary" if table.binary else "text"
        feed.ask([(f"copy {query} to stdout (format {form})", f"reading {table.name}")])
        loose = {column: self.loose[column] for column in columns if column in self.loose}
        filled = f"{name}_text" if loose else name
        taken = ", ".join(f"{column}::text" if column in loose else column for column in columns)
        with target.transaction(doing=f"staging {table.name}"):
            target.run(f"create unlogged table {filled} as select {taken} from only {table.name} with no data")
            copy = f"copy {filled} from stdin (format {form})"
            brought = feed.copy_in(target, copy, f"staging {table.name}")
            if sure and brought != sure[0]:
                target.run(f"truncate {filled}", doing=f"staging {table.name}")
                feed.ask([(f"copy {sure[1]} to stdout (format {form})", f"reading {table.name}")])
                feed.copy_in(target, copy, f"staging {table.name}")
            if loose:
                typed = (f"{column}::{loose[column]}" if column in loose else column for column in columns)
                target.run(f"create view {name}({', '.join(columns)}) as select {', '.join(typed)} from {filled}")
        target.run(f"analyze {filled}", doing="analyzing")
        return name

    def _find_gone(self, target: Session, feed: Feed, gone: int, rows: str, replaced: str) -> None:
        """Find the O(gone) rows of the target that are no longer on the source, by buckets of their keys.

        Without these, the target would have the source's keys once O(rows) are in the place of those O(replaced). So if
        the numbers of a bucket agree, so do its keys.
        """
        table, key = self.change.table, _key(self.change)
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
        differing = sorted(bucket for bucket, number in surplus.items() if number)
        source = f"({buckets.inside(table.name, differing, True)})"
        old = self._bring(target, feed, "kept", key.columns, source)
        name = _staging(table, "gone")
        held = " and ".join(f"not exists (select from {kept} s where {key.same('s', 't')})" for kept in (old, rows))
        target.run(
            f"create unlogged table {name} as select * from ({buckets.inside(table.name, differing, self.indexed)}) t "
            f"where {held}; analyze {name}",
            doing=doing,
        )
        found = target.value(f"select count(*) from {name}")
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
            target.run(f"create unlogged table {_SLICES} {content.SLICE_COLUMNS}", doing="staging large objects")
            feed.copy_in(target, f"copy {_SLICES} from stdin (format binary)", "staging large objects")


def put_large_objects(target: Session, objects: Mapping[int, int | None]) -> None:
    """Replace O(objects) with the staged ones; those without a size are gone from the source."""
    if objects:
        target.run(
            "select count(lo_unlink(oid)) from pg_largeobject_metadata where oid = any (%s::oid[])",
            [list(objects)],
            doing="removing large objects",
        )
        content.put_slices(target, _SLICES)


def clear(target: Session) -> None:
    """Drop the staging tables of this run or of one that was killed."""
    names = target.rows(
        f"select oid::regclass::text from pg_class where relkind = 'r' and relname like 'staged\\_%' "
        f"and relnamespace = '{MARKER_SCHEMA}'::regnamespace"
    )
    for start in range(0, len(names), 100):
        tables = ", ".join(name for (name,) in names[start : start + 100])
        target.run(f"drop table {tables} cascade", doing="dropping staging tables")


class Delta:
    """Puts what is staged into its tables, inside a transaction of the target."""

    def __init__(self, target: Session, staged: Sequence[Staged], unique: bool, domains: bool = False) -> None:
        """Take what is O(staged).

        O(unique) lets rows of a table swap unique values, at the cost of checking foreign keys again; O(domains) lets
        them violate constraints of domains that were made NOT VALID.
        """
        self._target = target
        self._domains = domains
        self._staged = staged
        self._keys = ForeignKeys(target)
        self._by_log = {one.name: one for one in staged if one.change.how == BY_LOG}
        partitions = target.rows(
            f"select {relation('c.oid')} from pg_class c where c.oid = any (%s::regclass[]) and c.relispartition",
            [[one.name for one in staged]],
        )
        # Deleting a row that moved to another partition would also delete what refers to it.
        self._aside = self._keys.topmost(
            key
            for one in staged
            if one.change.how == WHOLE or unique or (one.gone and (one.name,) in partitions)
            for key in self._keys.into(one.name)
        )
        names = {one.name for one in staged}
        self._aside += self._keys.topmost(key for key in self._keys.touching(names) if not key.checked)

    def apply(self) -> set[str]:
        """Put everything in place; return the tables that this may have changed."""
        names = [one.name for one in self._staged]
        held = [one for one in self._staged if one.change.how != WHOLE and self._held(one.name)]
        gone = {one.name: one for one in held if one.gone}
        reached = self._keys.reached(gone)
        self._shut()
        silence, restore = silenced(self._target, names, reached & self._by_log.keys())
        drop, make = set_aside({key.oid: key for key in self._aside}.values())
        relax, tighten = unchecked(self._target, names, self._domains)
        free, fix = writable_identities(self._target, [one.name for one in held])
        aside = {key.oid for key in self._aside}
        defer, settle = deferred(key for key in self._keys.touching(names) if key.oid not in aside)
        self._run([*silence, *drop, *relax, *free, *defer], "preparing the tables")
        for one in self._staged:
            self._run(_by_index(one, _merge(one) if one in held else _replace(one)), f"writing {one.name}")
        for name in self._keys.children_first(gone):
            self._run(_by_index(gone[name], [_delete(gone[name], "gone")]), f"deleting from {name}")
        self._run(["set constraints all immediate"], "checking foreign keys")
        self._run([*settle, *fix, *tighten, *make, *restore], "restoring the tables")
        return {*names, *reached}

    def _shut(self) -> None:
        """Lock tables whose log says that nobody else wrote to them, and check that it still says so."""
        if not self._by_log:
            return
        self._run([f"lock table only {name} in share row exclusive mode" for name in self._by_log], "locking tables")
        logs = change_log.logs(self._target)
        for name, one in self._by_log.items():
            if logs.get(name) != _logs(one.change).target:
                raise StateError(name, "its change log on the target was changed meanwhile", "Run again.")

    def _held(self, name: str) -> bool:
        """Return whether deleting a row of the table does something at once to rows that refer to it."""
        aside = {key.oid for key in self._aside}
        found = [key for key in self._keys.into(name) if key.acts_at_once]
        return bool({key.oid for key in self._keys.topmost(found)} - aside)

    def _run(self, statements: Sequence[str], doing: str) -> None:
        if statements:
            self._target.run(";\n".join(statements), doing=doing)


def differs_by_log(target: Session, change: Change, evidence: Evidence, expected: Scan) -> bool:
    """Return whether a table that was surveyed by its log is now, written or not, different from what is expected.

    It is as expected if the rows with the logged keys are, and no other row was written: neither by others, nor by an
    action of a foreign key, which the log notes in the tables that such an action can reach.
    """
    table, log = change.table, _logs(change).target
    own = "xmin = pg_current_xact_id()::xid"
    others = changes.written(log, f"{changes.foreign(evidence)} and {own.replace('=', '<>')}")
    stray = changes.written(log, own)
    if change.how == BY_LOG:
        keys = _staging(table, "keys")
        if changes.marked(target, [(table, _key(change), keys)]) != [(expected.marked, expected.checksum)]:
            return True
        stray = f"(select from {stray} w where not exists (select from {keys} k where {_key(change).same('w', 'k')}))"
    return bool(target.value(f"select exists (select from {others} o) or exists (select from {stray} s)"))


def in_place(target: Session, one: Staged) -> bool:
    """Return whether the rows that are staged are in their table as on the source, and those that are gone are not.

    It is false where only a scan shows it, or shows it faster.
    """
    table, change = one.change.table, one.change
    if change.how != BY_KEY or change.proof or not changes.few(one.expected.marked + one.gone, change.source.rows):
        return False
    key = _key(change)
    rows = changes.marked(target, [(table, key, _staging(table, "rows"))])
    left = f"select exists (select {changes.found(_staging(table, 'gone'), key, table, ())})" if one.gone else ""
    return rows == [(one.expected.marked, one.expected.checksum)] and not (left and target.value(left))


def _by_index(one: Staged, statements: Sequence[str]) -> list[str]:
    """Return O(statements), made to find each logged key's row by the key's index, whatever the planner prefers."""
    if one.change.how != BY_LOG:
        return list(statements)
    settings = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin", "jit")
    off = [f"set local {setting} = off" for setting in settings]
    return [*off, *statements, *(f"set local {setting} to default" for setting in settings)]


def _delete(one: Staged, what: str) -> str:
    table, key = one.change.table, _key(one.change)
    return f"delete from only {table.name} t using {_staging(table, what)} s where {key.same('s', 't')}"


def _insert(one: Staged, condition: str = "") -> str:
    table = one.change.table
    columns = ", ".join(table.columns)
    listed = f" ({columns})" if columns else ""
    return (
        f"insert into {table.name}{listed} overriding system value "
        f"select {columns} from {_staging(table, 'rows')} s {condition}"
    )


def _replace(one: Staged) -> list[str]:
    """Delete everything that must go, then insert: by then unique values are free again."""
    table = one.change.table
    if one.change.how == WHOLE:
        return [table.clearing, _insert(one)]
    return [_delete(one, "rows"), *([_delete(one, "gone")] if one.gone else []), _insert(one)]


def _merge(one: Staged) -> list[str]:
    """Update and insert, so that nothing that refers to a row loses it; deletes come last."""
    table, key = one.change.table, _key(one.change)
    rows, found = _staging(table, "rows"), key.same("s", "t")
    statements = [_insert(one, f"where not exists (select from only {table.name} t where {found})")]
    # A key may be equal to the one that is there and yet written differently.
    others = [column for column in table.columns if not key.exact or column not in key.columns]
    if others:
        values = ", ".join(f"{column} = s.{column}" for column in others)
        statements.insert(0, f"update only {table.name} t set {values} from {rows} s where {found}")
    return statements
