# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What moved since a copy was made: told for each table by one scan of either side, from transaction ids.

A row of the source whose inserting transaction was over before the copied snapshot was in that snapshot, with the
content that it still has: every update makes a new row version with a new transaction id. So if all rows are that old,
and as many as were copied, they are the rows that were copied. The same holds on the target for the transaction that
wrote the table. Ids are compared with C(age), which errs only towards "newer" when they have wrapped around.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg import catalog
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.catalog import Key, Table
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.marker import Evidence
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.session import Session
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.work import Feed

# Ids further away than this can't be told from those to come.
_FARTHEST = 2_000_000_000

COPY, BY_KEY, WHOLE, UNCHANGED = "copy", "by key", "whole", "unchanged"
"""How a table became equal: with all others from nothing, row by row, all its rows anew, or it was."""


class Scan(NamedTuple):
    """What a scan of one side's table found."""

    rows: int
    marked: int
    """Rows that are newer than the copy."""
    checksum: str
    """Of these rows' content, as in content.Content."""


@dataclass(frozen=True)
class Change:
    """What moved in one table since it was copied."""

    table: Table
    key: Key | None
    source: Scan
    target: Scan
    how: str
    """V(unchanged), V(by key) or V(whole)."""


def newer(horizon: int) -> str:
    """Return the condition that a row may be the work of a transaction with the id O(horizon) or a later one."""
    low = max(horizon % (1 << 32), 3)  # 0 to 2 are given to no transaction
    return f"age(xmin) <= (select age('{low}'::xid))"


def foreign(evidence: Evidence) -> str:
    """Return the condition that a row of the target may be another's work than the copy's."""
    return f"{newer(evidence.target_horizon)} and xmin <> '{evidence.target_xid % (1 << 32)}'::xid"


def scans(session: Session, tables: Sequence[tuple[Table, str]]) -> list[Scan]:
    """Scan O(tables), each with the condition that marks rows, by one query."""
    sql = " union all ".join(
        f"select {index}, count(*), count(*) filter (where {mark}), "
        f"coalesce(sum(hashtextextended(row({', '.join(table.all_columns)})::text, 0)::numeric) "
        f"filter (where {mark}), 0)::text from only {table.name} {table.condition}"
        for index, (table, mark) in enumerate(tables)
    )
    found = {index: Scan(*scan) for index, *scan in session.rows(sql, doing=f"scanning {tables[0][0].name}")}
    return [found[index] for index in range(len(tables))]


@dataclass(frozen=True)
class Survey:
    """Scan O(tables) on both sides at the same time."""

    tables: Sequence[tuple[Table, Evidence]]

    def read(self, session: Session) -> list[Scan]:
        """Return what the source holds."""
        return scans(session, [(table, newer(evidence.source_horizon)) for table, evidence in self.tables])

    def do(self, target: Session, feed: Feed) -> list[tuple[Scan, Scan]]:
        """Return what each side holds."""
        feed.ask(self)
        there = scans(target, [(table, foreign(evidence)) for table, evidence in self.tables])
        return list(zip(feed.answer(), there))


def judge(table: Table, key: Key | None, evidence: Evidence, source: Scan, target: Scan) -> Change:
    """Decide what to do about one table."""
    if target.marked or target.rows != evidence.rows:
        how = WHOLE
    elif not source.marked and source.rows == evidence.rows:
        how = UNCHANGED
    else:
        how = BY_KEY if key else WHOLE
    return Change(table, key, source, target, how)


def too_old(source: Session, target: Session, tables: Mapping[str, Evidence]) -> bool:
    """Return whether transaction ids have gone too far since for C(age) to compare them."""
    oldest = {
        source: min((evidence.source_horizon for evidence in tables.values()), default=None),
        target: min((evidence.target_horizon for evidence in tables.values()), default=None),
    }
    return any(
        horizon is not None and catalog.next_transaction(session) - horizon > _FARTHEST
        for session, horizon in oldest.items()
    )
