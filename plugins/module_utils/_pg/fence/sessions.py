# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""New sessions begin read-only, by settings of the role and the database; old ones are ended.

Privileges do not stop an owner from DDL, nor a session from a large object that it has open: this does.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Callable

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.scope import USER_SCHEMA
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session

Sleep = Callable[[float], None]
Settings = dict[str, "str | None"]

_POLL = 0.02  # seconds
_SETTING = "default_transaction_read_only"
# The scopes that this role may set, with their present value, null if there is none.
_SCOPES = f"""
select scope, (select substr(entry, {len(_SETTING) + 2}) from pg_db_role_setting s, unnest(s.setconfig) entry
               where s.setdatabase = d.oid and s.setrole = r.role and entry ^@ '{_SETTING}=')
from pg_database d, (values ('role', (select oid from pg_roles where rolname = current_user)), ('database', 0::oid))
  as r(scope, role)
where d.datname = current_database() and (scope = 'role' or pg_has_role(d.datdba, 'usage'))
"""
_OTHERS = """
from pg_stat_activity s join pg_roles r on r.oid = s.usesysid
where s.datname = current_database() and s.pid <> pg_backend_pid() and not r.rolsuper and pg_has_role(r.oid, 'usage')
"""
# Sessions that hold a lock for writing: what they wrote before the fence may still be committed. Vacuum locks indexes
# in that mode, and has no user when the server starts it.
_OPEN_WRITERS = f"""
select distinct l.pid from pg_locks l join pg_class c on c.oid = l.relation
join pg_namespace n on n.oid = c.relnamespace
join pg_stat_activity s on s.pid = l.pid and s.usesysid is not null
where l.locktype = 'relation' and l.granted and l.pid <> pg_backend_pid()
  and l.database = (select oid from pg_database where datname = current_database())
  and l.mode in ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
  and (c.relkind in ('r', 'p') and {USER_SCHEMA} or c.oid = 'pg_largeobject'::regclass)
"""


def present(session: Session) -> Settings:
    """Return the scopes that this role may set, with their values."""
    return dict(session.rows(_SCOPES))


def make_read_only(session: Session, scopes: Settings) -> list[str]:
    """Make new sessions of O(scopes) read-only; return the scopes for which the server refused it."""
    return [scope for scope in scopes if not _set(session, scope, "on")]


def restore(session: Session, former: Mapping[str, str | None]) -> None:
    """Give each scope the value that it had, or none. Raises StateError if the server refuses it."""
    for scope, value in former.items():
        session.run(_statement(session, scope, value), doing=f"restoring {_SETTING} of the {scope}")


def _set(session: Session, scope: str, value: str) -> bool:
    """Set, in the present transaction; the platform may forbid what PostgreSQL allows."""
    session.run("savepoint setting")
    try:
        session.run(_statement(session, scope, value), doing=f"setting {_SETTING} of the {scope}")
    except StateError:
        session.run("rollback to savepoint setting")
        return False
    session.run("release savepoint setting")
    return True


def _statement(session: Session, scope: str, value: str | None) -> str:
    database = session.value("select quote_ident(current_database()::text)")
    whose = f"role current_user in database {database}" if scope == "role" else f"database {database}"
    # Its values are on and off, in any of the forms of a boolean.
    literal = "" if value is None else session.value("select quote_literal(%s)", [value])
    return f"alter {whose} " + (f"reset {_SETTING}" if value is None else f"set {_SETTING} = {literal}")


def end_sessions(session: Session, patience: float, sleep: Sleep, since: str | None = None) -> int:
    """End the other sessions of roles that this one may act as, only those begun after O(since) if given.

    Return how many. Raises StateError if one has not ended after O(patience) seconds.
    """
    condition = " and s.backend_start >= %s::timestamptz" if since else ""
    values = [since] if since else []
    found = session.rows(f"select s.pid, pg_terminate_backend(s.pid) {_OTHERS}{condition}", values, "ending sessions")
    pids = [pid for pid, _ended in found]
    deadline = time.monotonic() + max(patience, 1)
    while pids:
        left = session.rows(f"select s.pid {_OTHERS} and s.pid = any (%s)", [pids])
        if not left:
            break
        if time.monotonic() > deadline:
            raise _staying(session, "sessions do not end", [pid for (pid,) in left])
        sleep(_POLL)
    return len(pids)


def see_writers_end(session: Session, patience: float, sleep: Sleep) -> None:
    """Wait for open transactions of other roles that wrote. Raises StateError if they take too long."""
    deadline = time.monotonic() + patience
    while pids := [pid for (pid,) in session.rows(_OPEN_WRITERS)]:
        if time.monotonic() >= deadline:
            raise _staying(session, "sessions of other roles hold open transactions that write", pids)
        sleep(_POLL)


def _staying(session: Session, what: str, pids: list[int]) -> StateError:
    return StateError(
        session.thing,
        f"{what} (process ids {', '.join(map(str, pids))})",
        "End them (heroku pg:ps, pg:kill), then run again. New sessions are under the fence as it is now.",
    )
