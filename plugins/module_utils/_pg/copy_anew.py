# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""A copy of everything, or the rest of one that was interrupted."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import FlyoverError, StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy import marker, settle
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.amend import amended
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.archive import Archive, Entry, digest
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.compare import search_path
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.full_copy import Copy
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.marker import Marker
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.wipe import reset_defaults, wipe
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look import attributes, server
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.attributes import Grant
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.findings import Findings, named
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.result import COPIED, result
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.run import Run
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update import movement as movements
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update import updating, views
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update.movement import Movement
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update.updating import Update
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.errors import transient
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.tools import Tools


@dataclass
class _Begun:
    """A copy that may write now: the marker says that it is under way."""

    before: list[Entry]
    """The schema's entries that come before the data."""
    after: list[Entry]
    document: dict[str, Any]
    """The marker's."""
    interrupted: Marker | None
    """What an earlier run left, if this one resumes it."""
    movement: Movement | None = None
    """What changed since that run."""


def copy(run: Run, tools: Tools, found: Marker | None, occupied: bool) -> dict[str, Any]:
    """Copy everything, or what an interrupted copy did not get to; verify it, and return the result."""
    begun = _begun(run, tools, found, occupied)
    document = run.noted = begun.document
    settled = _begin_as_the_app_does(run)
    marker.note_source(run.target.session, run.identities())
    checksums = run.wanted.verify == "checksums"

    def note_adapted(names: Sequence[str]) -> None:
        document["adapted"] = list(names)
        marker.note(run.target.session, document)

    engine = Copy(
        run.source.session,
        run.target.session,
        run.tables,
        begun.interrupted,
        run.pool,
        run.progress,
        checksums,
        note_adapted,
    )
    try:
        engine.run(begun.before, begun.after, lambda: _update_kept(run, begun))
        _set_search_path(run)
        run.progress.phase("verify")
        logs = run.logs(run.wanted.verify)
        same = run.compare(engine.sequences, run.wanted.verify, engine.contents)
    except FlyoverError as error:
        # What was kept may be the cause: then the next run must not resume it.
        if begun.interrupted and not transient(error):
            run.give_up(document, f"the rest of an interrupted copy could not be made ({error.cause})")
        raise
    if same.mismatches:
        run.give_up(document, f"after a copy, {same.named}")
    same.refuse(run.target.session)
    _tell_unanalyzed(run, engine.unanalyzed)
    if run.wanted.verify == "none":
        same.rows = engine.rows
        same.large_objects = begun.movement.large_objects if begun.movement else engine.large_objects
    filled = views.states(run.target.session)[1]
    document.update(verified=run.wanted.verify, same=sorted(same.same), servers=run.servers, views=filled)
    marker.complete(run.target.session, document, checksums, logs)
    done = result(run, COPIED, run.wanted.verify, same, begun.movement, seconds=engine.seconds)
    return {**done, "settled": settled}


def _tell_unanalyzed(run: Run, tables: Mapping[str, StateError]) -> None:
    """Say of which tables the target's planner knows nothing; the copy is right without."""
    if tables:
        run.findings.warn(
            "database-statistics",
            f"The target cannot gather statistics of {named(tables)}: {next(iter(tables.values())).cause}.",
            "Correct the function that an index or a statistics object of the table calls, then run ANALYZE.",
        )


def _begun(run: Run, tools: Tools, found: Marker | None, occupied: bool) -> _Begun:
    """Read the source's schema, and begin the copy or resume an interrupted one."""
    interrupted = _interrupted(run, found)
    with tempfile.TemporaryDirectory(prefix="flyover-") as folder:
        if interrupted:
            document = interrupted.document
            before, after = _schema(run, tools, folder, dict(document["left_out"]))
            if digest([*before, *after]) == document["schema"]:
                return _Begun(before, after, document, interrupted)
            run.reason = "the schema changed after a copy was interrupted"
        document = _begin(run, found, occupied)
        left_out = _left_out(run.source.session, run.target.session, run.findings)
        before, after = _schema(run, tools, folder, left_out)
        document.update(schema=digest([*before, *after]), left_out=list(left_out.items()))
        marker.note(run.target.session, document)
    return _Begun(before, after, document, None)


