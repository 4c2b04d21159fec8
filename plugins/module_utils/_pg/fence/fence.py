# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""The write fence: until it is lowered, nobody but a superuser writes to the database.

Dynos at zero do not stop everything that may write (one-off dynos, other apps, people). The fence does, and needs only
the owner's rights: it takes privileges to write from every role, makes new sessions read-only, and ends the existing
ones. The former state is kept in the database itself.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.fence import kept
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.fence.drift import drift, mark
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.fence.privileges import (
    Privilege,
    give_back,
    objects,
    revoked,
    take,
    writers,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.fence.sessions import (
    Sleep,
    end_sessions,
    make_read_only,
    present,
    restore,
    see_writers_end,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.url import Address

_RAISING, _LOWERING = "raising the fence", "lowering the fence"
_LOWERED_PATIENCE = 10  # seconds
_NOTHING = {"objects": 0, "sessions_ended": 0, "not_fenced": [], "read_only": []}


def gather(url: Address) -> dict[str, Any]:
    """Return the present state, as the module's result."""
    with Session(url, "database", read_only=True) as session:
        found = kept.read(session)
        drifted = drift(session, found.mark) if found.mark else []
        return {**_facts(found), **_NOTHING, "changed": False, "state": "gathered", "drift_since_raised": drifted}


def note(url: Address, record: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """Keep O(record) unless one is kept already; return the module's result, with the record that is kept then."""
    with Session(url, "database", read_only=check_mode) as session:
        found = kept.read(session)
        changed = found.record is None
        if changed and not check_mode:
            found = kept.note(session, record)
        facts = _facts(found)
        if changed and check_mode:
            facts["record"] = dict(record)
        return {**facts, **_NOTHING, "changed": changed, "state": "noted"}


def raise_fence(url: Address, patience: float, check_mode: bool, sleep: Sleep = time.sleep) -> dict[str, Any]:
    """Take away every privilege to write, end the sessions that had them; return the module's result.

    Raises StateError for a role that no fence stops, and for sessions that cannot be ended.
    """
    with Session(url, "database", read_only=check_mode) as session:
        if session.value("select rolsuper from pg_roles where rolname = current_user"):
            raise StateError(
                session.thing, "its role is a superuser, which no fence stops", "Use the URL of the app's own role."
            )
        found = kept.read(session)
        own, foreign = writers(session)
        scopes = present(session)
        lost = [scope for scope in found.settings or {} if scopes.get(scope) != "on"]
        changed = bool(own or lost) or found.raised_at is None
        ended = 0
        if not check_mode:
            scopes = _begin_read_only(session, scopes)
            ended = end_sessions(session, patience, sleep)
            ended += _take_all(session, patience, sleep)
            see_writers_end(session, patience, sleep)
            _mark(session)
            found = kept.read(session)
        return {
            **_facts(found),
            "raised": True,
            "changed": changed,
            "state": "raised",
            "objects": objects(own),
            "sessions_ended": ended,
            "not_fenced": foreign,
            "read_only": sorted(scopes),
        }


def lower_fence(url: Address, check_mode: bool, sleep: Sleep = time.sleep) -> dict[str, Any]:
    """Give back everything that raise_fence() took, and drop what was kept; return the module's result."""
    with Session(url, "database", read_only=check_mode) as session:
        found = kept.read(session)
        if not found.exists:
            return {**_facts(found), **_NOTHING, "changed": False, "state": "lowered"}
        taken = revoked(session)
        ended = 0
        if not check_mode:
            with kept.changing(session, _LOWERING):
                give_back(session, taken)
                restore(session, found.settings or {})
                kept.drop(session, _LOWERING)
            if found.settings and found.raised_at:
                # They began read-only, and would stay so.
                ended = end_sessions(session, _LOWERED_PATIENCE, sleep, since=found.raised_at)
        return {
            **_facts(kept.Kept()),
            **_NOTHING,
            "changed": True,
            "state": "lowered",
            "objects": objects(taken),
            "sessions_ended": ended,
        }


def _facts(found: kept.Kept) -> dict[str, Any]:
    return {"raised": found.raised_at is not None, "record": found.record}


def _begin_read_only(session: Session, scopes: Mapping[str, str | None]) -> dict[str, str | None]:
    """Let new sessions begin read-only; return the scopes in which they do, with their former values."""
    with kept.changing(session, _RAISING):
        kept.create(session, _RAISING)
        former = kept.read(session).settings or {}
        missing = {scope: value for scope, value in scopes.items() if scope not in former or value != "on"}
        refused = make_read_only(session, missing)
        settings = {scope: value for scope, value in {**missing, **former}.items() if scope not in refused}
        if settings != former:
            kept.write(session, settings=settings)
    return {scope: value for scope, value in scopes.items() if scope not in refused}


def _take_all(session: Session, patience: float, sleep: Sleep) -> int:
    """Take all privileges, even on what a transaction committed meanwhile; return the number of sessions ended."""
    ended = 0
    before: list[Privilege] = []
    while (taken := _take(session)) != before:
        ended += end_sessions(session, patience, sleep)
        before = taken
    return ended


def _take(session: Session) -> list[Privilege]:
    with kept.changing(session, _RAISING):
        return take(session)


def _mark(session: Session) -> None:
    """Keep the state of the catalogs, unless the same is kept already."""
    with kept.changing(session, _RAISING):
        found = kept.read(session)
        now = mark(session)
        if found.raised_at is None:
            kept.write_raised(session)
        if not found.mark or found.mark["kinds"] != now["kinds"]:
            kept.write(session, mark=now)
