# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""A target that holds a copy already: left alone, or updated with what changed since."""

from __future__ import annotations

from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy import marker
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.compare import Comparison
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.marker import Marker
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look import server
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.inventory import (
    populated_views,
    read_sequences,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.result import (
    UNCHANGED,
    UPDATED,
    WOULD_UPDATE,
    result,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.run import Run
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update import movement as movements
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update import updating, views
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update.guard import Guard
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update.movement import Movement
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update.updating import Update
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.errors import transient
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.sides import both

_LEVELS = ("none", "counts", "checksums")  # of comparison, each stronger than the one before


def from_copy(run: Run, found: Marker | None, check_mode: bool) -> dict[str, Any] | None:
    """Return the result for a target that holds a copy of the source, or None if everything must be copied."""
    if found is None or found.state != marker.COMPLETE or not found.is_copy_of(run.source.identity):
        run.reason = "the target holds no complete copy of the source"
    else:
        run.noted = found.document
        run.reason = updating.obstacle(run.source, run.target, found, run.tables, run.servers)
        done = _compared(run, check_mode) if run.reason else _update(run, found, check_mode)
        if done is not None:
            run.reason = ""
            return done
    if run.wanted.mode == "delta":
        raise StateError(
            run.target.session.thing,
            f"it can't be updated: {run.reason}",
            "Use mode auto, which copies everything.",
        )
    return None


def _compared(run: Run, check_mode: bool) -> dict[str, Any] | None:
    """Read everything on both sides; return the result if the copy is equal, or None."""
    run.progress.phase("compare")
    source, target = run.source.session, run.target.session
    horizons = both(lambda: server.horizon(source), lambda: server.horizon(target))
    # Checksums whatever the user wants verified: counts alone would take an updated row for an unchanged one.
    same = run.compare(read_sequences(run.source.session), "checksums")
    if same.mismatches:
        return None
    views_ = views.Views(views.states(target)[1], run.noted.get("views", {}), populated_views(source))
    if not check_mode:
        document = {**run.noted, "source": run.source.identity, "servers": run.servers, "verified": "checksums"}
        document.update(same=sorted(same.same), own={})
        if views_.wrong:
            with target.transaction(doing="filling materialized views"):
                with target.as_app():
                    document["views"] = views_.fill(target, (), False, lambda _oid, _error: False)
                if "servers" in run.noted:
                    marker.note(target, {**run.noted, "views": document["views"]}, marker.COMPLETE)
        if all(side["timeline"] for side in run.servers.values()):
            # From now on it is known again, or every run would compare everything.
            marker.renew(target, document, run.identities(), same.rows, horizons)
    if not (same.sequences_differ or views_.wrong):
        return result(run, UNCHANGED, "checksums", same)
    return result(run, WOULD_UPDATE if check_mode else UPDATED, "checksums", same)


def _update(run: Run, found: Marker, check_mode: bool) -> dict[str, Any] | None:
    """Update the copy with what changed since; return the result, or None if everything must be copied."""
    run.progress.phase("survey")
    level = str(found.document["verified"])
    target = run.target.session
    with Guard(target, ()) if check_mode else updating.guarded(target, found.tables, run.tables) as guard:
        movement = movements.survey(run.source.session, target, found, run.tables, run.pool, run.servers)
        if movement.any and run.wanted.mode == "full":
            run.reason = "source or target changed since the copy, and mode is full"
            return None
        if movement.dear and run.wanted.mode != "delta":
            run.reason = "so much has changed since the copy that a full copy is faster"
            return None
        if movement.any and check_mode:
            return result(run, WOULD_UPDATE, level, None, movement, found)
        if movement.any and not _applied(run, found, movement, guard):
            return None
    if movement.renewed and not movement.any and not check_mode:
        with target.transaction(doing="writing the marker"):
            found.document.update(movements.renewed_document(found, movement, run.servers))
            marker.note(target, found.document, found.state)
            movements.renew(target, movement, server.horizon(run.source.session))
    same = None
    if run.wanted.mode == "warm" or _LEVELS.index(run.wanted.verify) > _LEVELS.index(level):
        same = _verified(run, found, movement, check_mode)
        if same is None:
            return None
        level = run.wanted.verify
    return result(run, UPDATED if movement.any else UNCHANGED, level, same, movement, found)


def _applied(run: Run, found: Marker, movement: Movement, guard: Guard) -> bool:
    """Apply what changed; return whether that was possible."""
    try:
        Update(run.source, run.target.session, found, movement, guard, run.pool, run.progress).run(
            server.horizon(run.source.session), run.servers
        )
    except StateError as error:
        if run.wanted.mode == "delta" or transient(error):
            raise
        run.reason = f"the copy could not be updated ({error.cause})"
        run.renew_pool()
        return False
    return True


def _verified(run: Run, found: Marker, movement: Movement, check_mode: bool) -> Comparison | None:
    """Compare everything, and note that; return what was seen, or None if a copy that nobody wrote to differs.

    Raises StateError if it differs after an update; the next run then copies everything.
    """
    known, level = str(found.document["verified"]), run.wanted.verify
    run.progress.phase("verify")
    noted = {name: evidence.log for name, evidence in found.tables.items() if evidence.log}
    generated = run.noted.get("generated")
    logs = noted if check_mode else run.logs(level)
    same = run.compare(movement.sequences, level)
    if same.mismatches and not movement.any:
        run.reason = f"the copy differs: {same.mismatches[0]['name']} {same.mismatches[0]['difference']}"
        return None
    movement.sequences_differ |= same.sequences_differ
    if same.mismatches:
        run.give_up(found.document, f"after an update, {same.named}")
    same.refuse(run.target.session)
    # Note a stronger comparison, because otherwise every run would repeat it.
    stronger = _LEVELS.index(level) > _LEVELS.index(known)
    other = logs != noted or generated != run.noted.get("generated")
    if not check_mode and (movement.any or other or stronger):
        found.document.update(verified=level, same=sorted(same.same))
        marker.complete(run.target.session, found.document, level == "checksums", logs)
    return same