def _schema(run: Run, tools: Tools, folder: str, left_out: dict[int, str]) -> tuple[list[Entry], list[Entry]]:
    """Return the entries before and after the data, without the schemas and extensions O(left_out)."""
    run.progress.phase("schema")
    gone = {(one.catalog_oid, one.oid) for one in run.source.left_behind}
    archive = Archive(tools, run.source.session.address, run.source.session.thing, folder, run.snapshot, left_out, gone)
    before, after = amended(run.source.session, archive.entries("pre-data"), archive.entries("post-data"))
    return before, after


def _update_kept(run: Run, begun: _Begun) -> None:
    """Update the tables that the interrupted run had copied to this run's snapshot."""
    if begun.interrupted:
        run.progress.phase("survey")
        begun.movement = movements.survey(
            run.source.session, run.target.session, begun.interrupted, run.tables, run.pool, run.servers
        )
        with updating.guarded(run.target.session, {}, ()) as guard:
            way = Update(
                run.source, run.target.session, begun.interrupted, begun.movement, guard, run.pool, run.progress
            )
            way.run(server.horizon(run.source.session), run.servers)


def _interrupted(run: Run, found: Marker | None) -> Marker | None:
    """Return the marker of an interrupted copy of this source that can be resumed."""
    if found is None or found.state != marker.COPYING or not found.is_copy_of(run.source.identity):
        return None
    if "schema" not in found.document:
        run.reason = "an earlier copy was interrupted before it began to write"
        if "gave_up" in found.document:
            run.reason = f"an earlier run gave up: {found.document['gave_up']}"
        return None
    worthless = updating.no_evidence(found, run.servers)
    if worthless:
        run.reason = f"a copy was interrupted, and {worthless}"
        return None
    run.reason = f"a copy was interrupted; {len(found.tables)} tables of it are kept"
    return found


def _begin(run: Run, found: Marker | None, occupied: bool) -> dict[str, Any]:
    """Empty the target, and return the new marker's document."""
    run.progress.phase("wipe")
    document = {
        "source": run.source.identity,
        "servers": run.servers,
        # Not all that a copy gave goes with its objects.
        "given": found.document.get("given", []) if found else [],
    }
    # Before the copy that is there counts as none: it gets its own back if this run ends here.
    given = {Grant(*one) for one in document["given"]}
    reset_defaults(run.target.session, given | attributes.grants(run.source.session))
    marker.begin(run.target.session, document)
    if occupied:
        wipe(run.target.session)
    return document


def _left_out(source: Session, target: Session, findings: Findings) -> dict[int, str]:
    """Return, by their oids on the source, the schemas that are there already and the extensions that stay behind."""
    existing = {name for (name,) in target.rows("select nspname::text from pg_namespace")}
    left_out = {
        oid: name for oid, name in source.rows("select oid, nspname::text from pg_namespace") if name in existing
    }
    for oid, name in source.rows("select oid, extname::text from pg_extension"):
        if name in findings.left_out_extensions:
            left_out[oid] = name
    return left_out


def _begin_as_the_app_does(run: Run) -> list[str]:
    """Set what the source sets for new sessions before anything is built with it; return what was done.

    A setting can decide what an index or a generated column holds: C(default_text_search_config), or the app's own.
    """
    settled = settle.settings(run.given.settings, run.target.session, check_mode=False)
    if settled:
        run.target.session.adopt(attributes.settings(run.target.session))
        run.renew_pool()
    return settled


def _set_search_path(run: Run) -> None:
    """Set the source's search_path, which is in no dump, for the database, or else for its role, which always may."""
    target, wanted = run.target.session, run.source.facts["portable_search_path"]
    for whose in ("database {database}", "role current_user in database {database}"):
        if run.search_path == wanted:
            return
        database = target.value("select quote_ident(current_database())")
        target.run("select set_config('search_path', %s, false)", [wanted])
        # The database may belong to another role; what a role sets for itself takes precedence.
        with suppress(StateError):
            alter = f"alter {whose.format(database=database)} set search_path from current"
            target.run(alter, doing="setting search_path")
        target.run("set search_path = ''")
        run.search_path = search_path(target)
