# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What changed since a copy was made: each table's logs show it, or else one scan of each side, by transaction ids.

If the transaction that inserted a row of the source had ended before the copied snapshot, the row was in that snapshot,
with the content that it still has: every update makes a new row version with a new transaction id. So if all rows are
that old, and there are as many as were copied, they are the rows that were copied. The same holds on the target for the
transaction that wrote the table.

This proves something only about the same table with the same row type; see look.identity. A different table, or one
with a column or an attribute that was created again, is compared row by row. So is a table that was rewritten to
another file without a new row: that should change nothing, and is proven.

If both sides have logged the table since it was known to be equal, its rows are not read: what was written on the
source has its key in the log there, in a row that is just as new, and if the target's log has nothing new, nobody else
has written to the target.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.marker import Evidence
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.tasks import Feed
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.identity import Identity
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.keys import Key
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.tables import Table
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update import change_log
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update.change_log import Log
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session

# To look up each of more keys costs more than a scan: a share of the table's rows, or this many.
_FEW = 0.1
_VERY_FEW = 1000

COPY, BY_LOG, BY_KEY, WHOLE, UNCHANGED = "copy", "by log", "by key", "whole", "unchanged"
"""How a table became equal: copied with all others, row by row from a log or a scan, all its rows again, or it already
was.
"""


class Scan(NamedTuple):
    """What a scan of one side's table found."""

    rows: int
    marked: int
    """Rows that are newer than the copy."""
    checksum: str
    """The checksum of these rows' content, as in content.Content."""


@dataclass(frozen=True)
class Logged:
    """The logs of one table on both sides."""

    source: Log
    target: Log

    @property
    def identity(self) -> str:
        """What is noted along with the copy; see change_log."""
        return f"{self.source.identity}; {self.target.identity}"


@dataclass(frozen=True)
class Change:
    """What changed in one table since it was copied."""

    table: Table
    key: Key | None
    source: Scan
    target: Scan
    how: str
    """V(unchanged), V(by log), V(by key) or V(whole)."""
    logged: Logged | None = None
    """The logs that show it."""
    proof: bool = False
    """Whether all of its rows are compared, and not only those that are newer than the copy."""
    place: str = "true"
    """The condition that a row is in the part of the table that has the newer ones, under the source's snapshot."""

    @property
    def moved(self) -> int:
        """The number of rows to write."""
        return 0 if self.how == UNCHANGED else self.source.marked

    @property
    def bytes(self) -> float:
        """The bytes to write, estimated as a share of the table's."""
        if self.how == WHOLE:
            return self.table.bytes
        moved = self.source.marked + max(0, self.target.rows - self.source.rows)
        return self.table.bytes * min(1.0, moved / max(1, self.source.rows, self.target.rows))


SOUND, REWRITTEN, VOID = "sound", "rewritten", "void"
"""What a table's evidence is worth: it is the same table in the same file, in another file, or it may not be."""


def standing(noted: Evidence, source: Identity, target: Identity | None) -> str:
    """Return what the evidence O(noted) is worth for a table whose identities are now O(source) and O(target)."""
    if target is None or source.fickle or target.fickle:
        return VOID
    if (noted.source_lineage, noted.target_lineage) != (source.lineage, target.lineage):
        return VOID
    if (noted.source_file, noted.target_file) != (source.file, target.file):
        return REWRITTEN
    return SOUND


# C(age) is what is left of the distance from an id to the next one in 32 bits with a sign, so an id that is more than
# 2^31 behind looks like one to come, and a frozen row still shows the id that wrote it. On the source none is to come:
# the snapshot is older than the next id from which C(age) counts, so all that it shows is behind that id.
_BEHIND = 0
# On the target others may write after C(age) began to count, which it does from the transaction's own id if it has one.
# They are given far fewer ids than this while one transaction lasts. A row of the copy that is three billion ids behind
# looks just as far ahead: it is taken for another's, and written again.
_AHEAD = -1_000_000_000


