# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""The copy itself: the schema, the data and the rest of the schema, in parallel where that is safe."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy import indexes
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.adapt import Adaptation
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.archive import Entry, run_entries
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.marker import Marker
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.stages import Stages, stages
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.tasks import (
    Analyze,
    Checked,
    CopyLargeObjects,
    CopyTables,
    CopyTogether,
    RunEntry,
    may_pass,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.workers import Pool, Task
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look import checksums as content
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look import server
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.identity import refuse_rewritten
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.inventory import (
    Sequences,
    parents_and_views,
    populated_views,
    read_sequences,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.tables import Table
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.progress import Progress
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.sides import both

# Each table beyond this size is its own task, and so is each of its indexes; smaller ones share a transaction with
# their indexes, up to this many tables.
LARGE = 32 << 20
_TABLES_AT_ONCE = 40
# Tables up to this size are read together, up to this many bytes and tables.
_SMALL = 256 << 10
_SMALL_BYTES_AT_ONCE = 8 << 20
_SMALL_TABLES_AT_ONCE = 200
_LARGE_OBJECTS_AT_ONCE = 500


def _analyzed_last(source: Session) -> set[int]:
    """Return the tables with statistics on expressions or on several columns, which may be made late."""
    rows = source.rows(
        "select stxrelid from pg_statistic_ext union select indrelid from pg_index where indexprs is not null"
    )
    return {oid for (oid,) in rows}


class Copy:
    """A copy that is being made: the target is empty, and the marker says that a copy is under way."""

    def __init__(
        self,
        source: Session,
        target: Session,
        tables: Sequence[Table],
        interrupted: Marker | None,
        pool: Pool,
        progress: Progress,
        checksums: bool,
        note_adapted: Callable[[Sequence[str]], None],
    ) -> None:
        """O(source) is in the transaction whose snapshot O(pool) shares; resume O(interrupted). With O(checksums) the
        source reads its own while the target makes indexes. O(note_adapted) keeps the names of functions for later.
        """
        self._source = source
        self._target = target
        self._tables = tables
        self._resumed = interrupted is not None
        self._made = interrupted.entries if interrupted else frozenset[int]()
        self._kept = set(interrupted.tables) if interrupted else set()
        self._pool = pool
        self._progress = progress
        self._checksums = checksums
        self.contents: dict[str, content.Content] = {}
        """What the source's tables hold, as far as it was read meanwhile."""
        self.seconds: dict[str, float] = {}
        """Seconds of COPY per table."""
        self.rows = {name: evidence.rows for name, evidence in interrupted.tables.items()} if interrupted else {}
        """Rows per table, as both sides counted them."""
        self.adaptation = Adaptation(source, target, interrupted, note_adapted)
        self._later_tables: list[tuple[Table, StateError]] = []
        self._later_entries: list[tuple[Entry, StateError]] = []
        self.large_objects = 0
        self.unanalyzed: dict[str, StateError] = {}
        """Tables and views whose statistics could not be gathered, and why."""
        self.sequences: Sequences = {}
        """The values that were copied."""
        self._horizon = server.horizon(source)
        self._key_indexes = indexes.key_indexes(source)
        self._index_bytes = indexes.index_bytes(source)
        last = _analyzed_last(source)
        self._analyzed_last = {table.name for table in tables if table.bytes >= LARGE or table.oid in last}

    def run(self, before: Sequence[Entry], after: Sequence[Entry], level: Callable[[], None]) -> None:
        """Copy everything, with the schema's entries that come O(before) and O(after) the data; raises the first error.

        O(level) brings tables that an earlier run copied to this snapshot, before foreign keys check them.
        """
        self._progress.phase("schema")
        self._make(before, again_as_app=True)
        stages_ = stages(self._source, after, self._tables)
        self._progress.phase(
            "data",
            tables_total=len(self._tables),
            tables_done=len(self._kept),
            rows_done=sum(self.rows.values()),
            bytes_total=sum(table.bytes for table in self._tables if table.name not in self._kept),
        )
        self._work(self._data_tasks(stages_))
        refuse_rewritten(self._source, self._tables)
        self._progress.phase("constraints")
        self._catch_up()
        level()
        with self._target.as_app():
            self._make(stages_.whole)
        keys = [(entry, locks) for entry, locks in stages_.foreign_keys if entry.id not in self._made]
        self._work([Task(RunEntry(entry), locks=locks) for entry, locks in keys])
        with self._target.as_app():
            self._make(stages_.rest)
        self._progress.phase("finish")
        self.sequences = read_sequences(self._source)
        set_sequences(self._target, self.sequences)
        comment_large_objects(self._source, self._target)
        # In the archive's order, in which each view comes after those it reads.
        populated = {oid: name for name, oid in populated_views(self._source).items()}
        views = [entry.oid for entry in [*before, *after] if entry.kind == "MATERIALIZED VIEW"]
        with self._target.as_app():
            refresh(self._target, {populated[oid]: oid for oid in views if oid in populated}, self.adaptation.cures)
        names = [table.name for table in self._tables if table.name in self._analyzed_last and not table.condition]
        self._work([Task(Analyze(name)) for name in [*names, *parents_and_views(self._target)]])
        self._analyze_again()

    def _analyze_again(self) -> None:
        """Retry those tables whose functions can be given what they lack."""
        oids = {table.name: table.oid for table in self._tables}
        for name, error in list(self.unanalyzed.items()):
            if self.adaptation.cures(oids.get(name, 0), error):
                del self.unanalyzed[name]
                self._work([Task(Analyze(name))])

    def _catch_up(self) -> None:
        """Retry what failed before all rows were there, as long as anything succeeds."""
        while self._later_tables or self._later_entries:
            tables, entries = self._later_tables, self._later_entries
            self._later_tables, self._later_entries = [], []
            for table, _error in tables:
                self._work([Task(CopyTables([table], self._horizon))])
            for entry, _error in entries:
                try:
                    with self._target.as_app():
                        run_entries(self._target, [entry], self.adaptation.cures)
                except StateError as error:
                    self._later_entries.append((entry, error))
            if (len(self._later_tables), len(self._later_entries)) == (len(tables), len(entries)):
                raise [*self._later_tables, *self._later_entries][0][1]

    def _make(self, entries: Sequence[Entry], again_as_app: bool = False) -> None:
        missing = [entry for entry in entries if entry.id not in self._made]
        run_entries(self._target, missing, self.adaptation.cures, again_as_app)

    def _work(self, tasks: Sequence[Task]) -> None:
        self._pool.run(tasks, self._done, lambda: self._progress.update(bytes_done=self._pool.bytes_moved()))

    def _done(self, work: Any, result: Any) -> None:
        if isinstance(work, (CopyTables, CopyTogether)):
            self.seconds.update({one.name: one.seconds for one in result.copied})
            self.rows.update({one.name: one.rows for one in result.copied})
            self._progress.add(tables_done=len(result.copied), rows_done=sum(one.rows for one in result.copied))
            self._later_tables += result.tables
            self._later_entries += result.entries
            self.contents.update(result.contents)
        elif isinstance(work, Checked):
            self.contents.update(result)
        elif isinstance(work, Analyze) and result:
            self.unanalyzed[work.name] = result

    def _data_tasks(self, stages_: Stages) -> list[Task]:
        """Return the tasks, large tables first, so that none is left alone at the end, and then their indexes."""
        # Large objects that an earlier run copied are looked at when its tables are updated to this snapshot.
        tasks = [] if self._resumed else [Task(work) for work in self._large_object_work()]
        large = [table for table in self._tables if table.bytes >= LARGE]
        small = [table for table in self._tables if table.bytes < LARGE and table.name not in self._kept]
        copied: dict[int, frozenset[int]] = {}
        for table in large:
            if table.name not in self._kept:
                copied[table.oid] = frozenset([len(tasks)])
                tasks.append(Task(CopyTables([table], self._horizon)))
        together = [table for table in small if _can_travel_together(table)]
        alone = [table for table in small if not _can_travel_together(table)]
        for batch in content.batches(alone, LARGE, _TABLES_AT_ONCE):
            tasks.append(self._copy_task(CopyTables, stages_, batch))
        for batch in content.batches(together, _SMALL_BYTES_AT_ONCE, _SMALL_TABLES_AT_ONCE):
            tasks.append(self._copy_task(CopyTogether, stages_, batch))
        for table in large:
            self._add_index_tasks(tasks, table, self._missing(stages_, [table]), copied.get(table.oid, frozenset()))
        return tasks

    def _add_index_tasks(
        self, tasks: list[Task], table: Table, entries: Sequence[Entry], copied: frozenset[int]
    ) -> None:
        """Add the indexes of O(table), then its keys, which lock others out: from a ready index they take no time."""
        build: list[Task] = []
        locks: list[Entry] = []
        # The longest come first, so that none is left alone at the end.
        for entry in sorted(entries, key=lambda entry: self._index_bytes.get(entry.oid, 0), reverse=True):
            steps = indexes.steps(entry, self._key_indexes.get(entry.oid))
            if steps.build:
                build.append(Task(steps.build, copied))
            if steps.lock:
                locks.append(steps.lock)
        if self._checksums and build:
            build[0] = replace(build[0], work=Checked(table, build[0].work))
        built = copied | frozenset(range(len(tasks), len(tasks) + len(build)))
        tasks += [*build, *(Task(RunEntry(entry), built, locks=frozenset([table.oid])) for entry in locks)]

    def _copy_task(self, kind: type[CopyTables | CopyTogether], stages_: Stages, tables: Sequence[Table]) -> Task:
        """Return the task that copies O(tables) and makes and analyzes whatever can be in the same transaction."""
        analyze = [table.name for table in tables if table.name not in self._analyzed_last and not table.condition]
        return Task(kind(tables, self._horizon, self._missing(stages_, tables), analyze, self._checksums))

    def _missing(self, stages_: Stages, tables: Iterable[Table]) -> list[Entry]:
        """Return the tables' own indexes and keys that are not made yet."""
        entries = (entry for table in tables for entry in stages_.of_table.get(table.oid, []))
        return [entry for entry in entries if entry.id not in self._made]

    def _large_object_work(self) -> list[CopyLargeObjects]:
        found = self._source.rows(
            f"select oid, size from ({content.LARGE_OBJECT_SIZES}) o order by oid", doing="reading large objects"
        )
        self.large_objects = len(found)
        work, size = [], 0
        batch: list[tuple[int, int]] = []
        for oid, length in found:
            if batch and (len(batch) >= _LARGE_OBJECTS_AT_ONCE or size + length > LARGE):
                work.append(CopyLargeObjects(batch))
                batch, size = [], 0
            batch.append((oid, length))
            size += length
        return [*work, CopyLargeObjects(batch)] if batch else work


def _can_travel_together(table: Table) -> bool:
    return table.bytes <= _SMALL and bool(table.columns) and table.freeze and not table.inherits


def set_sequences(target: Session, values: Sequences) -> None:
    """Give the target's sequences these values."""
    names = list(values)
    for start in range(0, len(names), 500):
        chunk = [(name, *values[name]) for name in names[start : start + 500]]
        target.run(
            "select count(setval(s.name::regclass, s.value, s.called)) from (values "
            + ", ".join(["(%s, %s::bigint, %s)"] * len(chunk))
            + ") s(name, value, called)",
            [item for row in chunk for item in row],
            doing="setting sequences",
        )


def comment_large_objects(source: Session, target: Session) -> None:
    """Give the target's large objects the source's comments."""
    query = "select objoid, description from pg_description where classoid = 'pg_largeobject'::regclass"
    of_source, of_target = both(lambda: source.rows(query), lambda: target.rows(query))
    wanted: dict[int, str] = dict(of_source)
    existing: dict[int, str] = dict(of_target)
    for oid in {**existing, **wanted}:
        if wanted.get(oid) != existing.get(oid):
            doing = f"commenting large object {oid}"
            target.run(f"comment on large object {oid} is %s", [wanted.get(oid)], doing=doing)


def refresh(
    target: Session, views: Mapping[str, int], cures: Callable[[int, StateError], bool] = lambda _oid, _error: False
) -> None:
    """Fill materialized O(views), by name with their oids on the source, in this order if that works.

    A function may read a view that comes later, so those that fail are tried again. O(cures) is as in run_entries.
    """
    waiting = list(views)
    while waiting:
        failed: list[str] = []
        first: StateError | None = None
        for name in waiting:
            try:
                with target.attempt():
                    target.run(f"refresh materialized view {name}", doing=f"refreshing materialized view {name}")
            except StateError as error:
                cured = cures(views[name], error)
                failed.append(name)
                first = first or error
                if not may_pass(error) or (len(failed) == len(waiting) and not cured):
                    raise first from None
        waiting = failed
