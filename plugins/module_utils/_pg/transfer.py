# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""One transfer from beginning to end: look, decide, copy, verify, and leave a record on the target."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import (
    FlyoverError,
    InputError,
    StateError,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy import marker, settle
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.archive import (
    SCRIPT_SETTINGS,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.marker import Marker
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy_anew import copy
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.fence import privileges
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.from_copy import from_copy
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look import (
    attributes,
    collation,
    identity,
    plan,
    source_findings,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.estimate import estimate
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.findings import Findings
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.identity import Rewritten
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.inventory import (
    count_objects,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.plan import Side
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.tables import Table, read_tables
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.result import (
    UNCHANGED,
    UNKNOWN,
    UPDATED,
    WOULD_COPY,
    WOULD_UPDATE,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.run import Run, Wanted, settle_logs
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update import change_log, views
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.progress import Progress
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.sides import both
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.tools import Tools, find_tools
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.url import Address

_SEALED = {"changed": False, "verdict": UNCHANGED, "sealed": True}
_ATTEMPTS = 3  # each with a new snapshot, as long as someone rewrites tables of the source
# Such as "cache lookup failed for index": the catalog under the snapshot lists what was dropped since.
_INTERNAL = "XX000"
# Seconds; a transfer that has just ended may take a moment to let go of its lock.
_PATIENCE, _MOMENT = 5.0, 1.0
_TARGET_SETTINGS = (
    SCRIPT_SETTINGS
    + """
set synchronous_commit = off;
-- At least this much: the server may be configured for more.
select set_config(name, greatest(pg_size_bytes(current_setting(name)) / 1024, 131072) || 'kB', false)
  from (select 'maintenance_work_mem' as name) setting;
"""
)


def survey(source: Address) -> dict[str, Any]:
    """Return the result for a source alone, as in check mode before there is a target."""
    with Session(source, "source", read_only=True) as session:
        side = plan.side(session)
        tables = read_tables(session)
        findings = Findings()
        source_findings.survey(side, tables, findings)
        collation.foresee(session, side.facts, findings)
        return {
            "changed": True,
            "verdict": UNKNOWN,
            "sealed": False,
            "tables": [
                {"name": table.name, "rows": None, "bytes": table.bytes, "how": "copy"}
                for table in sorted(tables, key=lambda table: table.name)
            ],
            "totals": {"tables": len(tables), "bytes": sum(table.bytes for table in tables)},
            "plan": {**_plan(side, None, findings), "estimate": estimate(session, tables)},
            "findings": findings.all,
        }


def transfer(source: Address, target: Address, wanted: Wanted, check_mode: bool) -> dict[str, Any]:
    """Make O(target) a verified copy of O(source), unless it already is; return the module's result.

    Raises StateError for a target that holds something else, for what cannot be copied, and for a copy that differs.
    """
    progress = Progress(None if check_mode else wanted.progress_file)
    settings = "" if check_mode else _TARGET_SETTINGS
    try:
        with Session(target, "target", read_only=check_mode, settings=settings) as target_session:
            plan.refuse_pooler(target_session)
            busy = _held(target_session)
            found = marker.read(target_session)
            if found and found.state == marker.SEALED and not wanted.clean:
                result = dict(_SEALED)  # the source may no longer exist
            else:
                with Session(source, "source", read_only=True) as source_session:
                    result = _transfer(source_session, target_session, found, busy, wanted, check_mode, progress)
    except BaseException:
        progress.end("failed")
        raise
    progress.end("done")
    return {**result, "seconds": progress.phases}


def seal(target: Address, check_mode: bool) -> dict[str, Any]:
    """Say that the target is the system of record from now on; return the module's result."""
    with Session(target, "target", read_only=check_mode) as target_session:
        marker.hold(target_session, _PATIENCE)
        found = marker.read(target_session)
        if found is None or found.state not in (marker.COMPLETE, marker.SEALED):
            raise StateError(
                target_session.thing,
                "it holds no complete copy that could be sealed",
                "Copy it first, with state present.",
            )
        warnings = []
        logged = change_log.exists(target_session)
        sealed = found.state == marker.SEALED
        if not sealed and not check_mode:
            marker.seal(target_session)
        if logged and not check_mode:
            # Nobody needs to know any more what is written here.
            warnings = settle_logs(target_session, {})
    return {"changed": logged or not sealed, "verdict": UNCHANGED, "sealed": True, "warnings": warnings}


def _held(target: Session) -> StateError | None:
    """Keep other transfers away; return the error if one is there."""
    try:
        marker.hold(target, _MOMENT)
    except StateError as error:
        return error
    return None


def _transfer(
    source_session: Session,
    target_session: Session,
    found: Marker | None,
    busy: StateError | None,
    wanted: Wanted,
    check_mode: bool,
    progress: Progress,
) -> dict[str, Any]:
    source, target = both(lambda: plan.side(source_session), lambda: plan.target_side(target_session))
    target_session.app_path = source_session.app_path
    findings = Findings()
    try:
        if busy:
            raise busy
        look = partial(_looked, source, target, wanted, check_mode, progress, findings)
        result = _patiently(look, found, target_session, findings)
    except (InputError, StateError) as error:
        if not check_mode:
            raise
        # An audit ends in its report, which has everything that is in the way.
        if not findings.blockers:
            findings.block_by(error)
        result = {"changed": True, "verdict": UNKNOWN, "reason": "something forbids the copy: see the findings"}
    the_plan = {**_plan(source, target, findings), **result.pop("plan", {})}
    return {"sealed": False, "reason": "", "plan": the_plan, **result, "findings": findings.all}


def _patiently(
    look: Callable[[Marker | None], dict[str, Any]], found: Marker | None, target: Session, findings: Findings
) -> dict[str, Any]:
    """Begin O(look) again, with a new snapshot, where the source's tables were rewritten meanwhile."""
    for _again in range(_ATTEMPTS - 1):
        try:
            return look(found)
        except Rewritten:
            findings.forget()
            found = marker.read(target)
    return look(found)


def _looked(
    source: Side,
    target: Side,
    wanted: Wanted,
    check_mode: bool,
    progress: Progress,
    findings: Findings,
    found: Marker | None,
) -> dict[str, Any]:
    source_session, target_session = source.session, target.session
    with _snapshot(source_session) as snapshot:
        tables = read_tables(source_session)
        source_findings.survey(source, tables, findings)
        plan.judge(source, target, findings)
        given = attributes.read(source_session, privileges.withheld(source_session))
        settle.left_behind(given, target, findings)
        jobs = plan.workers(source, target, wanted.jobs, findings)
        occupied = count_objects(target_session)
        with _noted(findings, check_mode):
            tools = find_tools(source.major, target.major, wanted.pg_bin_dir)
        with _noted(findings, check_mode):
            _refuse_foreign(target_session, found, occupied, source, wanted.clean)
        findings.refuse(source_session.thing)
        with Run(source, target, tables, snapshot, jobs, wanted, findings, progress, given) as run:
            try:
                return _run(run, tools, found, bool(occupied), check_mode)
            except StateError as error:
                raise _explained(error, source_session, tables) from None


def _run(run: Run, tools: Tools, found: Marker | None, occupied: bool, check_mode: bool) -> dict[str, Any]:
    """Update the copy that is there, or copy everything; return the result."""
    result = from_copy(run, found, check_mode)
    if result is None and check_mode:
        totals = {"tables": len(run.tables), "bytes": sum(table.bytes for table in run.tables)}
        result = {"changed": True, "verdict": WOULD_COPY, "totals": totals}
        result["plan"] = {"estimate": estimate(run.source.session, run.tables)}
    if result is None:
        result = copy(run, tools, found, occupied)
    if result["verdict"] != WOULD_COPY:
        run.tell()
        given = settle.settle(run.given, run.target, run.findings, check_mode)
        if given and not check_mode:
            views.note_again(run.target.session)
        settled = result.pop("settled", []) + given
        if settled and result["verdict"] == UNCHANGED:
            result.update(changed=True, verdict=WOULD_UPDATE if check_mode else UPDATED)
        result["settled"] = settled
    return {"reason": run.reason, **result}


def _explained(error: StateError, source: Session, tables: Sequence[Table]) -> StateError:
    """Return what O(error) comes from: tables of the source whose rows the snapshot no longer shows, or itself."""
    try:
        identity.refuse_rewritten(source, tables)
    except Rewritten as cause:
        return cause
    except FlyoverError:
        pass  # the source's session has failed too
    if error.thing == source.thing and error.facts.get("sqlstate") == _INTERNAL:
        return Rewritten(error.thing, error.cause, error.remedy, **error.facts)
    return error


@contextmanager
def _noted(findings: Findings, check_mode: bool) -> Iterator[None]:
    """In an audit, turn an error inside into a finding; any other run ends with the error."""
    try:
        yield
    except (InputError, StateError) as error:
        if not check_mode and not findings.blockers:
            raise
        findings.block_by(error)


@contextmanager
def _snapshot(source: Session) -> Iterator[str]:
    """Hold a read-only transaction on the source, and give the snapshot that the workers share."""
    try:
        yield str(source.value("begin isolation level repeatable read read only; select pg_export_snapshot()"))
    finally:
        # A lost connection has ended it too, and whoever used the connection reports that.
        with suppress(FlyoverError):
            source.run("rollback")


def _refuse_foreign(target: Session, found: Marker | None, occupied: dict[str, int], source: Side, clean: bool) -> None:
    """Raise StateError if the target holds something that is not a copy of this source, unless told to drop it."""
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


def _plan(source: Side, target: Side | None, findings: Findings) -> dict[str, Any]:
    return {
        "source": source.summary(),
        "target": target.summary() if target else {},
        "extensions": plan.extensions_beside(source, target),
        "not_moved": findings.not_moved,
        "warnings": findings.warnings,
    }
