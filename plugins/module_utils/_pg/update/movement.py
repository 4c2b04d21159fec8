# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What changed in the whole database since a copy, each table surveyed in the cheapest way that is certain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy import compare as comparison
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy import full_copy as engine
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy import marker
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.marker import Evidence, Marker, Servers
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.tasks import CompareLargeObjects, Work
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.workers import Pool, Task
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look import checksums as content
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look import identity, keys
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.identity import Identity
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.inventory import (
    Sequences,
    populated_views,
    read_sequences,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.keys import Key
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.tables import Table
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update import survey as changes
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update import views
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update.survey import UNCHANGED, Change
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update.views import States, Views
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.sides import both

# With a larger share of all bytes changed, an update takes longer than a copy; 'make bench-pg' measures both.
_DEAR = 0.15


@dataclass
class Movement:
    """What changed on either side since the copy."""

    changes: list[Change] = field(default_factory=list)
    large_objects: int = 0
    large_objects_differ: bool = False
    sequences: Sequences = field(default_factory=dict)
    """The source's values, which the target should get."""
    sequences_differ: bool = False
    horizon: int = 0
    """The target's horizon from before it was looked at."""
    identities: dict[str, Identity] = field(default_factory=dict)
    """What the source's tables are."""
    views: Views = field(default_factory=Views)
    renewed: dict[str, int] = field(default_factory=dict)
    """Rows of tables that a full comparison found equal, so that transaction ids can show their changes again."""

    @property
    def tables(self) -> list[Change]:
        """The tables that changed."""
        return [change for change in self.changes if change.how != UNCHANGED]

    @property
    def any(self) -> bool:
        """Whether anything changed."""
        return bool(self.tables or self.large_objects_differ or self.sequences_differ or self.views.wrong)

    @property
    def dear(self) -> bool:
        """Whether so much changed that a full copy is faster, because it writes rows without indexes."""
        moved = sum(change.bytes for change in self.tables)
        return moved > max(engine.LARGE, _DEAR * sum(change.table.bytes for change in self.changes))


def survey(
    source: Session, target: Session, found: Marker, tables: Sequence[Table], pool: Pool, servers: Servers
) -> Movement:
    """Find out what changed since the marker O(found) was written, given what shows what O(servers) are now."""
    copied = [(table, found.tables[table.name]) for table in tables if table.name in found.tables]
    (sequences, identities, keys_, filled), ((horizon, states), others, now) = both(
        lambda: (
            read_sequences(source),
            identity.identities(source, {table.name: table.oid for table in tables}),
            keys.keys(source),
            populated_views(source),
        ),
        lambda: (
            views.states(target),
            read_sequences(target),
            identity.named(target, [table.name for table, _noted in copied]),
        ),
    )
    movement = Movement(
        sequences=sequences, sequences_differ=sequences != others, horizon=horizon, identities=identities
    )
    if found.state == marker.COMPLETE:
        movement.views = Views(states, found.document.get("views", {}), filled)
    _Survey(source, target, movement, keys_, pool).run(copied, now, found.restarted(servers))
    return movement


class _Survey:
    """Finds what changed in each table, in the cheapest way that is certain."""

    def __init__(
        self, source: Session, target: Session, movement: Movement, keys_: Mapping[int, Key], pool: Pool
    ) -> None:
        self._source = source
        self._target = target
        self._movement = movement
        self._pool = pool
        self._keys = keys_
        self._worth: dict[str, str] = {}
        self._scanned: list[tuple[Table, Evidence]] = []
        self._proven: list[tuple[Table, Evidence]] = []

    def run(self, copied: Sequence[tuple[Table, Evidence]], now: Mapping[str, Identity], restarted: bool) -> None:
        """Note what changed in O(copied), which are O(now) on the target, after the source was perhaps O(restarted)."""
        identities = self._movement.identities
        for table, noted in copied:
            worth = changes.standing(noted, identities[table.name], now.get(table.name))
            # It may have been started with older files, or other ones, and have given out ids a second time.
            self._worth[table.name] = changes.REWRITTEN if restarted and worth == changes.SOUND else worth
        sound = [(table, noted) for table, noted in copied if self._worth[table.name] == changes.SOUND]
        self._scanned = [(table, noted) for table, noted in copied if self._worth[table.name] == changes.REWRITTEN]
        self._read_logs(sound)
        void = [(table, noted) for table, noted in copied if self._worth[table.name] == changes.VOID]
        tasks = [Task(CompareLargeObjects(checksums=True)), *self._scans(void, proof=True)]
        self._run([*tasks, *self._scans(self._scanned, proof=False)])
        self._run(self._scans(self._proven, proof=True))

    def _read_logs(self, sound: Sequence[tuple[Table, Evidence]]) -> None:
        logged = changes.trusted(self._source, self._target, {table.name: noted for table, noted in sound})
        logs = []
        for table, noted in sound:
            key, both = self._keys.get(table.oid), logged.get(table.name)
            if both and key and key.columns == both.source.columns:
                logs.append((table, noted, both, key))
            else:
                self._scanned.append((table, noted))
        starts = range(0, len(logs), comparison.TABLES_AT_ONCE)
        self._run([Task(changes.SurveyLogs(logs[start : start + comparison.TABLES_AT_ONCE])) for start in starts])

    def _scans(self, tables: Sequence[tuple[Table, Evidence]], proof: bool) -> list[Task]:
        noted = {table.name: evidence for table, evidence in tables}
        return [
            Task(changes.Survey([(table, noted[table.name]) for table in batch], proof))
            for batch in content.batches([table for table, _noted in tables], engine.LARGE, comparison.TABLES_AT_ONCE)
        ]

    def _run(self, tasks: Sequence[Task]) -> None:
        self._pool.run(tasks, self._seen, lambda: None)

    def _seen(self, work: Work, result: Any) -> None:
        movement = self._movement
        if isinstance(work, changes.SurveyLogs):
            for (table, noted, _logs, _key), change in zip(work.tables, result):
                if change:
                    movement.changes.append(change)
                else:
                    self._scanned.append((table, noted))
        elif isinstance(work, changes.Survey):
            for (table, noted), ((one, place), other) in zip(work.tables, result):
                change = changes.judge(table, self._keys.get(table.oid), noted, one, other, work.proof)
                self._judge(replace(change, place=place), noted, work.proof)
        else:
            source, target = result
            movement.large_objects, movement.large_objects_differ = source.number, source != target

    def _judge(self, change: Change, noted: Evidence, proof: bool) -> None:
        table = change.table
        if self._worth[table.name] == changes.REWRITTEN and not proof:
            if change.how == UNCHANGED:
                self._proven.append((table, noted))
                return
            change = replace(change, proof=True)
        self._movement.changes.append(change)
        if proof and change.how == UNCHANGED and not self._movement.identities[table.name].fickle:
            self._movement.renewed[table.name] = change.source.rows


def renew(target: Session, movement: Movement, horizon: int) -> None:
    """Note tables that turned out to be equal although their evidence no longer counted."""
    if movement.renewed:
        marker.note_source(target, movement.identities)
        marker.record_tables(target, list(movement.renewed.items()), horizon, movement.horizon)


def renewed_document(
    found: Marker, movement: Movement, servers: Servers, written: Iterable[str] = (), filled: States | None = None
) -> dict[str, Any]:
    """Return the marker's document for a target on which O(written) and the renewed tables are recorded again.

    O(filled) is what its materialized views are, if they were looked at.
    """
    own = found.own({*written, *movement.renewed}, movement.horizon)
    document = {**found.document, "servers": servers, "own": own}
    return document if filled is None else {**document, "views": filled}