def newer(horizon: int, least: int = _BEHIND) -> str:
    """Return the condition that a row of the source may have been written by a transaction with the id O(horizon) or a
    later one.
    """
    low = max(horizon % (1 << 32), 3)  # 0 to 2 are given to no transaction
    return f"pg_catalog.age(xmin) between {least} and (select pg_catalog.age('{low}'::pg_catalog.xid))"


def foreign(evidence: Evidence) -> str:
    """Return the condition that a row of the target may have been written by something other than the copy."""
    own = ",".join(str(xid % (1 << 32)) for xid in (evidence.target_xid, *evidence.own))
    return f"{newer(evidence.target_horizon, _AHEAD)} and xmin <> all ('{{{own}}}'::pg_catalog.xid[])"


def few(keys: int, rows: int) -> bool:
    """Return whether looking up a number of O(keys) in a table of O(rows) costs less than a scan."""
    return keys <= max(rows * _FEW, _VERY_FEW)


def scans(session: Session, tables: Sequence[tuple[Table, str]]) -> list[Scan]:
    """Scan O(tables), each with the condition that marks rows, by one query."""
    return [Scan(*found) for found in _scanned(session, tables)]


def located(session: Session, tables: Sequence[tuple[Table, str]]) -> list[tuple[Scan, str]]:
    """Return the same, and for each table the condition that a row is in the part that has the marked ones."""
    places = "".join(f", pg_catalog.{end}(place) filter (where hash is not null)::text" for end in ("min", "max"))
    return [
        (Scan(*found), f"ctid between '{first}' and '{last}'" if first else "true")
        for *found, first, last in _scanned(session, tables, places)
    ]


def _scanned(session: Session, tables: Sequence[tuple[Table, str]], more: str = "") -> list[tuple[Any, ...]]:
    # The offset keeps the planner from repeating the hash and its condition for each column.
    sql = " union all ".join(
        f"select {index}, count(*), pg_catalog.count(hash), coalesce(pg_catalog.sum(hash), 0)::text{more} from ("
        f"select {'ctid as place, ' if more else ''}case when {mark} then {table.row_hash} end as hash "
        f"from only {table.name} {table.condition} offset 0) rows"
        for index, (table, mark) in enumerate(tables)
    )
    found = {row[0]: row[1:] for row in session.rows(sql, doing=f"scanning {tables[0][0].name}")}
    return [found[index] for index in range(len(tables))]


@dataclass(frozen=True)
class Survey:
    """Scan O(tables) on both sides at the same time."""

    tables: Sequence[tuple[Table, Evidence]]
    proof: bool = False
    """Whether to mark all rows, and not only those that are newer."""

    def read(self, session: Session) -> list[tuple[Scan, str]]:
        """Return what the source holds, and where the newer rows are."""
        return located(session, [(table, self._mark(newer(noted.source_horizon))) for table, noted in self.tables])

    def do(self, target: Session, feed: Feed) -> list[tuple[tuple[Scan, str], Scan]]:
        """Return what each side holds."""
        feed.ask(self)
        on_target = scans(target, [(table, self._mark(foreign(noted))) for table, noted in self.tables])
        return list(zip(feed.answer(), on_target))

    def _mark(self, condition: str) -> str:
        return "true" if self.proof else condition


def found(keys: str, key: Key, table: Table, wanted: Sequence[str]) -> str:
    """Return FROM and its items: each row of O(keys) as C(k), next to the O(wanted) columns of its row as C(t).

    Each is looked up in the key's index: the C(offset) keeps the planner from joining in another way.
    """
    row = ", ".join(wanted) or "1"
    return (
        f"from {keys} k cross join lateral "
        f"(select {row} from only {table.name} t where {key.same('t', 'k')} offset 0) t"
    )


