# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""From a complete copy to the source's present: what changed is staged, and put in place in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy import compare as comparison
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy import full_copy as engine
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy import marker
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.adapt import Adaptation
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.compare import Comparison
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.marker import Evidence, Marker, Servers
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.tasks import ReadLargeObjects, Work
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.workers import Pool, Task
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look import checksums as content
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look import server
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.identity import refuse_rewritten
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.plan import Side
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.tables import Table
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update import change_log, delta, staging, views
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update import survey as changes
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update.constraints import Aside, loose
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update.delta import Delta
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update.guard import Guard
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update.movement import (
    Movement,
    renew,
    renewed_document,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update.staging import Stage, Staged
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update.survey import BY_LOG
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.progress import Progress
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session

_OTHER_VERSION = "the copy was made by another version of this module"
# Transaction ids further away than this cannot be told apart from future ones.
_FARTHEST = 2_000_000_000
# With a larger share of new rows, the planner's statistics are gathered again, as autovacuum does.
_STALE = 0.1
# Someone else uses the target, such as the app in a rehearsal: a deadlock, or a lock that timed out.
_BUSY = ("40P01", "55P03")
_ATTEMPTS = 3
_NAMED = 5  # tables in a reason
# Bytes of a table from which on a second reading costs more than keeping others from writing to it meanwhile.
_GUARDED = engine.LARGE


def obstacle(source: Side, target: Side, found: Marker, tables: Sequence[Table], servers: Servers) -> str:
    """Return why a complete copy cannot be updated, or nothing."""
    if not found.servers:
        return _OTHER_VERSION
    other = sorted({table.name for table in tables} ^ set(found.tables))
    if other:
        more = f" and {len(other) - _NAMED} more" if len(other) > _NAMED else ""
        return f"the tables differ: {', '.join(other[:_NAMED])}{more} are on one side only"
    compared = comparison.compare_schema(source, target.session, found.document)
    source.definitions = compared.definitions
    comparison.compare_search_path(compared, source, target.facts["search_path"])
    for one in compared.mismatches:
        return f"the schemas differ: {one['kind']} {one['name']}: {one['difference']}"
    return no_evidence(found, servers)


def no_evidence(found: Marker, servers: Servers) -> str:
    """Return why what the marker says about tables no longer counts, O(servers) being what they are now, or nothing."""
    for side, now in servers.items():
        noted = found.servers.get(side, {})
        if now["timeline"] is None or any(now[what] != noted.get(what) for what in ("timeline", "version")):
            return "a server failed over or was upgraded since the copy, or its timeline cannot be read"
        if now.keys() - noted.keys():
            return _OTHER_VERSION
        horizons = [getattr(one, f"{side}_horizon") for one in found.tables.values()]
        if now["position"] < noted["position"] or now["next"] < max([noted["next"], *horizons]):
            return "a server was put back to an earlier state since the copy"
        if horizons and now["next"] - min(horizons) > _FARTHEST:
            return "too many transactions have passed since the copy"
    return ""


def guarded(target: Session, evidence: Mapping[str, Evidence], tables: Sequence[Table]) -> Guard:
    """Return the guard of those of O(tables) that are large and have no change log."""
    # Not within the guard's transaction: workers use the same names.
    staging.clear(target)
    return Guard(target, [one.name for one in tables if one.bytes >= _GUARDED and not evidence[one.name].log])


class Update:
    """Brings a copy to the source's present."""

    def __init__(
        self,
        source: Side,
        target: Session,
        found: Marker,
        movement: Movement,
        guard: Guard,
        pool: Pool,
        progress: Progress,
    ) -> None:
        """Take the marker O(found), possibly of an interrupted copy, and what has changed since under O(guard)."""
        self._source = source
        self._target = target
        self._found = found
        self._movement = movement
        self._guard = guard
        self._pool = pool
        self._progress = progress
        self._loose: dict[str, dict[str, str]] = {}

    def run(self, horizon: int, servers: Servers) -> None:
        """Make the target equal to the source's snapshot, whose horizon is O(horizon), and note what O(servers) are.

        Raises StateError if that is not possible; the target is then still the copy that it was.
        """
        try:
            self._progress.phase("stage", tables_total=len(self._movement.tables), tables_done=0, bytes_total=0)
            staged, objects = self._stage()
            # In an interrupted copy, the tables that are copied anew come later.
            refuse_rewritten(self._source.session, [change.table for change in self._movement.changes])
            self._progress.phase("apply")
            self._found.document.update(self._apply_patiently(staged, objects, horizon, servers))
        finally:
            self._guard.release()
            staging.clear(self._target)
        for one in staged:
            if one.expected.marked > one.expected.rows * _STALE:
                self._analyze(one.change.table)

    def _analyze(self, table: Table) -> None:
        document = self._found.document

        def note(names: Sequence[str]) -> None:
            document["adapted"] = list(names)
            marker.note(self._target, document, self._found.state)

        adaptation = self._adaptation(note)
        try:
            self._target.run(f"analyze {table.name}", doing="analyzing")
        except StateError as error:
            # Autovacuum tries again, and its errors are in the server's log: the update itself is done.
            if adaptation.cures(table.oid, error):
                with suppress(StateError):
                    self._target.run(f"analyze {table.name}", doing="analyzing")

    def _adaptation(self, note: Callable[[Sequence[str]], None]) -> Adaptation:
        """Return what can give the target's functions a search_path, after it has let O(note) know."""
        return Adaptation(self._source.session, self._target, self._found, note)

    def _stage(self) -> tuple[list[Staged], dict[int, int | None]]:
        """Return what is staged, and the large objects that differ with their size on the source, None for none."""
        staged: list[Staged] = []
        digests: list[tuple[dict[int, tuple[int, str]], dict[int, tuple[int, str]]]] = []

        def done(work: Work, result: Any) -> None:
            if isinstance(work, Stage):
                staged.append(result)
                if work.change.how == BY_LOG:  # by now the rows are counted
                    position = self._movement.changes.index(work.change)
                    self._movement.changes[position] = replace(work.change, source=result.expected)
                self._progress.add(tables_done=1)
            elif isinstance(work, ReadLargeObjects):
                digests.append(result)

        evidence, indexed = self._found.tables, self._found.state == marker.COMPLETE
        self._loose = loose(self._target, [change.table.name for change in self._movement.tables])
        tasks: list[Task] = [Task(ReadLargeObjects())] if self._movement.large_objects_differ else []
        # The largest come first, so that none is left alone at the end.
        for change in sorted(self._movement.tables, key=lambda change: change.table.bytes, reverse=True):
            name = change.table.name
            tasks.append(Task(Stage(change, evidence[name], self._loose.get(name, {}), indexed)))
        self._pool.run(tasks, done, lambda: self._progress.update(bytes_done=self._pool.bytes_moved()))
        objects: dict[int, int | None] = {}
        for source, target in digests:
            objects = {oid: None for oid in target if oid not in source}
            objects.update({oid: size for oid, (size, _digest) in source.items() if target.get(oid) != source[oid]})
        wanted = [(oid, size) for oid, size in objects.items() if size is not None]
        self._pool.run([Task(staging.StageLargeObjects(wanted))] if objects else [], done, lambda: None)
        # Tables copied whole come first: a table cannot be truncated while rows of others wait for deferred checks.
        return sorted(staged, key=lambda one: one.change.how != changes.WHOLE), objects

    def _apply_patiently(
        self, staged: list[Staged], objects: dict[int, int | None], horizon: int, servers: Servers
    ) -> dict[str, Any]:
        """Return the marker's document."""
        aside, attempts = Aside(), 0
        while True:
            attempts += 1
            try:
                return self._apply(staged, objects, horizon, servers, aside)
            except StateError as error:
                state = str(error.facts.get("sqlstate", ""))
                if aside.against(state) != aside:
                    aside = aside.against(state)
                elif state not in _BUSY or attempts >= _ATTEMPTS:
                    raise

    def _apply(
        self, staged: list[Staged], objects: dict[int, int | None], horizon: int, servers: Servers, aside: Aside
    ) -> dict[str, Any]:
        target, source = self._target, self._source.session
        adaptation = self._adaptation(lambda _names: None)  # the document is written last
        filled: views.States | None = None
        with self._guard.transaction("updating the copy"):
            began = server.horizon(target)
            complete = self._found.state == marker.COMPLETE
            with target.as_app():
                reached = Delta(target, staged, aside, bool(self._loose)).apply()
                delta.put_large_objects(target, objects)
                if complete:
                    engine.comment_large_objects(source, target)
                    filled = self._movement.views.fill(target, reached, bool(objects), adaptation.cures)
                found = self._differences(staged, reached, bool(objects))
            if complete:
                known = self._source.definitions
                noted = {**self._found.document, "adapted": adaptation.names}
                schema = comparison.compare_schema(self._source, target, noted, known)
                found.mismatches += schema.mismatches
                engine.set_sequences(target, self._movement.sequences)
            found.refuse(target)
            document = renewed_document(self._found, self._movement, servers, (one.name for one in staged), filled)
            document["adapted"] = adaptation.names
            marker.note(target, document, self._found.state)
            renew(target, self._movement, horizon)
            marker.note_source(target, self._movement.identities)
            marker.record_tables(target, self._kept(staged), horizon, began)
            marker.advance(target, horizon)
        return document

    def _kept(self, staged: Sequence[Staged]) -> list[tuple[str, int, str | None]]:
        """Return what to note about the tables that were written: name, rows, and the identity of valid logs."""
        logs = change_log.logs(self._target) if any(one.change.logged for one in staged) else {}
        identities = {
            one.name: replace(one.change.logged, target=logs[one.name]).identity
            for one in staged
            if one.change.logged and one.name in logs
        }
        return [(one.name, one.expected.rows, identities.get(one.name)) for one in staged]

    def _differences(self, staged: Sequence[Staged], reached: set[str], objects: bool) -> Comparison:
        """Compare what was written, and what cascading deletes may have changed."""
        expected = {change.table.name: change.source for change in self._movement.changes}
        whole = {change.table.name for change in self._movement.changes if change.proof}
        written = {one.name: one for one in staged}
        expected.update({name: one.expected for name, one in written.items()})
        unproven = reached - self._guard.proven(written)
        found = Comparison()
        tables = []
        for change in self._movement.changes:
            name = change.table.name
            if name not in unproven:
                continue
            if change.logged is None:
                tables.append(change.table)
            elif delta.differs_by_log(self._target, change, self._found.tables[name], expected[name]):
                found.differs("table", name, "other rows than those with logged keys were written, or other content")
        for batch in content.batches(tables, engine.LARGE, comparison.TABLES_AT_ONCE):
            noted = self._found.tables
            marks = [(table, "true" if table.name in whole else changes.foreign(noted[table.name])) for table in batch]
            for table, scan in zip(batch, changes.scans(self._target, marks)):
                if scan != expected[table.name]:
                    wanted = expected[table.name]
                    found.differs("table", table.name, f"{scan.rows} rows of {wanted.rows}, or other content")
        if objects:
            on_source, on_target = (content.large_objects(side, True) for side in (self._source.session, self._target))
            if on_source[:3] != on_target[:3]:
                found.differs("large objects", "all", "other content")
        return found
