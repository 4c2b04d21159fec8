# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""One transfer from beginning to end: look, decide, copy, verify, and leave a record on the target."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._errors import FlyoverError, StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg import (
    catalog,
    content,
    definitions,
    marker,
    plan,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.archive import SCRIPT_SETTINGS, Archive
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.catalog import Table
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.content import LargeObjects
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.engine import LARGE, Copy
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.marker import Marker
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.plan import Findings, Side
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.pool import (
    Compare,
    CompareLargeObjects,
    Pool,
    Task,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.progress import Progress
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.session import Session
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.tools import find_tools
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.url import Address
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wipe import wipe

COPIED, UNCHANGED, UNKNOWN, WOULD_COPY = "copied", "unchanged", "unknown", "would_copy"
# Two transfers into one database would undo each other; "flyover" in hexadecimal.
_LOCK = 0x666C796F766572
_TARGET_SETTINGS = (
    SCRIPT_SETTINGS
    + """
set synchronous_commit = off;
set maintenance_work_mem = '128MB';
"""
)
# How many tables one query compares.
_TABLES_AT_ONCE = 40
_NAMED = 20  # mismatches in an error


@dataclass(frozen=True)
class Wanted:
    """How to transfer."""

    jobs: int
    verify: str  # none, counts or checksums
    clean: bool
    pg_bin_dir: str | None
    progress_file: str | None


@dataclass
class Comparison:
    """What differs between the two databases, and what was counted on the way."""

    mismatches: list[dict[str, str]] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    checksums: dict[str, str | None] = field(default_factory=dict)
    sequences: int = 0
    large_objects: int = 0

    def differs(self, kind: str, name: str, difference: str) -> None:
        """Note a mismatch."""
        self.mismatches.append({"kind": kind, "name": name, "difference": difference})


def survey(source: Address) -> dict[str, Any]:
    """Return the result for a source alone, as in check mode before there is a target."""
    with Session(source, "source", read_only=True) as session:
        side = plan.side(session)
        tables = catalog.tables(session)
        findings = plan.survey(side, tables)
        findings.refuse(session.thing)
        return {
            "changed": True,
            "verdict": UNKNOWN,
            "sealed": False,
            "totals": {"tables": len(tables), "bytes": sum(table.bytes for table in tables)},
            "plan": _plan(side, None, findings),
        }


def transfer(source: Address, target: Address, wanted: Wanted, check_mode: bool) -> dict[str, Any]:
    """Make O(target) a verified copy of O(source) unless it is one; return the module's result.

    Raises StateError for a target that holds something else, for what can't be copied, and for a copy that differs.
    """
    progress = Progress(None if check_mode else wanted.progress_file)
    settings = "" if check_mode else _TARGET_SETTINGS
    try:
        with Session(target, "target", read_only=check_mode, settings=settings) as here:
            plan.refuse_pooler(here)
            found = marker.read(here)
            if found and found.state == marker.SEALED and not wanted.clean:
                # Its source may be gone by now.
                result = {"changed": False, "verdict": UNCHANGED, "sealed": True}
            else:
                with Session(source, "source", read_only=True) as there:
                    result = _transfer(there, here, wanted, check_mode, progress)
    except BaseException:
        progress.end("failed")
        raise
    progress.end("done")
    return {**result, "seconds": progress.phases}


def seal(target: Address, check_mode: bool) -> dict[str, Any]:
    """Say that the target is the system of record from now on; return the module's result."""
    with Session(target, "target", read_only=check_mode) as here:
        found = marker.read(here)
        if found is None or found.state not in (marker.COMPLETE, marker.SEALED):
            raise StateError(
                here.thing,
                "it holds no complete copy that could be sealed",
                "Copy it first, with state present.",
            )
        changed = found.state == marker.COMPLETE
        if changed and not check_mode:
            marker.seal(here)
    return {"changed": changed, "verdict": UNCHANGED, "sealed": True}


def _transfer(there: Session, here: Session, wanted: Wanted, check_mode: bool, progress: Progress) -> dict[str, Any]:
    source, target = plan.side(there), plan.side(here)
    if not here.value("select pg_try_advisory_lock(%s)", [_LOCK]):
        raise StateError(here.thing, "another transfer is copying into it", "Wait until that one has ended.")
    found = marker.read(here)  # under the lock
    with _snapshot(there) as snapshot:
        tables = catalog.tables(there)
        findings = plan.survey(source, tables)
        plan.judge(source, target, findings)
        jobs = plan.workers(source, target, wanted.jobs, findings)
        findings.refuse(there.thing)
        tools = find_tools(source.major, target.major, wanted.pg_bin_dir)
        result: dict[str, Any] = {"sealed": False, "plan": _plan(source, target, findings)}
        occupied = catalog.contents(here)
        _refuse_foreign(here, found, occupied, source, wanted.clean)
        pool = Pool(there, here, snapshot, jobs)
        try:
            if found and found.state == marker.COMPLETE and found.is_copy_of(source.identity):
                progress.phase("compare")
                # Whatever is to be verified after a copy: by counts alone, an update would be taken for no change.
                same = _compare(source, target, tables, pool, "checksums")
                if not same.mismatches:
                    return {**result, "changed": False, "verdict": UNCHANGED, **_summary(tables, same, "checksums")}
            if check_mode:
                totals = {"tables": len(tables), "bytes": sum(table.bytes for table in tables)}
                return {**result, "changed": True, "verdict": WOULD_COPY, "totals": totals}
            progress.phase("wipe")
            marker.begin(here, source.identity)
            if occupied:
                wipe(here)
            copy = Copy(there, here, tables, pool, progress)
            with tempfile.TemporaryDirectory(prefix="flyover-") as folder:
                left_out = _left_out(there, here, findings)
                copy.run(Archive(tools, there.address, there.thing, folder, snapshot, left_out))
            _set_search_path(here, source)
            progress.phase("verify")
            after = _compare(source, target, tables, pool, wanted.verify)
            if wanted.verify == "none":
                after.rows, after.large_objects = copy.rows, copy.large_objects
        finally:
            pool.close()
    if after.mismatches:
        raise _mismatch(here, after)
    document = {"source": source.identity, "version": source.facts["version"], "verified": wanted.verify}
    marker.complete(here, document, after.checksums)
    return {**result, "changed": True, "verdict": COPIED, **_summary(tables, after, wanted.verify, copy.seconds)}


@contextmanager
def _snapshot(source: Session) -> Iterator[str]:
    """Hold a read-only transaction on the source, and give the snapshot that the workers share."""
    source.run("begin isolation level repeatable read read only")
    try:
        yield str(source.value("select pg_export_snapshot()"))
    finally:
        # A connection that was lost has ended it too; that failure is told by whoever met it.
        with suppress(FlyoverError):
            source.run("rollback")


def _refuse_foreign(target: Session, found: Marker | None, occupied: dict[str, int], source: Side, clean: bool) -> None:
    """Raise StateError when the target holds something that is not a copy of this source, unless told to drop it."""
    if clean or not occupied or (found and found.state == marker.COPYING):
        return
    what = ", ".join(f"{number} {kind}" for kind, number in occupied.items())
    if found is None:
        cause = f"it is not empty ({what}), and was not copied by this module"
    elif not found.is_copy_of(source.identity):
        cause = f"it is a copy of another database ({what})"
    else:
        return
    raise StateError(target.thing, cause, "Give an empty database, or set clean to true to drop what is there.")


def _left_out(source: Session, target: Session, findings: Findings) -> dict[int, str]:
    """Return, by their oids on the source, the schemas that are there already and the extensions that stay behind."""
    there = {name for (name,) in target.rows("select nspname::text from pg_namespace")}
    left_out = {oid: name for oid, name in source.rows("select oid, nspname::text from pg_namespace") if name in there}
    for oid, name in source.rows("select oid, extname::text from pg_extension"):
        if name in findings.left_out_extensions:
            left_out[oid] = name
    return left_out


def _set_search_path(target: Session, source: Side) -> None:
    """Give the database the source's search_path, which is in no dump; else its role, which may always do that."""
    wanted = source.facts["search_path"]
    database = target.value("select quote_ident(current_database())")
    for whose in (f"database {database}", f"role current_user in database {database}"):
        if _search_path(target) == wanted:
            return
        target.run("select set_config('search_path', %s, false)", [wanted])
        # The database may belong to another role; what a role has set for itself goes before it.
        with suppress(StateError):
            target.run(f"alter {whose} set search_path from current", doing="setting search_path")
        target.run("set search_path = ''")


def _search_path(target: Session) -> str:
    """Return the search_path of a session that begins now."""
    with target.again() as session:
        return str(session.value("select reset_val from pg_settings where name = 'search_path'"))


def _compare(source: Side, target: Side, tables: Sequence[Table], pool: Pool, level: str) -> Comparison:
    """Compare schema and sequences always, rows by O(level)."""
    found = Comparison()
    there, here = source.session, target.session
    differences = definitions.differences(definitions.definitions(there), definitions.definitions(here))
    for kind, name, difference in differences:
        found.differs(kind, name, difference)
    path = _search_path(here)
    if path != source.facts["search_path"]:
        found.differs("setting", "search_path", f"is {path}")
    ours, theirs = catalog.sequences(there), catalog.sequences(here)
    found.sequences = len(ours)
    for name, value in ours.items():
        if theirs.get(name) != value:
            found.differs("sequence", name, "has another value")
    if found.mismatches or level == "none":
        return found

    def compared(work: Any, result: Any) -> None:
        if isinstance(work, CompareLargeObjects):
            _note_large_objects(found, *result)
            return
        for table, one, other in zip(work.tables, *result):
            found.rows[table.name], found.checksums[table.name] = one.rows, one.checksum
            if one.rows != other.rows:
                found.differs("table", table.name, f"{one.rows} rows on the source, {other.rows} on the target")
            elif one != other:
                found.differs("table", table.name, "the same number of rows, but other content")

    checksums = level == "checksums"
    tasks = [Task(CompareLargeObjects(checksums))]
    tasks += [Task(Compare(batch, checksums)) for batch in content.batches(tables, LARGE, _TABLES_AT_ONCE)]
    pool.run(tasks, compared, lambda: None)
    return found


def _note_large_objects(found: Comparison, ours: LargeObjects, theirs: LargeObjects) -> None:
    found.large_objects = ours.number
    if ours != theirs:
        found.differs(
            "large objects", "all", f"{ours.number} on the source, {theirs.number} on the target, or other content"
        )


def _mismatch(target: Session, found: Comparison) -> StateError:
    named = "; ".join(f"{m['kind']} {m['name']}: {m['difference']}" for m in found.mismatches[:_NAMED])
    more = f"; and {len(found.mismatches) - _NAMED} more" if len(found.mismatches) > _NAMED else ""
    return StateError(
        target.thing,
        f"the copy differs from the source: {named}{more}",
        "The copy is not used. Run again; if it differs again, report it with this message.",
        mismatches=found.mismatches[:_NAMED],
    )


def _summary(
    tables: Sequence[Table], found: Comparison, level: str, seconds: dict[str, float] | None = None
) -> dict[str, Any]:
    return {
        "tables": [
            {
                "name": table.name,
                "rows": found.rows.get(table.name),
                "bytes": table.bytes,
                **({"seconds": round(seconds[table.name], 3)} if seconds and table.name in seconds else {}),
            }
            for table in tables
        ],
        "totals": {
            "tables": len(tables),
            "rows": sum(found.rows.values()),
            "bytes": sum(table.bytes for table in tables),
            "sequences": found.sequences,
            "large_objects": found.large_objects,
        },
        "verified": {"level": level, "matched": not found.mismatches, "mismatches": found.mismatches},
    }


def _plan(source: Side, target: Side | None, findings: Findings) -> dict[str, Any]:
    return {
        "source": source.summary(),
        "target": target.summary() if target else {},
        "extensions": plan.extensions(source, target),
        "not_moved": findings.not_moved,
        "warnings": findings.warnings,
    }