def marked(session: Session, tables: Sequence[tuple[Table, Key, str]]) -> list[tuple[int, str]]:
    """Return number and checksum of the rows whose key is logged; O(tables) have the key and the logged keys."""
    queries = []
    for index, (table, key, keys) in enumerate(tables):
        checksum = "coalesce(sum(t.row_hash), 0)::text"
        wanted = [f"{table.row_hash} as row_hash"]
        queries.append(f"select {index}, count(*), {checksum} {found(keys, key, table, wanted)}")
    if not queries:
        return []
    doing = f"reading what was logged of {tables[0][0].name}"
    rows = {index: row for index, *row in session.rows(" union all ".join(queries), doing=doing)}
    return [(rows[index][0], rows[index][1]) for index in range(len(tables))]


def written(log: Log, condition: str) -> str:
    """Return the query of the keys that were logged under O(condition)."""
    return f"(select distinct {', '.join(log.columns)} from {log.name} where {condition})"


def logged(source: Session, target: Session) -> dict[str, Logged]:
    """Return the logs that both sides have of the same table's key."""
    on_target = change_log.logs(target)
    return {
        table: Logged(log, on_target[table])
        for table, log in change_log.logs(source).items()
        if table in on_target and on_target[table].columns == log.columns
    }


def trusted(source: Session, target: Session, evidence: Mapping[str, Evidence]) -> dict[str, Logged]:
    """Return the logs that have noted everything since the evidence was noted."""
    if not any(noted.log for noted in evidence.values()):
        return {}
    return {
        table: logs
        for table, logs in logged(source, target).items()
        if table in evidence and evidence[table].log == logs.identity
    }


@dataclass(frozen=True)
class SurveyLogs:
    """Read the logs of O(tables) on both sides at the same time."""

    tables: Sequence[tuple[Table, Evidence, Logged, Key]]

    def read(self, session: Session) -> list[tuple[int, Scan | None]]:
        """Return, for each table, how many keys the source logged and what it holds for them, unless there are many."""
        queries = [written(logs.source, newer(evidence.source_horizon)) for _table, evidence, logs, _key in self.tables]
        numbers = _counts(session, queries)
        looked_up = {
            index: (table, key, queries[index])
            for index, (table, evidence, _logs, key) in enumerate(self.tables)
            if numbers[index] and few(numbers[index], evidence.rows)
        }
        rows = dict(zip(looked_up, marked(session, list(looked_up.values()))))
        return [
            (number, Scan(evidence.rows, *rows.get(index, (0, "0"))) if index in rows or not number else None)
            for index, (number, (_table, evidence, _logs, _key)) in enumerate(zip(numbers, self.tables))
        ]

    def do(self, target: Session, feed: Feed) -> list[Change | None]:
        """Return what changed in each table, or None if its logs do not show it."""
        feed.ask(self)
        on_target = _counts(
            target, [written(logs.target, foreign(evidence)) for _table, evidence, logs, _key in self.tables]
        )
        return [
            None
            if others or scan is None
            else Change(
                table,
                key,
                scan,
                Scan(evidence.rows, 0, "0"),
                BY_LOG if number else UNCHANGED,
                logs,
            )
            for (table, evidence, logs, key), (number, scan), others in zip(self.tables, feed.answer(), on_target)
        ]


def _counts(session: Session, queries: Sequence[str]) -> list[int]:
    """Return how many rows each of O(queries) gives."""
    sql = " union all ".join(f"select {index}, count(*) from {query} q" for index, query in enumerate(queries))
    numbers = dict(session.rows(sql, doing="reading the change log"))
    return [numbers[index] for index in range(len(queries))]


def judge(table: Table, key: Key | None, evidence: Evidence, source: Scan, target: Scan, proof: bool = False) -> Change:
    """Decide what to do about one table. With O(proof), the scans marked all of its rows."""
    if proof:
        return Change(table, key, source, target, UNCHANGED if source == target else WHOLE, proof=True)
    if target.marked or target.rows != evidence.rows:
        how = WHOLE
    elif not source.marked and source.rows == evidence.rows:
        how = UNCHANGED
    else:
        how = BY_KEY if key else WHOLE
    return Change(table, key, source, target, how)
