# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What differs between source and target: schema, settings, sequences, rows and large objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy import adapt
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.full_copy import LARGE
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.tasks import (
    Compare,
    CompareLargeObjects,
    Work,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.workers import Pool, Task
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look import checksums as content
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look import meaning
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look import schema as definitions
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.checksums import LargeObjects
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.plan import Side
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.schema import Definition
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.tables import Table
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.sides import both

# How many tables one query reads.
TABLES_AT_ONCE = 100
_NAMED = 20  # mismatches in an error


@dataclass
class Comparison:
    """What differs between the two databases, and what was counted on the way."""

    mismatches: list[dict[str, str]] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    sequences: int = 0
    sequences_differ: bool = False
    """Whether sequences of the target had other values: they are set again."""
    large_objects: int = 0
    generated: list[str] = field(default_factory=list)
    """Tables of which the target computes generated columns otherwise, with these."""
    definitions: Sequence[Definition] = ()
    """The source's."""
    same: set[str] = field(default_factory=set)
    """Digests of definitions that are printed differently but mean the same, for the marker."""

    def differs(self, kind: str, name: str, difference: str) -> None:
        """Note a mismatch."""
        self.mismatches.append({"kind": kind, "name": name, "difference": difference})

    @property
    def named(self) -> str:
        """What differs, for a message."""
        named = "; ".join(f"{m['kind']} {m['name']}: {m['difference']}" for m in self.mismatches[:_NAMED])
        more = f"; and {len(self.mismatches) - _NAMED} more" if len(self.mismatches) > _NAMED else ""
        return f"the copy differs from the source: {named}{more}"

    def refuse(self, target: Session) -> None:
        """Raise StateError if anything differs."""
        if not self.mismatches:
            return
        raise StateError(
            target.thing,
            self.named,
            "The copy is not used. Run again; if it differs again, report it with this message.",
            mismatches=self.mismatches[:_NAMED],
        )


def compare_schema(
    source: Side, target: Session, noted: Mapping[str, Any], of_source: Sequence[Definition] | None = None
) -> Comparison:
    """Compare all definitions; those O(of_source) if they were read before.

    The target is not asked again about what the marker's document O(noted) lists as the same: that writes nothing.
    """
    found = Comparison()
    known = set(noted.get("same", ()))

    def judge(pairs: Sequence[definitions.Pair]) -> Iterator[bool]:
        asked = [pair for pair in pairs if pair.digest not in known and not target.read_only]
        found.same = {pair.digest for pair in pairs if pair.digest in known}
        found.same |= {pair.digest for pair, same in zip(asked, meaning.same(target, asked)) if same}
        return (pair.digest in found.same for pair in pairs)

    left = {(one.catalog, one.oid) for one in source.left_behind}
    found.definitions, on_target = both(
        lambda: definitions.definitions(source.session, left) if of_source is None else of_source,
        lambda: definitions.definitions(target),
    )
    adapted = adapt.without(on_target, noted.get("adapted", ()))
    for kind, name, difference in definitions.differences(found.definitions, adapted, judge):
        found.differs(kind, name, difference)
    return found


def compare_search_path(found: Comparison, source: Side, path: str) -> None:
    """Compare the search_path that a new session of the target gets, which is O(path)."""
    if path != source.facts["portable_search_path"]:
        found.differs("setting", "search_path", f"is {path}")


def search_path(target: Session) -> str:
    """Return the search_path of a session that begins now."""
    with target.again() as session:
        return str(session.value("select reset_val from pg_settings where name = 'search_path'"))


def compare_content(
    found: Comparison, tables: Sequence[Table], pool: Pool, level: str, known: Mapping[str, content.Content]
) -> None:
    """Compare rows and large objects by O(level): V(none), V(counts) or V(checksums).

    O(known) is what the source's tables hold, as far as they were read before.
    """
    if level == "none":
        return

    def compared(work: Work, result: tuple[Sequence[content.Content], ...] | tuple[LargeObjects, LargeObjects]) -> None:
        if isinstance(work, CompareLargeObjects):
            _note_large_objects(found, *result)
        elif isinstance(work, Compare):
            for table, source, target in zip(work.tables, *result):
                _note_table(found, table, source, target)

    checksums = level == "checksums"
    tasks = [Task(CompareLargeObjects(checksums))]
    for batch in content.batches(tables, LARGE, TABLES_AT_ONCE):
        found_before = {table.name: known[table.name] for table in batch if table.name in known}
        tasks.append(Task(Compare(batch, checksums, found_before)))
    pool.run(tasks, compared, lambda: None)


def _note_table(found: Comparison, table: Table, source: content.Content, target: content.Content) -> None:
    found.rows[table.name] = source.rows
    if source.rows != target.rows:
        found.differs("table", table.name, f"{source.rows} rows on the source, {target.rows} on the target")
    elif source.checksum != target.checksum:
        found.differs("table", table.name, "the same number of rows, but other content")
    elif source.generated != target.generated:
        found.generated.append(f"{table.name} ({', '.join(table.generated)})")


def _note_large_objects(found: Comparison, source: LargeObjects, target: LargeObjects) -> None:
    found.large_objects = source.number
    if source != target:
        found.differs(
            "large objects", "all", f"{source.number} on the source, {target.number} on the target, or other content"
        )
