# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""The write fence: privileges to write are taken from every role, the owner included, until it is lowered.

Dynos at zero do not stop everything that may write (one-off dynos, other apps, people); this does, and needs no more
than the owner's rights. What was taken away is kept in the database itself, in the schema C(_flyover_fence).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any, Callable, NamedTuple

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.look.catalog import (
    FENCE_SCHEMA,
    USER_SCHEMA,
    not_of_extension,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.session import Session
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.url import Address

_RECORD = f"{FENCE_SCHEMA}.revoked"
_AT_ONCE = 500
POLL = 0.5  # seconds

_CREATE = f"""
create schema if not exists {FENCE_SCHEMA};
create table if not exists {_RECORD} (
  kind text not null, object text not null, column_name text not null, grantee text not null, privilege text not null,
  grantable boolean not null, primary key (kind, object, column_name, grantee, privilege));
comment on schema {FENCE_SCHEMA} is
  'Privileges that flyover.heroku_to_fly.pg_fence took away. Lower the fence to give them back.';
"""

_GRANTEE = "case when a.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)::text) end"
_RELATION = f"{USER_SCHEMA} and {not_of_extension('pg_class', 'c.oid')}"
# Every privilege to write that anybody has: kind, object, column, grantee, privilege, grantable, whether it is ours.
_WRITERS = f"""
select case when c.relkind = 'S' then 'sequence' else 'table' end,
       quote_ident(n.nspname::text) || '.' || quote_ident(c.relname::text), '', {_GRANTEE}, a.privilege_type,
       a.is_grantable, pg_has_role(c.relowner, 'usage')
from pg_class c join pg_namespace n on n.oid = c.relnamespace
cross join lateral aclexplode(
  coalesce(c.relacl, acldefault((case when c.relkind = 'S' then 's' else 'r' end)::"char", c.relowner))) a
where c.relkind in ('r', 'p', 'v', 'f', 'S') and c.relpersistence <> 't' and {_RELATION}
  and a.privilege_type in ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'USAGE')
union all
select 'table', quote_ident(n.nspname::text) || '.' || quote_ident(c.relname::text), quote_ident(t.attname::text),
       {_GRANTEE}, a.privilege_type, a.is_grantable, pg_has_role(c.relowner, 'usage')
from pg_class c join pg_namespace n on n.oid = c.relnamespace
join pg_attribute t on t.attrelid = c.oid and t.attnum > 0 and not t.attisdropped
cross join lateral aclexplode(t.attacl) a
where c.relkind in ('r', 'p', 'v', 'f') and c.relpersistence <> 't' and {_RELATION}
  and a.privilege_type in ('INSERT', 'UPDATE')
union all
select 'schema', quote_ident(n.nspname::text), '', {_GRANTEE}, a.privilege_type, a.is_grantable,
       pg_has_role(n.nspowner, 'usage')
from pg_namespace n cross join lateral aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
where {USER_SCHEMA} and {not_of_extension("pg_namespace", "n.oid")} and a.privilege_type = 'CREATE'
  and pg_has_role(n.nspowner, 'usage')
union all
select 'large object', l.oid::text, '', {_GRANTEE}, a.privilege_type, a.is_grantable, pg_has_role(l.lomowner, 'usage')
from pg_largeobject_metadata l cross join lateral aclexplode(coalesce(l.lomacl, acldefault('L', l.lomowner))) a
where a.privilege_type = 'UPDATE'
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


class Privilege(NamedTuple):
    """One privilege to write; names are quoted as SQL needs."""

    kind: str
    object: str
    column: str
    grantee: str
    privilege: str
    grantable: bool

    def revoke(self) -> str:
        """Return the statement that takes it away."""
        return f"revoke {self._what()} from {self.grantee} cascade"

    def grant(self) -> str:
        """Return the statement that gives it back."""
        option = " with grant option" if self.grantable else ""
        return f"grant {self._what()} to {self.grantee}{option}"

    def _what(self) -> str:
        column = f" ({self.column})" if self.column else ""
        return f"{self.privilege.lower()}{column} on {self.kind} {self.object}"


def raise_fence(
    url: Address, patience: float, check_mode: bool, sleep: Callable[[float], None] = time.sleep
) -> dict[str, Any]:
    """Take away every privilege to write, then see open transactions end; return the module's result.

    Raises StateError for a role that no fence holds, and for sessions that can not be ended.
    """
    with Session(url, "database", read_only=check_mode) as session:
        if session.value("select rolsuper from pg_roles where rolname = current_user"):
            raise StateError(
                session.thing, "its role is a superuser, whom no fence holds", "Use the URL of the app's own role."
            )
        rows = session.rows(_WRITERS)
        ours = [Privilege(*row[:6]) for row in rows if row[6]]
        foreign = sorted({f"{row[0]} {row[1]}" for row in rows if not row[6]})
        ended = 0
        if not check_mode:
            if ours:
                _take(session, ours)
            ended = _see_writers_end(session, patience, sleep)
    return {
        "changed": bool(ours),
        "state": "raised",
        "objects": len({(p.kind, p.object) for p in ours}),
        "sessions_ended": ended,
        "not_fenced": foreign,
    }


def lower_fence(url: Address, check_mode: bool) -> dict[str, Any]:
    """Give every privilege back that raise_fence() took, and drop the record; return the module's result."""
    with Session(url, "database", read_only=check_mode) as session:
        if session.value(f"select to_regclass('{_RECORD}') is null"):
            return {"changed": False, "state": "lowered", "objects": 0, "sessions_ended": 0, "not_fenced": []}
        kept = [
            Privilege(*row)
            for row in session.rows(
                f"""
                select r.* from {_RECORD} r where (grantee = 'public' or to_regrole(grantee) is not null) and case
                  when kind in ('table', 'sequence') then to_regclass(object) is not null and (
                    column_name = '' or exists (select from pg_attribute where attrelid = to_regclass(object)
                      and not attisdropped and quote_ident(attname::text) = column_name))
                  when kind = 'schema' then to_regnamespace(object) is not null
                  else exists (select from pg_largeobject_metadata where oid::text = object) end
                """
            )
        ]
        if not check_mode:
            with session.transaction(doing="lowering the fence"):
                _run(session, (privilege.grant() for privilege in kept), "giving privileges back")
                session.run(f"drop schema {FENCE_SCHEMA} cascade", doing="lowering the fence")
    return {
        "changed": True,
        "state": "lowered",
        "objects": len({(p.kind, p.object) for p in kept}),
        "sessions_ended": 0,
        "not_fenced": [],
    }


def _take(session: Session, privileges: Sequence[Privilege]) -> None:
    """Record and revoke in one transaction; what an earlier run recorded is never written over."""
    with session.transaction(doing="raising the fence"):
        # Two at a time would record what the other has taken already.
        session.run("select pg_advisory_xact_lock(hashtext(%s))", [FENCE_SCHEMA], doing="raising the fence")
        session.run(_CREATE, doing="raising the fence")
        for start in range(0, len(privileges), _AT_ONCE):
            chunk = privileges[start : start + _AT_ONCE]
            session.run(
                f"insert into {_RECORD} values " + ", ".join(["(%s, %s, %s, %s, %s, %s)"] * len(chunk))
                + " on conflict do nothing",
                [value for privilege in chunk for value in privilege],
                doing="recording the privileges",
            )  # fmt: skip
        _run(session, (privilege.revoke() for privilege in privileges), "taking privileges away")


def _run(session: Session, statements: Iterable[str], doing: str) -> None:
    listed = list(dict.fromkeys(statements))
    for start in range(0, len(listed), _AT_ONCE):
        session.run(";\n".join(listed[start : start + _AT_ONCE]), doing=doing)


def _see_writers_end(session: Session, patience: float, sleep: Callable[[float], None]) -> int:
    """Wait for transactions that wrote before the fence; end those of our own role that take too long."""
    waited = 0.0
    while True:
        pids = [pid for (pid,) in session.rows(_OPEN_WRITERS)]
        if not pids:
            return 0
        if waited >= patience:
            break
        sleep(POLL)
        waited += POLL
    own = [
        pid
        for (pid,) in session.rows(
            "select pid from pg_stat_activity where pid = any (%s) and usename = current_user", [pids]
        )
    ]
    for pid in own:
        session.value("select pg_terminate_backend(%s)", [pid], doing=f"ending session {pid}")
    left = pids
    for _attempt in range(20):  # a session takes a moment to end
        left = [pid for (pid,) in session.rows(_OPEN_WRITERS)]
        if not left:
            return len(own)
        if not set(left) & set(own):
            break
        sleep(POLL)
    raise StateError(
        session.thing,
        f"sessions of other roles hold open transactions that write (process ids {', '.join(map(str, left))})",
        "End them (heroku pg:ps, pg:kill), then run again. The fence is up.",
    )
