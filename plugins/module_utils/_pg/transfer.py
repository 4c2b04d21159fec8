# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""One transfer from beginning to end: look, decide, copy, verify, and leave a record on the target."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import (
    FlyoverError,
    InputError,
    StateError,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy import compare as comparison
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy import marker, settle
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.archive import (
    SCRIPT_SETTINGS,
    Archive,
    Entry,
    digest,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.compare import Comparison, search_path
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.full_copy import Copy
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.marker import Marker
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.wipe import wipe
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.workers import Pool
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.fence import privileges
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look import catalog, collation, identity, plan
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.catalog import Table
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.estimate import estimate
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.findings import Findings, named
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.identity import Identity
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.plan import Side
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update import bring_forward as forward
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update import change_log
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update import survey as changes
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update.bring_forward import Forward, Movement
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.errors import transient
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.progress import Progress
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.tools import Tools, find_tools
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.url import Address

COPIED, UPDATED, UNCHANGED, UNKNOWN = "copied", "updated", "unchanged", "unknown"
WOULD_COPY, WOULD_UPDATE = "would_copy", "would_update"
_SEALED = {"changed": False, "verdict": UNCHANGED, "sealed": True}
_LEVELS = ("none", "counts", "checksums")  # of comparison, each stronger than the one before
_PATIENCE = 5.0  # seconds in which a transfer that has just ended lets go of its lock
_TARGET_SETTINGS = (
    SCRIPT_SETTINGS
    + """
set synchronous_commit = off;
set maintenance_work_mem = '128MB';
"""
)


@dataclass(frozen=True)
class Wanted:
    """How to transfer."""

    mode: str  # full, warm, delta or auto
    jobs: int
    verify: str  # none, counts or checksums
    clean: bool
    pg_bin_dir: str | None
    progress_file: str | None


def survey(source: Address) -> dict[str, Any]:
    """Return the result for a source alone, as in check mode before there is a target."""
    with Session(source, "source", read_only=True) as session:
        side = plan.side(session)
        tables = catalog.tables(session)
        findings = Findings()
        plan.survey(side, tables, findings)
        collation.foresee(session, side.facts, findings)
        return {
            "changed": True,
            "verdict": UNKNOWN,
            "sealed": False,
            "totals": {"tables": len(tables), "bytes": sum(table.bytes for table in tables)},
            "plan": {**_plan(side, None, findings), "estimate": estimate(session, tables)},
            "findings": findings.all,
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
                result = dict(_SEALED)  # its source may be gone by now
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
        marker.hold(here, _PATIENCE)
        found = marker.read(here)
        if found is None or found.state not in (marker.COMPLETE, marker.SEALED):
            raise StateError(
                here.thing,
                "it holds no complete copy that could be sealed",
                "Copy it first, with state present.",
            )
        warnings = []
        logged = change_log.exists(here)
        sealed = found.state == marker.SEALED
        if not sealed and not check_mode:
            marker.seal(here)
        if logged and not check_mode:
            # Nobody asks any more what was written here.
            warnings = _settle_logs(here, {})
    return {"changed": logged or not sealed, "verdict": UNCHANGED, "sealed": True, "warnings": warnings}


def _transfer(there: Session, here: Session, wanted: Wanted, check_mode: bool, progress: Progress) -> dict[str, Any]:
    source, target = plan.side(there), plan.side(here)
    here.app_path = there.app_path
    findings = Findings()
    try:
        result = _looked(source, target, wanted, check_mode, progress, findings)
    except (InputError, StateError) as error:
        if not check_mode:
            raise
        # An audit ends in its report, with all that stands in the way.
        if not findings.blockers:
            findings.block_by(error)
        result = {"changed": True, "verdict": UNKNOWN, "reason": "something forbids the copy: see the findings"}
    if result.get("sealed"):
        return result
    the_plan = {**_plan(source, target, findings), **result.pop("plan", {})}
    return {"sealed": False, "reason": "", "plan": the_plan, **result, "findings": findings.all}


def _looked(
    source: Side, target: Side, wanted: Wanted, check_mode: bool, progress: Progress, findings: Findings
) -> dict[str, Any]:
    there, here = source.session, target.session
    marker.hold(here)
    found = marker.read(here)
    if found and found.state == marker.SEALED and not wanted.clean:
        return dict(_SEALED)  # while this run waited or connected
    with _snapshot(there) as snapshot:
        tables = catalog.tables(there)
        plan.survey(source, tables, findings)
        plan.judge(source, target, findings)
        withheld = privileges.withheld(there)
        settle.left_behind(there, here, withheld, findings)
        jobs = plan.workers(source, target, wanted.jobs, findings)
        occupied = catalog.contents(here)
        with _noted(findings, check_mode):
            tools = find_tools(source.major, target.major, wanted.pg_bin_dir)
        with _noted(findings, check_mode):
            _refuse_foreign(here, found, occupied, source, wanted.clean)
        findings.refuse(there.thing)
        with _Transfer(source, target, tables, snapshot, jobs, wanted, findings, progress) as transfer_:
            result = transfer_.from_copy(found, check_mode)
            if result is None and check_mode:
                totals = {"tables": len(tables), "bytes": sum(table.bytes for table in tables)}
                result = {"changed": True, "verdict": WOULD_COPY, "totals": totals}
                result["plan"] = {"estimate": estimate(there, tables)}
            if result is None:
                result = transfer_.copy(tools, found, bool(occupied))
            if result["verdict"] != WOULD_COPY:
                settled = settle.settle(there, here, withheld, findings, check_mode)
                if settled and result["verdict"] == UNCHANGED:
                    result.update(changed=True, verdict=WOULD_UPDATE if check_mode else UPDATED)
                result["settled"] = settled
            return {"reason": transfer_.reason, **result}


@contextmanager
def _noted(findings: Findings, check_mode: bool) -> Iterator[None]:
    """Have what fails inside stand beside the other findings of an audit, and end any other run."""
    try:
        yield
    except (InputError, StateError) as error:
        if not check_mode and not findings.blockers:
            raise
        findings.block_by(error)


class _Transfer:
    """One transfer under one snapshot of the source."""

    def __init__(
        self,
        source: Side,
        target: Side,
        tables: Sequence[Table],
        snapshot: str,
        jobs: int,
        wanted: Wanted,
        findings: Findings,
        progress: Progress,
    ) -> None:
        self._source = source
        self._target = target
        self._there = source.session
        self._here = target.session
        self._tables = tables
        self._snapshot = snapshot
        self._jobs = jobs
        self._wanted = wanted
        self._findings = findings
        self._progress = progress
        self._pool = self._new_pool()
        self.reason = ""
        """Why everything is copied."""
        self._noted: dict[str, Any] = {}
        """The document of the marker on the target."""

    def __enter__(self) -> _Transfer:
        return self

    def __exit__(self, *_error: object) -> None:
        self._pool.close()

    def _new_pool(self) -> Pool:
        return Pool(self._there, self._here, self._snapshot, self._jobs)

    def from_copy(self, found: Marker | None, check_mode: bool) -> dict[str, Any] | None:
        """Return the result for a target that holds a copy of the source, or None when it must be copied anew."""
        if found is None or found.state != marker.COMPLETE or not found.is_copy_of(self._source.identity):
            self.reason = "the target holds no complete copy of the source"
        else:
            self._noted = found.document
            self.reason = forward.obstacle(self._source, self._here, found, self._tables)
            result = self._compared(check_mode) if self.reason else self._forward(found, check_mode)
            if result is not None:
                self.reason = ""
                return result
        if self._wanted.mode == "delta":
            raise StateError(
                self._here.thing,
                f"it can't be brought forward: {self.reason}",
                "Use mode auto, which copies everything.",
            )
        return None

    def _compared(self, check_mode: bool) -> dict[str, Any] | None:
        """Return the result for a copy that is equal, as reading everything on both sides shows."""
        self._progress.phase("compare")
        horizons = catalog.horizon(self._there), catalog.horizon(self._here)
        # Whatever is to be verified after a copy: by counts alone, an update would be taken for no change.
        same = self._compare(catalog.sequences(self._there), "checksums")
        if same.mismatches:
            return None
        servers = forward.histories(self._there, self._here)
        if not check_mode and all(side["timeline"] for side in servers.values()):
            # From now on it is known again, or every run would compare everything.
            document = {"source": self._source.identity, "servers": servers, "verified": "checksums"}
            marker.renew(self._here, document, self._identities(), same.rows, horizons)
        return self._result(UNCHANGED, "checksums", same)

    def _identities(self) -> dict[str, Identity]:
        return identity.identities(self._there, {table.name: table.oid for table in self._tables})

    def _forward(self, found: Marker, check_mode: bool) -> dict[str, Any] | None:
        self._progress.phase("survey")
        movement = forward.survey(self._there, self._here, found.tables, self._tables, self._pool)
        level = str(found.document["verified"])
        if movement.any and self._wanted.mode == "full":
            self.reason = "source or target moved since the copy, and mode is full"
            return None
        if movement.dear and self._wanted.mode != "delta":
            self.reason = "so much moved since the copy that copying everything takes less time"
            return None
        if movement.any and check_mode:
            return self._result(WOULD_UPDATE, level, None, movement, found)
        if movement.renewed and not movement.any and not check_mode:
            with self._here.transaction(doing="writing the marker"):
                forward.renew(self._here, movement, catalog.horizon(self._there))
        if movement.any:
            try:
                Forward(self._source, self._here, found, movement, self._pool, self._progress).run(
                    catalog.horizon(self._there)
                )
            except StateError as error:
                if self._wanted.mode == "delta" or transient(error):
                    raise
                self.reason = f"the copy could not be brought forward ({error.cause})"
                self._pool.close()
                self._pool = self._new_pool()
                return None
        same = None
        if self._wanted.mode == "warm" or _LEVELS.index(self._wanted.verify) > _LEVELS.index(level):
            known, level = level, self._wanted.verify
            self._progress.phase("verify")
            noted = {name: evidence.log for name, evidence in found.tables.items() if evidence.log}
            logs = noted if check_mode else self._logs(level)
            same = self._compare(movement.sequences, level)
            if same.mismatches and not movement.any:
                self.reason = f"the copy differs: {same.mismatches[0]['name']} {same.mismatches[0]['difference']}"
                return None
            if same.mismatches:
                self._give_up(found.document)
            same.refuse(self._here)
            # A stronger comparison is noted, or every run would make it again.
            stronger = _LEVELS.index(level) > _LEVELS.index(known)
            if not check_mode and (movement.any or logs != noted or stronger):
                found.document.update(verified=level, same=sorted(same.same))
                marker.complete(self._here, found.document, level == "checksums", logs)
        return self._result(UPDATED if movement.any else UNCHANGED, level, same, movement, found)

    def copy(self, tools: Tools, found: Marker | None, occupied: bool) -> dict[str, Any]:
        """Copy everything, or what a copy that was broken off had not done; verify it, and return the result."""
        broken_off = self._broken_off(found)
        with tempfile.TemporaryDirectory(prefix="flyover-") as folder:

            def schema(left_out: dict[int, str]) -> tuple[list[Entry], list[Entry]]:
                self._progress.phase("schema")
                gone = {(one.catalog_oid, one.oid) for one in self._source.left_behind}
                archive = Archive(tools, self._there.address, self._there.thing, folder, self._snapshot, left_out, gone)
                return archive.entries("pre-data"), archive.entries("post-data")

            before: list[Entry] = []
            after: list[Entry] = []
            if broken_off:
                before, after = schema(dict(broken_off.document["left_out"]))
                if digest([*before, *after]) != broken_off.document["schema"]:
                    self.reason = "the schema changed after a copy was broken off"
                    broken_off = None
            document = dict(broken_off.document) if broken_off else self._begin(occupied)
            if not broken_off:
                left_out = _left_out(self._there, self._here, self._findings)
                before, after = schema(left_out)
                document.update(schema=digest([*before, *after]), left_out=list(left_out.items()))
                marker.note(self._here, document)
        marker.note_source(self._here, self._identities())
        copy = Copy(self._there, self._here, self._tables, broken_off, self._pool, self._progress)
        movement: Movement | None = None

        def level() -> None:
            nonlocal movement
            if broken_off:
                self._progress.phase("survey")
                movement = forward.survey(self._there, self._here, broken_off.tables, self._tables, self._pool)
                way = Forward(self._source, self._here, broken_off, movement, self._pool, self._progress)
                way.run(catalog.horizon(self._there))

        try:
            copy.run(before, after, level)
            document["adapted"] = copy.adaptation.names
            self._tell_adapted(copy.adaptation.names)
            _set_search_path(self._here, self._source)
            self._noted = document
            self._progress.phase("verify")
            logs = self._logs(self._wanted.verify)
            same = self._compare(copy.sequences, self._wanted.verify)
        except FlyoverError as error:
            # What was kept may be what fails: then the next run must not go on with it.
            if broken_off and not transient(error):
                self._give_up(document)
            raise
        if same.mismatches:
            self._give_up(document)
        same.refuse(self._here)
        if self._wanted.verify == "none":
            same.rows = copy.rows
            same.large_objects = movement.large_objects if movement else copy.large_objects
        document.update(verified=self._wanted.verify, same=sorted(same.same))
        marker.complete(self._here, document, self._wanted.verify == "checksums", logs)
        return self._result(COPIED, self._wanted.verify, same, movement, seconds=copy.seconds)

    def _tell_adapted(self, names: Sequence[str]) -> None:
        if names:
            self._findings.warn(
                "database-search-path",
                f"PostgreSQL {self._target.major} builds indexes and fills materialized views with a search_path of "
                f"its own. On the target these functions were given one, for they call others without their schema: "
                f"{named(names)}.",
                "Give them the same on Heroku, in a migration: ALTER FUNCTION … SET search_path = ….",
            )

    def _broken_off(self, found: Marker | None) -> Marker | None:
        """Return the marker of a copy of this source that was broken off, and that can be gone on with."""
        if found is None or found.state != marker.COPYING or not found.is_copy_of(self._source.identity):
            return None
        if "schema" not in found.document:
            self.reason = "an earlier copy was broken off before it began to write"
            return None
        worthless = forward.no_evidence(self._there, self._here, found)
        if worthless:
            self.reason = f"a copy was broken off, and {worthless}"
            return None
        self.reason = f"a copy was broken off; {len(found.tables)} tables of it are kept"
        return found

    def _give_up(self, document: dict[str, Any]) -> None:
        """Have the next run begin anew: what is there is not what the marker says."""
        marker.note(self._here, {name: document[name] for name in ("source", "servers")})

    def _begin(self, occupied: bool) -> dict[str, Any]:
        """Empty the target, and return the new marker's document."""
        self._progress.phase("wipe")
        document = {
            "source": self._source.identity,
            "servers": forward.histories(self._there, self._here),
        }
        marker.begin(self._here, document)
        if occupied:
            wipe(self._here)
        return document

    def _logs(self, level: str) -> dict[str, str]:
        """Have the target log what the source logs, before all content is compared; return what then stands for that.

        What is written to the target until it is compared shows in the comparison, and what is written later in the
        log.
        """
        if level != "checksums":
            return {}
        logs = change_log.logs(self._there)
        wanted = {table.name: logs[table.name].columns for table in self._tables if table.name in logs}
        if wanted or change_log.exists(self._here):
            for warning in _settle_logs(self._here, wanted):
                self._findings.warn("database-change-log", warning, "Run again; without it the next run scans.")
        return {table: both.identity for table, both in changes.logged(self._there, self._here).items()}

    def _compare(self, sequences: catalog.Sequences, level: str) -> Comparison:
        """Compare schema and sequences always, rows and large objects by O(level)."""
        found = comparison.compare_schema(self._source, self._here, self._noted)
        comparison.compare_sequences(found, sequences, self._here)
        found.sequences = len(sequences)
        if not found.mismatches:
            comparison.compare_content(found, self._tables, self._pool, level)
        return found

    def _result(
        self,
        verdict: str,
        level: str,
        same: Comparison | None,
        movement: Movement | None = None,
        found: Marker | None = None,
        seconds: dict[str, float] | None = None,
    ) -> dict[str, Any]:
        """Return the module's result, from a comparison of everything or from what moved."""
        moved = {change.table.name: change for change in movement.changes} if movement else {}
        rows = []
        for table in self._tables:
            row: dict[str, Any] = {"name": table.name, "bytes": table.bytes}
            change = moved.get(table.name)
            if change:
                row.update(rows=change.source.rows, how=change.how, moved=change.moved)
                if change.how == changes.BY_LOG and verdict == WOULD_UPDATE:
                    row["rows"] = None  # which of the logged keys are new is seen on the target
            elif same:
                row.update(rows=same.rows.get(table.name), how=changes.COPY if verdict == COPIED else changes.UNCHANGED)
            if seconds and table.name in seconds:
                row["seconds"] = round(seconds[table.name], 3)
            if same is None and found:
                row["verified_at"] = found.tables[table.name].verified_at
            rows.append(row)
        return {
            "changed": verdict not in (UNCHANGED,),
            "verdict": verdict,
            "tables": rows,
            "totals": {
                "tables": len(rows),
                "rows": None if any(row["rows"] is None for row in rows) else sum(row["rows"] for row in rows),
                "bytes": sum(table.bytes for table in self._tables),
                "sequences": len(movement.sequences) if movement else same.sequences if same else 0,
                "large_objects": movement.large_objects if movement else same.large_objects if same else 0,
            },
            "verified": {
                "level": level,
                "matched": verdict != WOULD_UPDATE,
                "mismatches": same.mismatches if same else [],
            },
        }


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


def _settle_logs(target: Session, wanted: Mapping[str, Sequence[str]]) -> list[str]:
    """Have the logs O(wanted), keys by table, on the target and no others; return a warning when that fails."""
    try:
        oids = dict(target.rows("select t, t::regclass::oid from unnest(%s) t", [list(wanted)])) if wanted else {}
        change_log.settle(target, {name: (oids[name], key) for name, key in wanted.items()}, change_log.PATIENCE)
    except StateError as error:
        return [f"The target's own change log is not as it should be: {error}"]
    return []


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
        if search_path(target) == wanted:
            return
        target.run("select set_config('search_path', %s, false)", [wanted])
        # The database may belong to another role; what a role has set for itself goes before it.
        with suppress(StateError):
            target.run(f"alter {whose} set search_path from current", doing="setting search_path")
        target.run("set search_path = ''")


def _plan(source: Side, target: Side | None, findings: Findings) -> dict[str, Any]:
    return {
        "source": source.summary(),
        "target": target.summary() if target else {},
        "extensions": plan.extensions(source, target),
        "not_moved": findings.not_moved,
        "warnings": findings.warnings,
    }
