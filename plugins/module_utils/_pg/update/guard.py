# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Large tables of the target that need not be read once more after they were updated.

The survey has seen that all their rows are the copy's. From before the survey until the update is committed, a lock
keeps others from writing, and the server counts what the update itself writes. If these are no more rows than were
staged, and the staged ones are in place, all other rows are as they were.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import NamedTuple

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import FlyoverError, StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update import delta
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update.staging import Staged
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session

# These counts include what earlier transactions of the session wrote, as far as it is not reported yet.
_WRITTEN = """
select name, pg_catalog.pg_stat_get_xact_tuples_inserted(name::regclass),
  pg_catalog.pg_stat_get_xact_tuples_updated(name::regclass),
  pg_catalog.pg_stat_get_xact_tuples_deleted(name::regclass)
from pg_catalog.unnest(%s::text[]) name where current_setting('track_counts')::boolean
"""


class Written(NamedTuple):
    """Numbers of rows that were written to a table."""

    inserted: int
    updated: int
    deleted: int


class Guard:
    """A transaction of the target in which others cannot write to some of its tables; it ends with the context."""

    def __init__(self, target: Session, tables: Sequence[str]) -> None:
        """Guard those of O(tables) that can be locked at once."""
        self._target = target
        self._tables = tables
        self._before: dict[str, Written] = {}
        self._open = False

    def __enter__(self) -> Guard:
        if self._tables:
            self._target.run("begin")
            self._open = True
            # Each attempt takes round trips, so all tables are tried together first.
            locked = self._tables if self._lock(self._tables) else [name for name in self._tables if self._lock([name])]
            self._before = self._written(locked)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()

    def release(self) -> None:
        """End the guard's transaction if it is still open."""
        if self._open:
            self._open, self._before = False, {}
            with suppress(FlyoverError):  # a lost connection has ended it too
                self._target.run("rollback")

    @contextmanager
    def transaction(self, doing: str) -> Iterator[None]:
        """Commit what is done inside together with the guard, or roll it back: then nothing is guarded any more."""
        if not self._open:
            self._before = {}
            self._target.run("begin", doing=doing)
        self._open = False
        with self._target.committed(doing):
            yield

    def proven(self, staged: Mapping[str, Staged]) -> set[str]:
        """Return the guarded tables that certainly hold what they should, now that O(staged) is in place."""
        now = self._written(list(self._before)) if self._before else {}
        return {name for name, counts in now.items() if self._proves(name, counts, staged.get(name))}

    def _proves(self, name: str, now: Written, staged: Staged | None) -> bool:
        written = Written(*(after - before for after, before in zip(now, self._before[name])))
        if staged is None:
            return not any(written)
        fewest = staged.expected.marked, staged.replaced + staged.gone
        put, taken = written.inserted + written.updated, written.updated + written.deleted
        return (put, taken) == fewest and delta.in_place(self._target, staged)

    def _lock(self, names: Sequence[str]) -> bool:
        tables = ", ".join(f"only {name}" for name in names)
        try:
            with self._target.attempt():
                self._target.run(f"lock table {tables} in share row exclusive mode nowait", doing="locking tables")
        except StateError:
            return False
        return True

    def _written(self, names: Sequence[str]) -> dict[str, Written]:
        return {name: Written(*counts) for name, *counts in self._target.rows(_WRITTEN, [list(names)])}
