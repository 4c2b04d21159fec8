# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""One transaction puts what is staged in place; until it commits, the target is the copy that it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.marker import Evidence
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look import checksums as content
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.naming import relation
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update import change_log
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update import survey as changes
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update.constraints import (
    Aside,
    ForeignKeys,
    deferred,
    set_aside,
    silenced,
    unchecked,
    writable_identities,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update.staging import (
    SLICES,
    Staged,
    key_of,
    logs_of,
    staging,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update.survey import (
    BY_KEY,
    BY_LOG,
    WHOLE,
    Change,
    Scan,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session

# With more rows that are gone, checking each row that refers to them once costs less than reading a table for each.
_FEW_GONE = 20


def put_large_objects(target: Session, objects: Mapping[int, int | None]) -> None:
    """Replace O(objects) with the staged ones; those without a size are gone from the source."""
    if objects:
        target.run(
            "select pg_catalog.count(lo_unlink(oid)) from pg_largeobject_metadata where oid = any (%s::oid[])",
            [list(objects)],
            doing="removing large objects",
        )
        content.put_slices(target, SLICES)


class Delta:
    """Puts what is staged into its tables, inside a transaction of the target."""

    def __init__(self, target: Session, staged: Sequence[Staged], aside: Aside, domains: bool = False) -> None:
        """Take what is O(staged).

        What is put O(aside) checks every row again at the end; O(domains) lets rows violate constraints of domains that
        were made NOT VALID.
        """
        self._target = target
        self._checks = aside.checks
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
            for key in self._keys.into(one.name)
            if one.change.how == WHOLE
            or aside.keys
            or (one.gone and (one.name,) in partitions)
            or (one.gone > _FEW_GONE and not key.indexed)
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
        relax, tighten = unchecked(self._target, names, self._domains, self._checks)
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
            if logs.get(name) != logs_of(one.change).target:
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
    table, log = change.table, logs_of(change).target
    own = "xmin = pg_current_xact_id()::xid"
    others = changes.written(log, f"{changes.foreign(evidence)} and {own.replace('=', '<>')}")
    stray = changes.written(log, own)
    if change.how == BY_LOG:
        keys = staging(table, "keys")
        if changes.marked(target, [(table, key_of(change), keys)]) != [(expected.marked, expected.checksum)]:
            return True
        stray = f"(select from {stray} w where not exists (select from {keys} k where {key_of(change).same('w', 'k')}))"
    return bool(target.value(f"select exists (select from {others} o) or exists (select from {stray} s)"))


def in_place(target: Session, one: Staged) -> bool:
    """Return whether the rows that are staged are in their table as on the source, and those that are gone are not.

    It is false where only a scan shows it, or shows it faster.
    """
    table, change = one.change.table, one.change
    if change.how != BY_KEY or change.proof or not changes.few(one.expected.marked + one.gone, change.source.rows):
        return False
    key = key_of(change)
    rows = changes.marked(target, [(table, key, staging(table, "rows"))])
    left = f"select exists (select {changes.found(staging(table, 'gone'), key, table, ())})" if one.gone else ""
    return rows == [(one.expected.marked, one.expected.checksum)] and not (left and target.value(left))


def _by_index(one: Staged, statements: Sequence[str]) -> list[str]:
    """Return O(statements), made to find each logged key's row by the key's index, whatever the planner prefers."""
    if one.change.how != BY_LOG:
        return list(statements)
    settings = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin", "jit")
    off = [f"set local {setting} = off" for setting in settings]
    return [*off, *statements, *(f"set local {setting} to default" for setting in settings)]


def _delete(one: Staged, what: str) -> str:
    table, key = one.change.table, key_of(one.change)
    return f"delete from only {table.name} t using {staging(table, what)} s where {key.same('s', 't')}"


def _insert(one: Staged, condition: str = "") -> str:
    table = one.change.table
    columns = ", ".join(table.columns)
    listed = f" ({columns})" if columns else ""
    return (
        f"insert into {table.name}{listed} overriding system value "
        f"select {columns} from {staging(table, 'rows')} s {condition}"
    )


def _replace(one: Staged) -> list[str]:
    """Delete everything that must go, then insert: by then unique values are free again."""
    table = one.change.table
    if one.change.how == WHOLE:
        return [table.clearing, _insert(one)]
    return [_delete(one, "rows"), *([_delete(one, "gone")] if one.gone else []), _insert(one)]


def _merge(one: Staged) -> list[str]:
    """Update and insert, so that nothing that refers to a row loses it; deletes come last."""
    table, key = one.change.table, key_of(one.change)
    rows, found = staging(table, "rows"), key.same("s", "t")
    statements = [_insert(one, f"where not exists (select from only {table.name} t where {found})")]
    # A key may be equal to the one that is there and yet written differently.
    others = [column for column in table.columns if not key.exact or column not in key.columns]
    if others:
        values = ", ".join(f"{column} = s.{column}" for column in others)
        statements.insert(0, f"update only {table.name} t set {values} from {rows} s where {found}")
    return statements
